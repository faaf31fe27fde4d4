import { describeVocoderCase } from '../vocoder.contract.ts'

describeVocoderCase({ name: 'istftnet', golden: 'istftnet/c8c8i', checkpoint: 'g_00001000', tolerance: 1e-5 })

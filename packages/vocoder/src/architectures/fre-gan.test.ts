import { describeVocoderCase } from '../vocoder.contract.ts'

describeVocoderCase({ name: 'fre-gan', golden: 'fre-gan/v1', checkpoint: 'g_00001000', tolerance: 1e-5 })

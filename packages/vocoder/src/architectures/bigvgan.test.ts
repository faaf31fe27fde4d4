import { describeVocoderCase } from '../vocoder.contract.ts'

describeVocoderCase({ name: 'bigvgan', golden: 'bigvgan/v2', checkpoint: 'bigvgan_generator.pt', tolerance: 1e-5 })

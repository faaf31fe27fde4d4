import { describeVocoderCase } from '../vocoder.contract.ts'

describeVocoderCase({ name: 'hifi-gan', golden: 'hifi-gan/v1', checkpoint: 'g_00001000', tolerance: 2.6e-5 })
describeVocoderCase({ name: 'hifi-gan', golden: 'hifi-gan/v2', checkpoint: 'g_00002000', tolerance: 3.7e-5 })

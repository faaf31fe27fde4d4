import { describeVocoderCase } from '../vocoder.contract.ts'

describeVocoderCase({ name: 'melgan', golden: 'melgan/descript', checkpoint: 'multi_speaker.pt', tolerance: 1e-5 })

import { describeVocoderCase } from '../vocoder.contract.ts'

// The same codes; their values of the μ-law, computed in doubles here, are rounded.
describeVocoderCase({ name: 'wavenet', golden: 'wavenet/tiny', checkpoint: 'wavenet_00000000.pt', tolerance: 3e-7 })

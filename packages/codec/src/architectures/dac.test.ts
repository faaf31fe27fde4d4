import { describeCodec } from '../codec.contract.ts'

describeCodec({
  folder: 'dac/24khz-like',
  runs: ['', '_2'].flatMap(run => [
    { input: `audio_in${run}`, latents: `latent${run}`, codes: `codes${run}`, audio: `audio_out${run}` },
    { input: `audio_in${run}`, levels: 3, codes: `codes_nq3${run}`, audio: `audio_out_nq3${run}` },
  ]),
})

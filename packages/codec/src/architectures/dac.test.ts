import { describeCodec } from '../codec.contract.ts'

describeCodec({
  folder: 'dac/24khz-like',
  runs: ['', '_2'].flatMap(run => [
    { input: `audio_in${run}`, latents: `latent${run}`, codes: `codes${run}`, audio: `audio_out${run}` },
    { input: `audio_in${run}`, codebooks: 3, codes: `codes_nq3${run}`, audio: `audio_out_nq3${run}` },
  ]),
})

// transformers' DacModel: rates as in the 24 and the 16 kHz models (an odd stride, and none).
for (const [folder, runs] of [
  ['dac/transformers-24khz', ['', '_2']],
  ['dac/transformers-16khz', ['']],
] as const) {
  describeCodec({
    folder,
    runs: runs.flatMap(run => [
      { input: `audio_in${run}`, codes: `codes${run}`, audio: `audio_out${run}` },
      { input: `audio_in${run}`, codebooks: 2, codes: `codes_nq2${run}`, audio: `audio_out_nq2${run}` },
    ]),
  })
}

// 44.1 kHz with a latent narrower than the encoder, as in the 16 kbps model. Written by descript-audio-codec.
describeCodec({
  folder: 'dac/44khz-narrow',
  runs: ['', '_2'].map(run => ({ input: `audio_in${run}`, codes: `codes${run}`, audio: `audio_out${run}` })),
})

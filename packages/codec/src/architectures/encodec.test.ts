import { describeCodec } from '../codec.contract.ts'

const bandwidths = [1.35, 2.7]

describeCodec({
  folder: 'encodec/24khz',
  runs: ['', '_2', '_3'].flatMap(run =>
    bandwidths.map(kbps => ({
      input: `audio_in${run}`,
      latents: `latent${run}`,
      bandwidthKbps: kbps,
      codes: `codes_bw${kbps}${run}`,
      audio: `audio_out_bw${kbps}${run}`,
    })),
  ),
})

describeCodec({
  folder: 'encodec/soundstream-like-no-lstm',
  runs: ['', '_2'].flatMap(run =>
    [0.9, 1.8].map(kbps => ({
      input: `audio_in${run}`,
      latents: `latent${run}`,
      bandwidthKbps: kbps,
      codes: `codes_bw${kbps}${run}`,
      audio: `audio_out_bw${kbps}${run}`,
    })),
  ),
})

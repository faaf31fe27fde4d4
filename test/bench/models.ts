/** One published model at full size. */
export interface BenchModel {
  readonly title: string
  /** `vocoder:PAPER:PRESET` of training/papers/vocoders, or `codec:NAME:encode|decode` of torch_codecs.py. */
  readonly id: string
  /** Frames of one run: as few as give a run of a few tenths of a second, because large models take seconds for each second of sound. */
  readonly frames: number
  /** How many times faster than PyTorch eager it is meant to be. */
  readonly goal?: number
}

/** Every vocoder, in the order of the papers. */
export const vocoders: readonly BenchModel[] = [
  { title: 'MelGAN', id: 'vocoder:melgan:multi_speaker', frames: 86, goal: 2 },
  { title: 'Parallel WaveGAN v1', id: 'vocoder:parallel_wavegan:v1', frames: 22, goal: 2 },
  { title: 'HiFi-GAN V1', id: 'vocoder:hifi_gan:v1', frames: 64, goal: 2 },
  { title: 'HiFi-GAN V2', id: 'vocoder:hifi_gan:v2', frames: 172, goal: 2 },
  { title: 'HiFi-GAN V3', id: 'vocoder:hifi_gan:v3', frames: 86, goal: 2 },
  { title: 'Fre-GAN', id: 'vocoder:fre_gan:v1', frames: 43, goal: 2 },
  { title: 'UnivNet c16', id: 'vocoder:univnet:c16', frames: 86, goal: 2 },
  { title: 'UnivNet c32', id: 'vocoder:univnet:c32', frames: 43, goal: 2 },
  { title: 'BigVGAN base 24 kHz', id: 'vocoder:bigvgan:base_24khz_100band', frames: 16, goal: 2 },
  { title: 'BigVGAN 24 kHz', id: 'vocoder:bigvgan:24khz_100band', frames: 12, goal: 2 },
  { title: 'BigVGAN v2 24 kHz', id: 'vocoder:bigvgan:v2_24khz_100band_256x', frames: 12, goal: 2 },
  { title: 'iSTFTNet C8C8I', id: 'vocoder:istftnet:c8c8i', frames: 43, goal: 2 },
  { title: 'Vocos mel 24 kHz', id: 'vocoder:vocos:mel-24khz', frames: 188, goal: 2 },
]

/** Each direction is a row. */
export const codecs: readonly BenchModel[] = [
  { title: 'EnCodec 24 kHz, encode at 6 kbps', id: 'codec:encodec:encode', frames: 48, goal: 1.5 },
  { title: 'EnCodec 24 kHz, decode at 6 kbps', id: 'codec:encodec:decode', frames: 48, goal: 1.5 },
  { title: 'DAC 44.1 kHz, encode', id: 'codec:dac:encode', frames: 16 },
  { title: 'DAC 44.1 kHz, decode', id: 'codec:dac:decode', frames: 12 },
  { title: 'SNAC 24 kHz, encode', id: 'codec:snac:encode', frames: 32 },
  { title: 'SNAC 24 kHz, decode', id: 'codec:snac:decode', frames: 32 },
]

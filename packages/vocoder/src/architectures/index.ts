import type { VocoderArchitecture } from '../architecture.ts'
import { bigVGan } from './bigvgan.ts'
import { freGan } from './fre-gan.ts'
import { hifiGan } from './hifi-gan.ts'
import { istftNet } from './istftnet.ts'
import { melGan } from './melgan.ts'
import { mynah } from './mynah.ts'
import { parallelWaveGan } from './parallel-wavegan.ts'
import { univNet } from './univnet.ts'
import { vocos } from './vocos.ts'
import { waveNet } from './wavenet.ts'

/** Every vocoder that Mynah runs, asked in this order whether a checkpoint is its own. */
export const architectures: readonly VocoderArchitecture[] = [
  melGan,
  hifiGan,
  freGan,
  bigVGan,
  istftNet,
  parallelWaveGan,
  univNet,
  vocos,
  waveNet,
  mynah,
]

import type { VocoderArchitecture } from '../architecture.ts'
import { hifiGan } from './hifi-gan.ts'

/** Every published vocoder that Mynah runs, asked in this order whether a checkpoint is its own. */
export const architectures: readonly VocoderArchitecture[] = [hifiGan]

import type { CodecArchitecture } from '../architecture.ts'
import { dac } from './dac.ts'
import { encodec } from './encodec.ts'
import { snac } from './snac.ts'
import { soundStream } from './soundstream.ts'

/** Every published codec, asked in this order whether a checkpoint is its own. */
export const codecArchitectures: readonly CodecArchitecture[] = [encodec, soundStream, dac, snac]

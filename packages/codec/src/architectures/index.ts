import type { Runtime, Weights } from '@mynah/onnx'
import type { AudioCodec } from '../codec.ts'
import { isDac, loadDac } from './dac.ts'
import { isEncodec, loadEncodec } from './encodec.ts'
import { isSnac, loadSnac } from './snac.ts'
import { isSoundstream, loadSoundstream } from './soundstream.ts'

/** A codec that `loadCodec` recognises. */
export interface CodecArchitecture {
  readonly name: string
  /** Whether the weights have this architecture's names. */
  matches(weights: Weights): boolean
  /** @param config as published; undefined if none was given or found */
  load(weights: Weights, config: unknown, runtime: Runtime): Promise<AudioCodec>
}

/** Every published codec, asked in this order. */
export const codecArchitectures: readonly CodecArchitecture[] = [
  { name: 'encodec', matches: isEncodec, load: loadEncodec },
  { name: 'soundstream', matches: isSoundstream, load: loadSoundstream },
  { name: 'dac', matches: isDac, load: loadDac },
  { name: 'snac', matches: isSnac, load: loadSnac },
]

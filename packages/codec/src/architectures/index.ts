import type { Runtime, Weights } from '@mynah/onnx'
import type { AudioCodec } from '../codec.ts'
import type { CodecGraphs } from '../graphs.ts'
import { buildDac, isDac, loadDac } from './dac.ts'
import { buildEncodec, isEncodec, loadEncodec } from './encodec.ts'
import { buildSnac, isSnac, loadSnac } from './snac.ts'
import { buildSoundstream, isSoundstream, loadSoundstream } from './soundstream.ts'

/** A codec that `loadCodec` recognises. */
export interface CodecArchitecture {
  readonly name: string
  /** Whether the weights have this architecture's names. */
  matches(weights: Weights): boolean
  /** @param config as published; undefined if none was given or found */
  load(weights: Weights, config: unknown, runtime: Runtime): Promise<AudioCodec>
  /** The same as two plain graphs: what converters need. */
  build(weights: Weights, config: unknown): CodecGraphs
}

/** Every published codec, asked in this order. */
export const codecArchitectures: readonly CodecArchitecture[] = [
  { name: 'encodec', matches: isEncodec, load: loadEncodec, build: buildEncodec },
  { name: 'soundstream', matches: isSoundstream, load: loadSoundstream, build: buildSoundstream },
  { name: 'dac', matches: isDac, load: loadDac, build: buildDac },
  { name: 'snac', matches: isSnac, load: loadSnac, build: buildSnac },
]

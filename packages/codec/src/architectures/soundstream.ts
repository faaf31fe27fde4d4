import type { Runtime, Weights } from '@mynah/onnx'
import type { AudioCodec } from '../codec.ts'
import type { CodecGraphs } from '../graphs.ts'
import { buildEncodec, isSeanetCodec, loadEncodec } from './encodec.ts'
import { seanetHasLstm } from './seanet.ts'

/** Whether these are the weights of SoundStream: EnCodec's layers without the LSTM. */
export function isSoundstream(weights: Weights): boolean {
  return isSeanetCodec(weights) && !seanetHasLstm(weights)
}

/**
 * Loads SoundStream: SEANet without LSTM and a residual vector quantizer. Paper: arXiv:2107.03312. No official weights exist; names and config are EnCodec's.
 * @param config needs at least `sample_rate`
 * @throws {CheckpointError} as `loadEncodec`
 */
export function loadSoundstream(weights: Weights, config: unknown, runtime: Runtime): Promise<AudioCodec> {
  return loadEncodec(weights, config, runtime, 'soundstream')
}

/** Both halves as graphs of their own. @throws {CheckpointError} as `loadEncodec` */
export function buildSoundstream(weights: Weights, config: unknown): CodecGraphs {
  return buildEncodec(weights, config, 'soundstream')
}

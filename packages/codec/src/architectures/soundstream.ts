import type { CodecArchitecture } from '../architecture.ts'
import { seanetHasLstm } from '../seanet.ts'
import { describeSeanetCodec, isSeanetCodec } from '../seanet-codec.ts'

/**
 * SoundStream: SEANet without LSTM and a residual vector quantizer. Paper: arXiv:2107.03312. No official weights exist; names and config are EnCodec's, whose layers these are without
 * the LSTM.
 */
export const soundStream: CodecArchitecture = {
  name: 'soundstream',
  detect: weights => isSeanetCodec(weights) && !seanetHasLstm(weights),
  describe: (weights, config) => describeSeanetCodec('soundstream', weights, config),
}

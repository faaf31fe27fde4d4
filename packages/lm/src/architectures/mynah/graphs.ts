import {
  attention,
  blockAttention,
  type Graph,
  type KeyValueCache,
  type LinearConfig,
  maskedScore,
  Net,
  type Operators,
  type RotaryAngles,
  rotaryAngles,
  rotate,
  type Value,
  vocosBackbone,
  type Weights,
} from '@mynah/onnx'
import type { BlockCache } from '../../block-cache.ts'
import type { ArConfig, ClassifierConfig, NarConfig } from './config.ts'

/**
 * Mynah's language model: VALL-E (arXiv:2301.02111) with the monotonic alignment of VALL-E R (arXiv:2406.07855) in spirit: the AR model sees the phoneme it is
 * speaking and decides at every frame whether to stay on it. Codes are embedded as the codec's own codebook vectors and scored by distance to them.
 * Reference: training/mynah/lm.py (the same names), training/mynah/infer.py. The AR model is in ar-graphs.ts.
 */

/** How the matrices of the transformer blocks are multiplied: `stored` computes in int8 what is stored in int8. */
export type Precision = NonNullable<LinearConfig['dtype']>

/** What a transformer block takes besides its input. */
export interface BlockInputs {
  readonly precision: Precision
  readonly heads: number
  readonly rotary: RotaryAngles
  /** Added to the scores, broadcast to [1, H, T, S + T]. */
  readonly bias?: Value
  readonly cache?: BlockCache
}

/** Pre-LN transformer block: x [1, T, D] → x, and keys and values: those of `cache.recent` and of these frames. */
export function block(net: Net, x: Value, inputs: BlockInputs): { x: Value; present: KeyValueCache } {
  const dim = x.shape[2] as number
  const { heads, rotary, bias, cache, precision: dtype } = inputs
  const packed = net.linear('qkv', net.layerNorm('norm1', x), { out: 3 * dim, dtype })
  const [q, k, v] = net.split(packed, [dim, dim, dim], 2) as [Value, Value, Value]
  const turn = (y: Value) => rotate(net, y, rotary, { heads })
  const options = { heads, ...(bias ? { bias } : {}) }
  const { output, present } = cache
    ? blockAttention(net, turn(q), turn(k), v, { ...options, ...cache })
    : attention(net, turn(q), turn(k), v, options)
  const mixed = net.add(x, net.linear('out', output, { out: dim, dtype }))
  const hidden = net.gelu(net.linear('linear1', net.layerNorm('norm2', mixed), { dtype }))
  return { x: net.add(mixed, net.linear('linear2', hidden, { out: dim, dtype })), present }
}

const positionsOf = (graph: Operators, x: Value, axis: number) => graph.range(0, graph.lengthOf(x, axis))

/**
 * Phonemes and voice: ids int64 [1, P], prompt float32 [1, Tp, L] (sum of all codebooks) → encoding float32 [P, D].
 * Shared by the AR and the NAR model, with weights of their own.
 */
export function buildPhonemeEncoder(weights: Weights, config: ArConfig | NarConfig, precision: Precision): Graph {
  const net = new Net('phoneme-encoder', weights)
  const { dim, heads } = config
  const ids = net.input('ids', 'int64', [1, 'P'])
  const prompt = net.input('prompt', 'float32', [1, 'Tp', config.latentDim])
  const phonemes = net.at('phonemes')
  const rotary = rotaryAngles(net, positionsOf(net, ids, 1), dim / heads)
  let x = phonemes.embedding('embedding', ids, [config.symbols, dim]) // [1, P, D]
  for (let i = 0; i < config.encoderLayers; i++) x = block(phonemes.at(`blocks.${i}`), x, { heads, rotary, precision }).x
  net.output('encoding', net.squeeze(net.add(phonemes.layerNorm('norm', x), encodeSpeaker(net.at('speaker'), prompt, dim)), [0]))
  return net.toGraph()
}

/** Who speaks: mean and deviation over the prompt's frames [1, Tp, L] → [1, 1, D]. */
function encodeSpeaker(net: Net, prompt: Value, dim: number): Value {
  const frames = net.gelu(net.linear('linear2', net.gelu(net.linear('linear1', prompt))))
  const mean = net.reduceMean(frames, [1])
  const centred = net.sub(frames, mean)
  const deviation = net.sqrt(net.add(net.reduceMean(net.mul(centred, centred), [1]), 1e-5))
  return net.linear('linear3', net.concat([mean, deviation], 2), { out: dim })
}

/**
 * The NAR model: condition [1, T, D], known [1, T, L] (prompt frames: all codebooks; target frames: the first), promptFrames int64 [1]
 * → latents [L, T − promptFrames]: `known` of the target frames plus what the other codebooks add.
 */
export function buildNar(weights: Weights, config: NarConfig, precision: Precision): Graph {
  const net = new Net('nar', weights)
  const { dim, heads, latentDim } = config
  const condition = net.input('condition', 'float32', [1, 'T', dim])
  const known = net.input('known', 'float32', [1, 'T', latentDim])
  const promptFrames = net.input('promptFrames', 'int64', [1])
  const at = positionsOf(net, condition, 1)
  const isPrompt = net.less(at, promptFrames) // [T]
  const kind = net.embedding('kind', net.unsqueeze(net.cast(isPrompt, 'int64'), [0]), [2, dim])
  let x = net.add(net.add(condition, net.linear('from_code', known, { out: dim })), kind)
  const distance = net.abs(net.sub(net.unsqueeze(at, [0]), net.unsqueeze(at, [1])))
  const near = net.or(net.lessOrEqual(distance, config.window), net.unsqueeze(isPrompt, [0]))
  const bias = net.unsqueeze(net.where(near, net.constant(0), net.constant(maskedScore)), [0, 1]) // neighbours and the whole prompt
  const rotary = rotaryAngles(net, at, dim / heads)
  for (let i = 0; i < config.layers; i++) x = block(net.at(`blocks.${i}`), x, { heads, rotary, bias, precision }).x
  const target = (y: Value) => net.slice(y, 1, promptFrames)
  const refined = net.add(target(known), net.linear('to_residual', net.layerNorm('norm', target(x)), { out: latentDim })) // [1, T − promptFrames, L]
  net.output('latents', net.transpose(net.squeeze(refined, [0]), [1, 0]))
  return net.toGraph()
}

/**
 * The aligner and the pronunciation scorer: features [1, nInput, T] (log-mel of the codec's front-end; vectors of first codes) → logProbabilities [T, symbols]. A Vocos backbone
 * as frame classifier.
 */
export function buildClassifier(weights: Weights, { nInput, dim, layers, symbols }: ClassifierConfig): Graph {
  const net = new Net('frame-classifier', weights)
  const features = net.input('features', 'float32', [1, nInput, 'T'])
  const level = net.sub(features, net.reduceMean(features, [2]))
  const x = vocosBackbone(net.at('stack'), net.div(level, 3), { dim, layers }) // [1, T, D]
  net.output('logProbabilities', net.squeeze(net.logSoftmax(net.linear('out', x, { out: symbols })), [0]))
  return net.toGraph()
}

import {
  attention,
  blockAttention,
  type Graph,
  GraphBuilder,
  type KeyValueCache,
  type LinearConfig,
  layerNorm,
  linear,
  maskedScore,
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
export function block(graph: GraphBuilder, x: Value, weights: Weights, inputs: BlockInputs): { x: Value; present: KeyValueCache } {
  const dim = x.shape[2] as number
  const { heads, rotary, bias, cache, precision: dtype } = inputs
  const dense = (y: Value, name: string) => linear(graph, y, weights.scope(name), { dtype })
  const norm = (y: Value, name: string) => layerNorm(graph, y, weights.scope(name), { epsilon: 1e-5 })
  const [q, k, v] = graph.split(dense(norm(x, 'norm1'), 'qkv'), [dim, dim, dim], 2) as [Value, Value, Value]
  const turn = (y: Value) => rotate(graph, y, rotary, { heads })
  const options = { heads, ...(bias ? { bias } : {}) }
  const { output, present } = cache
    ? blockAttention(graph, turn(q), turn(k), v, { ...options, ...cache })
    : attention(graph, turn(q), turn(k), v, options)
  const mixed = graph.add(x, dense(output, 'out'))
  const hidden = graph.gelu(dense(norm(mixed, 'norm2'), 'linear1'))
  return { x: graph.add(mixed, dense(hidden, 'linear2')), present }
}

const positionsOf = (graph: GraphBuilder, x: Value, axis: number) => graph.range(0, graph.lengthOf(x, axis))

/**
 * Phonemes and voice: ids int64 [1, P], prompt float32 [1, Tp, L] (sum of all codebooks) → encoding float32 [P, D].
 * Shared by the AR and the NAR model, with weights of their own.
 */
export function buildPhonemeEncoder(weights: Weights, config: ArConfig | NarConfig, precision: Precision): Graph {
  const graph = new GraphBuilder('phoneme-encoder')
  const ids = graph.input('ids', 'int64', [1, 'P'])
  const prompt = graph.input('prompt', 'float32', [1, 'Tp', config.latentDim])
  const phonemes = weights.scope('phonemes')
  let x = graph.gather(graph.initializer('embedding', phonemes.get('embedding.weight', [config.symbols, config.dim])), ids) // [1, P, D]
  const rotary = rotaryAngles(graph, positionsOf(graph, ids, 1), config.dim / config.heads)
  for (let i = 0; i < config.encoderLayers; i++) {
    x = graph.scope(`blocks.${i}`, () => block(graph, x, phonemes.scope(`blocks.${i}`), { heads: config.heads, rotary, precision }).x)
  }
  x = layerNorm(graph, x, phonemes.scope('norm'), { epsilon: 1e-5 })
  const voice = graph.scope('speaker', () => {
    const speaker = weights.scope('speaker')
    const frames = graph.gelu(linear(graph, graph.gelu(linear(graph, prompt, speaker.scope('linear1'))), speaker.scope('linear2')))
    const mean = graph.reduceMean(frames, [1])
    const centred = graph.sub(frames, mean)
    const deviation = graph.sqrt(graph.add(graph.reduceMean(graph.mul(centred, centred), [1]), 1e-5))
    return linear(graph, graph.concat([mean, deviation], 2), speaker.scope('linear3')) // [1, 1, D]
  })
  graph.output('encoding', graph.squeeze(graph.add(x, voice), [0]))
  return graph.toGraph()
}

/**
 * The NAR model: condition [1, T, D], known [1, T, L] (prompt frames: all codebooks; target frames: the first), promptFrames int64 [1]
 * → latents [L, T − promptFrames]: `known` of the target frames plus what the other codebooks add.
 */
export function buildNar(weights: Weights, config: NarConfig, precision: Precision): Graph {
  const graph = new GraphBuilder('nar')
  const { dim, heads, latentDim } = config
  const condition = graph.input('condition', 'float32', [1, 'T', dim])
  const known = graph.input('known', 'float32', [1, 'T', latentDim])
  const promptFrames = graph.input('promptFrames', 'int64', [1])
  const kinds = graph.initializer('kind', weights.get('kind.weight', [2, dim]))
  let x = graph.add(condition, linear(graph, known, weights.scope('from_code')))
  const at = positionsOf(graph, condition, 1)
  const isPrompt = graph.less(at, promptFrames) // [T]
  x = graph.add(x, graph.gather(kinds, graph.unsqueeze(graph.cast(isPrompt, 'int64'), [0])))
  const distance = graph.abs(graph.sub(graph.unsqueeze(at, [0]), graph.unsqueeze(at, [1])))
  const near = graph.or(graph.lessOrEqual(distance, config.window), graph.unsqueeze(isPrompt, [0]))
  const bias = graph.unsqueeze(graph.where(near, graph.constant(0), graph.constant(maskedScore)), [0, 1]) // neighbours and the whole prompt
  const rotary = rotaryAngles(graph, at, dim / heads)
  for (let i = 0; i < config.layers; i++) {
    const scope = weights.scope(`blocks.${i}`)
    x = graph.scope(`blocks.${i}`, () => block(graph, x, scope, { heads, rotary, bias, precision }).x)
  }
  const target = (y: Value) => graph.slice(y, 1, promptFrames)
  const last = layerNorm(graph, target(x), weights.scope('norm'), { epsilon: 1e-5 })
  const refined = graph.add(target(known), linear(graph, last, weights.scope('to_residual'))) // [1, T − promptFrames, L]
  graph.output('latents', graph.transpose(graph.squeeze(refined, [0]), [1, 0]))
  return graph.toGraph()
}

/**
 * The aligner and the pronunciation scorer: features [1, nInput, T] (log-mel of the codec's front-end; vectors of first codes) → logProbabilities [T, symbols]. A Vocos backbone
 * as frame classifier.
 */
export function buildClassifier(weights: Weights, config: ClassifierConfig): Graph {
  const graph = new GraphBuilder('frame-classifier')
  const features = graph.input('features', 'float32', [1, config.nInput, 'T'])
  const level = graph.sub(features, graph.reduceMean(features, [2]))
  const x = vocosBackbone(graph, graph.div(level, 3), weights.scope('stack'), config.layers)
  graph.output('logProbabilities', graph.squeeze(graph.logSoftmax(linear(graph, graph.transpose(x, [0, 2, 1]), weights.scope('out'))), [0]))
  return graph.toGraph()
}

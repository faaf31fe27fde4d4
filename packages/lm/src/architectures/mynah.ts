import {
  attention,
  attentionWindow,
  blockAttention,
  GraphBuilder,
  InferenceError,
  type KeyValueCache,
  type LinearConfig,
  layerNorm,
  linear,
  maskedScore,
  type OnnxModel,
  type RotaryAngles,
  rotaryAngles,
  rotate,
  type Value,
  vocosBackbone,
  type Weights,
} from '@mynah/onnx'
import { z } from 'zod'
import { cacheInputs } from './block-cache.ts'

/**
 * Mynah's language model: VALL-E (arXiv:2301.02111) with the monotonic alignment of VALL-E R (arXiv:2406.07855) in spirit: the AR model sees the phoneme it is
 * speaking and decides at every frame whether to stay on it. Codes are embedded as the codec's own codebook vectors and scored by distance to them.
 * Reference: training/lm.py (the same names), training/infer.py.
 */

const arSchema = z.object({
  symbols: z.int().positive(),
  dim: z.int().positive(),
  heads: z.int().positive(),
  encoderLayers: z.int().nonnegative(),
  layers: z.int().positive(),
  latentDim: z.int().positive(),
  codebookSize: z.int().positive(),
  maxAge: z.int().positive(),
})
const narSchema = arSchema.omit({ maxAge: true, codebookSize: true }).extend({ window: z.int().positive() })
const alignerSchema = z.object({
  dim: z.int().positive(),
  layers: z.int().positive(),
  symbols: z.int().positive(),
  nInput: z.int().positive(),
})

const listenerSchema = alignerSchema.extend({
  /** The score from which on a passage needs no other take. */
  clear: z.number(),
})

/** Sizes of the AR model. */
export type ArConfig = z.infer<typeof arSchema>
/** Sizes of the NAR model. */
export type NarConfig = z.infer<typeof narSchema>
/** Sizes of the aligner. */
export type AlignerConfig = z.infer<typeof alignerSchema>
/** Sizes of the listener, and what satisfies it. */
export type ListenerConfig = z.infer<typeof listenerSchema>

/** @throws {InferenceError} `bad-config` */
export const parseArConfig = (config: unknown): ArConfig => parse('ar', arSchema, config)
/** @throws {InferenceError} `bad-config` */
export const parseNarConfig = (config: unknown): NarConfig => parse('nar', narSchema, config)
/** @throws {InferenceError} `bad-config` */
export const parseAlignerConfig = (config: unknown): AlignerConfig => parse('aligner', alignerSchema, config)
/** @throws {InferenceError} `bad-config` */
export const parseListenerConfig = (config: unknown): ListenerConfig => parse('listener', listenerSchema, config)

function parse<T>(part: string, schema: z.ZodType<T>, config: unknown): T {
  const result = schema.safeParse(config)
  if (!result.success)
    throw new InferenceError(`mynah ${part} config: ${z.prettifyError(result.error)}`, { code: 'bad-config', cause: result.error })
  return result.data
}

/** How the matrices of the transformer blocks are multiplied: `stored` computes in int8 what is stored in int8. */
export type Precision = NonNullable<LinearConfig['dtype']>

interface BlockInputs {
  readonly precision: Precision
  readonly heads: number
  readonly rotary: RotaryAngles
  /** Added to the scores, broadcast to [1, H, T, S + T]. */
  readonly bias?: Value
  readonly cache?: { past: KeyValueCache; recent: KeyValueCache }
}

/** Pre-LN transformer block: x [1, T, D] → x, and keys and values: those of `cache.recent` and of these frames. */
function block(graph: GraphBuilder, x: Value, weights: Weights, inputs: BlockInputs): { x: Value; present: KeyValueCache } {
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
export function buildPhonemeEncoder(weights: Weights, config: ArConfig | NarConfig, precision: Precision): OnnxModel {
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
  return graph.build()
}

/** Squared length of each codeword: codebook [N · D] → [N]. */
function powers(codebook: Float32Array, dim: number): Float32Array {
  const result = new Float32Array(codebook.length / dim)
  for (let i = 0; i < codebook.length; i++) result[Math.floor(i / dim)]! += codebook[i]! ** 2
  return result
}

/**
 * One call of the AR model, prefill or step: condition [1, T, D] (encoding of each frame's phoneme), previous [1, T, L] (vector of the frame before), kind int64 [1, T]
 * (what that frame was: 0 none, 1 prompt, 2 generated), age int64 [1, T] (frames the phoneme has lasted); keys and values of long ago, pastKey.i and pastValue.i [1, H, S, Dh], and since then,
 * recentKey.i and recentValue.i [1, H, R, Dh] → logits [N] of the last frame's first code, advance [1] (logit), presentKey.i and presentValue.i [1, H, R + T, Dh].
 * @param codebook first codebook of the codec, float32 [N · L]
 */
export function buildAr(weights: Weights, config: ArConfig, codebook: Float32Array, precision: Precision): OnnxModel {
  const graph = new GraphBuilder('ar')
  const { dim, heads, latentDim, codebookSize } = config
  const headDim = dim / heads
  const condition = graph.input('condition', 'float32', [1, 'T', dim])
  const previous = graph.input('previous', 'float32', [1, 'T', latentDim])
  const kind = graph.input('kind', 'int64', [1, 'T'])
  const age = graph.input('age', 'int64', [1, 'T'])
  const caches = cacheInputs(graph, config)
  const table = (name: string, rows: number) => graph.initializer(name, weights.get(`${name}.weight`, [rows, dim]))
  let x = graph.add(condition, linear(graph, previous, weights.scope('from_code')))
  x = graph.add(x, graph.gather(table('kind', 3), kind))
  x = graph.add(x, graph.gather(table('age', config.maxAge), graph.min(age, config.maxAge - 1)))
  const count = graph.lengthOf(condition, 1)
  const { past, recent } = caches[0]!
  const end = graph.add(graph.add(graph.lengthOf(past.key, 2), graph.lengthOf(recent.key, 2)), count)
  const bias = attentionWindow(graph, count, end, { after: 0 })
  const rotary = rotaryAngles(graph, graph.range(graph.sub(end, count), end), headDim)
  caches.forEach((cache, i) => {
    const done = graph.scope(`blocks.${i}`, () => block(graph, x, weights.scope(`blocks.${i}`), { heads, rotary, bias, cache, precision }))
    x = done.x
    graph.output(`presentKey.${i}`, done.present.key)
    graph.output(`presentValue.${i}`, done.present.value)
  })
  const last = layerNorm(graph, graph.slice(x, 1, -1), weights.scope('norm'), { epsilon: 1e-5 }) // [1, 1, D]
  const vector = graph.reshape(linear(graph, last, weights.scope('to_vector')), [1, latentDim])
  // scale · (2 v·e − |e|²) + bias, with everything but v folded into one matrix and one vector
  const scale = Math.exp(weights.get('scorer.log_scale', [1]).data[0]!)
  const codeBias = weights.get('scorer.bias', [1, codebookSize]).data
  const offset = powers(codebook, latentDim).map((power, i) => codeBias[i]! - scale * power)
  const matrix = graph.initializer('codebook', {
    dtype: 'float32',
    shape: [codebookSize, latentDim],
    data: codebook.map(v => 2 * scale * v),
  })
  const logits = graph.gemm(vector, matrix, graph.initializer('offset', { dtype: 'float32', shape: [codebookSize], data: offset }), {
    transB: true,
  })
  graph.output('logits', graph.reshape(logits, [codebookSize]))
  graph.output('advance', graph.reshape(linear(graph, last, weights.scope('to_advance')), [1]))
  return graph.build()
}

/**
 * The NAR model: condition [1, T, D], known [1, T, L] (prompt frames: all codebooks; target frames: the first), promptFrames int64 [1]
 * → refined [1, T − promptFrames, L]: `known` of the target frames plus what the other codebooks add.
 */
export function buildNar(weights: Weights, config: NarConfig, precision: Precision): OnnxModel {
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
  graph.output('refined', graph.add(target(known), linear(graph, last, weights.scope('to_residual'))))
  return graph.build()
}

/**
 * The aligner and the listener: features [1, nInput, T] (log-mel of the codec's front-end; vectors of first codes) → logProbabilities [T, symbols]. A Vocos backbone as frame
 * classifier.
 */
export function buildAligner(weights: Weights, config: AlignerConfig): OnnxModel {
  const graph = new GraphBuilder('aligner')
  const features = graph.input('features', 'float32', [1, config.nInput, 'T'])
  const level = graph.sub(features, graph.reduceMean(features, [2]))
  const x = vocosBackbone(graph, graph.div(level, 3), weights.scope('stack'), config.layers)
  graph.output('logProbabilities', graph.squeeze(graph.logSoftmax(linear(graph, graph.transpose(x, [0, 2, 1]), weights.scope('out'))), [0]))
  return graph.build()
}

import { GraphBuilder, InferenceError, layerNorm, linear, type OnnxModel, type Value, vocosBackbone, type Weights } from '@mynah/onnx'
import { z } from 'zod'

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
const narSchema = arSchema.omit({ maxAge: true }).extend({ codebooks: z.int().min(2), window: z.int().positive() })
const alignerSchema = z.object({
  dim: z.int().positive(),
  layers: z.int().positive(),
  symbols: z.int().positive(),
  nInput: z.int().positive(),
})

/** Sizes of the AR model. */
export type ArConfig = z.infer<typeof arSchema>
/** Sizes of the NAR model. */
export type NarConfig = z.infer<typeof narSchema>
/** Sizes of the aligner. */
export type AlignerConfig = z.infer<typeof alignerSchema>

/** @throws {InferenceError} `bad-config` */
export const parseArConfig = (config: unknown): ArConfig => parse('ar', arSchema, config)
/** @throws {InferenceError} `bad-config` */
export const parseNarConfig = (config: unknown): NarConfig => parse('nar', narSchema, config)
/** @throws {InferenceError} `bad-config` */
export const parseAlignerConfig = (config: unknown): AlignerConfig => parse('aligner', alignerSchema, config)

function parse<T>(part: string, schema: z.ZodType<T>, config: unknown): T {
  const result = schema.safeParse(config)
  if (!result.success)
    throw new InferenceError(`mynah ${part} config: ${z.prettifyError(result.error)}`, { code: 'bad-config', cause: result.error })
  return result.data
}

/** Rotary embedding, half-split: x [1, H, T, Dh], cos and sin [T, Dh/2]. RoFormer, arXiv:2104.09864. */
function rotate(graph: GraphBuilder, x: Value, cos: Value, sin: Value): Value {
  const half = (x.shape[3] as number) / 2
  const [a, b] = graph.split(x, [half, half], 3) as [Value, Value]
  return graph.concat([graph.sub(graph.mul(a, cos), graph.mul(b, sin)), graph.add(graph.mul(b, cos), graph.mul(a, sin))], 3)
}

/** cos and sin [T, headDim/2] at float32 positions [T]. */
function rotaryTable(graph: GraphBuilder, positions: Value, headDim: number): { cos: Value; sin: Value } {
  const half = headDim / 2
  const frequencies = Array.from({ length: half }, (_, i) => Math.exp((-i * Math.log(10000)) / half))
  const angle = graph.mul(graph.unsqueeze(positions, [1]), graph.constant(frequencies))
  return { cos: graph.cos(angle), sin: graph.sin(angle) }
}

interface BlockInputs {
  readonly heads: number
  readonly rotary: { cos: Value; sin: Value }
  /** Additive mask, broadcast to [1, H, T, S + T]. */
  readonly mask?: Value
  /** Cached keys and values [1, H, S, Dh]. */
  readonly past?: { key: Value; value: Value }
  /** Scale and shift of the two norms [4 · D], AdaLN. */
  readonly condition?: Value
}

/** Pre-LN transformer block: x [1, T, D] → x and the keys and values of all frames so far. */
function block(graph: GraphBuilder, x: Value, weights: Weights, inputs: BlockInputs): { x: Value; key: Value; value: Value } {
  const dim = x.shape[2] as number
  const headDim = dim / inputs.heads
  const parts = inputs.condition && graph.split(inputs.condition, [dim, dim, dim, dim], 0)
  const norm = (y: Value, name: string, first: number) => {
    const normal = layerNorm(graph, y, weights.scope(name), { epsilon: 1e-5 })
    return parts ? graph.add(graph.mul(normal, graph.add(parts[first]!, 1)), parts[first + 1]!) : normal
  }
  const heads = (y: Value) => graph.transpose(graph.reshape(y, [0, 0, inputs.heads, headDim]), [0, 2, 1, 3])
  const [q, k, v] = graph.split(linear(graph, norm(x, 'norm1', 0), weights.scope('qkv')), [dim, dim, dim], 2).map(heads) as [
    Value,
    Value,
    Value,
  ]
  const rotated = rotate(graph, k, inputs.rotary.cos, inputs.rotary.sin)
  const key = inputs.past ? graph.concat([inputs.past.key, rotated], 2) : rotated // [1, H, S + T, Dh]
  const value = inputs.past ? graph.concat([inputs.past.value, v], 2) : v
  const query = graph.mul(rotate(graph, q, inputs.rotary.cos, inputs.rotary.sin), 1 / Math.sqrt(headDim))
  const scores = graph.matmul(query, graph.transpose(key, [0, 1, 3, 2]))
  const attention = graph.matmul(graph.softmax(inputs.mask ? graph.add(scores, inputs.mask) : scores), value)
  const mixed = graph.add(x, linear(graph, graph.reshape(graph.transpose(attention, [0, 2, 1, 3]), [0, 0, dim]), weights.scope('out')))
  const hidden = graph.gelu(linear(graph, norm(mixed, 'norm2', 2), weights.scope('linear1')))
  return { x: graph.add(mixed, linear(graph, hidden, weights.scope('linear2'))), key, value }
}

const positionsOf = (graph: GraphBuilder, x: Value, axis: number) => graph.cast(graph.range(0, graph.lengthOf(x, axis)), 'float32')

/**
 * Phonemes and voice: ids int64 [1, P], prompt float32 [1, Tp, L] (sum of all codebooks) → encoding float32 [P, D].
 * Shared by the AR and the NAR model, with weights of their own.
 */
export function buildPhonemeEncoder(weights: Weights, config: ArConfig | NarConfig): OnnxModel {
  const graph = new GraphBuilder('phoneme-encoder')
  const ids = graph.input('ids', 'int64', [1, 'P'])
  const prompt = graph.input('prompt', 'float32', [1, 'Tp', config.latentDim])
  const phonemes = weights.scope('phonemes')
  let x = graph.gather(graph.initializer('embedding', phonemes.get('embedding.weight', [config.symbols, config.dim])), ids) // [1, P, D]
  const rotary = rotaryTable(graph, positionsOf(graph, ids, 1), config.dim / config.heads)
  for (let i = 0; i < config.encoderLayers; i++) {
    x = graph.scope(`blocks.${i}`, () => block(graph, x, phonemes.scope(`blocks.${i}`), { heads: config.heads, rotary }).x)
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
 * (what that frame was: 0 none, 1 prompt, 2 generated), age int64 [1, T] (frames the phoneme has lasted), pastKey.i and pastValue.i [1, H, S, Dh]
 * → logits [N] of the last frame's first code, advance [1] (logit), presentKey.i and presentValue.i [1, H, S + T, Dh].
 * @param codebook first codebook of the codec, float32 [N · L]
 */
export function buildAr(weights: Weights, config: ArConfig, codebook: Float32Array): OnnxModel {
  const graph = new GraphBuilder('ar')
  const { dim, heads, latentDim, codebookSize } = config
  const headDim = dim / heads
  const condition = graph.input('condition', 'float32', [1, 'T', dim])
  const previous = graph.input('previous', 'float32', [1, 'T', latentDim])
  const kind = graph.input('kind', 'int64', [1, 'T'])
  const age = graph.input('age', 'int64', [1, 'T'])
  const past = Array.from({ length: config.layers }, (_, i) => ({
    key: graph.input(`pastKey.${i}`, 'float32', [1, heads, 'S', headDim]),
    value: graph.input(`pastValue.${i}`, 'float32', [1, heads, 'S', headDim]),
  }))
  const table = (name: string, rows: number) => graph.initializer(name, weights.get(`${name}.weight`, [rows, dim]))
  let x = graph.add(condition, linear(graph, previous, weights.scope('from_code')))
  x = graph.add(x, graph.gather(table('kind', 3), kind))
  x = graph.add(x, graph.gather(table('age', config.maxAge), graph.min(age, config.maxAge - 1)))
  const start = graph.lengthOf(past[0]!.key, 2)
  const end = graph.add(start, graph.lengthOf(condition, 1))
  const queries = graph.cast(graph.range(start, end), 'float32') // [T]
  const keys = graph.cast(graph.range(0, end), 'float32') // [S + T]
  const ahead = graph.greater(graph.unsqueeze(keys, [0]), graph.unsqueeze(queries, [1]))
  const mask = graph.where(ahead, graph.constant(-1e9), graph.constant(0)) // [T, S + T], causal
  const rotary = rotaryTable(graph, queries, headDim)
  past.forEach((cache, i) => {
    const done = graph.scope(`blocks.${i}`, () => block(graph, x, weights.scope(`blocks.${i}`), { heads, rotary, mask, past: cache }))
    x = done.x
    graph.output(`presentKey.${i}`, done.key)
    graph.output(`presentValue.${i}`, done.value)
  })
  const last = layerNorm(graph, graph.slice(x, 1, -1), weights.scope('norm'), { epsilon: 1e-5 }) // [1, 1, D]
  const vector = graph.reshape(linear(graph, last, weights.scope('to_vector')), [1, latentDim])
  // scale · (2 v·e − |e|²) + bias, with everything but v folded into one matrix and one vector
  const scale = Math.exp(weights.get('scorer.log_scale', [1]).data[0]!)
  const bias = weights.get('scorer.bias', [1, codebookSize]).data
  const offset = powers(codebook, latentDim).map((power, i) => bias[i]! - scale * power)
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
 * One stage of the NAR model: condition [1, T, D], known [1, T, L] (prompt frames: all codebooks; target frames: the codebooks so far), prompt float32 [T] (1 on prompt
 * frames), stage int64 [] → refined [1, T, L]: on target frames `known` plus the expected codeword of codebook stage + 2; and that codebook's argmax codes int64 [T].
 * @param codebooks all codebooks of the codec, float32 [K · N · L]
 */
export function buildNar(weights: Weights, config: NarConfig, codebooks: Float32Array): OnnxModel {
  const graph = new GraphBuilder('nar')
  const { dim, heads, latentDim, codebookSize } = config
  const stages = config.codebooks - 1
  const condition = graph.input('condition', 'float32', [1, 'T', dim])
  const known = graph.input('known', 'float32', [1, 'T', latentDim])
  const prompt = graph.input('prompt', 'float32', ['T'])
  const stage = graph.input('stage', 'int64', [])
  const select = (name: string, data: Float32Array, shape: readonly number[]) =>
    graph.gather(graph.initializer(name, { dtype: 'float32', shape, data }), stage)
  const stored = (name: string, shape: readonly number[]) => graph.gather(graph.initializer(name, weights.get(name, shape)), stage)
  const kinds = graph.initializer('kind', weights.get('kind.weight', [2, dim]))
  let x = graph.add(condition, linear(graph, known, weights.scope('from_code')))
  x = graph.add(x, graph.gather(kinds, graph.unsqueeze(graph.cast(prompt, 'int64'), [0])))
  const at = positionsOf(graph, prompt, 0)
  const distance = graph.abs(graph.sub(graph.unsqueeze(at, [0]), graph.unsqueeze(at, [1])))
  const near = graph.or(graph.lessOrEqual(distance, config.window), graph.greater(graph.unsqueeze(prompt, [0]), 0.5))
  const mask = graph.where(near, graph.constant(0), graph.constant(-1e9)) // [T, T]: neighbours and the whole prompt
  const rotary = rotaryTable(graph, at, dim / heads)
  for (let i = 0; i < config.layers; i++) {
    const scope = weights.scope(`blocks.${i}`)
    x = graph.scope(`blocks.${i}`, () => {
      const adaptation = graph.gather(graph.initializer('stage', scope.get('stage', [stages, 4 * dim])), stage)
      return block(graph, x, scope, { heads, rotary, mask, condition: adaptation }).x
    })
  }
  x = layerNorm(graph, x, weights.scope('norm'), { epsilon: 1e-5 })
  const vector = graph.matmul(x, stored('to_vector', [stages, dim, latentDim])) // [1, T, L]
  const rest = codebooks.subarray(codebookSize * latentDim)
  const codebook = select('codebooks', rest, [stages, codebookSize, latentDim]) // [N, L]
  const scale = graph.exp(stored('scorer.log_scale', [stages]))
  const scored = graph.sub(
    graph.mul(graph.matmul(vector, graph.transpose(codebook, [1, 0])), 2),
    select('powers', powers(rest, latentDim), [stages, codebookSize]),
  )
  const logits = graph.add(graph.mul(scored, scale), stored('scorer.bias', [stages, codebookSize])) // [1, T, N]
  const expected = graph.matmul(graph.softmax(logits), codebook)
  graph.output('refined', graph.add(known, graph.mul(expected, graph.unsqueeze(graph.sub(1, prompt), [0, 2]))))
  graph.output('codes', graph.squeeze(graph.argMax(logits, 2), [0]))
  return graph.build()
}

/** The aligner: features [1, nInput, T] (log-mel of the codec's front-end) → logProbabilities [T, symbols]. A Vocos backbone as frame classifier. */
export function buildAligner(weights: Weights, config: AlignerConfig): OnnxModel {
  const graph = new GraphBuilder('aligner')
  const features = graph.input('features', 'float32', [1, config.nInput, 'T'])
  const level = graph.sub(features, graph.reduceMean(features, [2]))
  const x = vocosBackbone(graph, graph.div(level, 3), weights.scope('stack'), config.layers)
  graph.output('logProbabilities', graph.squeeze(graph.logSoftmax(linear(graph, graph.transpose(x, [0, 2, 1]), weights.scope('out'))), [0]))
  return graph.build()
}

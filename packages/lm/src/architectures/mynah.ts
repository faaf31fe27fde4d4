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
  type Tensor,
  type Value,
  vocosBackbone,
  type Weights,
} from '@mynah/onnx'
import { z } from 'zod'
import { type BlockCache, cacheInputs, prefillSlots, stepSlots } from './block-cache.ts'

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
  readonly cache?: BlockCache
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

/** What the AR model sees of frames [1, T]: the encoding of their phonemes, how many frames these have lasted, and the frame before each. */
interface ArFrames {
  /** float32 [1, T, D] */
  readonly condition: Value
  /** Vector of the frame before, float32 [1, T, L]. */
  readonly previous: Value
  /** What the frame before was: 0 none, 1 prompt, 2 generated; int64 [1, T]. */
  readonly kind: Value
  /** int64 [1, T] */
  readonly age: Value
}

/** Emits the AR model on frames: logits [1, N] and advance [1] (logit) of the last one, and keys and values of every layer. */
function arLayers(
  graph: GraphBuilder,
  weights: Weights,
  config: ArConfig,
  scorer: Scorer,
  frames: ArFrames,
  attend: Omit<BlockInputs, 'heads' | 'cache'>,
  caches?: readonly BlockCache[],
) {
  const table = (name: string, rows: number) => graph.initializer(name, weights.get(`${name}.weight`, [rows, config.dim]))
  let x = graph.add(frames.condition, linear(graph, frames.previous, weights.scope('from_code')))
  x = graph.add(x, graph.gather(table('kind', 3), frames.kind))
  x = graph.add(x, graph.gather(table('age', config.maxAge), graph.min(frames.age, config.maxAge - 1)))
  const present: KeyValueCache[] = []
  for (let i = 0; i < config.layers; i++) {
    const inputs = { ...attend, heads: config.heads, ...(caches ? { cache: caches[i]! } : {}) }
    const done = graph.scope(`blocks.${i}`, () => block(graph, x, weights.scope(`blocks.${i}`), inputs))
    x = done.x
    present.push(done.present)
  }
  const last = layerNorm(graph, graph.slice(x, 1, -1), weights.scope('norm'), { epsilon: 1e-5 }) // [1, 1, D]
  const vector = graph.reshape(linear(graph, last, weights.scope('to_vector')), [1, config.latentDim])
  const logits = graph.gemm(vector, graph.initializer('scorer', scorer.matrix), graph.initializer('offset', scorer.offset), {
    transB: true,
  })
  return { logits, advance: graph.reshape(linear(graph, last, weights.scope('to_advance')), [1]), present }
}

interface Scorer {
  /** float32 [N, L] */
  readonly matrix: Tensor<'float32'>
  /** float32 [N] */
  readonly offset: Tensor<'float32'>
}

/** scale · (2 v·e − |e|²) + bias, with everything but v folded into one matrix and one vector. @param codebook float32 [N · L] */
function foldScorer(weights: Weights, { codebookSize, latentDim }: ArConfig, codebook: Float32Array): Scorer {
  const scale = Math.exp(weights.get('scorer.log_scale', [1]).data[0]!)
  const bias = weights.get('scorer.bias', [1, codebookSize]).data
  const offset = powers(codebook, latentDim).map((power, i) => bias[i]! - scale * power)
  return {
    matrix: { dtype: 'float32', shape: [codebookSize, latentDim], data: codebook.map(v => 2 * scale * v) },
    offset: { dtype: 'float32', shape: [codebookSize], data: offset },
  }
}

/** What the AR model leaves in a `State`: its cache, and what it predicts of the next frame. */
export const arPrefillSlots = (config: ArConfig) => ({ ...prefillSlots(config), logits: 'logits', advance: 'advance' })
/** The same of a passage. */
export const arPassageSlots = (config: ArConfig) => ({ ...stepSlots(config), logits: 'nextLogits', advance: 'nextAdvance' })

/**
 * The AR model on the prompt and the first frame after it: condition [1, T, D] (encoding of each frame's phoneme), previous [1, T, L] (vector of the frame before), kind int64
 * [1, T] (what that frame was: 0 none, 1 prompt), age int64 [1, T] (frames the phoneme has lasted) → logits [1, N] of the last frame's first code, advance [1] (logit), presentKey.i
 * and presentValue.i [1, H, T, Dh].
 * @param codebook first codebook of the codec, float32 [N · L]
 */
export function buildArPrefill(weights: Weights, config: ArConfig, codebook: Float32Array, precision: Precision): OnnxModel {
  const graph = new GraphBuilder('ar-prefill')
  const condition = graph.input('condition', 'float32', [1, 'T', config.dim])
  const previous = graph.input('previous', 'float32', [1, 'T', config.latentDim])
  const kind = graph.input('kind', 'int64', [1, 'T'])
  const age = graph.input('age', 'int64', [1, 'T'])
  const count = graph.lengthOf(condition, 1)
  const bias = attentionWindow(graph, count, count, { after: 0 })
  const rotary = rotaryAngles(graph, graph.range(0, count), config.dim / config.heads)
  const scorer = foldScorer(weights, config, codebook)
  const { logits, advance, present } = arLayers(
    graph,
    weights,
    config,
    scorer,
    { condition, previous, kind, age },
    { precision, rotary, bias },
  )
  graph.output('logits', logits)
  graph.output('advance', advance)
  present.forEach(({ key, value }, i) => {
    graph.output(`presentKey.${i}`, key)
    graph.output(`presentValue.${i}`, value)
  })
  return graph.build()
}

/** No phoneme of the corpus lasts longer than 31 frames (0.8 s); a model that lingers is moved on here. */
const longestPhonemeFrames = 60

/**
 * A passage of the AR model, frame after frame in one run: at each a code is drawn from the logits, and the phoneme ends when the probability that it lasts longer has fallen below
 * `threshold`, or after 60 frames. Ends after as many frames as there are draws, or with the last phoneme.
 *
 * Where it stands: logits [1, N] and advance [1] of the next frame, phoneme int64 [] (row of `encoding`), age int64 [] (frames it has lasted), survival float32 [] (the probability
 * that it lasts longer), recent int64 [R] (the codes before, −1 for none), and the cache, pastKey.i and pastValue.i [1, H, S, Dh], recentKey.i and recentValue.i.
 * What it speaks: encoding [P, D]. How: draws float32 [F] in [0, 1), temperature, topP, penalty, threshold float32 [], topK int64 [1].
 * → codes, phonemes and ends int64 [F'] of every frame, and where it stands then: nextLogits, nextAdvance, nextPhoneme, nextAge, nextSurvival, presentKey.i, presentValue.i.
 * @param codebook first codebook of the codec, float32 [N · L]
 */
export function buildArPassage(weights: Weights, config: ArConfig, codebook: Float32Array, precision: Precision): OnnxModel {
  const graph = new GraphBuilder('ar-passage')
  const { dim, heads, latentDim, codebookSize } = config
  const scalar = (name: string, dtype: 'float32' | 'int64' = 'float32') => graph.input(name, dtype, [])
  const encoding = graph.input('encoding', 'float32', ['P', dim])
  const draws = graph.input('draws', 'float32', ['F'])
  const sampling = {
    temperature: scalar('temperature'),
    topK: graph.input('topK', 'int64', [1]),
    topP: scalar('topP'),
    penalty: scalar('penalty'),
  }
  const threshold = scalar('threshold')
  const begin = [
    graph.input('logits', 'float32', [1, codebookSize]),
    graph.input('advance', 'float32', [1]),
    scalar('phoneme', 'int64'),
    scalar('age', 'int64'),
    scalar('survival'),
    graph.input('recent', 'int64', ['W']),
  ]
  const caches = cacheInputs(graph, config)
  const scorer = foldScorer(weights, config, codebook)
  const vectors = graph.initializer('codebook', { dtype: 'float32', shape: [codebookSize, latentDim], data: codebook })
  const lastPhoneme = graph.sub(graph.squeeze(graph.lengthOf(encoding, 0), [0]), 1)
  const pastLength = graph.lengthOf(caches[0]!.past.key, 2)
  const trips = graph.squeeze(graph.lengthOf(draws, 0), [0])
  const carried = [...begin, ...caches.flatMap(({ recent }) => [recent.key, recent.value])]
  const { carried: after, scan } = graph.loop(
    { trips, carried },
    (body, i, [logits, advance, phoneme, age, survival, recent, ...keysAndValues]) => {
      const code = drawCode(body, logits!, body.gather(draws, i), recent!, sampling) // int64 []
      const lasted = body.add(age!, 1)
      const leaves = body.squeeze(body.sigmoid(advance!), [0])
      const lasts = body.mul(survival!, body.sub(1, leaves))
      const ends = body.or(body.less(lasts, threshold), body.greaterOrEqual(lasted, longestPhonemeFrames))
      const next = body.add(phoneme!, body.cast(ends, 'int64'))
      const ended = body.greater(next, lastPhoneme)
      const nextAge = body.where(ends, body.constant(0, 'int64'), lasted)
      const row = (table: Value, at: Value) => body.unsqueeze(body.gather(table, at), [0, 1]) // [1, 1, …]
      const own = layers(keysAndValues)
      const recentLength = body.lengthOf(own[0]!.key, 2)
      const at = body.add(pastLength, recentLength)
      const frames = {
        condition: row(encoding, body.min(next, lastPhoneme)),
        previous: row(vectors, code),
        kind: body.constant([2], 'int64'),
        age: body.unsqueeze(nextAge, [0]),
      }
      const rotary = rotaryAngles(body, at, dim / heads)
      const step = arLayers(
        body,
        weights,
        config,
        scorer,
        frames,
        { precision, rotary },
        caches.map(({ past }, layer) => ({ past, recent: own[layer]! })),
      )
      const window = body.concat([body.slice(recent!, 0, 1), body.unsqueeze(code, [0])], 0)
      return {
        while: body.not(ended),
        carried: [
          step.logits,
          step.advance,
          next,
          nextAge,
          body.where(ends, body.constant(1), lasts),
          body.assume(window, recent!.shape),
          ...step.present.flatMap(({ key, value }) => [key, value]),
        ],
        scan: [code, phoneme!, body.cast(ends, 'int64')],
      }
    },
  )
  for (const [i, name] of ['codes', 'phonemes', 'ends'].entries()) graph.output(name, scan[i]!)
  for (const [i, name] of ['nextLogits', 'nextAdvance', 'nextPhoneme', 'nextAge', 'nextSurvival'].entries()) graph.output(name, after[i]!)
  layers(after.slice(begin.length)).forEach(({ key, value }, i) => {
    graph.output(`presentKey.${i}`, key)
    graph.output(`presentValue.${i}`, value)
  })
  return graph.build()
}

/** [key, value, key, value, …] → one pair per layer. */
const layers = (values: readonly Value[]): KeyValueCache[] =>
  Array.from({ length: values.length / 2 }, (_, i) => ({ key: values[2 * i]!, value: values[2 * i + 1]! }))

/**
 * Emits what `sample` of sampling.ts does without redrawing: repetition penalty → temperature → top-k → top-p → draw.
 * @param logits [1, N]
 * @param draw float32 [], in [0, 1)
 * @param recent int64 [W], codes that the penalty applies to
 * @returns int64 []
 */
function drawCode(
  graph: GraphBuilder,
  logits: Value,
  draw: Value,
  recent: Value,
  { temperature, topK, topP, penalty }: { temperature: Value; topK: Value; topP: Value; penalty: Value },
): Value {
  const codes = graph.unsqueeze(graph.range(0, logits.shape[1] as number), [1]) // [N, 1]
  const isRecent = graph.greater(graph.reduceMax(graph.cast(graph.equal(codes, graph.unsqueeze(recent, [0])), 'float32'), [1], false), 0) // [N]
  const flat = graph.squeeze(logits, [0])
  const punished = graph.where(graph.greater(flat, 0), graph.div(flat, penalty), graph.mul(flat, penalty))
  const { values, indices } = graph.topK(graph.where(isRecent, punished, flat), topK)
  const likelihood = graph.softmax(graph.div(values, temperature))
  const upTo = graph.cumSum(likelihood, 0)
  const kept = graph.less(graph.sub(upTo, likelihood), topP)
  const mass = graph.reduceSum(graph.where(kept, likelihood, graph.constant(0)), [0], false)
  const before = graph.and(kept, graph.lessOrEqual(upTo, graph.mul(draw, mass)))
  const index = graph.reduceSum(graph.cast(before, 'int64'), [0], false)
  const last = graph.sub(graph.reduceSum(graph.cast(kept, 'int64'), [0], false), 1) // where rounding leaves the draw above all
  return graph.gather(indices, graph.min(index, last))
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

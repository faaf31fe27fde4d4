import {
  attentionWindow,
  float32Tensor,
  type Graph,
  int64Tensor,
  type KeyValueCache,
  Net,
  type Operators,
  rotaryAngles,
  type Tensor,
  type Value,
  type Weights,
} from '@mynah/onnx'
import { type BlockCache, emptyPast, pastInputs, pastSlots } from '../../block-cache.ts'
import type { ArConfig } from './config.ts'
import { type BlockInputs, block, type Precision } from './graphs.ts'

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
  net: Net,
  config: ArConfig,
  scorer: Scorer,
  frames: ArFrames,
  attend: Omit<BlockInputs, 'heads' | 'cache'>,
  caches?: readonly BlockCache[],
) {
  const { dim, latentDim, maxAge } = config
  let x = net.add(frames.condition, net.linear('from_code', frames.previous, { out: dim }))
  x = net.add(x, net.embedding('kind', frames.kind, [3, dim]))
  x = net.add(x, net.embedding('age', net.min(frames.age, maxAge - 1), [maxAge, dim]))
  const present: KeyValueCache[] = []
  for (let i = 0; i < config.layers; i++) {
    const done = block(net.at(`blocks.${i}`), x, { ...attend, heads: config.heads, ...(caches ? { cache: caches[i]! } : {}) })
    x = done.x
    present.push(done.present)
  }
  const last = net.layerNorm('norm', net.slice(x, 1, -1)) // [1, 1, D]
  const vector = net.reshape(net.linear('to_vector', last, { out: latentDim }), [1, latentDim])
  const logits = net.gemm(vector, net.initializer('scorer', scorer.matrix), net.initializer('offset', scorer.offset), { transB: true })
  return { logits, advance: net.reshape(net.linear('to_advance', last, { out: 1 }), [1]), present }
}

interface Scorer {
  /** float32 [N, L] */
  readonly matrix: Tensor<'float32'>
  /** float32 [N] */
  readonly offset: Tensor<'float32'>
}

/** scale · (2 v·e − |e|²) + bias, with everything but v folded into one matrix and one vector. @param codebook float32 [N · L] */
function foldScorer(net: Net, { codebookSize, latentDim }: ArConfig, codebook: Float32Array): Scorer {
  const scale = Math.exp(net.weight('scorer.log_scale', [1]).data[0]!)
  const bias = net.weight('scorer.bias', [1, codebookSize]).data
  const offset = powers(codebook, latentDim).map((power, i) => bias[i]! - scale * power)
  return {
    matrix: { dtype: 'float32', shape: [codebookSize, latentDim], data: codebook.map(v => 2 * scale * v) },
    offset: { dtype: 'float32', shape: [codebookSize], data: offset },
  }
}

/** Which outputs of the prefill fill which slots of a `State`: the cache, and what is predicted of the next frame. */
export const prefillSlots = (config: ArConfig) => ({ ...pastSlots(config), logits: 'logits', advance: 'advance' })

/** Which outputs of a passage replace which slots: those of the prefill, and where the passage has ended. */
export const passageSlots = (config: ArConfig) => ({
  ...pastSlots(config),
  logits: 'nextLogits',
  advance: 'nextAdvance',
  phoneme: 'nextPhoneme',
  age: 'nextAge',
  survival: 'nextSurvival',
  recent: 'nextRecent',
})

/** The repetition penalty looks back this far: 0.25 s. */
const penaltyFrames = 10

/** What the slots hold before the prefill. */
export const emptySlots = (config: ArConfig): Record<string, Tensor> => ({
  ...emptyPast(config),
  phoneme: int64Tensor([0], []),
  age: int64Tensor([0], []),
  survival: float32Tensor([1], []),
  recent: int64Tensor(Array<number>(penaltyFrames).fill(-1), [penaltyFrames]),
})

/**
 * The AR model on the prompt and the first frame after it: condition [1, T, D] (encoding of each frame's phoneme), previous [1, T, L] (vector of the frame before), kind int64
 * [1, T] (what that frame was: 0 none, 1 prompt), age int64 [1, T] (frames the phoneme has lasted) → logits [1, N] of the last frame's first code, advance [1] (logit), presentKey.i
 * and presentValue.i [1, H, T, Dh].
 * @param codebook first codebook of the codec, float32 [N · L]
 */
export function buildArPrefill(weights: Weights, config: ArConfig, codebook: Float32Array, precision: Precision): Graph {
  const net = new Net('ar-prefill', weights)
  const condition = net.input('condition', 'float32', [1, 'T', config.dim])
  const previous = net.input('previous', 'float32', [1, 'T', config.latentDim])
  const kind = net.input('kind', 'int64', [1, 'T'])
  const age = net.input('age', 'int64', [1, 'T'])
  const count = net.lengthOf(condition, 1)
  const bias = attentionWindow(net, count, count, { after: 0 })
  const rotary = rotaryAngles(net, net.range(0, count), config.dim / config.heads)
  const scorer = foldScorer(net, config, codebook)
  const { logits, advance, present } = arLayers(net, config, scorer, { condition, previous, kind, age }, { precision, rotary, bias })
  net.output('logits', logits)
  net.output('advance', advance)
  present.forEach(({ key, value }, i) => {
    net.output(`presentKey.${i}`, key)
    net.output(`presentValue.${i}`, value)
  })
  return net.toGraph()
}

/** No phoneme of the corpus lasts longer than 31 frames (0.8 s); a model that lingers is moved on here. */
const longestPhonemeFrames = 60

/**
 * A passage of the AR model, frame after frame in one run: at each a code is drawn from the logits, and the phoneme ends when the probability that it lasts longer has fallen below
 * `threshold`, or after 60 frames. Ends after as many frames as there are draws, or with the last phoneme.
 *
 * Where it stands: logits [1, N] and advance [1] of the next frame, phoneme int64 [] (row of `encoding`), age int64 [] (frames it has lasted), survival float32 [] (the probability
 * that it lasts longer), recent int64 [W] (the codes before, −1 for none), and the cache, pastKey.i and pastValue.i [1, H, S, Dh].
 * What it speaks: encoding [P, D]. How: draws float32 [F] in [0, 1), temperature, topP, penalty, threshold float32 [], topK int64 [1].
 * → codes, phonemes and ends int64 [F'] of every frame, and where it stands then: nextLogits, nextAdvance, nextPhoneme, nextAge, nextSurvival, nextRecent, presentKey.i,
 * presentValue.i. Within the passage keys and values grow in a block of their own, so that a frame copies only that: docs/decisions/2026-11-23-ar-decoding.md.
 * @param codebook first codebook of the codec, float32 [N · L]
 */
export function buildArPassage(weights: Weights, config: ArConfig, codebook: Float32Array, precision: Precision): Graph {
  const net = new Net('ar-passage', weights)
  const { dim, heads, latentDim, codebookSize } = config
  const { encoding, draws, sampling, threshold, begin } = passageInputs(net, config)
  const pasts = pastInputs(net.graph, config)
  const nothing = (x: Value) => net.assume(net.slice(x, 2, 0, 0), [1, heads, 'R', dim / heads])
  const scorer = foldScorer(net, config, codebook)
  const vectors = net.initializer('codebook', { dtype: 'float32', shape: [codebookSize, latentDim], data: codebook })
  const lastPhoneme = net.sub(net.squeeze(net.lengthOf(encoding, 0), [0]), 1)
  const pastLength = net.lengthOf(pasts[0]!.key, 2)
  const trips = net.squeeze(net.lengthOf(draws, 0), [0])
  const carried = [...begin, ...pasts.flatMap(({ key, value }) => [nothing(key), nothing(value)])]
  const { carried: after, scan } = net.graph.loop(
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
        net.on(body),
        config,
        scorer,
        frames,
        { precision, rotary },
        pasts.map((past, layer) => ({ past, recent: own[layer]! })),
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
  for (const [i, name] of ['codes', 'phonemes', 'ends'].entries()) net.output(name, scan[i]!)
  const next = ['nextLogits', 'nextAdvance', 'nextPhoneme', 'nextAge', 'nextSurvival', 'nextRecent']
  for (const [i, name] of next.entries()) net.output(name, after[i]!)
  layers(after.slice(begin.length)).forEach(({ key, value }, i) => {
    net.output(`presentKey.${i}`, net.concat([pasts[i]!.key, key], 2))
    net.output(`presentValue.${i}`, net.concat([pasts[i]!.value, value], 2))
  })
  return net.toGraph()
}

/** Declares what `buildArPassage` says, but for the cache. */
function passageInputs(net: Net, { dim, codebookSize }: ArConfig) {
  const scalar = (name: string, dtype: 'float32' | 'int64' = 'float32') => net.input(name, dtype, [])
  return {
    encoding: net.input('encoding', 'float32', ['P', dim]),
    draws: net.input('draws', 'float32', ['F']),
    sampling: {
      temperature: scalar('temperature'),
      topK: net.input('topK', 'int64', [1]),
      topP: scalar('topP'),
      penalty: scalar('penalty'),
    },
    threshold: scalar('threshold'),
    begin: [
      net.input('logits', 'float32', [1, codebookSize]),
      net.input('advance', 'float32', [1]),
      scalar('phoneme', 'int64'),
      scalar('age', 'int64'),
      scalar('survival'),
      net.input('recent', 'int64', ['W']),
    ],
  }
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
  graph: Operators,
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

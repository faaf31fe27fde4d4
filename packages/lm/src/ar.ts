import { createRandom, float32Tensor, int64Tensor, type Model, type Random, type State, type Tensor } from '@mynah/onnx'
import { emptyCache } from './architectures/block-cache.ts'
import type { ArConfig } from './architectures/mynah.ts'
import { type SamplingOptions, sample } from './sampling.ts'

/** What the AR model speaks: phonemes of prompt and target in one list, and the prompt's timing and latents. */
export interface ArRequest {
  /** float32 [P, D], prompt phonemes first. */
  readonly encoding: Tensor<'float32'>
  /** Frames of each prompt phoneme; their count is where the target begins. */
  readonly promptDurations: Int32Array
  /** Sum of all codebooks of the prompt, float32 [Tp, L] row-major. */
  readonly promptLatents: Float32Array
  /** First codebook, float32 [N, L] row-major. */
  readonly codebook: Float32Array
  readonly sampling: SamplingOptions
  readonly seed: number
  readonly speed: number
  readonly maxFrames: number
  /** Listens to what is being spoken, so that what is not understood is spoken again. */
  readonly listening?: Listening
  readonly signal?: AbortSignal
}

/** Its sessions: a step of the model, and what joins the two blocks of its cache. */
export interface ArModels {
  readonly step: Model
  readonly merge: Model
}

/** One frame of the target. */
export interface ArFrame {
  /** Of the first codebook. */
  readonly code: number
  /** Which phoneme of the target it belongs to. */
  readonly phoneme: number
  /** Whether this is the last frame of its phoneme. */
  readonly endsPhoneme: boolean
}

/** How passages are chosen. */
export interface Listening {
  /** The most takes of a passage. */
  readonly takes: number
  /** The first take that scores so high is kept; otherwise the best one. */
  readonly clear: number
  /** How well the frames from number `from` on sound like their phonemes. */
  score(frames: readonly ArFrame[], from: number): Promise<number>
}

/** No phoneme of the corpus lasts longer than 31 frames (0.8 s); a model that lingers is moved on here. */
const longestPhonemeFrames = 60
/** The repetition penalty looks back this far: 0.25 s. */
const penaltyFrames = 10
/** What is spoken, listened to and, if need be, spoken again at once: 0.65 s. */
const passageFrames = 26

/** Where the model stands before a frame: what it has spoken, and what it predicts of the next one. */
interface Point {
  readonly state: State
  readonly frames: readonly ArFrame[]
  readonly logits: Float32Array
  /** Logit: does the next frame end its phoneme? */
  readonly advance: number
  /** Which phoneme of the target it belongs to. */
  readonly phoneme: number
  /** Frames that it has lasted. */
  readonly age: number
  /** The probability that it lasts longer. */
  readonly survival: number
  /** Whether the text ends here. */
  readonly ended: boolean
}

/**
 * Runs prefill over the prompt, then one frame a step; at each frame a code is drawn, and the phoneme ends at the median of its predicted duration. Ends with the last
 * phoneme, or after `maxFrames`. With `listening`, a passage that does not sound like its phonemes is spoken again, and the best of its takes is given.
 */
export async function* generateFirstCodes(
  models: ArModels,
  config: ArConfig,
  request: ArRequest,
): AsyncGenerator<ArFrame, void, undefined> {
  const { takes, clear, score } = request.listening ?? { takes: 1, clear: 0, score: async () => 0 }
  const random = createRandom(request.seed)
  let point = await prefill(models, config, request)
  const states = new Set([point.state])
  const forget = async (state: State) => {
    states.delete(state)
    await state.dispose()
  }
  try {
    while (!point.ended) {
      const from = point.frames.length
      await models.merge.run({}, { state: point.state, fetch: [] })
      let best: { point: Point; score: number } | undefined
      for (let i = 0; i < takes && !(best && best.score >= clear); i++) {
        const state = await point.state.fork()
        states.add(state)
        const next = await speakOn(models, config, request, random, { ...point, state })
        const take = { point: next, score: await score(next.frames, from) }
        const loser = best && best.score >= take.score ? take : best
        if (loser) await forget(loser.point.state)
        if (loser !== take) best = take
      }
      await forget(point.state)
      point = best!.point
      yield* point.frames.slice(from)
    }
  } finally {
    for (const state of states) await state.dispose()
  }
}

/** Frame t sees the phoneme of frame t and the vector of frame t − 1; the last one is the first target frame. */
async function prefill(models: ArModels, config: ArConfig, request: ArRequest): Promise<Point> {
  const { encoding, promptDurations, promptLatents } = request
  const { dim, latentDim } = config
  const state = await models.merge.createState(emptyCache(config)) // it lives in the worker
  const rows = promptLatents.length / latentDim + 1
  const condition = new Float32Array(rows * dim)
  const ages = new Int32Array(rows)
  let frame = 0
  Int32Array.of(...promptDurations, 1).forEach((duration, phoneme) => {
    for (let age = 0; age < duration; age++, frame++) {
      condition.set(encoding.data.subarray(phoneme * dim, (phoneme + 1) * dim), frame * dim)
      ages[frame] = age
    }
  })
  const previous = new Float32Array(rows * latentDim)
  previous.set(promptLatents, latentDim)
  const kinds = Int32Array.from({ length: rows }, (_, i) => (i === 0 ? 0 : 1))
  try {
    const predicted = await predict(models, config, request, state, { condition, previous, kinds, ages })
    return { state, frames: [], ...predicted, phoneme: 0, age: 0, survival: 1, ended: false }
  } catch (error) {
    await state.dispose()
    throw error
  }
}

/** Speaks a passage after `point`, whose state it changes. */
async function speakOn(models: ArModels, config: ArConfig, request: ArRequest, random: Random, point: Point): Promise<Point> {
  const { encoding, codebook, sampling, promptDurations } = request
  const { dim, latentDim } = config
  const { state } = point
  const target = encoding.shape[0]! - promptDurations.length
  const frames = [...point.frames]
  let { logits, advance, phoneme, age, survival } = point
  // A phoneme ends when the probability that it lasts longer falls below one half (the median), earlier or later for another speed.
  const threshold = 0.5 ** (1 / request.speed)
  for (let i = 0; i < passageFrames; i++) {
    const code = sample(
      logits,
      sampling,
      random,
      frames.slice(-penaltyFrames).map(frame => frame.code),
    )
    age++
    survival *= 1 - 1 / (1 + Math.exp(-advance))
    const endsPhoneme = survival < threshold || age >= longestPhonemeFrames
    frames.push({ code, phoneme, endsPhoneme })
    if (endsPhoneme) {
      phoneme++
      age = 0
      survival = 1
    }
    if (phoneme === target || frames.length >= request.maxFrames)
      return { state, frames, logits, advance, phoneme, age, survival, ended: true }
    const row = promptDurations.length + phoneme
    ;({ logits, advance } = await predict(models, config, request, state, {
      condition: encoding.data.slice(row * dim, (row + 1) * dim),
      previous: codebook.slice(code * latentDim, (code + 1) * latentDim),
      kinds: Int32Array.of(2),
      ages: Int32Array.of(age),
    }))
  }
  return { state, frames, logits, advance, phoneme, age, survival, ended: false }
}

interface Rows {
  readonly condition: Float32Array
  readonly previous: Float32Array
  readonly kinds: Int32Array
  readonly ages: Int32Array
}

/** Feeds frames, and gives what is predicted of the one after them. */
async function predict(
  models: ArModels,
  config: ArConfig,
  request: ArRequest,
  state: State,
  rows: Rows,
): Promise<Pick<Point, 'logits' | 'advance'>> {
  const count = rows.kinds.length
  const feeds = {
    condition: float32Tensor(rows.condition, [1, count, config.dim]),
    previous: float32Tensor(rows.previous, [1, count, config.latentDim]),
    kind: int64Tensor(rows.kinds, [1, count]),
    age: int64Tensor(rows.ages, [1, count]),
  }
  const outputs = await models.step.run(feeds, {
    state,
    fetch: ['logits', 'advance'],
    ...(request.signal ? { signal: request.signal } : {}),
  })
  return { logits: outputs.logits!.data as Float32Array, advance: (outputs.advance!.data as Float32Array)[0]! }
}

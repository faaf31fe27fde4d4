import { createRandom, float32Tensor, int64Tensor, type Model, type Random, type State, type Tensor } from '@mynah/onnx'
import { emptyCache } from './architectures/block-cache.ts'
import type { ArConfig } from './architectures/mynah.ts'
import type { SamplingOptions } from './sampling.ts'

/** What the AR model speaks: phonemes of prompt and target in one list, and the prompt's timing and latents. */
export interface ArRequest {
  /** float32 [P, D], prompt phonemes first. */
  readonly encoding: Tensor<'float32'>
  /** Frames of each prompt phoneme; their count is where the target begins. */
  readonly promptDurations: Int32Array
  /** Sum of all codebooks of the prompt, float32 [Tp, L] row-major. */
  readonly promptLatents: Float32Array
  readonly sampling: SamplingOptions
  readonly seed: number
  readonly speed: number
  readonly maxFrames: number
  /** Listens to what is being spoken, so that what is not understood is spoken again. */
  readonly listening?: Listening
  readonly signal?: AbortSignal
}

/** Its sessions: prompt, passage, and what joins the two blocks of the cache. */
export interface ArModels {
  readonly prefill: Model
  readonly passage: Model
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
  /** The most candidates of a passage. */
  readonly candidates: number
  /** The first candidate that scores so high is kept; otherwise the best one. */
  readonly clear: number
  /** How well the frames from number `from` on sound like their phonemes. */
  score(frames: readonly ArFrame[], from: number): Promise<number>
}

/** The repetition penalty looks back this far: 0.25 s. */
const penaltyFrames = 10
/** What is spoken, listened to and, if need be, spoken again at once: 0.65 s. */
const passageFrames = 26

/** Where the model stands before a frame. `state` holds its cache, what it predicts of that frame, and what stays the same throughout. */
interface Point {
  readonly state: State
  /** What it has spoken. */
  readonly frames: readonly ArFrame[]
  /** Which phoneme of the target the frame belongs to. */
  readonly phoneme: number
  /** Frames that it has lasted. */
  readonly age: number
  /** The probability that it lasts longer. */
  readonly survival: number
}

/**
 * Runs the prompt, then passages of 26 frames; at each frame a code is drawn, and the phoneme ends at the median of its predicted duration. Ends with the last phoneme, or after
 * `maxFrames`. With `listening`, a passage that does not sound like its phonemes is spoken again, and the best of its candidates is given.
 */
export async function* generateFirstCodes(
  models: ArModels,
  config: ArConfig,
  request: ArRequest,
): AsyncGenerator<ArFrame, void, undefined> {
  const { candidates, clear, score } = request.listening ?? { candidates: 1, clear: 0, score: async () => 0 }
  const target = request.encoding.shape[0]! - request.promptDurations.length
  const random = createRandom(request.seed)
  let point = await prefill(models, config, request)
  const states = new Set([point.state])
  const forget = async (state: State) => {
    states.delete(state)
    await state.dispose()
  }
  try {
    while (point.phoneme < target && point.frames.length < request.maxFrames) {
      const from = point.frames.length
      if (from > 0) await models.merge.run({}, { state: point.state, fetch: [] })
      let best: { point: Point; score: number } | undefined
      for (let i = 0; i < candidates && !(best && best.score >= clear); i++) {
        const state = await point.state.fork()
        states.add(state)
        const next = await speakOn(models, request, random, { ...point, state })
        const candidate = { point: next, score: await score(next.frames, from) }
        const loser = best && best.score >= candidate.score ? candidate : best
        if (loser) await forget(loser.point.state)
        if (loser !== candidate) best = candidate
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
async function prefill({ prefill, passage }: ArModels, config: ArConfig, request: ArRequest): Promise<Point> {
  const { encoding, promptDurations, promptLatents } = request
  const { dim, latentDim } = config
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
  const feeds = {
    condition: float32Tensor(condition, [1, rows, dim]),
    previous: float32Tensor(previous, [1, rows, latentDim]),
    kind: int64Tensor(
      Int32Array.from({ length: rows }, (_, i) => (i === 0 ? 0 : 1)),
      [1, rows],
    ),
    age: int64Tensor(ages, [1, rows]),
  }
  const state = await passage.createState({ ...emptyCache(config), ...constants(config, request) }) // it lives in the worker
  try {
    await prefill.run(feeds, { state, fetch: [], ...(request.signal ? { signal: request.signal } : {}) })
    return { state, frames: [], phoneme: 0, age: 0, survival: 1 }
  } catch (error) {
    await state.dispose()
    throw error
  }
}

/** Inputs of a passage that are the same for every passage: what is spoken, and how. */
function constants(config: ArConfig, { encoding, promptDurations, sampling, speed }: ArRequest): Record<string, Tensor> {
  const target = encoding.data.slice(promptDurations.length * config.dim)
  // The likeliest code is one of one, whatever the temperature; a top-k of 0 is all of them.
  const [temperature, topK] = sampling.temperature === 0 ? [1, 1] : [sampling.temperature, sampling.topK || config.codebookSize]
  return {
    encoding: float32Tensor(target, [target.length / config.dim, config.dim]),
    temperature: scalar(temperature),
    topK: int64Tensor([Math.min(topK, config.codebookSize)], [1]),
    topP: scalar(sampling.topP),
    penalty: scalar(sampling.repetitionPenalty),
    // A phoneme ends when the probability that it lasts longer falls below one half (the median), earlier or later for another speed.
    threshold: scalar(0.5 ** (1 / speed)),
  }
}

const scalar = (value: number) => float32Tensor([value], [])

/** Speaks a passage after `point`, whose state it changes. */
async function speakOn({ passage }: ArModels, { maxFrames, signal }: ArRequest, random: Random, point: Point): Promise<Point> {
  const { state, frames } = point
  const draws = Float32Array.from({ length: Math.min(passageFrames, maxFrames - frames.length) }, () => random.uniform())
  const recent = frames.slice(-penaltyFrames).map(frame => frame.code)
  const feeds = {
    draws: float32Tensor(draws, [draws.length]),
    phoneme: int64Tensor([point.phoneme], []),
    age: int64Tensor([point.age], []),
    survival: scalar(point.survival),
    recent: int64Tensor([...Array<number>(penaltyFrames - recent.length).fill(-1), ...recent], [penaltyFrames]),
  }
  const fetch = ['codes', 'phonemes', 'ends', 'nextPhoneme', 'nextAge', 'nextSurvival']
  const outputs = await passage.run(feeds, { state, fetch, ...(signal ? { signal } : {}) })
  const numbers = (name: string) => Array.from(outputs[name]!.data, Number)
  const [codes, phonemes, ends] = [numbers('codes'), numbers('phonemes'), numbers('ends')]
  return {
    state,
    frames: [...frames, ...codes.map((code, i) => ({ code, phoneme: phonemes[i]!, endsPhoneme: ends[i] === 1 }))],
    phoneme: numbers('nextPhoneme')[0]!,
    age: numbers('nextAge')[0]!,
    survival: numbers('nextSurvival')[0]!,
  }
}

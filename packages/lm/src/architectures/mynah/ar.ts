import { createRandom, float32Tensor, int64Tensor, type Model, type Random, type State, type Tensor } from '@mynah/onnx'
import type { SamplingOptions } from '../../sampling.ts'
import { emptySlots } from './ar-graphs.ts'
import type { ArConfig } from './config.ts'

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
  readonly maxFrames: number
  /** Scores what is being spoken, so that what is not clear is spoken again. */
  readonly scoring?: Scoring
  readonly signal?: AbortSignal
  /** Awaited before each run of a passage. */
  readonly turn?: () => Promise<void>
}

/** Its sessions. */
export interface ArModels {
  readonly prefill: Model
  readonly passage: Model
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
export interface Scoring {
  /** The most candidates of a passage, at least 1; of a short text twice as many. */
  readonly candidates: number
  /** The first candidate that scores so high is kept; otherwise the best one. */
  readonly clear: number
  /** How well the frames from number `from` on sound like their phonemes. */
  score(frames: readonly ArFrame[], from: number): Promise<number>
}

/**
 * What is spoken, scored and, if need be, spoken again at once: 0.65 s. A text begins with 0.25 s of silence, which need not be spoken again, and then its first sounds by
 * themselves (0.4 s): they have nothing before them that would carry them, and are misheard most often.
 */
const passageFrames = 26
const silentFrames = 10
/** About 1 s: as few words have no others around them that would tell what they are. */
const shortPhonemes = 20
/** Each further candidate of a passage is drawn at a temperature higher by this part, so that it is another one, not the first one again. */
const hotter = 0.4

/** Where the model stands before a frame: what it has spoken, and the rest in its state. */
interface Point {
  readonly state: State
  readonly frames: readonly ArFrame[]
}

/**
 * Runs the prompt, then passages of 26 frames (the first 26 in two parts); at each frame a code is drawn, and the phoneme ends at the median of its predicted duration. Ends with the last phoneme, or after
 * `maxFrames`. With `scoring`, a passage that does not sound like its phonemes is spoken again, and the best of its candidates is given.
 */
export async function* generateFirstCodes(
  models: ArModels,
  config: ArConfig,
  request: ArRequest,
): AsyncGenerator<ArFrame, void, undefined> {
  const target = request.encoding.shape[0]! - request.promptDurations.length
  const random = createRandom(request.seed)
  const states = new Set<State>()
  try {
    let point = await prefill(models, config, request)
    states.add(point.state)
    while (!hasEnded(point.frames, target) && point.frames.length < request.maxFrames) {
      const from = point.frames.length
      point = await bestPassage(models, request, random, point, states)
      yield* point.frames.slice(from)
    }
  } finally {
    for (const state of states) await state.dispose()
  }
}

function hasEnded(frames: readonly ArFrame[], target: number): boolean {
  const last = frames.at(-1)
  return last?.endsPhoneme === true && last.phoneme === target - 1
}

function mostCandidates({ scoring, encoding, promptDurations }: ArRequest): number {
  const isShort = encoding.shape[0]! - promptDurations.length <= shortPhonemes
  return (scoring?.candidates ?? 1) * (scoring && isShort ? 2 : 1)
}

/**
 * Speaks a passage as often as it takes. The state is forked only where another candidate may need it again.
 * @param states of this utterance, kept up to date
 */
async function bestPassage(models: ArModels, request: ArRequest, random: Random, point: Point, states: Set<State>): Promise<Point> {
  const { scoring } = request
  const from = point.frames.length
  const forget = async (state: State) => {
    states.delete(state)
    await state.dispose()
  }
  let best: { readonly point: Point; readonly score: number } | undefined
  const most = mostCandidates(request)
  for (let tried = 0; tried < most; tried++) {
    const state = tried < most - 1 ? await point.state.fork() : point.state
    states.add(state)
    await request.turn?.()
    const temperature = request.sampling.temperature * (1 + hotter * tried)
    const spoken = await speakOn(models, request, random, { ...point, state }, tried > 0 ? { temperature: scalar(temperature) } : {})
    const candidate = { point: spoken, score: scoring ? await scoring.score(spoken.frames, from) : 0 }
    const loser = best && best.score >= candidate.score ? candidate : best
    if (loser) await forget(loser.point.state)
    if (loser !== candidate) best = candidate
    if (!scoring || best!.score >= scoring.clear) break
  }
  if (best!.point.state !== point.state && states.has(point.state)) await forget(point.state)
  return best!.point
}

/** Frame t sees the phoneme of frame t and the vector of frame t − 1; the last one is the first target frame. */
async function prefill({ prefill, passage }: ArModels, config: ArConfig, request: ArRequest): Promise<Point> {
  const { encoding, promptDurations, promptLatents, signal } = request
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
  const kinds = new Int32Array(rows).fill(1, 1)
  const feeds = {
    condition: float32Tensor(condition, [1, rows, dim]),
    previous: float32Tensor(previous, [1, rows, latentDim]),
    kind: int64Tensor(kinds, [1, rows]),
    age: int64Tensor(ages, [1, rows]),
  }
  const state = await passage.createState({ ...emptySlots(config), ...constants(config, request) }) // it lives in the worker
  try {
    await prefill.run(feeds, { state, fetch: [], ...(signal ? { signal } : {}) })
    return { state, frames: [] }
  } catch (error) {
    await state.dispose()
    throw error
  }
}

/** Inputs of a passage that are the same for every passage: what is spoken, and how. */
function constants(config: ArConfig, { encoding, promptDurations, sampling }: ArRequest): Record<string, Tensor> {
  const target = encoding.data.slice(promptDurations.length * config.dim)
  // The likeliest code is one of one, whatever the temperature; a top-k of 0 is all of them.
  const [temperature, topK] = sampling.temperature === 0 ? [1, 1] : [sampling.temperature, sampling.topK || config.codebookSize]
  return {
    encoding: float32Tensor(target, [target.length / config.dim, config.dim]),
    temperature: scalar(temperature),
    topK: int64Tensor([Math.min(topK, config.codebookSize)], [1]),
    topP: scalar(sampling.topP),
    penalty: scalar(sampling.repetitionPenalty),
    // A phoneme ends when the probability that it lasts longer falls below one half (the median).
    threshold: scalar(0.5),
  }
}

const scalar = (value: number) => float32Tensor([value], [])

/** How many frames are spoken at once after `from` of them. */
function framesOfPassage(from: number): number {
  if (from < silentFrames) return silentFrames - from
  return from < passageFrames ? passageFrames - from : passageFrames
}

/**
 * Speaks a passage after `point`, whose state it changes.
 * @param others inputs that this passage has instead of those in the state
 */
async function speakOn(
  { passage }: ArModels,
  { maxFrames, signal }: ArRequest,
  random: Random,
  { state, frames }: Point,
  others: Record<string, Tensor>,
): Promise<Point> {
  const length = Math.min(framesOfPassage(frames.length), maxFrames - frames.length)
  const draws = Float32Array.from({ length }, () => random.uniform())
  const fetch = ['codes', 'phonemes', 'ends']
  const feeds = { draws: float32Tensor(draws, [length]), ...others }
  const outputs = await passage.run(feeds, { state, fetch, ...(signal ? { signal } : {}) })
  const [codes, phonemes, ends] = fetch.map(name => Array.from(outputs[name]!.data, Number)) as [number[], number[], number[]]
  const spoken = codes.map((code, i) => ({ code, phoneme: phonemes[i]!, endsPhoneme: ends[i] === 1 }))
  return { state, frames: [...frames, ...spoken] }
}

import type { Expected, Heard, HeardWord } from '../../language-model.ts'
import { type PauseSymbols, punctuatePauses } from './silence.ts'

/** What a path costs beside its sounds, as log-probabilities. Chosen on held-out people: docs/decisions/2026-11-29-prompts-without-transcript.md. */
export interface HearingCosts {
  /** Weight of the phoneme bigram beside the sounds. */
  readonly bigram: number
  /** Leaving the transcript for what is heard. */
  readonly listen: number
  /** Every frame of what is heard beside the transcript: it fits better than any transcript, since it was chosen to. */
  readonly listenEach: number
  /** Passing over words of the transcript, and each of them. */
  readonly skip: number
  readonly skipEach: number
}

export const hearingCosts: HearingCosts = { bigram: 0.6, listen: -12, listenEach: -1, skip: -12, skipEach: -0.2 }
/** What is expected is said for certain. */
export const exactCosts: HearingCosts = { ...hearingCosts, listen: Number.NEGATIVE_INFINITY, skip: Number.NEGATIVE_INFINITY }

/** Paths this much less likely than the best one are given up. */
const beam = 30
/** Sounds this much less likely than the likeliest of a frame are not begun there. */
const soundBeam = 12
const nothing = Number.NEGATIVE_INFINITY

/** The frames of one state, and those before them. */
interface Step {
  readonly state: number
  readonly start: number
  readonly before: Step | undefined
}

/** Offers a way from one state to another. */
type Move = (from: number, to: number, cost: number) => void

/**
 * The likeliest path through the words of a transcript in which words may be passed over, and anything may be heard between two words: so a word that is not in the recording
 * is left out, and one that is missing is written down as it sounds. Without a transcript all of it is what is heard: phonemes in the order that the bigram expects.
 * @param logProbabilities [T · S] of every frame, silence as `withSilence` makes it
 * @param bigram log-probability of each of S phonemes after another, [S · S]
 * @throws {RangeError} if there are fewer than 2 frames, or, where nothing may be passed over, fewer than phonemes
 */
export function hear(
  logProbabilities: Float32Array,
  bigram: Float32Array,
  pauses: PauseSymbols,
  expected: Expected = { phonemes: new Int32Array(2), words: [] },
  given: HearingCosts = hearingCosts,
): Heard {
  const costs = expected.words.length > 0 ? given : { ...given, listen: 0, listenEach: 0 }
  const symbols = Math.sqrt(bigram.length)
  const frames = logProbabilities.length / symbols
  if (frames < 2) throw new RangeError(`hear: ${frames} frames, expected at least 2`)
  const net = createNetwork(expected, symbols, pauses.space)
  const count = net.symbols.length
  let score = new Float64Array(count).fill(nothing)
  let steps: (Step | undefined)[] = new Array(count)
  score[0] = logProbabilities[net.symbols[0]!]!
  steps[0] = { state: 0, start: 0, before: undefined }
  for (let t = 1; t < frames; t++) {
    const row = logProbabilities.subarray(t * symbols, (t + 1) * symbols)
    const next = score.slice() // a state may last
    const from = steps.slice()
    const move: Move = (a, b, cost) => {
      const value = score[a]! + cost
      if (value <= next[b]!) return
      next[b] = value
      from[b] = { state: b, start: t, before: steps[a] }
    }
    const limit = largest(score) - beam
    for (let i = 0; i < net.last; i++) if (score[i]! > limit) move(i, i + 1, 0)
    passOver(net, score, limit, costs, move)
    listen(net, score, limit, row, { bigram, pauses, costs }, move)
    for (let state = 0; state < count; state++) {
      if (next[state]! > nothing) next[state]! += row[net.symbols[state]!]! + (state < net.listening ? 0 : costs.listenEach)
    }
    score = next
    steps = from
  }
  const end = steps[net.last]
  if (!end) throw new RangeError(`hear: ${expected.phonemes.length} phonemes cannot be in ${frames} frames; at least one frame each`)
  return readPath(net, end, logProbabilities, symbols, pauses)
}

/** States: the phonemes of a transcript, one after the other, then, for every place between two of its words, all phonemes that may be heard there. */
interface Network {
  /** The phoneme of each state. */
  readonly symbols: Int32Array
  /** The word of each state: its index, −1 for silence, −2 for what is heard. */
  readonly words: Int32Array
  readonly wordCount: number
  /** The last state of the transcript, its boundary. */
  readonly last: number
  /** The first state after the last word. */
  readonly ending: number
  /** The first state of what is heard; those before it are of the transcript. */
  readonly listening: number
  /** What is before word `n`: the last silence; what is heard there comes after it. For n = wordCount a space after the last word. */
  door(n: number): number
  /** The first phoneme of a word. */
  first(n: number): number
  /** A phoneme that is heard before word `n`. */
  heard(n: number, phoneme: number): number
}

const silence = -1
const unexpected = -2

function createNetwork({ phonemes, words }: Expected, symbols: number, space: number): Network {
  const last = phonemes.length - 1
  const afterwards = last + 1
  const start = afterwards + 1
  const wordCount = words.length
  const count = start + (wordCount + 1) * symbols
  const word = new Int32Array(count).fill(silence, 0, start).fill(unexpected, start)
  for (const [n, { start, end }] of words.entries()) word.fill(n, start, end)
  const of = new Int32Array(count)
  of.set(phonemes)
  of[afterwards] = space
  for (let state = start; state < count; state++) {
    of[state] = (state - start) % symbols
    if (of[state] === space) word[state] = silence
  }
  return {
    symbols: of,
    words: word,
    wordCount,
    last,
    ending: words.at(-1)?.end ?? last,
    listening: start,
    door: n => (n < wordCount ? words[n]!.start - 1 : wordCount === 0 ? 0 : afterwards),
    first: n => words[n]!.start,
    heard: (n, phoneme) => start + n * symbols + phoneme,
  }
}

/** Over words of the transcript, from before the first of them to the one after the last, or to the end. */
function passOver(net: Network, score: Float64Array, limit: number, { skip, skipEach }: HearingCosts, move: Move): void {
  let best = -1 // the state from which later words are best reached
  let value = nothing
  for (let n = 0; n < net.wordCount; n++) {
    if (best >= 0) move(best, net.first(n), value - score[best]!)
    const state = net.door(n)
    if (score[state]! > limit && score[state]! + skip > value) {
      best = state
      value = score[state]! + skip
    }
    value += skipEach
  }
  if (best >= 0) move(best, net.ending, value - score[best]!)
  if (net.wordCount > 0) move(net.ending - 1, net.door(net.wordCount), 0)
}

/** Into what is heard, on within it, and out of it: to one of the words that are still to come, or to the end. */
function listen(
  net: Network,
  score: Float64Array,
  limit: number,
  row: Float32Array,
  { bigram, pauses: { silent, space }, costs }: { bigram: Float32Array; pauses: PauseSymbols; costs: HearingCosts },
  move: Move,
): void {
  const loud = largest(row) - soundBeam
  const sounds = [...row.keys()].filter(id => id === space || (!silent.includes(id) && row[id]! > loud))
  const after = (last: number, id: number) => costs.bigram * bigram[last * row.length + id]!
  for (let n = 0; n <= net.wordCount; n++) {
    const door = net.door(n)
    if (score[door]! > limit) {
      const last = n === 0 ? 0 : space
      for (const id of sounds) if (id !== space) move(door, net.heard(n, id), costs.listen + after(last, id))
    }
    for (let last = 0; last < row.length; last++) {
      const state = net.heard(n, last)
      if (!(score[state]! > limit)) continue
      for (const id of sounds) if (id !== last) move(state, net.heard(n, id), after(last, id))
      const end = n === net.wordCount ? 0 : costs.skip + costs.skipEach * (net.wordCount - n)
      if (last !== space) move(state, net.ending, end + after(last, 0))
      else for (let to = n; to < net.wordCount; to++) move(state, net.first(to), to === n ? 0 : costs.skip + costs.skipEach * (to - n))
    }
  }
}

function largest(values: Float64Array | Float32Array): number {
  let most = nothing
  for (const value of values) if (value > most) most = value
  return most
}

/** A phoneme as it was spoken. */
interface Spoken {
  readonly id: number
  readonly frames: number
  /** Of the network. */
  readonly word: number
  /** Sum over its frames of its probability. */
  readonly probability: number
}

function readPath(net: Network, end: Step, logProbabilities: Float32Array, symbols: number, pauses: PauseSymbols): Heard {
  const path: Spoken[] = []
  for (let step: Step | undefined = end, until = logProbabilities.length / symbols; step; until = step.start, step = step.before) {
    const [id, word] = [net.symbols[step.state]!, net.words[step.state]!]
    let probability = 0
    for (let t = step.start; t < until; t++) probability += Math.exp(logProbabilities[t * symbols + id]!)
    path.unshift({ id, frames: until - step.start, word, probability })
  }
  const spoken = punctuatePauses(joinSilence(path, pauses), pauses)
  return {
    phonemes: Int32Array.from(spoken, ({ id }) => id),
    durations: Int32Array.from(spoken, ({ frames }) => frames),
    words: toWords(spoken),
  }
}

/** A space before punctuation, as it is left where words were passed over, goes to it. */
function joinSilence(path: readonly Spoken[], { silent, space }: PauseSymbols): Spoken[] {
  const out: Spoken[] = []
  for (const each of path) {
    const before = out.at(-1)
    const joins = before?.id === space && silent.includes(each.id)
    if (joins) out[out.length - 1] = { ...each, frames: each.frames + before.frames }
    else out.push(each)
  }
  return out
}

function toWords(spoken: readonly Spoken[]): HeardWord[] {
  const words: HeardWord[] = []
  for (let start = 0, end = 0; start < spoken.length; start = end) {
    const { word } = spoken[start]!
    while (end < spoken.length && spoken[end]!.word === word) end++
    if (word === silence) continue
    const its = spoken.slice(start, end)
    const frames = its.reduce((sum, each) => sum + each.frames, 0)
    const certainty = its.reduce((sum, each) => sum + each.probability, 0) / frames
    words.push({ start, end, ...(word === unexpected ? {} : { expected: word }), frames, certainty })
  }
  return words
}

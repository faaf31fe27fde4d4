import type { Utterance } from './front-end.ts'

/** A word and when it is spoken: as the language model timed it, or, where it cannot (VALL-E), estimated from the number of phonemes. */
export interface Word {
  /** As it is written; a number, an amount or a date is one word. */
  readonly text: string
  /** With the punctuation around it and the space after it, where that is more than one space: joined, words are the text. */
  readonly written?: string
  /** Seconds from the start of the whole speech. */
  readonly startSeconds: number
  readonly endSeconds: number
  /** Name of a `<mark>` of SSML: a place between two words, with an empty `text`. */
  readonly mark?: string
}

/**
 * When each word is spoken, from the frames that the language model spent on each phoneme. Words that were not reached are left out.
 * @param durations frames per phoneme [P], or fewer where generation stopped early
 * @param timeOf a frame, in seconds
 */
export function timeWords({ words }: Pick<Utterance, 'words'>, durations: Int32Array, timeOf: (frame: number) => number): Word[] {
  const starts = startsOf(durations)
  return words
    .filter(({ start }) => start < durations.length)
    .map(({ start, end, ...word }) => ({
      ...word,
      startSeconds: timeOf(starts[start]!),
      endSeconds: timeOf(starts[Math.min(end, durations.length)]!),
    }))
}

/** Where speech can be cut: the last start of a word up to frame `most` that does not follow the word before without a space. Frame 0 if there is none. */
export function lastWordStart({ words }: Utterance, durations: Int32Array, most: number): { frame: number; phoneme: number } {
  const starts = startsOf(durations)
  const phoneme = words.findLast(
    ({ start }, i) => i > 0 && words[i - 1]!.end < start && start <= durations.length && starts[start]! <= most,
  )?.start
  return phoneme === undefined ? { frame: 0, phoneme: 0 } : { frame: starts[phoneme]!, phoneme }
}

/** Where the model does not know when each phoneme is spoken, all are taken to last equally long. */
export function spreadEvenly(frames: number, phonemes: number): Int32Array {
  return Int32Array.from({ length: phonemes }, (_, i) => Math.round(((i + 1) * frames) / phonemes) - Math.round((i * frames) / phonemes))
}

/** Frames of each phoneme that lie from frame `begin` up to frame `end`. */
export function durationsWithin(durations: Int32Array, begin: number, end: number): number[] {
  const starts = startsOf(durations)
  const within = Array.from(durations, (duration, i) => Math.max(0, Math.min(end, starts[i]! + duration) - Math.max(begin, starts[i]!)))
  const known = starts.at(-1)!
  return end > known ? [...within, end - Math.max(begin, known)] : within
}

/** First frame of every phoneme, and of what comes after them. */
export function startsOf(durations: Int32Array): number[] {
  const starts = [0]
  for (const duration of durations) starts.push(starts.at(-1)! + duration)
  return starts
}

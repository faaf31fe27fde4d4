import type { Voice } from './voice/voice.ts'

/** How far a synthesis has come. */
export interface Progress {
  /** Utterances (sentences, roughly) that are finished. */
  readonly utterances: number
  /** Seconds of speech generated so far. */
  readonly seconds: number
}

/** Options of `synthesize` and `stream`. Sampling options default to the bundle's. */
export interface SpeechOptions {
  /** A voice from `createVoice` or `Voice.load`, or the name of one of the bundle's. The bundle's first by default. */
  readonly voice?: Voice | string | undefined
  /** Same seed and device, same samples. 0 by default, so that the same call gives the same speech. */
  readonly seed?: number | undefined
  /** Randomness of the codes: 0 takes the likeliest, 1 the model's own distribution. 0 to 2. */
  readonly temperature?: number | undefined
  /** Codes are drawn from this many of the likeliest; an integer from 1. */
  readonly topK?: number | undefined
  /** Codes are drawn from the likeliest that together have this probability; above 0, up to 1. */
  readonly topP?: number | undefined
  /** Codes of the last frames become less likely by this factor; 1 (none) to 10. */
  readonly repetitionPenalty?: number | undefined
  /**
   * Speaks each passage of 0.65 s up to so often, until it is heard to sound like its phonemes, and keeps the best: more takes mean fewer wrong words and more time. An integer from
   * 1 to 16; models that cannot hear themselves (VALL-E) ignore it.
   */
  readonly takes?: number | undefined
  /** Draws a code that repeats itself anew (VALL-E 2), for models that may get stuck. */
  readonly repetitionAware?: boolean | undefined
  /** Language of the phonemes that markup gives, ISO 639-1, for bundles of several languages; the voice's by default. */
  readonly language?: string | undefined
  /** Speaking rate relative to the voice's, 0.5 to 2. */
  readonly speed?: number | undefined
  /** Speech ends, with a warning, when it has become this long. No limit by default. */
  readonly maxSeconds?: number | undefined
  /** Cancels; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Called after every generated frame; what it throws rejects the call. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

const infinity = Number.POSITIVE_INFINITY
/** [lowest, highest, what is meant] */
const ranges = {
  seed: [-infinity, infinity, 'a finite number'],
  temperature: [0, 2, '0 to 2'],
  topK: [1, infinity, 'an integer from 1'],
  topP: [Number.MIN_VALUE, 1, 'above 0, up to 1'],
  repetitionPenalty: [1, 10, '1 to 10'],
  takes: [1, 16, 'an integer from 1 to 16'],
  speed: [0.5, 2, '0.5 to 2'],
  maxSeconds: [Number.MIN_VALUE, infinity, 'above 0'],
} as const

/** @throws {TypeError} for an option of the wrong type; {RangeError} for a number out of range; each says what is expected */
export function checkSpeechOptions(where: string, options: SpeechOptions): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${where}: options is ${options}, expected an object`)
  for (const [name, [lowest, highest, expected]] of Object.entries(ranges)) {
    const value = options[name as keyof typeof ranges]
    if (value === undefined) continue
    if (typeof value !== 'number') throw new TypeError(`${where}: ${name} is ${typeof value}, expected a number, ${expected}`)
    const fits =
      value >= lowest &&
      value <= highest &&
      (!['topK', 'takes'].includes(name) || Number.isInteger(value)) &&
      (name !== 'seed' || Number.isFinite(value))
    if (!fits) throw new RangeError(`${where}: ${name} is ${value}, expected ${expected}`)
  }
  for (const [name, expected] of Object.entries({ repetitionAware: 'boolean', language: 'string' })) {
    const value = options[name as 'repetitionAware' | 'language']
    if (value !== undefined && typeof value !== expected)
      throw new TypeError(`${where}: ${name} is ${typeof value}, expected a ${expected}`)
  }
  const { voice, signal, onProgress } = options
  if (
    voice !== undefined &&
    typeof voice !== 'string' &&
    !(typeof voice === 'object' && voice?.codes && voice.phonemes && voice.durations)
  ) {
    throw new TypeError(
      `${where}: voice is ${voice === null ? 'null' : typeof voice}, expected a Voice from createVoice or Voice.load, or the name of a ready voice`,
    )
  }
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new TypeError(`${where}: signal is ${typeof signal}, expected an AbortSignal`)
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw new TypeError(`${where}: onProgress is ${typeof onProgress}, expected a function`)
}

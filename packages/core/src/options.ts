import type { Sampling } from './bundle/fields.ts'
import { defaultLoudness } from './level.ts'
import { checkOptionNames } from './option-names.ts'
import type { System, SystemOption } from './systems/system.ts'
import { type BlockReading, blockReadings } from './text/document.ts'
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
  /** Codes are drawn from this many of the likeliest; an integer from 1, or 0 for all. */
  readonly topK?: number | undefined
  /** Codes are drawn from the likeliest that together have this probability; above 0, up to 1. */
  readonly topP?: number | undefined
  /** Codes of the last frames become less likely by this factor; 1 (none) to 10. */
  readonly repetitionPenalty?: number | undefined
  /**
   * Speaks each passage of 0.65 s up to so often (of a word or two up to twice as often), until the pronunciation scorer takes it for its phonemes,
   * and keeps the best: more candidates mean fewer wrong words and more time. An integer from 1 to 16; models without a scorer (VALL-E) leave it out, with a warning.
   */
  readonly candidates?: number | undefined
  /** @deprecated Since 0.2 called `candidates`; this name goes with 0.3. */
  readonly takes?: number | undefined
  /** Draws a code that repeats itself anew (VALL-E 2), for models that may get stuck; others leave it out, with a warning. */
  readonly repetitionAware?: boolean | undefined
  /** Language of the phonemes that markup gives, ISO 639-1, for bundles of several languages; the voice's by default. */
  readonly language?: string | undefined
  /**
   * Whether the text is SSML, of which `break`, `sub`, `say-as`, `phoneme`, `prosody rate`, `voice`, `mark`, `p` and `s` are followed; what else it holds is read, with a
   * warning. By default, whether it begins with `<speak>`.
   */
  readonly ssml?: boolean | undefined
  /** Whether `[word](/wˈɜːd/)` and `[pause 0.4s]` in a text are markup; true by default. `false` reads them as text: for text from strangers. */
  readonly markup?: boolean | undefined
  /** What becomes of code between fences: left out, with a warning (`skip`, by default), named in its place (`announce`), or read (`read`). */
  readonly codeBlocks?: BlockReading | undefined
  /** What becomes of Markdown's tables: left out, with a warning (`skip`, by default), named in their place (`announce`), or read row by row (`read`). */
  readonly tables?: BlockReading | undefined
  /** Whether references such as `[1]` and `[12, 13]` are read; true by default. `false` leaves them out. */
  readonly citations?: boolean | undefined
  /** Speaking rate relative to the voice's, 0.5 to 2: the speech becomes so much shorter or longer, its pitch stays. */
  readonly speed?: number | undefined
  /** Speech ends, with a warning, when it has become this long. No limit by default. */
  readonly maxSeconds?: number | undefined
  /** Integrated loudness that all voices are brought to, LUFS (ITU-R BS.1770), −60 to −10; −20 by default. `false` leaves it as the model speaks. */
  readonly loudness?: number | false | undefined
  /** Requests of higher priority are spoken first, whatever came before; 0 by default. */
  readonly priority?: number | undefined
  /** Cancels; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Called after every generated frame; what it throws rejects the call. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** How far the speaking rate can be from the voice's own. */
export const speedRange = [0.5, 2] as const
const infinity = Number.POSITIVE_INFINITY
/** [lowest, highest, what is meant] */
const ranges = {
  seed: [-infinity, infinity, 'a finite number'],
  temperature: [0, 2, '0 to 2'],
  topK: [0, infinity, 'an integer from 1, or 0 for all'],
  topP: [Number.MIN_VALUE, 1, 'above 0, up to 1'],
  repetitionPenalty: [1, 10, '1 to 10'],
  candidates: [1, 16, 'an integer from 1 to 16'],
  takes: [1, 16, 'an integer from 1 to 16'],
  speed: [...speedRange, '0.5 to 2'],
  maxSeconds: [Number.MIN_VALUE, infinity, 'above 0'],
  loudness: [-60, -10, '-60 to -10 LUFS, or false'],
  priority: [-infinity, infinity, 'a finite number'],
} as const

const finite = new Set(['seed', 'priority'])
const integers = new Set(['topK', 'candidates', 'takes'])
const names = Object.keys({
  voice: true, seed: true, temperature: true, topK: true, topP: true, repetitionPenalty: true, candidates: true, takes: true, repetitionAware: true,
  language: true, ssml: true, markup: true, citations: true, codeBlocks: true, tables: true, speed: true, maxSeconds: true, loudness: true, priority: true, signal: true, onProgress: true,
} satisfies Record<keyof SpeechOptions, true>) // biome-ignore format: a list

/**
 * @param others names that the call takes besides
 * @throws {TypeError} for an unknown option, or one of the wrong type; {RangeError} for a number out of range; each says what is expected
 */
export function checkSpeechOptions(where: string, options: SpeechOptions, others: readonly string[] = []): void {
  checkOptionNames(where, options, [...names, ...others])
  for (const [name, [lowest, highest, expected]] of Object.entries(ranges)) {
    const value = options[name as keyof typeof ranges]
    if (value === undefined || (name === 'loudness' && value === false)) continue
    if (typeof value !== 'number') throw new TypeError(`${where}: ${name} is ${typeof value}, expected a number, ${expected}`)
    const fits =
      value >= lowest &&
      value <= highest &&
      (!integers.has(name) || Number.isInteger(value)) &&
      (Number.isFinite(value) || !finite.has(name))
    if (!fits) throw new RangeError(`${where}: ${name} is ${value}, expected ${expected}`)
  }
  for (const [name, expected] of Object.entries({
    repetitionAware: 'boolean',
    language: 'string',
    ssml: 'boolean',
    markup: 'boolean',
    citations: 'boolean',
  })) {
    const value = options[name as 'repetitionAware' | 'language' | 'ssml' | 'markup' | 'citations']
    if (value !== undefined && typeof value !== expected)
      throw new TypeError(`${where}: ${name} is ${typeof value}, expected a ${expected}`)
  }
  for (const name of ['codeBlocks', 'tables'] as const) {
    const value = options[name]
    if (value !== undefined && !blockReadings.includes(value))
      throw new RangeError(`${where}: ${name} is ${JSON.stringify(value)}, expected ${blockReadings.map(each => `"${each}"`).join(', ')}`)
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

/** How codes are drawn. */
export interface SamplingChoice {
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly repetitionPenalty: number
  readonly candidates: number
  readonly repetitionAware: boolean
}

/** What a speech is generated with. */
export interface GenerationChoice {
  readonly sampling: SamplingChoice
  readonly language: string | undefined
  readonly speed: number
  readonly loudness: number | false
  /** What the caller asked for and this system lacks, in sentences. */
  readonly warnings: readonly string[]
}

/**
 * Options of the caller over the defaults of the bundle, without those that its system lacks.
 * @param options checked
 */
export function chooseGeneration(
  options: SpeechOptions,
  { name, language, sampling }: { readonly name: string; readonly language: string; readonly sampling: Sampling },
  { lacks }: Pick<System, 'lacks'>,
): GenerationChoice {
  const { candidates = options.takes, repetitionAware, speed = 1 } = options
  /** What asks for nothing that the system would do otherwise is no loss. */
  const asked: Readonly<Record<SystemOption, boolean>> = {
    candidates: (candidates ?? 1) !== 1,
    language: options.language !== undefined && options.language !== language.split('-')[0],
    repetitionAware: repetitionAware === true,
  }
  const has = (option: SystemOption) => lacks[option] === undefined
  const lost = (Object.keys(asked) as SystemOption[]).filter(option => asked[option] && !has(option))
  return {
    sampling: {
      temperature: options.temperature ?? sampling.temperature,
      topK: options.topK ?? sampling.topK,
      topP: options.topP ?? sampling.topP,
      repetitionPenalty: options.repetitionPenalty ?? sampling.repetitionPenalty,
      candidates: has('candidates') ? (candidates ?? sampling.candidates ?? 1) : 1,
      repetitionAware: has('repetitionAware') ? (repetitionAware ?? sampling.repetitionAware ?? false) : false,
    },
    language: has('language') ? options.language : undefined,
    speed,
    loudness: options.loudness ?? defaultLoudness,
    warnings: lost.map(option => `the option ${option} was left out: ${name} does not have it, as ${lacks[option]}`),
  }
}

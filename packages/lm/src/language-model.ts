import type { Tensor } from '@mynah/onnx'

/** A voice as a language model sees it: what was said, when, and its codes. VALL-E's acoustic prompt. */
export interface Prompt {
  /** Phoneme ids [P]. */
  readonly phonemes: Int32Array
  /** Frames per phoneme [P], each ≥ 1, sum = T; empty for a model that needs none. */
  readonly durations: Int32Array
  /** What the prompt speaks, ISO 639-1, for models of several languages. */
  readonly language?: string
  /** Codec codes int32 [K, T]. */
  readonly codes: Tensor<'int32'>
}

/** Options of `LanguageModel.generate`; the bundle's defaults apply where the caller says nothing. */
export interface GenerateOptions {
  readonly prompt: Prompt
  /** Same seed, same device, same codes. 0 by default. */
  readonly seed?: number
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly repetitionPenalty?: number
  /** Draws a code that repeats itself anew, as VALL-E 2 does; models that cannot get stuck ignore it. */
  readonly repetitionAware?: boolean
  /**
   * Speaks each passage of 0.65 s up to so often (of a word or two up to twice as often), until the scorer takes it for its phonemes, and keeps the best; 1 to 16.
   * Models without a scorer ignore it.
   */
  readonly candidates?: number
  /** Language of the phonemes, ISO 639-1, for models of several; the prompt's by default. */
  readonly language?: string
  /** The most frames to generate; the result says whether it was reached. */
  readonly maxFrames?: number
  readonly signal?: AbortSignal
  /** Awaited between runs of some tenths of a second: who shares the machine lets others go first. */
  readonly turn?: () => Promise<void>
  /** Called after every generated frame with the number of frames so far. */
  readonly onFrame?: (frames: number) => void
}

/** A chunk of what a language model speaks. */
export interface Generated {
  /** Codec latents float32 [L, T], what the decoder takes, of the frames after the chunk before. */
  readonly latents: Tensor<'float32'>
  /**
   * Frames of each target phoneme that has ended, from the first one: the time axis of the text. It may reach beyond the chunk, and is shorter than the text until the last
   * chunk, where `stopped` is `length` even then. Empty for a model that does not know it.
   */
  readonly durations: Int32Array
  /** Of the last chunk. `end`: the whole text was spoken. `length`: `maxFrames` came first. `repetition`: the model was stuck. */
  readonly stopped?: 'end' | 'length' | 'repetition'
}

/** Continues a prompt: phonemes in, codec latents out. */
export interface LanguageModel extends AsyncDisposable {
  readonly name: string
  /** K, the codebooks of a prompt. */
  readonly codebooks: number
  /** N, the codewords of each. */
  readonly codebookSize: number
  /** Size of its phoneme or text table. */
  readonly symbols: number
  /**
   * Gives chunks as soon as they are known; a model that knows its speech only at the end gives one.
   * @param phonemes target phoneme ids [P], without the prompt's
   * @throws {RangeError} for an empty target, ids outside the table, a prompt that contradicts itself, or sampling options out of range
   */
  generate(phonemes: Int32Array, options: GenerateOptions): AsyncGenerator<Generated, void, undefined>
}

/** What is probably said. */
export interface Expected {
  /** Phoneme ids [P], between two boundaries. */
  readonly phonemes: Int32Array
  /** Which of them are words: [start, end), in order, with silence before and after all of them. */
  readonly words: readonly { readonly start: number; readonly end: number }[]
}

/** Hears what is said in a recording, and when. */
export interface Aligner extends AsyncDisposable {
  /**
   * @param features log-mel [160, T] of the codec's front-end
   * @param expected what is probably said: words that are not there are passed over, and what else there is is written down as it sounds. Without it, all of it is
   * @param options.exact whether what is expected is said for certain: then only its times are found out
   * @throws {RangeError} if there are too few frames, or phonemes outside of the table
   */
  hear(features: Tensor<'float32'>, expected?: Expected, options?: { readonly exact?: boolean }): Promise<Heard>
}

/** What was said when. */
export interface Heard {
  /** Phoneme ids [P] as they were spoken, between two boundaries, with a comma where there was a pause. */
  readonly phonemes: Int32Array
  /** Frames per phoneme [P], each ≥ 1, sum T. */
  readonly durations: Int32Array
  /** What is no silence, as [start, end) of the phonemes. */
  readonly words: readonly HeardWord[]
}

/** A word that was expected, or one that was not. */
export interface HeardWord {
  readonly start: number
  readonly end: number
  /** Which of the expected words it is; undefined for what was heard instead of them, or between them. */
  readonly expected?: number
  /** Frames that it lasts. */
  readonly frames: number
  /** How sure it is: the mean over its frames of the probability that they are its phonemes, 0 to 1. */
  readonly certainty: number
}

import { float32Tensor, int64Tensor, type Model, type State, type Tensor } from '@mynah/onnx'
import { emptyCache } from '../../block-cache.ts'
import type { VallEConfig } from './config.ts'

/** Text and prompt, as the AR model takes them. */
export interface DecodingInput {
  /** Encoded text float32 [1, P, D]. */
  readonly text: Tensor<'float32'>
  /** Codes of the prompt's first codebook [T]. */
  readonly prompt: Int32Array
}

/** How long a block of the cache becomes before it is moved to the past. Each step copies the block, each move the past: docs/decisions/2026-11-23-ar-decoding.md. */
export const blockFrames = 64

/** The sessions of the AR model. */
export interface DecodingModels {
  readonly step: Model
  readonly merge: Model
}

/** One utterance on its way through the AR model: its cache stays in the worker. */
export class Decoding implements AsyncDisposable {
  /** After the last code [audioTokens + 1]; the last one is the end. */
  logits: Float32Array = new Float32Array(0)
  readonly #models: DecodingModels
  readonly #state: State
  readonly #noText: Tensor<'float32'>
  #position = 0
  #recent = 0

  private constructor(models: DecodingModels, state: State, dim: number) {
    this.#models = models
    this.#state = state
    this.#noText = float32Tensor([], [1, 0, dim])
  }

  /**
   * Runs text and prompt.
   * @param options.chunkFrames prompt frames a call; all at once by default
   * @throws {RangeError} if there is no audio to begin with: a prompt without frames for a model that has no beginning code
   */
  static async begin(
    models: DecodingModels,
    config: VallEConfig,
    input: DecodingInput,
    options: { chunkFrames?: number; signal?: AbortSignal } = {},
  ): Promise<Decoding> {
    const audio = config.prependBos ? Int32Array.of(config.audioTokens + 1, ...input.prompt) : input.prompt
    if (audio.length === 0) {
      throw new RangeError(
        `${config.name}: the prompt has no frames, which this checkpoint needs (it has no beginning code); expected at least one`,
      )
    }
    const state = await models.merge.createState(emptyCache(config.ar))
    const decoding = new Decoding(models, state, config.ar.dim)
    try {
      const { chunkFrames = audio.length, signal } = options
      for (let start = 0; start < audio.length; start += chunkFrames) {
        await decoding.#run(audio.subarray(start, start + chunkFrames), start === 0 ? input.text : undefined, signal)
      }
      return decoding
    } catch (error) {
      await state.dispose()
      throw error
    }
  }

  /** Appends a code, and computes the logits after it. */
  advance(code: number, signal?: AbortSignal): Promise<void> {
    return this.#run(Int32Array.of(code), undefined, signal)
  }

  async #run(audio: Int32Array, text: Tensor<'float32'> | undefined, signal: AbortSignal | undefined): Promise<void> {
    const feeds = { text: text ?? this.#noText, audio: int64Tensor(audio, [1, audio.length]), position: int64Tensor([this.#position], []) }
    this.#position += audio.length
    const options = { state: this.#state, ...(signal ? { signal } : {}) }
    if (this.#recent >= blockFrames) {
      await this.#models.merge.run({}, { ...options, fetch: [] })
      this.#recent = 0
    }
    this.#recent += audio.length + (text?.shape[1] ?? 0)
    const { logits } = await this.#models.step.run(feeds, { ...options, fetch: ['logits'] })
    this.logits = logits!.data as Float32Array
  }

  /** Frees the caches. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#state.dispose()
  }
}

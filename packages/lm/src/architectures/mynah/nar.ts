import { float32Tensor, int64Tensor, type Model, slice, type Tensor } from '@mynah/onnx'
import type { ArFrame } from './ar.ts'

/** Frames on either side that a chunk sees; with these its latents are as near to the true ones as if it had seen all (docs/decisions/2026-11-26-stretches.md). */
const framesBefore = 48
/** The same, of later frames: so many must be known before a frame is refined. */
export const framesAfter = 12

/** What the NAR model refines. */
export interface NarRequest {
  /** float32 [P, D], prompt phonemes first. */
  readonly encoding: Tensor<'float32'>
  /** Frames of each prompt phoneme. */
  readonly promptDurations: Int32Array
  /** Sum of all codebooks of the prompt, float32 [Tp, L] row-major. */
  readonly promptLatents: Float32Array
  /** Vectors of first codes: [T] → float32 [T, L] row-major. */
  vectors(codes: Int32Array): Float32Array
  readonly signal?: AbortSignal
}

/** One utterance through the NAR model, chunk by chunk: it adds to the first codebook what all others say, as a vector. */
export class Refinement {
  readonly #model: Model
  readonly #request: NarRequest
  /** The phoneme of every prompt frame, a row of the encoding. */
  readonly #promptPhonemes: readonly number[]
  readonly #latentDim: number
  #refined = 0

  constructor(model: Model, latentDim: number, request: NarRequest) {
    this.#model = model
    this.#latentDim = latentDim
    this.#request = request
    this.#promptPhonemes = [...request.promptDurations].flatMap((duration, phoneme) => Array<number>(duration).fill(phoneme))
  }

  /**
   * @param frames all that are known
   * @param to how many of them are to be refined
   * @returns latents float32 [L, T] of the frames that were not refined before
   */
  async refine(frames: readonly ArFrame[], to: number): Promise<Tensor<'float32'>> {
    const { encoding, promptDurations, promptLatents, signal } = this.#request
    const from = Math.max(0, this.#refined - framesBefore)
    const seen = frames.slice(from, to + framesAfter)
    const phonemes = [...this.#promptPhonemes, ...seen.map(({ phoneme }) => promptDurations.length + phoneme)]
    const dim = encoding.shape[1]!
    const condition = new Float32Array(phonemes.length * dim)
    phonemes.forEach((phoneme, t) => {
      condition.set(encoding.data.subarray(phoneme * dim, (phoneme + 1) * dim), t * dim)
    })
    const known = new Float32Array(phonemes.length * this.#latentDim)
    known.set(promptLatents)
    known.set(this.#request.vectors(Int32Array.from(seen, ({ code }) => code)), promptLatents.length)
    const feeds = {
      condition: float32Tensor(condition, [1, phonemes.length, dim]),
      known: float32Tensor(known, [1, phonemes.length, this.#latentDim]),
      promptFrames: int64Tensor([this.#promptPhonemes.length], [1]),
    }
    const { latents } = await this.#model.run(feeds, signal ? { signal } : {})
    const chunk = slice(latents as Tensor<'float32'>, this.#refined - from, to - from)
    this.#refined = to
    return chunk
  }
}

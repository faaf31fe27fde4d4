import { joinPieces } from '@mynah/audio'

/** Samples that arrive in pieces and are taken in others, by their numbers in the whole. */
export class SampleQueue {
  /** Number of the first sample that is still here. */
  #start = 0
  #samples: Float32Array = new Float32Array(0)

  /** Number of the sample after the last that has arrived. */
  get end(): number {
    return this.#start + this.#samples.length
  }

  push(samples: Float32Array): void {
    this.#samples = joinPieces([this.#samples, samples])
  }

  /** A copy of samples `from` to `to`; those before `to` are not asked for again. */
  take(from: number, to: number): Float32Array {
    const taken = this.#samples.slice(Math.max(0, from - this.#start), Math.max(0, to - this.#start))
    this.#samples = this.#samples.subarray(Math.max(0, to - this.#start))
    this.#start = Math.max(this.#start, to)
    return taken
  }
}

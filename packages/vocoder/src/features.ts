import { concat, slice, type Tensor } from '@mynah/onnx'

/** Features that arrive in chunks: float32 [C, T ≥ 0] each. */
export type FeatureStream = AsyncIterable<Tensor<'float32'>> | Iterable<Tensor<'float32'>>

/** Checks features against what a vocoder decodes. @throws {RangeError} with what was found and what was expected */
export function checkFeatures(name: string, features: Tensor<'float32'>, featureDim: number): void {
  const [channels, frames] = features.shape
  if (features.shape.length !== 2 || channels !== featureDim || !frames) {
    throw new RangeError(`${name}: features are [${features.shape.join(', ')}], expected [${featureDim}, T] with T ≥ 1`)
  }
  const wrong = features.data.findIndex(value => !Number.isFinite(value))
  if (wrong >= 0) {
    throw new RangeError(
      `${name}: features[${Math.floor(wrong / frames)}, ${wrong % frames}] is ${features.data[wrong]}, expected finite numbers`,
    )
  }
}

/** Chunks of any length → chunks of `frames` frames and a shorter last one, each with whether it is the last. */
export async function* regroup(
  features: FeatureStream,
  frames: number,
): AsyncGenerator<{ readonly chunk: Tensor<'float32'>; readonly last: boolean }, void, undefined> {
  let kept: Tensor<'float32'> | undefined
  for await (const part of features) {
    if (part.shape[1] === 0) continue
    kept = kept ? concat([kept, part]) : part
    let start = 0
    // One frame stays, so that a chunk of full length can be the last.
    for (; kept.shape[1]! - start > frames; start += frames) yield { chunk: slice(kept, start, start + frames), last: false }
    if (start > 0) kept = slice(kept, start, kept.shape[1]!)
  }
  if (kept) yield { chunk: kept, last: true }
}

/** The frames of a stream that are still needed, by their numbers in the whole. */
export class FrameWindow {
  #first = 0
  #frames: Tensor<'float32'> | undefined

  /** Number of the frame after the last. */
  get end(): number {
    return this.#first + (this.#frames?.shape[1] ?? 0)
  }

  append(more: Tensor<'float32'>): void {
    this.#frames = this.#frames ? concat([this.#frames, more]) : more
  }

  slice(from: number, to: number): Tensor<'float32'> {
    return from === this.#first && to === this.end ? this.#frames! : slice(this.#frames!, from - this.#first, to - this.#first)
  }

  /** Drops the frames before `frame`. */
  forget(frame: number): void {
    if (frame <= this.#first) return
    this.#frames = slice(this.#frames!, frame - this.#first, this.end - this.#first)
    this.#first = frame
  }
}

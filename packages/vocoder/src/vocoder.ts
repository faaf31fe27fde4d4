import type { Tensor } from '@mynah/onnx'

/** Features → waveform. */
export interface Vocoder extends AsyncDisposable {
  readonly name: string
  readonly sampleRate: number
  /** C, the number of feature channels it decodes. */
  readonly featureDim: number
  /** Samples that `frames` frames decode to. */
  samplesFor(frames: number): number
  /**
   * @param features float32 [C, T]
   * @returns float32 [samplesFor(T)], nominally [-1, 1]
   * @throws {RangeError} if the features have another shape, no frames, or numbers that are not finite
   */
  decode(features: Tensor<'float32'>, options?: { signal?: AbortSignal }): Promise<Float32Array>
}

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

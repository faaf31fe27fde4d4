import { float32Tensor, type Tensor } from '@mynah/onnx'

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

/**
 * Sums the codewords that codes select, from a table of all levels one below the other.
 * @throws {RangeError} if a code or the number of levels is too large
 */
export function sumCodewords(name: string, codes: Tensor<'int32'>, codewords: Tensor<'float32'>, codebookSize: number): Tensor<'float32'> {
  const [rows, width] = codewords.shape as readonly [number, number]
  const [levels, frames] = codes.shape
  if (codes.shape.length !== 2 || !levels || !frames || !(levels * codebookSize <= rows)) {
    const most = Math.floor(rows / codebookSize)
    throw new RangeError(
      `${name}: codes are [${codes.shape.join(', ')}], expected [K, T] with 1 ≤ K ≤ ${most} levels of ${codebookSize} codes`,
    )
  }
  const sums = new Float32Array(width * frames)
  for (const [i, code] of codes.data.entries()) {
    const [level, frame] = [Math.floor(i / frames), i % frames]
    if (!(code >= 0 && code < codebookSize)) {
      throw new RangeError(`${name}: codes[${level}, ${frame}] is ${code}, expected 0 … ${codebookSize - 1}`)
    }
    const row = (level * codebookSize + code) * width
    for (let d = 0; d < width; d++) sums[d * frames + frame]! += codewords.data[row + d]!
  }
  return float32Tensor(sums, [width, frames])
}

/** Part of a tensor whose last axis holds a fixed number of elements per frame. */
export function sliceFrames(tensor: Tensor<'float32'>, frames: number, from: number, to: number): Tensor<'float32'> {
  const width = tensor.shape.at(-1)!
  const [start, end] = [(from * width) / frames, (to * width) / frames]
  const rows = tensor.data.length / width
  const data = new Float32Array(rows * (end - start))
  for (let row = 0; row < rows; row++) data.set(tensor.data.subarray(row * width + start, row * width + end), row * (end - start))
  return float32Tensor(data, [...tensor.shape.slice(0, -1), end - start])
}

/** [C, T] → pieces of `frames` frames, the last one shorter. */
export function* splitFrames(features: Tensor<'float32'>, frames: number): Generator<Tensor<'float32'>> {
  const total = features.shape[1]!
  for (let start = 0; start < total; start += frames) yield sliceFrames(features, total, start, Math.min(total, start + frames))
}

/** [C, T] and [C, U] → [C, T + U]. */
export function joinFrames(a: Tensor<'float32'>, b: Tensor<'float32'>): Tensor<'float32'> {
  const [channels, before] = a.shape as [number, number]
  const after = b.shape[1]!
  const width = before + after
  const data = new Float32Array(channels * width)
  for (let channel = 0; channel < channels; channel++) {
    data.set(a.data.subarray(channel * before, (channel + 1) * before), channel * width)
    data.set(b.data.subarray(channel * after, (channel + 1) * after), channel * width + before)
  }
  return float32Tensor(data, [channels, width])
}

/** [C, frames], all of one value. */
export function constantFrames(channels: number, frames: number, value: number): Tensor<'float32'> {
  return float32Tensor(new Float32Array(channels * frames).fill(value), [channels, frames])
}

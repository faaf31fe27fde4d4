import type { Tensor } from '@mynah/onnx'

/**
 * Codes of codebooks with rates of their own (SNAC), as its reference lists them.
 * @param codes int32 [K, T], coarse codes repeated
 * @param strides frames per code of each codebook
 * @returns one row per codebook, of ⌈T / stride⌉ codes
 * @throws {RangeError} if there are more codebooks than strides
 */
export function toLevels(codes: Tensor<'int32'>, strides: readonly number[]): Int32Array[] {
  const [levels, frames] = codes.shape as [number, number]
  if (levels > strides.length) throw new RangeError(`toLevels: ${levels} codebooks and ${strides.length} strides`)
  return strides
    .slice(0, levels)
    .map((stride, k) => Int32Array.from({ length: Math.ceil(frames / stride) }, (_, i) => codes.data[k * frames + i * stride]!))
}

/**
 * The inverse of `toLevels`.
 * @returns int32 [K, T]
 * @throws {RangeError} unless every row has T / stride codes for one T
 */
export function fromLevels(levels: readonly ArrayLike<number>[], strides: readonly number[]): Tensor<'int32'> {
  const frames = (levels[0]?.length ?? 0) * (strides[0] ?? 0)
  if (frames === 0 || levels.length > strides.length || levels.some((row, k) => row.length * strides[k]! !== frames)) {
    throw new RangeError(
      `fromLevels: rows of ${levels.map(row => row.length).join(', ')} codes, expected equal durations at strides ${strides.join(', ')}`,
    )
  }
  const data = new Int32Array(levels.length * frames)
  levels.forEach((row, k) => {
    for (let t = 0; t < frames; t++) data[k * frames + t] = row[Math.floor(t / strides[k]!)]!
  })
  return { dtype: 'int32', shape: [levels.length, frames], data }
}

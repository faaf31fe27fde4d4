import type { Tensor } from '@mynah/onnx'

/**
 * Codes of codebooks with rates of their own (SNAC), as its reference lists them.
 * @param codes int32 [K, T], coarse codes repeated
 * @param strides frames per code of each codebook
 * @returns one row per codebook, of ⌈T / stride⌉ codes
 * @throws {RangeError} if there are more codebooks than strides
 */
export function toCodebooks(codes: Tensor<'int32'>, strides: readonly number[]): Int32Array[] {
  const [codebooks, frames] = codes.shape as [number, number]
  if (codebooks > strides.length) throw new RangeError(`toCodebooks: ${codebooks} codebooks and ${strides.length} strides`)
  return strides
    .slice(0, codebooks)
    .map((stride, k) => Int32Array.from({ length: Math.ceil(frames / stride) }, (_, i) => codes.data[k * frames + i * stride]!))
}

/**
 * The inverse of `toCodebooks`.
 * @returns int32 [K, T]
 * @throws {RangeError} unless every row has T / stride codes for one T
 */
export function fromCodebooks(codebooks: readonly ArrayLike<number>[], strides: readonly number[]): Tensor<'int32'> {
  const frames = (codebooks[0]?.length ?? 0) * (strides[0] ?? 0)
  if (frames === 0 || codebooks.length > strides.length || codebooks.some((row, k) => row.length * strides[k]! !== frames)) {
    throw new RangeError(
      `fromCodebooks: rows of ${codebooks.map(row => row.length).join(', ')} codes, expected equal durations at strides ${strides.join(', ')}`,
    )
  }
  const data = new Int32Array(codebooks.length * frames)
  codebooks.forEach((row, k) => {
    for (let t = 0; t < frames; t++) data[k * frames + t] = row[Math.floor(t / strides[k]!)]!
  })
  return { dtype: 'int32', shape: [codebooks.length, frames], data }
}

/**
 * Tensors as plain data. Axis letters used all over Mynah: B batch, T frames, S samples, C channels, K codebooks, D width, P phonemes.
 */

/** Element types Mynah reads, computes with or writes. `float16` is held as raw bits; `bool` as 0/1 bytes. bfloat16 is widened to float32 on load. */
export type DType = 'float32' | 'float64' | 'float16' | 'int64' | 'int32' | 'int16' | 'int8' | 'uint8' | 'bool'

/** The typed array that holds each element type. */
export interface DTypeArrays {
  float32: Float32Array
  float64: Float64Array
  float16: Uint16Array
  int64: BigInt64Array
  int32: Int32Array
  int16: Int16Array
  int8: Int8Array
  uint8: Uint8Array
  bool: Uint8Array
}

/** A dense row-major array. `data.length` equals the product of `shape` (1 for a scalar, shape []). */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D
  readonly shape: readonly number[]
  readonly data: DTypeArrays[D]
}

/** The typed array constructor of each element type. */
export const arrayTypes: {
  readonly [D in DType]: { readonly name: string; new (buffer: ArrayBufferLike, offset?: number, length?: number): DTypeArrays[D] }
} = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
}

/** Bytes per element. */
export const bytesPerElement: Readonly<Record<DType, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  int64: 8,
  int32: 4,
  int16: 2,
  int8: 1,
  uint8: 1,
  bool: 1,
}

/** Number of elements of a shape: the product of its sizes, 1 for []. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/**
 * Joins data and shape, checking that they agree.
 * @throws {RangeError} if `data.length` is not the product of `shape`
 */
export function createTensor<D extends DType>(dtype: D, data: DTypeArrays[D], shape: readonly number[]): Tensor<D> {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`createTensor: ${data.length} elements do not fill shape [${shape.join(', ')}] (${sizeOf(shape)} elements)`)
  }
  return { dtype, shape, data }
}

/** A float32 tensor from numbers. @throws {RangeError} if sizes disagree */
export function float32Tensor(data: Float32Array | readonly number[], shape: readonly number[]): Tensor<'float32'> {
  return createTensor('float32', data instanceof Float32Array ? data : Float32Array.from(data), shape)
}

/** An int64 tensor from integers, the index type of ONNX. @throws {RangeError} if sizes disagree or a value is no integer */
export function int64Tensor(data: ArrayLike<number>, shape: readonly number[]): Tensor<'int64'> {
  return createTensor(
    'int64',
    BigInt64Array.from({ length: data.length }, (_, i) => BigInt(data[i]!)),
    shape,
  )
}

import { CheckpointError } from '../errors.ts'
import { allocateFloat32 } from '../memory.ts'
import { arrayTypes, bytesPerElement, createTensor, type DType, sizeOf, type Tensor } from '../tensor.ts'

/** Element types found in checkpoint files: ours, bfloat16 (read as float32), and some that are recognised but not read. */
export type StoredDType = DType | 'bfloat16' | 'uint16' | 'uint32' | 'uint64' | 'float8' | 'complex32' | 'complex64' | 'complex128'

/** Bytes per stored element. */
export const storedBytes: Readonly<Record<StoredDType, number>> = {
  ...bytesPerElement,
  bfloat16: 2,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  float8: 1,
  complex32: 4,
  complex64: 8,
  complex128: 16,
}

/** Most dimensions of a tensor; PyTorch's own limit is 64, published vocoders and language models use at most 5. */
const MAX_RANK = 32

/** A tensor inside a checkpoint; its data are read from the file only by `read()`. */
export abstract class TensorRef {
  /** Element type in the file. */
  abstract readonly dtype: StoredDType
  abstract readonly shape: readonly number[]
  /** Two refs of one checkpoint with equal keys hold the same data (tied weights). */
  abstract readonly key: string
  /**
   * The data as stored, dense and row-major; bfloat16 is widened to float32. A fresh copy each time.
   * @throws {CheckpointError} `unsupported-dtype`, `closed`, `truncated-file`
   */
  abstract read(): Tensor
}

/** A tensor that is already in memory. */
export class MemoryTensorRef extends TensorRef {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly key: string
  readonly #tensor: Tensor

  constructor(tensor: Tensor, key: string) {
    super()
    this.dtype = tensor.dtype
    this.shape = tensor.shape
    this.key = key
    this.#tensor = tensor
  }

  read(): Tensor {
    return { ...this.#tensor, data: this.#tensor.data.slice() } as Tensor
  }
}

/**
 * Stored bytes as a tensor; bfloat16 becomes float32, big-endian elements are swapped. May keep `bytes` as its buffer and change them.
 * @throws {CheckpointError} `unsupported-dtype`
 */
export function decodeTensor(
  bytes: Uint8Array,
  dtype: StoredDType,
  shape: readonly number[],
  options: { where: string; bigEndian?: boolean },
): Tensor {
  const width = storedBytes[dtype]
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
  if (options.bigEndian && width > 1) swapBytes(aligned, width)
  if (dtype === 'bfloat16') {
    const bits = new Uint16Array(aligned.buffer, aligned.byteOffset, sizeOf(shape))
    return createTensor('float32', widenBfloat16(bits), shape)
  }
  if (!(dtype in arrayTypes)) {
    throw new CheckpointError(`${options.where}: element type ${dtype} is not supported; convert the tensor to float32`, {
      code: 'unsupported-dtype',
    })
  }
  const known = dtype as DType
  return createTensor(known, new arrayTypes[known](aligned.buffer, aligned.byteOffset, sizeOf(shape)), shape)
}

/**
 * Picks elements by stride out of a span that starts at the tensor's first element: a view made dense.
 * @param span elements of `width` bytes, at least up to the last one addressed
 * @param strides elements between neighbours along each dimension, 0 for an expanded one
 */
export function gatherStrided(span: Uint8Array, width: number, shape: readonly number[], strides: readonly number[]): Uint8Array {
  const count = sizeOf(shape)
  const out = new Uint8Array(count * width)
  const index = new Array<number>(shape.length).fill(0)
  let position = 0
  for (let i = 0; i < count; i++) {
    for (let b = 0; b < width; b++) out[i * width + b] = span[position * width + b]!
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position += strides[axis]!
      index[axis]!++
      if (index[axis]! < shape[axis]!) break
      position -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return out
}

/** Row-major strides of a shape, in elements. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step
    step *= shape[axis]!
  }
  return strides
}

/** Any numeric tensor as float32; a float32 tensor is returned itself. */
export function toFloat32(tensor: Tensor): Tensor<'float32'> {
  if (tensor.dtype === 'float32') return tensor as Tensor<'float32'>
  if (tensor.dtype === 'float16') return createTensor('float32', widenFloat16(tensor.data as Uint16Array), tensor.shape)
  return createTensor('float32', Float32Array.from(tensor.data as ArrayLike<number | bigint>, Number), tensor.shape)
}

/** IEEE half-precision bits to float32, exactly. */
function widenFloat16(halves: Uint16Array): Float32Array {
  const values = allocateFloat32(halves.length)
  const bits = new Uint32Array(values.buffer)
  for (let i = 0; i < halves.length; i++) {
    const half = halves[i]!
    const exponent = (half >> 10) & 31
    const mantissa = half & 1023
    const sign = (half & 0x8000) << 16
    if (exponent === 0) values[i] = (sign ? -1 : 1) * mantissa * 2 ** -24
    else bits[i] = sign | ((exponent === 31 ? 255 : exponent + 112) << 23) | (mantissa << 13)
  }
  return values
}

function widenBfloat16(halves: Uint16Array): Float32Array {
  const values = allocateFloat32(halves.length)
  const bits = new Uint32Array(values.buffer)
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16
  return values
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let start = 0; start < bytes.length; start += width) bytes.subarray(start, start + width).reverse()
}

/**
 * Checks sizes read from a file: whole, not negative, product below 2^53.
 * @throws {CheckpointError} with `code`
 */
export function assertShape(shape: readonly unknown[], where: string, code: string): asserts shape is readonly number[] {
  const whole = shape.length <= MAX_RANK && shape.every(size => typeof size === 'number' && Number.isSafeInteger(size) && size >= 0)
  if (!whole) {
    const shown = shape.slice(0, 8).map(size => (typeof size === 'object' ? '…' : String(size)))
    throw new CheckpointError(`${where}: shape [${shown.join(', ')}] is not a list of at most ${MAX_RANK} sizes ≥ 0`, { code })
  }
  // A size of 0 makes the product harmless only at the end: intermediate products must stay exact, too.
  const sizes = (shape as readonly number[]).map(size => size || 1)
  if (!Number.isSafeInteger(sizeOf(sizes))) {
    throw new CheckpointError(`${where}: shape [${shape.join(', ')}] has more than 2^53 elements`, { code })
  }
}

/** A value of a damaged file, for its error message. Objects are only named: those without a prototype cannot become text. */
export function nameValue(value: unknown): string {
  return typeof value === 'object' && value !== null ? (Array.isArray(value) ? 'a list' : 'an object') : String(value)
}

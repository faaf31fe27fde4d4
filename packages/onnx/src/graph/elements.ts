import type { DType, DTypeArrays, Tensor } from '../tensor.ts'

const word = new Uint32Array(1)
const single = new Float32Array(word.buffer)

/** Float32 values as IEEE half-precision bits, rounded to nearest even; beyond ±65504 they become infinite. */
export function narrowFloat16(values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from({ length: values.length }, (_, i) => halfBits(values[i]!))
}

function halfBits(value: number): number {
  single[0] = value
  const bits = word[0]!
  const sign = (bits >>> 16) & 0x8000
  const exponent = (bits >>> 23) & 0xff
  const mantissa = bits & 0x7fffff
  if (exponent === 0xff) return sign | 0x7c00 | (mantissa ? 0x200 : 0)
  const scale = exponent - 112 // half's exponent
  if (scale >= 31) return sign | 0x7c00
  if (scale <= 0) {
    // Subnormal: value / 2^-24, rounded. A float32 of this size is exact in double arithmetic.
    const steps = Math.abs(single[0]!) * 2 ** 24
    const low = Math.floor(steps)
    const rest = steps - low
    return sign | (low + (rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? 1 : 0))
  }
  const kept = (scale << 10) | (mantissa >>> 13)
  const dropped = mantissa & 0x1fff
  return sign | (kept + (dropped > 0x1000 || (dropped === 0x1000 && kept % 2 === 1) ? 1 : 0)) // a carry moves into the exponent, as it should
}

/** Numbers as the typed array of an element type; integers are truncated as typed arrays do. @throws {RangeError} for a fraction as int64 */
export function toElements(list: readonly number[], dtype: DType): DTypeArrays[DType] {
  switch (dtype) {
    case 'float32':
      return Float32Array.from(list)
    case 'float64':
      return Float64Array.from(list)
    case 'float16':
      return narrowFloat16(list)
    case 'int64':
      return BigInt64Array.from(list, BigInt)
    case 'int32':
      return Int32Array.from(list)
    case 'int16':
      return Int16Array.from(list)
    case 'int8':
      return Int8Array.from(list)
    case 'uint8':
    case 'bool':
      return Uint8Array.from(list)
  }
}

/** Elements of a constant that holds axes, lengths or indices; undefined if it is no such one. */
export function indicesIn(tensor: Tensor | undefined): readonly number[] | undefined {
  return tensor?.dtype === 'int64' ? Array.from(tensor.data as BigInt64Array, Number) : undefined
}

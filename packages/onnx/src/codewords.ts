import { float32Tensor, type Tensor } from './tensor.ts'

/**
 * Sums the codewords selected by `codes`: the decoder half of residual vector quantization. Paper: SoundStream, arXiv:2107.03312.
 * @param codes int32 [K', T], each in [0, N)
 * @param codebooks float32 [K, N, L], K' ≤ K
 * @param name of the model, for messages
 * @returns float32 [L, T]
 * @throws {RangeError} if a code is out of range, there are no codes, or of more codebooks than the model has
 */
export function sumCodewords(codes: Tensor<'int32'>, codebooks: Tensor<'float32'>, name: string): Tensor<'float32'> {
  const [most, size, width] = codebooks.shape as readonly [number, number, number]
  const [count, frames] = codes.shape
  if (codes.shape.length !== 2 || !count || !frames || count > most) {
    throw new RangeError(`${name}: codes are [${codes.shape.join(', ')}], expected [1 … ${most}, T] of ${size} codewords each, with T ≥ 1`)
  }
  const sum = new Float32Array(width * frames)
  for (let k = 0; k < count; k++) {
    for (let t = 0; t < frames; t++) {
      const code = codes.data[k * frames + t]!
      if (!(code >= 0 && code < size)) throw new RangeError(`${name}: code ${code} of codebook ${k}, frame ${t} is outside [0, ${size})`)
      const row = (k * size + code) * width
      for (let i = 0; i < width; i++) sum[i * frames + t]! += codebooks.data[row + i]!
    }
  }
  return float32Tensor(sum, [width, frames])
}

/** Largest share by which what is asked for may differ from a bandwidth: codecs' own rates have many digits (DAC's are multiples of 0.861328125 kbps). */
const bandwidthTolerance = 0.01

/**
 * Which of a model's bandwidths is meant.
 * @param kbps what is asked for
 * @param known what there is, in kbps
 * @returns its index; undefined if none is within 1 %
 */
export function findBandwidth(kbps: number, known: readonly number[]): number | undefined {
  const distances = known.map(each => Math.abs(each - kbps) / each)
  const nearest = distances.indexOf(Math.min(...distances))
  return nearest >= 0 && distances[nearest]! <= bandwidthTolerance ? nearest : undefined
}

/** Bandwidths as a message lists them, in kbps. */
export const listBandwidths = (known: readonly number[]): string => known.map(kbps => `${Number(kbps.toFixed(3))}`).join(', ')

import { float32Tensor, type Tensor } from '@mynah/onnx'
import { Columns } from './columns.ts'

/** Where segments begin and how long they are, in samples. */
export interface Segmentation {
  readonly length: number
  readonly stride: number
}

type Pieces = Iterable<Tensor<'float32'>> | AsyncIterable<Tensor<'float32'>>

/**
 * Cuts a waveform into overlapping segments, the last one shorter. Holds one segment.
 * EnCodec, arXiv:2210.13438, section 3.1; facebookresearch/encodec@0e2d0ae model.py.
 * @param waveform pieces of any length, float32 [C, S]
 */
export async function* cutSegments(
  waveform: Pieces,
  channels: number,
  { length, stride }: Segmentation,
): AsyncGenerator<Tensor<'float32'>, void, undefined> {
  const queue = new Columns(channels)
  for await (const piece of waveform) {
    queue.push(piece)
    while (queue.length >= length) {
      yield queue.peek(length)
      queue.drop(stride)
    }
  }
  while (queue.length > 0) {
    yield queue.peek(queue.length)
    queue.drop(stride)
  }
}

/**
 * Weighted mean of overlapping segments, each with a triangular window that is nowhere zero; the reference is utils.py. Holds one segment.
 * @param segments float32 [C, S]
 * @returns pieces float32 [C, stride], the last one with all that is left
 * @throws {RangeError} if one is longer than the first, or one that is not the last is shorter than the stride
 */
export async function* joinSegments(
  name: string,
  segments: Pieces,
  { stride }: Segmentation,
): AsyncGenerator<Tensor<'float32'>, void, undefined> {
  let sum: WeightedSum | undefined
  for await (const segment of segments) {
    const length = segment.shape[1]!
    if (!sum) sum = new WeightedSum(segment.shape as [number, number])
    else {
      if (sum.held < stride) {
        throw new RangeError(`${name}: a segment of ${sum.held} samples is not the last one, expected at least ${stride} samples`)
      }
      yield sum.take(stride)
    }
    if (length > sum.length) throw new RangeError(`${name}: a segment has ${length} samples, more than the first one (${sum.length})`)
    sum.add(segment)
  }
  if (sum) yield sum.take(sum.held)
}

/** Sum of windowed segments and of their windows, from the start of the latest segment on. */
class WeightedSum {
  readonly length: number
  /** Samples that any segment has reached. */
  held = 0
  readonly #window: Float64Array
  readonly #weights: Float64Array
  readonly #rows: readonly Float64Array[]

  constructor([channels, length]: readonly [number, number]) {
    this.length = length
    this.#window = Float64Array.from({ length }, (_, i) => 0.5 - Math.abs((i + 1) / (length + 1) - 0.5))
    this.#weights = new Float64Array(length)
    this.#rows = Array.from({ length: channels }, () => new Float64Array(length))
  }

  add({ data, shape }: Tensor<'float32'>): void {
    const count = shape[1]!
    for (let i = 0; i < count; i++) this.#weights[i]! += this.#window[i]!
    this.#rows.forEach((row, c) => {
      for (let i = 0; i < count; i++) row[i]! += this.#window[i]! * data[c * count + i]!
    })
    this.held = Math.max(this.held, count)
  }

  /** Removes the first samples: float32 [C, count] */
  take(count: number): Tensor<'float32'> {
    const mean = new Float32Array(this.#rows.length * count)
    this.#rows.forEach((row, c) => {
      for (let i = 0; i < count; i++) mean[c * count + i] = row[i]! / this.#weights[i]!
    })
    for (const row of [...this.#rows, this.#weights]) row.copyWithin(0, count).fill(0, row.length - count)
    this.held -= count
    return float32Tensor(mean, [this.#rows.length, count])
  }
}

import { float32Tensor, type Tensor } from '@mynah/onnx'
import { Columns } from './columns.ts'

/** Where segments begin and how long they are, in samples. */
export interface Segmentation {
  readonly length: number
  readonly stride: number
}

/**
 * Cuts a waveform that arrives bit by bit into overlapping segments, the last ones shorter. Holds one segment.
 * EnCodec, arXiv:2210.13438, section 3.1; facebookresearch/encodec@0e2d0ae model.py.
 */
export class SegmentCutter {
  readonly #segmentation: Segmentation
  readonly #queue: Columns

  constructor(channels: number, segmentation: Segmentation) {
    this.#segmentation = segmentation
    this.#queue = new Columns(channels)
  }

  /** @param chunk float32 [C, any] @returns the segments that are complete; after the last chunk all that are left */
  *push(chunk: Tensor<'float32'>, last: boolean): Generator<Tensor<'float32'>, void, undefined> {
    const { length, stride } = this.#segmentation
    const queue = this.#queue
    queue.push(chunk)
    for (; queue.length >= length; queue.drop(stride)) yield queue.peek(length)
    for (; last && queue.length > 0; queue.drop(stride)) yield queue.peek(queue.length)
  }
}

/** Weighted mean of overlapping segments, each with a triangular window that is nowhere zero; the reference is utils.py. Holds one segment. */
export class SegmentJoiner {
  readonly #name: string
  readonly #stride: number
  #sum: WeightedSum | undefined

  constructor(name: string, { stride }: Segmentation) {
    this.#name = name
    this.#stride = stride
  }

  /**
   * @param segment float32 [C, S]
   * @returns float32 [C, stride], what no later segment changes; undefined before the second one
   * @throws {RangeError} if it is longer than the first, or the one before, which is not the last, is shorter than the stride
   */
  push(segment: Tensor<'float32'>): Tensor<'float32'> | undefined {
    const length = segment.shape[1]!
    let done: Tensor<'float32'> | undefined
    if (this.#sum) {
      if (this.#sum.held < this.#stride) {
        throw new RangeError(
          `${this.#name}: a segment of ${this.#sum.held} samples is not the last one, expected at least ${this.#stride} samples`,
        )
      }
      done = this.#sum.take(this.#stride)
    }
    this.#sum ??= new WeightedSum(segment.shape as [number, number])
    if (length > this.#sum.length)
      throw new RangeError(`${this.#name}: a segment has ${length} samples, more than the first one (${this.#sum.length})`)
    this.#sum.add(segment)
    return done
  }

  /** All that is left; undefined if there were no segments. */
  finish(): Tensor<'float32'> | undefined {
    return this.#sum?.take(this.#sum.held)
  }
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

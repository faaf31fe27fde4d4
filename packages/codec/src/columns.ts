import { float32Tensor, type Tensor } from '@mynah/onnx'

/** A queue of columns, all of the same height: what has arrived of a waveform [C, S] or of latents [D, T] and is not yet used. */
export class Columns {
  readonly #height: number
  #capacity = 0
  #start = 0
  #end = 0
  #rows: Float32Array[]

  constructor(height: number) {
    this.#height = height
    this.#rows = Array.from({ length: height }, () => new Float32Array(0))
  }

  /** Columns in the queue. */
  get length(): number {
    return this.#end - this.#start
  }

  /** @param columns float32 [height, any] */
  push({ data, shape }: Tensor<'float32'>): void {
    const count = shape[1]!
    this.#reserve(count)
    this.#rows.forEach((row, i) => {
      row.set(data.subarray(i * count, (i + 1) * count), this.#end)
    })
    this.#end += count
  }

  /** The first columns, which stay in the queue: float32 [height, count] */
  peek(count: number): Tensor<'float32'> {
    const data = new Float32Array(this.#height * count)
    this.#rows.forEach((row, i) => {
      data.set(row.subarray(this.#start, this.#start + count), i * count)
    })
    return float32Tensor(data, [this.#height, count])
  }

  /** Removes the first columns, all if there are fewer. */
  drop(count: number): void {
    this.#start = Math.min(this.#start + count, this.#end)
  }

  /** Removes and returns the first columns: float32 [height, count] */
  take(count: number): Tensor<'float32'> {
    const columns = this.peek(count)
    this.drop(count)
    return columns
  }

  /** Makes room at the end: moves what is there to the front, into arrays twice as long if it is much. */
  #reserve(count: number): void {
    if (this.#end + count <= this.#capacity) return
    const { length } = this
    if (2 * (length + count) > this.#capacity) this.#capacity = 2 * (length + count)
    this.#rows = this.#rows.map(row => {
      const moved = row.length === this.#capacity ? row : new Float32Array(this.#capacity)
      if (moved === row) row.copyWithin(0, this.#start, this.#end)
      else moved.set(row.subarray(this.#start, this.#end))
      return moved
    })
    this.#start = 0
    this.#end = length
  }
}

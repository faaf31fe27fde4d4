import { CheckpointError } from '../errors.ts'
import type { ByteSource } from './source.ts'

/** A pickle holds names and shapes, hardly any data; that of the largest published checkpoint is below 1 MiB. */
export const MAX_PICKLE_BYTES = 64 * 2 ** 20
/** Dotted names of classes. */
export const MAX_LINE_BYTES = 1024
/** Read ahead while decoding from a file. */
const WINDOW_BYTES = 256 * 1024

/** Sequential bytes of a source, read in windows. */
export class Cursor {
  position: number
  readonly end: number
  readonly #source: ByteSource
  #window: Uint8Array = new Uint8Array(0)
  #windowStart = 0

  constructor(source: ByteSource, position: number, end = source.size) {
    this.#source = source
    this.position = position
    this.end = Math.min(end, position + MAX_PICKLE_BYTES)
  }

  /** A view of the next `count` bytes; checked before anything is allocated. */
  bytes(count: number): Uint8Array {
    if (!(count >= 0 && count <= this.end - this.position)) {
      throw this.error(`needs ${count} more bytes, ${this.end - this.position} are there; the file is cut short or damaged`)
    }
    let start = this.position - this.#windowStart
    if (start < 0 || start + count > this.#window.length) {
      this.#window = this.#source.read(this.position, Math.min(Math.max(count, WINDOW_BYTES), this.end - this.position))
      this.#windowStart = this.position
      start = 0
    }
    this.position += count
    return this.#window.subarray(start, start + count)
  }

  byte(): number {
    const at = this.position - this.#windowStart
    if (this.position < this.end && at >= 0 && at < this.#window.length) {
      this.position++
      return this.#window[at]!
    }
    return this.bytes(1)[0]!
  }

  view(count: number): DataView {
    const bytes = this.bytes(count)
    return new DataView(bytes.buffer, bytes.byteOffset, count)
  }

  line(): string {
    let text = ''
    for (let byte = this.byte(); byte !== 0x0a; byte = this.byte()) {
      text += String.fromCharCode(byte)
      if (text.length > MAX_LINE_BYTES) throw this.error('has a name that never ends')
    }
    return text
  }

  error(problem: string): CheckpointError {
    return new CheckpointError(`${this.#source.path}: pickle ${problem} (at byte ${this.position})`, { code: 'malformed-pickle' })
  }
}

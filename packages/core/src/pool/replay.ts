import { untilAborted } from '../streaming.ts'
import { openText, type TextPiece, type TextSource } from '../text/stream.ts'

/** A text that can be read from its start again, as long as it was not told to forget it. */
export class ReplayableText {
  /** Whether it waits for more text. */
  waiting = false
  readonly #text: TextSource
  readonly #source: AsyncGenerator<TextPiece, void, undefined> | undefined
  /** What came so far, or, once it forgets, what was not read yet. */
  readonly #pieces: TextPiece[] = []
  #position = 0
  #forgets = false
  #ended = false
  #pending: Promise<void> | undefined

  /** @param signal ends the reading, even while the source keeps it waiting */
  constructor(text: TextSource, signal: AbortSignal) {
    this.#text = text
    this.#source = typeof text === 'string' ? undefined : untilAborted(openText(text), signal)
  }

  /** The text from its start. What was opened before must not be read on. */
  open(): TextSource {
    if (typeof this.#text === 'string') return this.#text
    this.#position = 0
    return { [Symbol.asyncIterator]: () => ({ next: () => this.#next() }) }
  }

  /** Keeps nothing of what was read: it will not be opened again. */
  forget(): void {
    this.#forgets = true
    this.#pieces.splice(0, this.#position)
    this.#position = 0
  }

  /** Leaves the source. */
  close(): void {
    this.#source?.return().catch(() => undefined)
  }

  async #next(): Promise<IteratorResult<TextPiece, void>> {
    while (this.#position >= this.#pieces.length && !this.#ended) await this.#pull()
    if (this.#position >= this.#pieces.length) return { done: true, value: undefined }
    return { done: false, value: this.#forgets ? this.#pieces.shift() : this.#pieces[this.#position++] }
  }

  #pull(): Promise<void> {
    this.#pending ??= this.#receive().finally(() => {
      this.#pending = undefined
    })
    return this.#pending
  }

  async #receive(): Promise<void> {
    this.waiting = true
    try {
      const { done, value } = await this.#source!.next()
      if (done) this.#ended = true
      else this.#pieces.push(value)
    } finally {
      this.waiting = false
    }
  }
}

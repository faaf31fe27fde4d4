import { isWebStream, iterateStream } from '../streaming.ts'

/**
 * A piece of a text that is still being written. `undefined`, `null` and `''` are nothing (a language model's delta that carries no text);
 * `{ flush: true }` speaks what has come so far, even in the middle of a sentence.
 */
export type TextPiece = string | null | undefined | { readonly flush: true }

/** A whole text, or pieces of one, cut anywhere: what `stream` and `streamAudio` speak. */
export type TextSource = string | Iterable<TextPiece> | AsyncIterable<TextPiece> | ReadableStream<TextPiece>

/** A text that is pushed piece by piece, for callers who are called back with it. Pass it to `stream` or `streamAudio` once. */
export interface TextStream extends AsyncIterable<TextPiece> {
  /** Adds a piece; nothing happens for `undefined`, `null` and `''`. @throws {TypeError} for anything else that is no string; {Error} after `close` */
  push(piece: string | null | undefined): void
  /** Speaks what was pushed so far without waiting for the end of its sentence. */
  flush(): void
  /** Ends the text. Idempotent. @param error ends the speech with this error instead */
  close(error?: unknown): void
}

/** @throws {TypeError} unless `text` is something that can be spoken as it comes */
export function checkTextSource(where: string, text: unknown): void {
  if (typeof text === 'string') return
  if (typeof text === 'object' && text !== null && (Symbol.asyncIterator in text || Symbol.iterator in text || isWebStream(text))) return
  const found = text === null ? 'null' : typeof text
  throw new TypeError(`${where}: text is ${found}, expected a string, an array, an AsyncIterable or a ReadableStream of strings`)
}

/** A text as something to iterate over; leaving a web stream early cancels it. */
export function openText(source: Exclude<TextSource, string>): AsyncIterable<TextPiece> | Iterable<TextPiece> {
  return isWebStream(source) ? iterateStream<TextPiece>(source) : source
}

/** A piece that says something: text, or a flush. */
export type TextPart = Exclude<TextPiece, null | undefined>

/**
 * The pieces of a text as they come, without those that are nothing.
 * @throws {TypeError} for a piece that is neither text nor nothing nor a flush
 */
export async function* readPieces(source: TextSource): AsyncGenerator<TextPart, void, undefined> {
  for await (const piece of typeof source === 'string' ? [source] : openText(source)) {
    if (piece === undefined || piece === null || piece === '') continue
    if (typeof piece === 'string' || (typeof piece === 'object' && piece.flush === true)) yield piece
    else throw new TypeError(`text: a piece of it is ${Array.isArray(piece) ? 'an array' : typeof piece}, expected a string`)
  }
}

/** Begins a text that is pushed piece by piece. */
export function createTextStream(): TextStream {
  const pieces: TextPiece[] = []
  let ended: { readonly error: unknown } | undefined
  let wake: () => void = () => undefined
  const add = (piece: TextPiece) => {
    if (ended) throw new Error('createTextStream: the text was closed; begin another')
    pieces.push(piece)
    wake()
  }
  return {
    push(piece) {
      if (piece === undefined || piece === null || piece === '') return
      if (typeof piece !== 'string') throw new TypeError(`createTextStream: push was given ${typeof piece}, expected a string`)
      add(piece)
    },
    flush: () => add({ flush: true }),
    close(error) {
      ended ??= { error }
      wake()
    },
    async *[Symbol.asyncIterator]() {
      while (true) {
        for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) yield piece
        if (ended?.error !== undefined) throw ended.error
        if (ended) return
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
  }
}

import type { AudioEncoder, Speech } from '@mynah/core'
import { RequestError } from './errors.ts'

/** Bytes that are made as they are read. Ending the stream early ends the work, even before anything is read. */
export async function toByteStream(source: AsyncGenerator<Uint8Array, void, undefined>): Promise<ReadableStream<Uint8Array>> {
  const pieces = await start(source)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await nextBytes(pieces)
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      },
      async cancel() {
        await pieces.return()
      },
    },
    { highWaterMark: 0 },
  )
}

/** How a body is watched. */
export interface Watch {
  /** A reader that takes nothing for so long is cut off, so that what it holds up is given to others. */
  readonly stalledSeconds: number
  /** Called once, when the last byte is out or none will follow. */
  readonly onEnd: (outcome: 'done' | 'failed' | 'cancelled' | 'stalled') => void
  /** Cuts the connection, where there is one: how a client learns that a body is not whole. Without it the stream fails. */
  readonly cut: (() => void) | undefined
}

/** Passes a body on, and says how it ended. */
export function watchBody(body: ReadableStream<Uint8Array>, { stalledSeconds, onEnd, cut }: Watch): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let timer: NodeJS.Timeout | undefined
  let ended = false
  const end = (outcome: Parameters<Watch['onEnd']>[0]) => {
    clearTimeout(timer)
    if (!ended) onEnd(outcome)
    ended = true
  }
  const fail = (controller: ReadableStreamDefaultController, error: unknown) => {
    if (cut) cut()
    else controller.error(error)
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        clearTimeout(timer)
        try {
          const { done, value } = await reader.read()
          if (done) {
            end('done')
            controller.close()
            return
          }
          controller.enqueue(value)
          timer = setTimeout(() => {
            const reason = new RequestError(`nothing was read for ${stalledSeconds} s`, { status: 408, code: 'stalled' })
            end('stalled')
            fail(controller, reason)
            reader.cancel(reason).catch(() => undefined)
          }, stalledSeconds * 1000).unref()
        } catch (error) {
          end('failed')
          fail(controller, error)
        }
      },
      async cancel(reason) {
        end('cancelled')
        await reader.cancel(reason).catch(() => undefined)
      },
    },
    { highWaterMark: 0 },
  )
}

/** An encoder may hold everything back for a while; a stream must not give empty pieces. */
async function nextBytes(
  pieces: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<{ value: Uint8Array; done: false } | { value: undefined; done: true }> {
  for (;;) {
    const next = await pieces.next()
    if (next.done) return { value: undefined, done: true }
    if (next.value.length > 0) return { value: next.value, done: false }
  }
}

/** Speech as it is spoken. */
export type SpeechChunks = AsyncGenerator<Speech, void, undefined>

/** Speech with its bytes, as it is spoken. What the encoder held back comes at the end, without speech. */
export type EncodedChunks = AsyncGenerator<{ readonly speech: Speech | undefined; readonly bytes: Uint8Array }, void, undefined>

/** Encodes chunk by chunk, and disposes of the encoder. */
export async function* encodeChunks(chunks: SpeechChunks, encoder: AudioEncoder): EncodedChunks {
  try {
    for await (const speech of chunks) yield { speech, bytes: await encoder.encode(speech.audio) }
    yield { speech: undefined, bytes: await encoder.finish() }
  } finally {
    encoder[Symbol.dispose]()
  }
}

/** The bytes alone. */
export async function* bytesOf(chunks: EncodedChunks): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { bytes } of chunks) yield bytes
}

/** All of it. */
export async function collectBytes(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return new Uint8Array(Buffer.concat(all))
}

/** Takes the first value of a generator, so that what fails before it fails here, and `return` on the result always reaches the generator's `finally`. */
export async function start<T>(source: AsyncGenerator<T, void, undefined>): Promise<AsyncGenerator<T, void, undefined>> {
  let first: IteratorResult<T, void> | undefined = await source.next()
  const started: AsyncGenerator<T, void, undefined> = {
    next() {
      const taken = first
      first = undefined
      return taken ? Promise.resolve(taken) : source.next()
    },
    return: () => source.return(),
    throw: error => source.throw(error),
    [Symbol.asyncIterator]: () => started,
    async [Symbol.asyncDispose]() {
      await source.return()
    },
  }
  return started
}

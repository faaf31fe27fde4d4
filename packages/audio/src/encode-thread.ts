import type { Worker } from 'node:worker_threads'
import { MynahError, startThread, threadUrl } from '@mynah/onnx'
import type { EncoderStart } from './encoders.ts'

/** What the main thread asks of the encoding thread. Numbers of streams and calls are chosen by the main thread. */
export type EncodeRequest =
  | { kind: 'open'; call: number; stream: number; start: EncoderStart; inputRate: number }
  | { kind: 'encode'; call: number; stream: number; samples: Float32Array }
  | { kind: 'finish'; call: number; stream: number }
  | { kind: 'close'; stream: number }

/** What it answers to all but `close`. */
export type EncodeReply = { call: number; bytes: Uint8Array<ArrayBuffer> } | { call: number; message: string }

interface Pending {
  resolve(bytes: Uint8Array<ArrayBuffer>): void
  reject(error: MynahError): void
}

/** One encoding thread for all streams. It starts with the first, and does not keep the process alive while nothing is asked of it. */
let thread: Worker | undefined
const pending = new Map<number, Pending>()
let calls = 0
let streams = 0

function start(): Worker {
  const started = startThread(threadUrl('encode-worker', import.meta.url), { name: 'mynah-encode' })
  let cause: unknown
  started.on('message', (reply: EncodeReply) => {
    const call = pending.get(reply.call)
    pending.delete(reply.call)
    if (pending.size === 0) started.unref()
    if ('bytes' in reply) call?.resolve(reply.bytes)
    else call?.reject(failed(reply.message))
  })
  started.on('error', error => {
    cause = error
  })
  started.on('exit', code => {
    thread = undefined
    const error = failed(`its thread died (${cause instanceof Error ? cause.message : `exit code ${code}`}); encode again`, cause)
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
  })
  return started
}

function failed(message: string, cause?: unknown): MynahError {
  return new MynahError(`encoder: ${message}`, { code: 'encoder-failed', cause })
}

function call(request: (call: number) => EncodeRequest, moved: ArrayBuffer[] = []): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    thread ??= start()
    thread.ref()
    calls++
    pending.set(calls, { resolve, reject })
    thread.postMessage(request(calls), moved)
  })
}

/** A stream that is resampled and encoded on the encoding thread. @throws {MynahError} `encoder-failed` */
export function openOnThread(start: EncoderStart, inputRate: number) {
  const stream = ++streams
  const opened = call(call => ({ kind: 'open', call, stream, start, inputRate }))
  opened.catch(() => undefined) // told at the first call
  let closed = false
  return {
    async encode(samples: Float32Array): Promise<Uint8Array<ArrayBuffer>> {
      const own = samples.slice()
      await opened
      return call(call => ({ kind: 'encode', call, stream, samples: own }), [own.buffer])
    },
    async finish(): Promise<Uint8Array<ArrayBuffer>> {
      await opened
      closed = true
      return call(call => ({ kind: 'finish', call, stream }))
    },
    [Symbol.dispose]() {
      if (!closed) thread?.postMessage({ kind: 'close', stream } satisfies EncodeRequest)
      closed = true
    },
  }
}

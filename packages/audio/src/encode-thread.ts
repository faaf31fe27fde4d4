import { AskedThread, MynahError, startThread, threadUrl } from '@mynah/onnx'
import type { EncoderStart } from './encoders.ts'

/** What the main thread asks of the encoding thread, which chooses the numbers of streams. `close` needs no answer. */
export type EncodeRequest =
  | { kind: 'open'; stream: number; start: EncoderStart; inputRate: number }
  | { kind: 'encode'; stream: number; samples: Float32Array }
  | { kind: 'finish'; stream: number }
  | { kind: 'close'; stream: number }

const failure = (problem: string, cause?: unknown) => new MynahError(`encoder: ${problem}`, { code: 'encoder-failed', cause })

/** One encoding thread for all streams. */
const thread = new AskedThread<EncodeRequest, Uint8Array<ArrayBuffer>>({
  start: () => startThread(threadUrl('encode-worker', import.meta.url), { name: 'mynah-encode' }),
  failed: failure,
  disposed: () => failure('was disposed of'),
})
let streams = 0

/** A stream that is resampled and encoded on the encoding thread. @throws {MynahError} `encoder-failed` */
export function openOnThread(start: EncoderStart, inputRate: number) {
  const stream = ++streams
  const opened = thread.ask({ kind: 'open', stream, start, inputRate })
  opened.catch(() => undefined) // told at the first call
  let closed = false
  return {
    async encode(samples: Float32Array): Promise<Uint8Array<ArrayBuffer>> {
      const own = samples.slice()
      await opened
      return thread.ask({ kind: 'encode', stream, samples: own }, [own.buffer])
    },
    async finish(): Promise<Uint8Array<ArrayBuffer>> {
      await opened
      closed = true
      return thread.ask({ kind: 'finish', stream })
    },
    [Symbol.dispose]() {
      if (!closed) thread.tell({ kind: 'close', stream })
      closed = true
    },
  }
}

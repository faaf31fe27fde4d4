import { parentPort } from 'node:worker_threads'
import { answerRequests } from '@mynah/onnx'
import type { EncodeRequest } from './encode-thread.ts'
import { createCodedEncoder, createPlainEncoder, type FormatEncoder, joinBytes, plainFormats } from './encoders.ts'
import { createResampler, type Resampler } from './resample.ts'

/** Entry file of the thread that resamples and encodes: compressing a minute of speech takes tenths of a second. */
interface Stream {
  readonly resampler: Resampler
  readonly encoder: FormatEncoder
}

const streams = new Map<number, Promise<Stream>>()

async function open({ start, inputRate }: Extract<EncodeRequest, { kind: 'open' }>): Promise<Stream> {
  const encoder = plainFormats.includes(start.format) ? createPlainEncoder(start) : await createCodedEncoder(start)
  return { encoder, resampler: createResampler(inputRate, encoder.sampleRate) }
}

async function answer(request: EncodeRequest): Promise<Uint8Array<ArrayBuffer>> {
  const nothing = new Uint8Array(0)
  if (request.kind === 'open') {
    streams.set(request.stream, open(request))
    await streams.get(request.stream)
    return nothing
  }
  const opened = streams.get(request.stream)
  if (request.kind === 'close') {
    streams.delete(request.stream)
    await opened?.then(
      ({ encoder }) => encoder.free(),
      () => undefined, // it was told when it did not open
    )
    return nothing
  }
  const stream = await opened
  if (!stream) throw new Error('it was begun on a thread that died')
  const { resampler, encoder } = stream
  if (request.kind === 'encode') return encoder.encode(resampler.push(request.samples))
  streams.delete(request.stream)
  return joinBytes([encoder.encode(resampler.finish()), encoder.finish()])
}

answerRequests(parentPort!, answer, bytes => [bytes.buffer])

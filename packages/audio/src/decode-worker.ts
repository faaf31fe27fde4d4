import { parentPort } from 'node:worker_threads'
import { AudioFormatError, answerRequests } from '@mynah/onnx'
import type { AudioErrorCode } from './audio.ts'
import type { DecodeAnswer, DecodeRequest } from './decode-thread.ts'
import { decodeCompressed } from './decoders.ts'

// Some decoders print the errors that they return, and cannot be told not to. It ends here: a stream that the main thread reads from a worker keeps the process alive.
for (const stream of [process.stdout, process.stderr]) stream.write = () => true

/** Entry file of the thread that decodes compressed audio. */
async function answer({ format, bytes, limits }: DecodeRequest): Promise<DecodeAnswer> {
  try {
    return { audio: await decodeCompressed(format, bytes, limits) }
  } catch (error) {
    if (!AudioFormatError.isInstance(error)) throw error
    return { refused: { code: error.code as AudioErrorCode, message: error.message } }
  }
}

const buffersOf = (answered: DecodeAnswer) =>
  'audio' in answered ? answered.audio.channels.map(channel => channel.buffer as ArrayBuffer) : []

answerRequests(parentPort!, answer, buffersOf)

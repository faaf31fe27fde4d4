import { AskedThread, MynahError, startThread, threadUrl } from '@mynah/onnx'
import { type Audio, type AudioErrorCode, type AudioLimits, audioError } from './audio.ts'

/** What the main thread asks of the decoding thread. */
export interface DecodeRequest {
  readonly format: 'mp3' | 'flac' | 'ogg'
  readonly bytes: Uint8Array
  readonly limits: AudioLimits
}

/** What it answers: audio, or why there is none. */
export type DecodeAnswer = { readonly audio: Audio } | { readonly refused: { readonly code: AudioErrorCode; readonly message: string } }

const failure = (problem: string, cause?: unknown) => new MynahError(`decoder: ${problem}`, { code: 'decoder-failed', cause })

/** One decoding thread for all files. */
const thread = new AskedThread<DecodeRequest, DecodeAnswer>({
  start: () => startThread(threadUrl('decode-worker', import.meta.url), { name: 'mynah-decode' }),
  failed: failure,
  disposed: () => failure('was disposed of'),
})

/**
 * @param bytes their buffer leaves this thread
 * @throws {AudioFormatError}
 * @throws {MynahError} `decoder-failed`
 */
export async function decodeOnThread(format: DecodeRequest['format'], bytes: Uint8Array<ArrayBuffer>, limits: AudioLimits): Promise<Audio> {
  const answer = await thread.ask({ format, bytes, limits }, [bytes.buffer])
  if ('audio' in answer) return answer.audio
  throw audioError(answer.refused.code, answer.refused.message)
}

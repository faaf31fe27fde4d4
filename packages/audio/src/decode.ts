import { type Audio, type AudioLimits, audioError, maxAudioBytes, maxAudioSeconds } from './audio.ts'
import { decodeOnThread } from './decode-thread.ts'
import { sniffAudio } from './sniff.ts'
import { readWav } from './wav.ts'

/** Options of `decodeAudio`. */
export interface DecodeOptions {
  /** Refuse longer audio, before it takes memory; `maxAudioSeconds` by default. */
  readonly maxSeconds?: number
}

/**
 * Decodes a whole audio file: WAV, MP3, FLAC, Ogg Opus or Ogg Vorbis, told apart by their bytes. The compressed formats are decoded in a thread of their own, by WebAssembly
 * modules which are loaded when first needed: mpg123 (LGPL-2.1), libFLAC (BSD), libopus (BSD) and libvorbis (BSD), in packages under MIT
 * (whose parser of FLAC and Vorbis files, codec-parser, is LGPL-3.0); all are separate, unmodified dependencies.
 * Leading and trailing padding that the encoder noted is cut off.
 * @param bytes the whole file
 * @throws {AudioFormatError} with an `AudioErrorCode`: what is wrong and what to do
 * @throws {MynahError} `decoder-failed` if the decoding thread does not start, or dies
 * @throws {TypeError} if `bytes` is no Uint8Array
 */
export async function decodeAudio(bytes: Uint8Array, options: DecodeOptions = {}): Promise<Audio> {
  if (!(bytes instanceof Uint8Array))
    throw new TypeError(`decodeAudio: bytes is ${typeof bytes}, expected a Uint8Array holding the whole file`)
  const maxSeconds = options.maxSeconds ?? maxAudioSeconds
  if (!(maxSeconds > 0)) throw new RangeError(`decodeAudio: maxSeconds is ${maxSeconds}, expected a positive number`)
  if (bytes.length > maxAudioBytes) {
    throw audioError('audio-too-long', `audio: ${bytes.length} bytes, expected at most ${maxAudioBytes}; cut the file into parts`)
  }
  const limits: AudioLimits = { maxSeconds }
  const { format, start } = sniffAudio(bytes)
  if (format === 'wav') return readWav(bytes, limits)
  return decodeOnThread(format, new Uint8Array(bytes.subarray(start)), limits) // a copy: slice of a Buffer is a view, and would take the caller's bytes away
}

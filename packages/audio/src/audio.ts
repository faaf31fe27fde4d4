import { AudioFormatError } from '@mynah/onnx'

/** Decoded audio of any channel count. Most of Mynah speaks mono: `toMono(audio)`. */
export interface Audio {
  /** Hz. */
  readonly sampleRate: number
  /** One float32 [S] per channel, nominally in [-1, 1]; at least one channel, S ≥ 1, all of equal length, all values finite. */
  readonly channels: readonly Float32Array[]
  /** What the bytes were. */
  readonly format: AudioFormat
  /** Oddities that were tolerated, in sentences. */
  readonly warnings: readonly string[]
}

/** Formats that Mynah decodes. */
export type AudioFormat = 'wav' | 'mp3' | 'flac' | 'ogg-opus' | 'ogg-vorbis'

/**
 * Why audio was refused: the `code` of an `AudioFormatError`.
 * - `empty-audio`: no bytes, or a file without a single sample
 * - `not-audio`: the bytes are no audio file (a web page, text, an image, noise)
 * - `unsupported-audio`: an audio file of a kind that Mynah does not decode (AAC, MP4, AIFF, compressed WAV …)
 * - `corrupt-audio`: the format is known and its structure is broken
 * - `truncated-audio`: the file ends before the audio that it announces
 * - `audio-too-long`: beyond one of the limits below or the caller's `maxSeconds`
 */
export type AudioErrorCode = 'empty-audio' | 'not-audio' | 'unsupported-audio' | 'corrupt-audio' | 'truncated-audio' | 'audio-too-long'

/** Largest file that is decoded: whole files are held in memory, and an hour of 16-bit mono at 48 kHz is 0.35 GB. */
export const maxAudioBytes = 512 * 2 ** 20

/** Longest audio that is decoded: prompts take seconds, resynthesis takes chapters. */
export const maxAudioSeconds = 3600

/** Most samples over all channels together, 0.8 GB as float32: an hour of mono at 48 kHz. A few compressed kilobytes can announce more than any machine holds. */
export const maxAudioSamples = 192 * 2 ** 20

/** Most channels: 7.1 is the widest layout that Vorbis and Opus define. */
export const maxAudioChannels = 8

/** Sample rates outside of this range are no speech, but broken headers: 1 kHz to 768 kHz. */
export const sampleRateRange = [1000, 768_000] as const

/** An `AudioFormatError` with one of the documented codes. */
export function audioError(code: AudioErrorCode, message: string, cause?: unknown): AudioFormatError {
  return new AudioFormatError(message, cause === undefined ? { code } : { code, cause })
}

/** What a reader must not exceed. */
export interface AudioLimits {
  /** Longest audio to decode, in seconds, if shorter than `maxAudioSeconds`. */
  readonly maxSeconds: number
}

/**
 * Checks what a header announces, before memory is taken for it.
 * @param samples per channel
 * @throws {AudioFormatError} `corrupt-audio` for impossible rates or channel counts, `audio-too-long` beyond a limit
 */
export function checkAudioSize(where: string, size: { sampleRate: number; channels: number; samples: number }, limits: AudioLimits): void {
  const { sampleRate, channels, samples } = size
  const [lowest, highest] = sampleRateRange
  if (!(sampleRate >= lowest && sampleRate <= highest)) {
    throw audioError(
      'corrupt-audio',
      `${where}: sample rate is ${sampleRate} Hz, expected ${lowest} to ${highest} Hz; convert the file with an audio editor`,
    )
  }
  if (!(channels >= 1 && channels <= maxAudioChannels)) {
    throw audioError('corrupt-audio', `${where}: ${channels} channels, expected 1 to ${maxAudioChannels}; mix the file down to mono`)
  }
  const maxSeconds = Math.min(limits.maxSeconds, maxAudioSeconds)
  if (samples > maxSeconds * sampleRate || samples * channels > maxAudioSamples) {
    const seconds = samples / sampleRate
    const bound = Math.min(maxSeconds, maxAudioSamples / channels / sampleRate)
    throw audioError(
      'audio-too-long',
      `${where}: at least ${seconds.toFixed(1)} s of ${channels}-channel audio, expected at most ${bound.toFixed(1)} s; cut it shorter`,
    )
  }
}

/**
 * The mean of all channels.
 * @returns float32 [S]; the channel itself, not a copy, where there is only one
 */
export function toMono({ channels }: Pick<Audio, 'channels'>): Float32Array {
  const [first] = channels
  if (!first) throw new RangeError('toMono: no channels, expected at least one')
  if (channels.length === 1) return first
  const mono = new Float32Array(first.length)
  for (const channel of channels) for (let i = 0; i < mono.length; i++) mono[i]! += channel[i]!
  for (let i = 0; i < mono.length; i++) mono[i]! /= channels.length
  return mono
}

/** Length of the audio in seconds. */
export function durationSeconds({ channels, sampleRate }: Pick<Audio, 'channels' | 'sampleRate'>): number {
  return (channels[0]?.length ?? 0) / sampleRate
}

/** Joins pieces [S] of one channel. @param length cuts what is longer, and pads with silence what is shorter */
export function joinPieces(pieces: readonly Float32Array[], length = pieces.reduce((sum, piece) => sum + piece.length, 0)): Float32Array {
  const joined = new Float32Array(length)
  let offset = 0
  for (const piece of pieces) {
    if (offset >= length) break
    joined.set(piece.length > length - offset ? piece.subarray(0, length - offset) : piece, offset)
    offset += piece.length
  }
  return joined
}

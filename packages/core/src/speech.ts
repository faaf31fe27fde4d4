import { writeFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { type EncodedFormat, type EncodingOptions, encodeAudio, encodeWav, joinPieces, toPcm16 } from '@mynah/audio'
import { toByteStream } from './byte-stream.ts'
import { toSrt, toVtt } from './captions.ts'
import type { Word } from './word-times.ts'

/** Where the time went, in seconds of wall-clock time. */
export interface Timings {
  /** Text → phonemes. */
  readonly frontEndSeconds: number
  /** Phonemes → codec latents. */
  readonly languageModelSeconds: number
  /** Latents → samples. */
  readonly vocoderSeconds: number
  /** From the call to the result, waiting included. */
  readonly totalSeconds: number
}

/** Everything a `Speech` consists of. */
export interface SpeechFields {
  readonly audio: Float32Array
  readonly sampleRate: number
  readonly startSeconds: number
  readonly phonemes: string
  readonly words: readonly Word[]
  readonly warnings: readonly string[]
  readonly timings: Timings
}

/** Spoken text: the whole of it from `synthesize`, a sentence or a few words of it from `stream`. */
export class Speech implements SpeechFields {
  /** float32 [S] mono, in [-1, 1]. */
  readonly audio: Float32Array
  /** Hz. */
  readonly sampleRate: number
  /** Where this speech begins in the whole: 0, except for the chunks of a stream. */
  readonly startSeconds: number
  /** What was spoken, in IPA. */
  readonly phonemes: string
  /** The words with their times in the whole. */
  readonly words: readonly Word[]
  /** What went less well than it should, in sentences. */
  readonly warnings: readonly string[]
  readonly timings: Timings

  constructor(fields: SpeechFields) {
    this.audio = fields.audio
    this.sampleRate = fields.sampleRate
    this.startSeconds = fields.startSeconds
    this.phonemes = fields.phonemes
    this.words = fields.words
    this.warnings = fields.warnings
    this.timings = fields.timings
  }

  /** Length in seconds. */
  get durationSeconds(): number {
    return this.audio.length / this.sampleRate
  }

  /** Signed 16-bit little-endian samples without a header, two bytes each: what players, sockets and telephony take. */
  toPcm16(): Uint8Array {
    return Buffer.from(toPcm16(this.audio).buffer) // ONNX Runtime, and so Mynah, runs on little-endian machines only
  }

  /** A 16-bit WAV file. */
  toWav(): Uint8Array {
    return encodeWav(this.audio, this.sampleRate)
  }

  /** An MP3 file of 96 kbit/s. */
  toMp3(): Promise<Uint8Array<ArrayBuffer>> {
    return encodeAudio(this.audio, this.sampleRate, { format: 'mp3' })
  }

  /**
   * The bytes of a file in `format`, as they are encoded: for a `Response` or a socket.
   * @throws {TypeError} for options of the wrong type; {RangeError} for an unknown format or sample rate
   */
  stream(options: EncodingOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    return toByteStream(this, this.sampleRate, options)
  }

  /** SubRip captions. */
  toSrt(): string {
    return toSrt(this.words)
  }

  /** WebVTT captions. */
  toVtt(): string {
    return toVtt(this.words)
  }

  /** Everything but the samples. */
  toJSON(): Omit<SpeechFields, 'audio'> & { readonly durationSeconds: number } {
    const { audio, ...rest } = this
    return { ...rest, durationSeconds: this.durationSeconds }
  }

  /**
   * Writes a file, replacing one that is there.
   * @param path ends in .wav, .mp3, .opus, .ogg or .flac, which tells the format
   * @throws {RangeError} for another ending
   */
  async save(path: string): Promise<void> {
    const ending = extname(path).toLowerCase()
    const format = fileFormats[ending]
    if (!format)
      throw new RangeError(
        `speech.save: "${path}" ends in "${ending}", expected ${speechEndings.join(', ')}; for other formats convert a .wav`,
      )
    await writeFile(path, await encodeAudio(this.audio, this.sampleRate, { format }))
  }
}

/** How the names of files end that `Speech.save` writes. */
export const speechEndings: readonly string[] = ['.wav', '.mp3', '.opus', '.ogg', '.flac']

const fileFormats: Readonly<Record<string, EncodedFormat>> = {
  '.wav': 'wav',
  '.mp3': 'mp3',
  '.opus': 'opus',
  '.ogg': 'opus',
  '.flac': 'flac',
}

/**
 * One speech of many that follow each other: phonemes separated by spaces, times summed.
 * @param parts at least one, of the same sample rate
 */
export function joinSpeech(parts: readonly Speech[], totalSeconds: number): Speech {
  const [first] = parts
  if (!first) throw new RangeError('joinSpeech: no parts, expected at least one')
  const total = (name: keyof Timings) => parts.reduce((sum, { timings }) => sum + timings[name], 0)
  return new Speech({
    audio: joinPieces(parts.map(part => part.audio)),
    sampleRate: first.sampleRate,
    startSeconds: first.startSeconds,
    phonemes: parts
      .map(part => part.phonemes)
      .join(' ')
      .trim(),
    words: parts.flatMap(part => part.words),
    warnings: parts.flatMap(part => part.warnings),
    timings: {
      frontEndSeconds: total('frontEndSeconds'),
      languageModelSeconds: total('languageModelSeconds'),
      vocoderSeconds: total('vocoderSeconds'),
      totalSeconds,
    },
  })
}

/** Formats that audio can be encoded to. `opus` is Ogg Opus, `pcm` 16 bits little-endian without a header, `mulaw` and `alaw` G.711 without a header. */
export type EncodedFormat = 'pcm' | 'wav' | 'mp3' | 'opus' | 'flac' | 'mulaw' | 'alaw'

/** What is known of an encoded format before anything is encoded. */
export interface FormatInfo {
  /** MIME type, for `Content-Type`. */
  readonly contentType: string
  /** Ending of file names, dot included. */
  readonly ending: string
  /** Hz, where the caller names none; otherwise the rate of the audio. */
  readonly defaultSampleRate?: number
}

/** Every format. */
export const encodedFormats: Readonly<Record<EncodedFormat, FormatInfo>> = {
  pcm: { contentType: 'audio/pcm', ending: '.pcm' },
  wav: { contentType: 'audio/wav', ending: '.wav' },
  mp3: { contentType: 'audio/mpeg', ending: '.mp3' },
  opus: { contentType: 'audio/ogg', ending: '.opus' },
  flac: { contentType: 'audio/flac', ending: '.flac' },
  mulaw: { contentType: 'audio/basic', ending: '.ulaw', defaultSampleRate: 8000 },
  alaw: { contentType: 'audio/x-alaw-basic', ending: '.alaw', defaultSampleRate: 8000 },
}

/** Rates that audio can be encoded at, Hz. */
export type EncodedSampleRate = 8000 | 16000 | 22050 | 24000 | 44100 | 48000

/** Every rate, ascending. */
export const encodedSampleRates: readonly EncodedSampleRate[] = [8000, 16000, 22050, 24000, 44100, 48000]

/** How audio is encoded. */
export interface EncodingOptions {
  /** `wav` by default. */
  readonly format?: EncodedFormat | undefined
  /** Hz: 8000, 16000, 22050, 24000, 44100 or 48000. The audio's own by default, 8000 for µ-law and A-law. */
  readonly sampleRate?: EncodedSampleRate | undefined
}

/**
 * Settles what to encode to.
 * @param where starts the message
 * @param inputRate of the audio, Hz: what `sampleRate` is by default
 * @throws {TypeError} for options of the wrong type; {RangeError} for an unknown format or sample rate
 */
export function checkEncoding(
  where: string,
  { format = 'wav', sampleRate }: EncodingOptions,
  inputRate: number,
): { readonly format: EncodedFormat; readonly sampleRate: number } {
  if (typeof format !== 'string') throw new TypeError(`${where}: format is ${typeof format}, expected ${formatNames}`)
  if (!Object.hasOwn(encodedFormats, format)) throw new RangeError(`${where}: format is ${JSON.stringify(format)}, expected ${formatNames}`)
  if (sampleRate === undefined) return { format, sampleRate: encodedFormats[format].defaultSampleRate ?? inputRate }
  if (typeof sampleRate !== 'number') throw new TypeError(`${where}: sampleRate is ${typeof sampleRate}, expected a number of Hz`)
  if (!encodedSampleRates.includes(sampleRate))
    throw new RangeError(`${where}: sampleRate is ${sampleRate} Hz, expected ${encodedSampleRates.join(', ')}`)
  return { format, sampleRate }
}

const formatNames = Object.keys(encodedFormats).join(', ')

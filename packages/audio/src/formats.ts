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
  /** Of `mp3` (96 by default, one of MPEG's: 32 to 320, below 32 kHz 8 to 160, at 8 kHz 8 to 64) and `opus` (48 by default, 6 to 256), kilobits a second. */
  readonly bitrateKbps?: number | undefined
}

/** What to encode to, all of it known. */
export interface Encoding {
  readonly format: EncodedFormat
  readonly sampleRate: number
  /** Of `mp3` and `opus`. */
  readonly bitrateKbps: number
}

/** Bitrates of MPEG-1 (32 kHz and more), and of MPEG-2 and 2.5 (less), kbit/s. LAME keeps to 64 at 8 kHz. */
const mpeg1Kbps = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
const mpeg2Kbps = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160]
const opusKbps = { lowest: 6, highest: 256, default: 48 } as const
const mp3DefaultKbps = 96

/**
 * Settles what to encode to.
 * @param where starts the message
 * @param inputRate of the audio, Hz: what `sampleRate` is by default
 * @throws {TypeError} for options of the wrong type; {RangeError} for an unknown format or sample rate
 */
export function checkEncoding(where: string, { format = 'wav', sampleRate, bitrateKbps }: EncodingOptions, inputRate: number): Encoding {
  if (typeof format !== 'string') throw new TypeError(`${where}: format is ${typeof format}, expected ${formatNames}`)
  if (!Object.hasOwn(encodedFormats, format)) throw new RangeError(`${where}: format is ${JSON.stringify(format)}, expected ${formatNames}`)
  if (sampleRate !== undefined && typeof sampleRate !== 'number')
    throw new TypeError(`${where}: sampleRate is ${typeof sampleRate}, expected a number of Hz`)
  if (sampleRate !== undefined && !encodedSampleRates.includes(sampleRate))
    throw new RangeError(`${where}: sampleRate is ${sampleRate} Hz, expected ${encodedSampleRates.join(', ')}`)
  const rate = sampleRate ?? encodedFormats[format].defaultSampleRate ?? inputRate
  return { format, sampleRate: rate, bitrateKbps: checkBitrate(where, format, rate, bitrateKbps) }
}

function checkBitrate(where: string, format: EncodedFormat, sampleRate: number, bitrateKbps: number | undefined): number {
  if (bitrateKbps !== undefined && typeof bitrateKbps !== 'number')
    throw new TypeError(`${where}: bitrateKbps is ${typeof bitrateKbps}, expected a number`)
  if (format === 'mp3') {
    const possible = sampleRate >= 32000 ? mpeg1Kbps : sampleRate === 8000 ? mpeg2Kbps.filter(kbps => kbps <= 64) : mpeg2Kbps
    const kbps = bitrateKbps ?? Math.min(mp3DefaultKbps, possible.at(-1)!)
    if (possible.includes(kbps)) return kbps
    throw new RangeError(`${where}: bitrateKbps is ${kbps}, expected ${possible.join(', ')} for mp3 at ${sampleRate} Hz`)
  }
  const { lowest, highest } = opusKbps
  if (bitrateKbps === undefined) return opusKbps.default
  if (format !== 'opus') throw new RangeError(`${where}: bitrateKbps is for mp3 and opus, ${format} has none; leave it out`)
  if (bitrateKbps >= lowest && bitrateKbps <= highest) return bitrateKbps
  throw new RangeError(`${where}: bitrateKbps is ${bitrateKbps}, expected ${lowest} to ${highest} for opus`)
}

const formatNames = Object.keys(encodedFormats).join(', ')

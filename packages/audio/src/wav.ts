import {
  type Audio,
  type AudioLimits,
  audioError,
  checkAudioSize,
  maxAudioBytes,
  maxAudioChannels,
  maxAudioSeconds,
  sampleRateRange,
} from './audio.ts'
import { toPcm16 } from './encode.ts'
import { fromALaw, fromMuLaw } from './g711.ts'

/** Sample formats of the WAV writer. */
export type WavFormat = 'pcm16' | 'pcm24' | 'float32'

const codecs = { pcm: 1, float: 3, aLaw: 6, muLaw: 7, extensible: 0xfffe } as const
/** WAVE_FORMAT tags that are met in the wild, for the error message. */
const otherCodecs: Record<number, string> = {
  2: 'Microsoft ADPCM',
  17: 'IMA ADPCM',
  49: 'GSM 6.10',
  80: 'MPEG layer I/II',
  85: 'MP3',
  255: 'AAC',
  353: 'WMA',
}

// A file has a handful of chunks; one made of empty chunks must not cost a walk over millions of them.
const maxChunks = 1024
/** Bytes of a format chunk that say something: those of an extensible one. */
const longestFormat = 40

interface WavHeader {
  readonly codec: number
  readonly channels: number
  readonly sampleRate: number
  readonly bytesPerSample: number
}

type SampleReader = (view: DataView, offset: number) => number

/** Bytes of a file, wherever they are. */
export interface ByteSource {
  readonly length: number
  /** The bytes from `offset` on: `length` of them, or fewer at the end. */
  read(offset: number, length: number): DataView
}

/** Where the samples of a WAV file lie, and what they are. */
export interface WavLayout extends WavHeader {
  /** Offset of the first sample. */
  readonly start: number
  /** Samples per channel. */
  readonly samples: number
  readonly warnings: readonly string[]
}

/** The whole file in memory. */
function sourceOf(bytes: Uint8Array): ByteSource {
  return {
    length: bytes.length,
    read: (offset, length) => new DataView(bytes.buffer, bytes.byteOffset + offset, Math.max(0, Math.min(length, bytes.length - offset))),
  }
}

/**
 * Reads a RIFF WAVE file: PCM of 8, 16, 24 and 32 bits, float of 32 and 64 bits, A-law and µ-law, plain or extensible.
 * A data size of 0 or beyond any real file (what programs write into a pipe, not knowing the length) means "to the end of the file", with a warning.
 * Values that are not finite become 0, with a warning. Floats beyond ±1 are kept.
 * @throws {AudioFormatError} `not-audio`, `unsupported-audio`, `corrupt-audio`, `truncated-audio`, `empty-audio` or `audio-too-long`
 */
export function readWav(bytes: Uint8Array, limits: AudioLimits = { maxSeconds: maxAudioSeconds }): Audio {
  const source = sourceOf(bytes)
  const layout = findSamples(source)
  const { sampleRate, channels, samples } = layout
  checkAudioSize('wav', { sampleRate, channels, samples }, limits)
  const { data, replaced } = readSamples(source, layout, 0, samples)
  return { sampleRate, channels: data, format: 'wav', warnings: [...layout.warnings, ...describeReplaced(replaced)] }
}

/** What is said of a file with values that are not finite. */
export function describeReplaced(values: number): string[] {
  return values > 0 ? [`wav: ${values} values were infinite or not a number; replaced by silence`] : []
}

/**
 * Walks the chunks of a WAV file up to its samples.
 * @throws {AudioFormatError} `not-audio`, `unsupported-audio`, `corrupt-audio`, `truncated-audio`, `empty-audio`
 */
export function findSamples(source: ByteSource): WavLayout {
  const tag = (view: DataView, offset: number) => String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + offset, 4))
  if (source.length < 12)
    throw audioError('truncated-audio', `wav: ${source.length} bytes, expected a header of at least 44; get the whole file`)
  const riff = source.read(0, 12)
  if (tag(riff, 0) !== 'RIFF' || tag(riff, 8) !== 'WAVE') {
    throw audioError('not-audio', 'wav: the file does not start with RIFF … WAVE; pass a wav, mp3, flac or ogg file')
  }
  let header: WavHeader | undefined
  let offset = 12
  for (let chunk = 0; offset + 8 <= source.length; chunk++) {
    if (chunk === maxChunks)
      throw audioError('corrupt-audio', `wav: no audio data in the first ${maxChunks} chunks; re-save the file with an audio editor`)
    const head = source.read(offset, 8)
    const id = tag(head, 0)
    const size = head.getUint32(4, true)
    const start = offset + 8
    if (id === 'fmt ') header = readFormat(source.read(start, longestFormat), size)
    if (id === 'data') {
      if (!header) throw audioError('corrupt-audio', 'wav: audio data before the format chunk; re-save the file with an audio editor')
      return measureSamples(source, header, start, size)
    }
    offset = start + size + (size % 2)
  }
  throw audioError('truncated-audio', 'wav: the file ends before its audio data; get the whole file')
}

/** @param view at most `longestFormat` bytes from the chunk's start on */
function readFormat(view: DataView, size: number): WavHeader {
  if (size < 16)
    throw audioError(
      'corrupt-audio',
      `wav: the format chunk has ${size} bytes, expected at least 16; re-save the file with an audio editor`,
    )
  if (view.byteLength < Math.min(size, longestFormat))
    throw audioError('truncated-audio', 'wav: the file ends within its format chunk; get the whole file')
  const tag = view.getUint16(0, true)
  const channels = view.getUint16(2, true)
  const sampleRate = view.getUint32(4, true)
  const blockAlign = view.getUint16(12, true)
  // an extensible header keeps the codec in the first two bytes of a GUID
  const codec = tag === codecs.extensible && size >= 40 ? view.getUint16(24, true) : tag
  const bytesPerSample = blockAlign / channels
  checkAudioSize('wav', { sampleRate, channels, samples: 0 }, { maxSeconds: maxAudioSeconds })
  return { codec, channels, sampleRate, bytesPerSample }
}

function measureSamples(source: ByteSource, header: WavHeader, start: number, size: number): WavLayout {
  const { channels, bytesPerSample } = header
  sampleReader(header)
  const available = source.length - start
  const placeholder = size === 0 || size > maxAudioBytes
  const warnings: string[] = []
  if (placeholder && available > 0 && size !== available)
    warnings.push(`wav: the header gives no data size (${size}); read to the end of the file`)
  else if (size > available) {
    throw audioError(
      'truncated-audio',
      `wav: ${available} of ${size} bytes of audio are there; get the whole file, or re-save it to keep this part`,
    )
  }
  const samples = Math.floor(Math.min(size || available, available) / (bytesPerSample * channels))
  if (samples === 0) throw audioError('empty-audio', 'wav: there is no sample in the file; pass a recording')
  return { ...header, start, samples, warnings }
}

/** Samples `first` … `first + length` of every channel, and how many values were replaced because they are not finite. */
export function readSamples(
  source: ByteSource,
  layout: WavLayout,
  first: number,
  length: number,
): { data: Float32Array[]; replaced: number } {
  const { channels, bytesPerSample, start } = layout
  const read = sampleReader(layout)
  const blockAlign = bytesPerSample * channels
  const view = source.read(start + first * blockAlign, length * blockAlign)
  const data = Array.from({ length: channels }, () => new Float32Array(length))
  let replaced = 0
  for (let i = 0, offset = 0; i < length; i++) {
    for (let channel = 0; channel < channels; channel++, offset += bytesPerSample) {
      const value = Math.fround(read(view, offset))
      if (Number.isFinite(value)) data[channel]![i] = value
      else replaced++
    }
  }
  return { data, replaced }
}

function sampleReader({ codec, bytesPerSample }: WavHeader): SampleReader {
  if (codec === codecs.pcm) {
    if (bytesPerSample === 1) return (view, offset) => (view.getUint8(offset) - 128) / 128
    if (bytesPerSample === 2) return (view, offset) => view.getInt16(offset, true) / 32768
    if (bytesPerSample === 3) return (view, offset) => (view.getUint8(offset) | (view.getInt16(offset + 1, true) << 8)) / 8388608
    if (bytesPerSample === 4) return (view, offset) => view.getInt32(offset, true) / 2147483648
  }
  if (codec === codecs.float) {
    if (bytesPerSample === 4) return (view, offset) => view.getFloat32(offset, true)
    if (bytesPerSample === 8) return (view, offset) => view.getFloat64(offset, true)
  }
  if (codec === codecs.aLaw && bytesPerSample === 1) return (view, offset) => fromALaw(view.getUint8(offset))
  if (codec === codecs.muLaw && bytesPerSample === 1) return (view, offset) => fromMuLaw(view.getUint8(offset))
  if (codec === codecs.pcm || codec === codecs.float || codec === codecs.aLaw || codec === codecs.muLaw) {
    throw audioError('corrupt-audio', `wav: ${bytesPerSample} bytes a sample do not fit format ${codec}; re-save the file as 16-bit PCM`)
  }
  const name = otherCodecs[codec] ?? 'an unknown codec'
  throw audioError(
    'unsupported-audio',
    `wav: format ${codec} (${name}), expected PCM, float, A-law or µ-law; convert it with "ffmpeg -i IN -c:a pcm_s16le OUT.wav"`,
  )
}

/**
 * The header of a 16-bit mono WAV file.
 * @param bytes of samples that follow; Infinity while that is not known: both sizes are then as large as they can be, which readers take for "to the end"
 * @throws {RangeError} for an impossible sample rate
 */
export function wavHeader(sampleRate: number, bytes: number): Uint8Array<ArrayBuffer> {
  const header = encodeWav(new Float32Array(0), sampleRate).slice()
  const view = new DataView(header.buffer)
  view.setUint32(4, Math.min(0xffffffff, bytes + header.length - 8), true)
  view.setUint32(40, Math.min(0xffffffff, bytes), true)
  return header
}

/**
 * Writes a WAV file.
 * @param samples float32 [S], or one [S] per channel, nominally in [-1, 1]; PCM clamps what is beyond and writes NaN as silence
 * @param sampleRate Hz, a positive integer
 * @param options `format`: `pcm16` by default
 * @throws {RangeError} for an impossible sample rate, format or set of channels
 */
export function encodeWav(
  samples: Float32Array | readonly Float32Array[],
  sampleRate: number,
  options: { format?: WavFormat } = {},
): Uint8Array {
  const channels = samples instanceof Float32Array ? [samples] : samples
  const format = options.format ?? 'pcm16'
  const length = channels[0]?.length ?? 0
  const [, highest] = sampleRateRange
  if (!Number.isInteger(sampleRate) || sampleRate < 1 || sampleRate > highest) {
    throw new RangeError(`encodeWav: sampleRate is ${sampleRate}, expected an integer of 1 to ${highest} Hz`)
  }
  if (channels.length < 1 || channels.length > maxAudioChannels || channels.some(channel => channel.length !== length)) {
    throw new RangeError(
      `encodeWav: channels of ${channels.map(channel => channel.length).join(', ')} samples, expected 1 to ${maxAudioChannels} of equal length`,
    )
  }
  const bytesPerSample = { pcm16: 2, pcm24: 3, float32: 4 }[format]
  if (!bytesPerSample) throw new RangeError(`encodeWav: format is ${JSON.stringify(format)}, expected "pcm16", "pcm24" or "float32"`)
  const blockAlign = bytesPerSample * channels.length
  const size = length * blockAlign
  if (size > 0xffffffff - 64) throw new RangeError(`encodeWav: ${size} bytes of audio do not fit a WAV file (4 GiB); write shorter files`)
  const isFloat = format === 'float32'
  const formatSize = isFloat ? 18 : 16 // formats other than PCM carry an (empty) extension and a fact chunk
  const dataStart = 12 + 8 + formatSize + (isFloat ? 12 : 0) + 8
  const bytes = new Uint8Array(dataStart + size + (size % 2))
  const view = new DataView(bytes.buffer)
  const tag = (offset: number, text: string) => bytes.set(Buffer.from(text, 'latin1'), offset)
  tag(0, 'RIFF')
  view.setUint32(4, bytes.length - 8, true)
  tag(8, 'WAVEfmt ')
  view.setUint32(16, formatSize, true)
  view.setUint16(20, isFloat ? codecs.float : codecs.pcm, true)
  view.setUint16(22, channels.length, true)
  view.setUint32(24, sampleRate, true)
  view.setUint32(28, sampleRate * blockAlign, true)
  view.setUint16(32, blockAlign, true)
  view.setUint16(34, bytesPerSample * 8, true)
  if (isFloat) {
    tag(38, 'fact')
    view.setUint32(42, 4, true)
    view.setUint32(46, length, true)
  }
  tag(dataStart - 8, 'data')
  view.setUint32(dataStart - 4, size, true)
  if (format === 'pcm16' && channels.length === 1) {
    bytes.set(new Uint8Array(toPcm16(channels[0]!).buffer), dataStart)
    return bytes
  }
  for (const [index, channel] of channels.entries()) {
    const pcm = format === 'pcm16' ? toPcm16(channel) : undefined
    for (let i = 0, offset = dataStart + index * bytesPerSample; i < length; i++, offset += blockAlign) {
      if (pcm) view.setInt16(offset, pcm[i]!, true)
      else if (isFloat) view.setFloat32(offset, channel[i]!, true)
      else {
        const value = Math.max(-8388608, Math.min(8388607, Math.round(channel[i]! * 8388608))) || 0
        view.setUint8(offset, value & 255)
        view.setInt16(offset + 1, value >> 8, true)
      }
    }
  }
  return bytes
}

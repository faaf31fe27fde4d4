import { createRequire } from 'node:module'
import { joinPieces } from './audio.ts'
import { toPcm16 } from './encode.ts'
import type { EncodedFormat, Encoding } from './formats.ts'
import { toALaw, toMuLaw } from './g711.ts'
import { OggWriter } from './ogg-writer.ts'
import { wavHeader } from './wav.ts'

/** Encodes pieces of mono audio, in this thread, at one sample rate. Frees its memory with `finish`, or `free` before that. */
export interface FormatEncoder {
  /** Of the samples that it takes, Hz. */
  readonly sampleRate: number
  encode(samples: Float32Array): Uint8Array<ArrayBuffer>
  finish(): Uint8Array<ArrayBuffer>
  free(): void
}

/** What is known before the first sample. */
export interface EncoderStart extends Encoding {
  /** How many there will be, where that is known: the header says so. */
  readonly totalSamples?: number | undefined
}

/** Formats that are cheap enough for the main thread: a table or a rounding for each sample. */
export const plainFormats: readonly EncodedFormat[] = ['pcm', 'wav', 'mulaw', 'alaw']

/** Begins one of `plainFormats`. */
export function createPlainEncoder({ format, sampleRate, totalSamples }: EncoderStart): FormatEncoder {
  let header = format === 'wav' ? wavHeader(sampleRate, 2 * (totalSamples ?? Number.POSITIVE_INFINITY)) : new Uint8Array(0)
  return {
    sampleRate,
    encode(samples) {
      const pcm = toPcm16(samples)
      if (format === 'mulaw' || format === 'alaw') return Uint8Array.from(pcm, format === 'mulaw' ? toMuLaw : toALaw)
      const bytes = joinBytes([header, new Uint8Array(pcm.buffer)])
      header = new Uint8Array(0)
      return bytes
    },
    finish: () => header, // of a file without samples
    free: () => undefined,
  }
}

/** The other formats: encoders compiled to WebAssembly, loaded when first needed. Only for threads of Mynah's own. */
export function createCodedEncoder(start: EncoderStart): Promise<FormatEncoder> {
  if (start.format === 'mp3') return createMp3(start)
  return start.format === 'opus' ? createOpus(start) : createFlac(start)
}

/**
 * LAME by wasm-media-encoders (itself MIT; LAME is LGPL-2.0-or-later and stays a separate, unmodified module), at a constant bitrate.
 * As with every MP3 encoder, some 50 ms of silence lead and follow the audio.
 */
async function createMp3({ sampleRate, bitrateKbps }: EncoderStart): Promise<FormatEncoder> {
  const { createMp3Encoder } = await import('wasm-media-encoders')
  const encoder = await createMp3Encoder()
  encoder.configure({ sampleRate, channels: 1, outputSampleRate: sampleRate as 24000, bitrate: bitrateKbps as 96 })
  return {
    sampleRate,
    encode: samples => encoder.encode([samples.map(clampSample)]).slice() as Uint8Array<ArrayBuffer>, // a view of the encoder's memory
    finish: () => encoder.finalize().slice() as Uint8Array<ArrayBuffer>,
    free: () => undefined,
  }
}

function clampSample(value: number): number {
  return Math.max(-1, Math.min(1, value)) || 0
}

/** Rates that Opus takes, Hz; others are raised to the next. Positions in the file count at 48 kHz whatever the rate. */
const opusRates = [8000, 12000, 16000, 24000, 48000] as const
const opusFrameSeconds = 0.02

/** libopus (BSD) by libopus-wasm (MIT), in Ogg (RFC 7845): frames of 20 ms, a page for each call. */
async function createOpus({ sampleRate: asked, bitrateKbps }: EncoderStart): Promise<FormatEncoder> {
  const { createEncoder, Signal } = await import('libopus-wasm')
  const sampleRate = opusRates.find(rate => rate >= asked) ?? 48000
  const frameSize = opusFrameSeconds * sampleRate
  const encoder = await createEncoder({ sampleRate, channels: 1, frameSize, bitrate: bitrateKbps * 1000, signal: Signal.Voice })
  const scale = 48000 / sampleRate
  const preSkip = encoder.getLookahead() * scale
  const ogg = new OggWriter(1)
  let headers = [...ogg.pages([opusHead(preSkip, asked)], [0]), ...ogg.pages([opusTags()], [0])]
  let rest: Float32Array = new Float32Array(0) // less than a frame
  let held: Uint8Array | undefined // the last packet waits: it may be the end, which its page must say
  let samples = 0
  let frames = 0
  const packetsOf = (audio: Float32Array) => {
    const packets: Uint8Array[] = []
    for (let from = 0; from + frameSize <= audio.length; from += frameSize) {
      packets.push(encoder.encodeFloat(audio.subarray(from, from + frameSize).map(clampSample)).slice())
    }
    return packets
  }
  const pagesOf = (packets: readonly Uint8Array[], end?: number) => {
    const granules = packets.map((_, i) => Math.min(end ?? Number.POSITIVE_INFINITY, (frames + i + 1) * frameSize * scale))
    frames += packets.length
    return ogg.pages(packets, granules, end !== undefined)
  }
  const withHeaders = (pages: Uint8Array[]) => {
    const bytes = joinBytes([...headers, ...pages])
    headers = []
    return bytes
  }
  return {
    sampleRate,
    encode(piece) {
      samples += piece.length
      const audio = joinPieces([rest, piece])
      rest = audio.slice(audio.length - (audio.length % frameSize))
      const packets = [...(held ? [held] : []), ...packetsOf(audio)]
      held = packets.pop()
      return withHeaders(pagesOf(packets))
    },
    finish() {
      const missing = rest.length + encoder.getLookahead() // what is still inside of the encoder
      const audio = joinPieces([rest], Math.ceil(missing / frameSize) * frameSize)
      const packets = [...(held ? [held] : []), ...packetsOf(audio)]
      encoder.free()
      return withHeaders(pagesOf(packets, preSkip + samples * scale))
    },
    free: () => encoder.free(),
  }
}

/** The identification header of RFC 7845, 5.1: mono. */
function opusHead(preSkip: number, inputRate: number): Uint8Array {
  const head = new Uint8Array(19)
  const view = new DataView(head.buffer)
  head.set(Buffer.from('OpusHead'))
  head[8] = 1 // version
  head[9] = 1 // channels
  view.setUint16(10, preSkip, true)
  view.setUint32(12, inputRate, true)
  return head
}

/** The comment header of RFC 7845, 5.2: no comments. */
function opusTags(): Uint8Array {
  const vendor = 'mynah'
  const tags = new Uint8Array(8 + 4 + vendor.length + 4)
  tags.set(Buffer.from(`OpusTags\0\0\0\0${vendor}`))
  new DataView(tags.buffer).setUint32(8, vendor.length, true)
  return tags
}

/** libFLAC's own default. */
const flacCompression = 5

type LibFlac = ReturnType<typeof import('libflacjs')>
let flac: Promise<LibFlac> | undefined

/** Loads libFLAC (BSD) by libflacjs (MIT), which takes a `fetch` for a sign of a browser, and then asks it for the path of a file. */
function loadFlac(): Promise<LibFlac> {
  flac ??= new Promise(resolve => {
    const { fetch } = globalThis
    Reflect.deleteProperty(globalThis, 'fetch')
    const library = createRequire(import.meta.url)('libflacjs')('min.wasm') as LibFlac
    globalThis.fetch = fetch
    if (library.isReady()) resolve(library)
    else library.on('ready', () => resolve(library))
  })
  return flac
}

/** FLAC of 16 bits. Where the length is not known before, the header leaves it open, as the format allows. */
async function createFlac({ sampleRate, totalSamples = 0 }: EncoderStart): Promise<FormatEncoder> {
  const library = await loadFlac()
  const encoder = library.create_libflac_encoder(sampleRate, 1, 16, flacCompression, totalSamples, false)
  const pieces: Uint8Array[] = []
  const status = encoder === 0 ? -1 : library.init_encoder_stream(encoder, bytes => void pieces.push(bytes.slice()))
  if (status !== 0) throw new Error(`libFLAC does not start: status ${status}`)
  const take = () => joinBytes(pieces.splice(0))
  return {
    sampleRate,
    encode(samples) {
      library.FLAC__stream_encoder_process(encoder, [Int32Array.from(toPcm16(samples))], samples.length)
      return take()
    },
    finish() {
      library.FLAC__stream_encoder_finish(encoder)
      library.FLAC__stream_encoder_delete(encoder)
      return take()
    },
    free: () => library.FLAC__stream_encoder_delete(encoder),
  }
}

/** Copies pieces into one array. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let offset = 0
  for (const piece of pieces) {
    joined.set(piece, offset)
    offset += piece.length
  }
  return joined
}

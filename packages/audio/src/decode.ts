import { setImmediate as nextTurn } from 'node:timers/promises'
import { AudioFormatError } from '@mynah/onnx'
import {
  type Audio,
  type AudioFormat,
  type AudioLimits,
  audioError,
  checkAudioSize,
  joinPieces,
  maxAudioBytes,
  maxAudioSeconds,
} from './audio.ts'
import { findMp3, readMp3Frames } from './mp3.ts'
import { type OggStream, readOgg } from './ogg.ts'
import { readWav } from './wav.ts'

/** Options of `decodeAudio`. */
export interface DecodeOptions {
  /** Refuse longer audio, before it takes memory; `maxAudioSeconds` by default. */
  readonly maxSeconds?: number
}

const conversion = 'convert it with "ffmpeg -i IN -ac 1 OUT.wav"'

// Bytes fed to a decoder at once: some seconds of MP3, so that the event loop gets its turns.
const mp3ChunkBytes = 1 << 15
// A few bytes of hostile FLAC decode to 65,535 samples of each channel; 2 KiB to at most about 0.1 GB, after which the total is checked.
const flacChunkBytes = 1 << 11
// One second of the usual 20 ms packets.
const opusPacketsPerTurn = 50
/** Opus always decodes to 48 kHz. */
const opusSampleRate = 48000
/** 120 ms, the longest that RFC 6716 allows and the decoder has room for. */
const maxOpusPacketSamples = 5760

/**
 * Decodes a whole audio file: WAV, MP3, FLAC, Ogg Opus or Ogg Vorbis, told apart by their bytes. The compressed formats are decoded by WebAssembly modules
 * which are loaded when first needed and run in this thread: mpg123 (LGPL-2.1), libFLAC (BSD), libopus (BSD) and libvorbis (BSD), in packages under MIT
 * (whose parser of FLAC and Vorbis files, codec-parser, is LGPL-3.0); all are separate, unmodified dependencies.
 * Leading and trailing padding that the encoder noted is cut off.
 * @param bytes the whole file
 * @throws {AudioFormatError} with an `AudioErrorCode`: what is wrong and what to do
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
  if (format === 'mp3') return decodeMp3(bytes, start, limits)
  if (format === 'flac') return decodeFlac(bytes.subarray(start), limits)
  const stream = readOgg(bytes)
  return stream.codec === 'opus' ? decodeOpus(stream, limits) : decodeVorbis(stream, limits)
}

/** Names of files that are audio, or may contain it, but are not decoded: [name, offset, signature]. */
const unsupported: readonly (readonly [name: string, offset: number, signature: string])[] = [
  ['MP4 or M4A', 4, 'ftyp'],
  ['AAC', 0, '\xff\xf1'],
  ['AAC', 0, '\xff\xf9'],
  ['AAC', 0, 'ADIF'],
  ['AIFF', 8, 'AIFF'],
  ['AIFF-C', 8, 'AIFC'],
  ['AVI', 8, 'AVI '],
  ['RF64, a WAV beyond 4 GiB', 0, 'RF64'],
  ['big-endian WAV', 0, 'RIFX'],
  ['WebM or Matroska', 0, '\x1a\x45\xdf\xa3'],
  ['WMA', 0, '\x30\x26\xb2\x75'],
  ['Sun audio', 0, '.snd'],
  ['Core Audio', 0, 'caff'],
  ['AMR', 0, '#!AMR'],
  ['MIDI, which holds notes and no sound', 0, 'MThd'],
  ['WavPack', 0, 'wvpk'],
  ["Monkey's Audio", 0, 'MAC '],
]

const notAudio: readonly (readonly [name: string, signature: string])[] = [
  ['a ZIP archive', 'PK\x03\x04'],
  ['a PNG image', '\x89PNG'],
  ['a JPEG image', '\xff\xd8\xff'],
  ['a GIF image', 'GIF8'],
  ['a PDF document', '%PDF'],
  ['gzip data', '\x1f\x8b'],
]

function sniffAudio(bytes: Uint8Array): { format: AudioFormat | 'ogg'; start: number } {
  if (bytes.length === 0)
    throw audioError('empty-audio', 'audio: the file is empty (0 bytes), expected a recording; record or download it again')
  const start = endOfId3(bytes)
  const head = Buffer.from(bytes.subarray(start, start + 256)).toString('latin1')
  if (start === 0 && head.startsWith('RIFF') && (head.length < 12 || head.startsWith('WAVE', 8))) return { format: 'wav', start }
  if (head.startsWith('fLaC')) return { format: 'flac', start }
  if (start === 0 && head.startsWith('OggS')) return { format: 'ogg', start }
  const known = unsupported.find(([, offset, signature]) => head.startsWith(signature, offset))
  if (known)
    throw audioError('unsupported-audio', `audio: this is ${known[0]}, expected wav, mp3, flac, ogg opus or ogg vorbis; ${conversion}`)
  const firstFrame = findMp3(bytes, start)
  if (firstFrame !== undefined) return { format: 'mp3', start: firstFrame }
  if (start > 0) throw audioError('truncated-audio', 'audio: there is a tag (ID3) and no audio behind it; get the whole file')
  throw audioError(
    'not-audio',
    `audio: this is ${describe(head)}, expected wav, mp3, flac, ogg opus or ogg vorbis; check the path or the download`,
  )
}

function describe(head: string): string {
  const file = notAudio.find(([, signature]) => head.startsWith(signature))
  if (file) return file[0]
  if (/^\s*<(!doctype|html|\?xml|head|body)/i.test(head)) return 'a web page'
  if (/^[\t\n\r\x20-\x7e]+$/.test(head)) return `text (${JSON.stringify(head.slice(0, 24))})`
  return `no known file type (it starts with the bytes ${Buffer.from(head.slice(0, 8), 'latin1').toString('hex')})`
}

/** Length of an ID3v2 tag at the start of the file, 0 where there is none. */
function endOfId3(bytes: Uint8Array): number {
  if (bytes.length < 10 || bytes[0] !== 0x49 || bytes[1] !== 0x44 || bytes[2] !== 0x33) return 0
  const size = ((bytes[6]! & 127) << 21) | ((bytes[7]! & 127) << 14) | ((bytes[8]! & 127) << 7) | (bytes[9]! & 127)
  const footer = bytes[5]! & 16 ? 10 : 0
  return Math.min(bytes.length, 10 + size + footer)
}

interface WasmDecoder {
  readonly ready: Promise<unknown>
  free(): void | Promise<void>
}

/** Runs a decoder and frees it; what it throws, also on being freed after broken input, becomes an `AudioFormatError`. Each decoder has a memory of its own. */
async function withDecoder<D extends WasmDecoder, T>(format: AudioFormat, decoder: D, use: (decoder: D) => Promise<T>): Promise<T> {
  await decoder.ready
  try {
    try {
      return await use(decoder)
    } finally {
      await decoder.free()
    }
  } catch (error) {
    if (AudioFormatError.isInstance(error)) throw error
    throw audioError(
      'corrupt-audio',
      `${format}: the decoder failed (${error instanceof Error ? error.message : error}); get the file again`,
      error,
    )
  }
}

/**
 * Calls a decoder that prints the errors which it also returns. Its work is synchronous (what is async only wraps the result), so nobody else's output is lost.
 */
function quietly<T>(decode: () => T): T {
  const { console } = globalThis
  const { error } = console
  console.error = () => undefined
  try {
    return decode()
  } finally {
    console.error = error
  }
}

function finish(format: AudioFormat, sampleRate: number, channels: readonly Float32Array[], warnings: readonly string[]): Audio {
  if (!channels[0]?.length) throw audioError('empty-audio', `${format}: there is no sample in the file; pass a recording`)
  for (const channel of channels) {
    for (let i = 0; i < channel.length; i++) if (!Number.isFinite(channel[i])) channel[i] = 0
  }
  return { sampleRate, channels, format, warnings }
}

async function decodeMp3(bytes: Uint8Array, start: number, limits: AudioLimits): Promise<Audio> {
  const { sampleRate, channels, frames, samplesPerFrame, spans, warnings } = readMp3Frames(bytes, start, limits)
  const { MPEGDecoder } = await import('mpg123-decoder')
  return withDecoder('mp3', new MPEGDecoder(), async decoder => {
    const pieces: Float32Array[][] = Array.from({ length: channels }, () => [])
    let total = 0
    for (const [from, to] of spans) {
      for (let offset = from; offset < to; offset += mp3ChunkBytes) {
        const { channelData, samplesDecoded } = quietly(() => decoder.decode(bytes.subarray(offset, Math.min(to, offset + mp3ChunkBytes))))
        total += samplesDecoded
        if (total > frames * samplesPerFrame)
          throw audioError('corrupt-audio', 'mp3: more audio than the frames can hold; get the file again')
        for (let channel = 0; channel < channels; channel++) pieces[channel]!.push(channelData[channel]!)
        await nextTurn()
      }
    }
    return finish(
      'mp3',
      sampleRate,
      pieces.map(piece => joinPieces(piece)),
      warnings,
    )
  })
}

/** The fields of FLAC's STREAMINFO block (RFC 9639, 8.2). `total` is 0 where the encoder did not know. */
function readStreamInfo(bytes: Uint8Array): { sampleRate: number; channels: number; bits: number; total: number } {
  if (bytes.length < 42)
    throw audioError('truncated-audio', `flac: ${bytes.length} bytes, expected a header of 42 at least; get the whole file`)
  if ((bytes[4]! & 127) !== 0) throw audioError('corrupt-audio', 'flac: the stream information block is missing; get the file again')
  const view = new DataView(bytes.buffer, bytes.byteOffset + 8, 34)
  const packed = view.getUint32(10) // 20 bits sample rate, 3 bits channels − 1, 5 bits depth − 1, 4 bits of the total
  return {
    sampleRate: packed >>> 12,
    channels: ((packed >>> 9) & 7) + 1,
    bits: ((packed >>> 4) & 31) + 1,
    total: (packed & 15) * 2 ** 32 + view.getUint32(14),
  }
}

/** The decoder divides integers by 2^(bits−1) − 1; we, as for WAV, by 2^(bits−1). Up to 24 bits the integer is recovered exactly. */
function rescaleFlac(samples: Float32Array, bits: number): Float32Array {
  if (bits > 24) return samples
  const steps = 2 ** (bits - 1)
  for (let i = 0; i < samples.length; i++) samples[i] = Math.round(samples[i]! * (steps - 1)) / steps
  return samples
}

async function decodeFlac(bytes: Uint8Array, limits: AudioLimits): Promise<Audio> {
  const { sampleRate, channels, bits, total } = readStreamInfo(bytes)
  checkAudioSize('flac', { sampleRate, channels, samples: total }, limits)
  const { FLACDecoder } = await import('@wasm-audio-decoders/flac')
  return withDecoder('flac', new FLACDecoder(), async decoder => {
    const pieces: Float32Array[][] = Array.from({ length: channels }, () => [])
    let decoded = 0
    let firstError: string | undefined
    const take = async (part: ReturnType<typeof decoder.decode>) => {
      const { channelData, samplesDecoded, errors } = await part
      firstError ??= errors[0]?.message
      if (samplesDecoded === 0) return
      decoded += samplesDecoded
      checkAudioSize('flac', { sampleRate, channels, samples: decoded }, limits)
      if (channelData.length !== channels) throw audioError('corrupt-audio', 'flac: the number of channels changes; get the file again')
      for (let channel = 0; channel < channels; channel++) pieces[channel]!.push(channelData[channel]!)
    }
    for (let offset = 0; offset < bytes.length && (total === 0 || decoded < total); offset += flacChunkBytes) {
      await take(quietly(() => decoder.decode(bytes.subarray(offset, offset + flacChunkBytes))))
      if (offset % (16 * flacChunkBytes) === 0) await nextTurn()
    }
    if (total === 0 || decoded < total) await take(quietly(() => decoder.flush()))
    if (firstError && (total === 0 || decoded < total)) throw audioError('corrupt-audio', `flac: ${firstError}; get the file again`)
    if (decoded < total) throw audioError('truncated-audio', `flac: ${decoded} of ${total} samples are there; get the whole file`)
    return finish(
      'flac',
      sampleRate,
      pieces.map(piece => rescaleFlac(joinPieces(piece, total || decoded), bits)),
      [],
    )
  })
}

/** Samples at 48 kHz of one Opus packet, from its first two bytes (RFC 6716, 3.1). */
function opusPacketSamples(packet: Uint8Array): number {
  const [toc, second] = packet
  if (toc === undefined) return 0
  const config = toc >> 3
  // configurations 0–11: SILK of 10, 20, 40, 60 ms; 12–15: hybrid of 10, 20 ms; 16–31: CELT of 2.5, 5, 10, 20 ms
  const frame = config < 12 ? [480, 960, 1920, 2880][config & 3]! : config < 16 ? [480, 960][config & 1]! : 120 << (config & 3)
  const count = [1, 2, 2, (second ?? 0) & 63][toc & 3]!
  return frame * count
}

/** The fields of the OpusHead packet (RFC 7845, 5.1). */
function readOpusHead(packet: Uint8Array) {
  if (packet.length < 19)
    throw audioError('corrupt-audio', `ogg-opus: the header has ${packet.length} bytes, expected at least 19; get the file again`)
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  const channels = packet[9]!
  const family = packet[18]!
  checkAudioSize('ogg-opus', { sampleRate: opusSampleRate, channels, samples: 0 }, { maxSeconds: maxAudioSeconds })
  const streamCount = family === 0 ? 1 : packet[19]!
  const coupledStreamCount = family === 0 ? channels - 1 : packet[20]!
  const channelMappingTable = family === 0 ? [0, 1].slice(0, channels) : [...packet.subarray(21, 21 + channels)]
  const decodedChannels = streamCount + coupledStreamCount
  // libopus is handed these as they are; 255 stands for a silent channel
  const fits =
    streamCount >= 1 && coupledStreamCount <= streamCount && channelMappingTable.every(index => index < decodedChannels || index === 255)
  if ((family === 0 && channels > 2) || channelMappingTable.length !== channels || !fits) {
    throw audioError('corrupt-audio', `ogg-opus: ${channels} channels do not fit mapping family ${family}; get the file again`)
  }
  const mapping = { streamCount, coupledStreamCount, channelMappingTable }
  return { channels, preSkip: view.getUint16(10, true), gain: 10 ** (view.getInt16(16, true) / (20 * 256)), mapping }
}

async function decodeOpus({ packets, firstGranule, lastGranule, warnings }: OggStream, limits: AudioLimits): Promise<Audio> {
  const { channels, preSkip, gain, mapping } = readOpusHead(packets[0]!)
  const audioPackets = packets.slice(2)
  const sizes = audioPackets.map(opusPacketSamples)
  if (sizes.some(size => size > maxOpusPacketSamples))
    throw audioError('corrupt-audio', 'ogg-opus: a packet is longer than 120 ms; get the file again')
  const coded = sizes.reduce((sum, size) => sum + size, 0)
  checkAudioSize('ogg-opus', { sampleRate: opusSampleRate, channels, samples: coded }, limits)
  // a stream that was cut out of a longer one starts at a position above 0
  const before = firstGranule ? sizes.slice(0, firstGranule.packets - 2).reduce((sum, size) => sum + size, 0) : 0
  const origin = firstGranule ? Math.max(0, firstGranule.position - before) : 0
  const length = Math.max(0, Math.min(coded, lastGranule === undefined ? coded : lastGranule - origin) - preSkip)
  if (length === 0) throw audioError('empty-audio', 'ogg-opus: there is no sample in the file; pass a recording')
  const { OpusDecoder } = await import('opus-decoder')
  return withDecoder('ogg-opus', new OpusDecoder({ channels, preSkip: 0, ...mapping }), async decoder => {
    const data = Array.from({ length: channels }, () => new Float32Array(coded))
    let offset = 0
    for (const [index, packet] of audioPackets.entries()) {
      const { channelData, samplesDecoded, errors } = quietly(() => decoder.decodeFrame(packet))
      if (errors[0]) throw audioError('corrupt-audio', `ogg-opus: packet ${index}: ${errors[0].message}; get the file again`)
      for (let channel = 0; channel < channels; channel++) data[channel]!.set(channelData[channel]!, offset)
      offset += samplesDecoded
      if (index % opusPacketsPerTurn === 0) await nextTurn()
    }
    return finish(
      'ogg-opus',
      opusSampleRate,
      data.map(channel =>
        gain === 1 ? channel.slice(preSkip, preSkip + length) : channel.slice(preSkip, preSkip + length).map(value => value * gain),
      ),
      warnings,
    )
  })
}

async function decodeVorbis({ packets, pages, lastGranule, warnings }: OggStream, limits: AudioLimits): Promise<Audio> {
  const head = packets[0]!
  if (head.length < 30)
    throw audioError('corrupt-audio', `ogg-vorbis: the header has ${head.length} bytes, expected 30; get the file again`)
  const channels = head[11]!
  const sampleRate = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(12, true)
  checkAudioSize('ogg-vorbis', { sampleRate, channels, samples: Math.max(0, lastGranule ?? 0) }, limits)
  if (packets.length < 4) throw audioError('empty-audio', 'ogg-vorbis: there is no sample in the file; pass a recording')
  const { OggVorbisDecoder } = await import('@wasm-audio-decoders/ogg-vorbis')
  return withDecoder('ogg-vorbis', new OggVorbisDecoder(), async decoder => {
    const pieces: Float32Array[][] = Array.from({ length: channels }, () => [])
    let decoded = 0
    const take = async (part: ReturnType<typeof decoder.decode>) => {
      const { channelData, samplesDecoded, errors } = await part
      if (errors[0]) throw audioError('corrupt-audio', `ogg-vorbis: ${errors[0].message}; get the file again`)
      decoded += samplesDecoded
      checkAudioSize('ogg-vorbis', { sampleRate, channels, samples: decoded }, limits)
      for (let channel = 0; channel < channels && samplesDecoded > 0; channel++) pieces[channel]!.push(channelData[channel]!)
    }
    for (const page of pages) {
      await take(quietly(() => decoder.decode(page)))
      await nextTurn()
    }
    await take(quietly(() => decoder.flush()))
    return finish(
      'ogg-vorbis',
      sampleRate,
      pieces.map(piece => joinPieces(piece)),
      warnings,
    )
  })
}

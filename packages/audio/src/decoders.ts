import { AudioFormatError } from '@mynah/onnx'
import { type Audio, type AudioFormat, type AudioLimits, audioError, checkAudioSize, joinPieces, maxAudioSeconds } from './audio.ts'
import { readMp3Frames } from './mp3.ts'
import { type OggStream, readOgg } from './ogg.ts'

/** Decoders of compressed formats, in the decoding thread: they block it, and some print the errors that they return. */

// Bytes fed to a decoder at once, so that the total is checked before it takes much memory: some seconds of MP3.
const mp3ChunkBytes = 1 << 15
// A few bytes of hostile FLAC decode to 65,535 samples of each channel; 2 KiB to at most about 0.1 GB, after which the total is checked.
const flacChunkBytes = 1 << 11
/** Opus always decodes to 48 kHz. */
const opusSampleRate = 48000
/** 120 ms, the longest that RFC 6716 allows and the decoder has room for. */
const maxOpusPacketSamples = 5760

/**
 * Decodes a whole file of a compressed format.
 * @param bytes from where its audio begins
 * @throws {AudioFormatError}
 */
export function decodeCompressed(format: 'mp3' | 'flac' | 'ogg', bytes: Uint8Array, limits: AudioLimits): Promise<Audio> {
  if (format === 'mp3') return decodeMp3(bytes, limits)
  if (format === 'flac') return decodeFlac(bytes, limits)
  const stream = readOgg(bytes)
  return stream.codec === 'opus' ? decodeOpus(stream, limits) : decodeVorbis(stream, limits)
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

function finish(format: AudioFormat, sampleRate: number, channels: readonly Float32Array[], warnings: readonly string[]): Audio {
  if (!channels[0]?.length) throw audioError('empty-audio', `${format}: there is no sample in the file; pass a recording`)
  for (const channel of channels) {
    for (let i = 0; i < channel.length; i++) if (!Number.isFinite(channel[i])) channel[i] = 0
  }
  return { sampleRate, channels, format, warnings }
}

async function decodeMp3(bytes: Uint8Array, limits: AudioLimits): Promise<Audio> {
  const { sampleRate, channels, frames, samplesPerFrame, spans, warnings } = readMp3Frames(bytes, 0, limits)
  const { MPEGDecoder } = await import('mpg123-decoder')
  return withDecoder('mp3', new MPEGDecoder(), async decoder => {
    const pieces: Float32Array[][] = Array.from({ length: channels }, () => [])
    let total = 0
    for (const [from, to] of spans) {
      for (let offset = from; offset < to; offset += mp3ChunkBytes) {
        const { channelData, samplesDecoded } = decoder.decode(bytes.subarray(offset, Math.min(to, offset + mp3ChunkBytes)))
        total += samplesDecoded
        if (total > frames * samplesPerFrame)
          throw audioError('corrupt-audio', 'mp3: more audio than the frames can hold; get the file again')
        for (let channel = 0; channel < channels; channel++) pieces[channel]!.push(channelData[channel]!)
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
      await take(decoder.decode(bytes.subarray(offset, offset + flacChunkBytes)))
    }
    if (total === 0 || decoded < total) await take(decoder.flush())
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
      const { channelData, samplesDecoded, errors } = decoder.decodeFrame(packet)
      if (errors[0]) throw audioError('corrupt-audio', `ogg-opus: packet ${index}: ${errors[0].message}; get the file again`)
      for (let channel = 0; channel < channels; channel++) data[channel]!.set(channelData[channel]!, offset)
      offset += samplesDecoded
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
      await take(decoder.decode(page))
    }
    await take(decoder.flush())
    return finish(
      'ogg-vorbis',
      sampleRate,
      pieces.map(piece => joinPieces(piece)),
      warnings,
    )
  })
}

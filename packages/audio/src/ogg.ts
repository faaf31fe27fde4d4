import { audioError } from './audio.ts'

/** One logical stream of an Ogg file (RFC 3533), taken apart. */
export interface OggStream {
  readonly codec: 'opus' | 'vorbis'
  /** Whole packets in order, the codec's header packets first. */
  readonly packets: readonly Uint8Array[]
  /** The bytes of each page of this stream. */
  readonly pages: readonly Uint8Array[]
  /** Position of the first page that ends an audio packet, and how many packets (headers included) are complete by then. */
  readonly firstGranule: { readonly position: number; readonly packets: number } | undefined
  /** Position of the last page: samples since the start of the stream, which trims the last packet. */
  readonly lastGranule: number | undefined
  readonly warnings: readonly string[]
}

const pageHeaderSize = 27
const noGranule = 0xffff_ffff_ffff_ffffn
const flags = { continued: 1, first: 2, last: 4 }
const headerPackets = { opus: 2, vorbis: 3 }
// Opus and Vorbis bound their packets far below; one that grows over pages without end must not eat the memory.
const maxPacketBytes = 1 << 20

/** CRC-32 with polynomial 0x04c11db7, most significant bit first, no inversion: Ogg's page checksum. */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24
  for (let bit = 0; bit < 8; bit++) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1
  return value >>> 0
})

/** The checksum of a page, whatever its own field holds. */
export function pageChecksum(page: Uint8Array): number {
  let crc = 0
  for (let i = 0; i < page.length; i++) {
    const byte = i >= 22 && i < 26 ? 0 : page[i]! // the checksum's own field counts as zero
    crc = (crc << 8) ^ crcTable[(crc >>> 24) ^ byte]!
  }
  return crc >>> 0
}

/**
 * Reads the first Opus or Vorbis stream of an Ogg file. Other streams beside it are skipped, and chained ones after it too, with a warning.
 * @throws {AudioFormatError} `unsupported-audio` where there is neither, `corrupt-audio`, `truncated-audio`
 */
export function readOgg(bytes: Uint8Array): OggStream {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const warnings: string[] = []
  const packets: Uint8Array[] = []
  const pages: Uint8Array[] = []
  const others: string[] = []
  let stream: { codec: OggStream['codec']; serial: number } | undefined
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  let firstGranule: OggStream['firstGranule']
  let lastGranule: number | undefined
  let ended = false

  for (let offset = 0; offset < bytes.length; ) {
    const page = readPage(bytes, view, offset)
    offset += page.length
    if (page[5]! & flags.first) {
      const codec = codecOf(page.subarray(pageHeaderSize + page[26]!))
      if (typeof codec === 'string' && !stream) stream = { codec, serial: serialOf(page) }
      else if (!stream) others.push(typeof codec === 'string' ? codec : codec.other)
      else if (ended) {
        warnings.push('ogg: further streams follow the first; only the first was read')
        break
      }
    }
    if (!stream || ended || serialOf(page) !== stream.serial) continue
    pages.push(page)
    const segments = page[26]!
    let start = pageHeaderSize + segments
    let size = 0
    let complete = false
    if (!(page[5]! & flags.continued) && pending.length > 0)
      throw audioError('corrupt-audio', 'ogg: a packet lacks its end; get the file again')
    for (let segment = 0; segment < segments; segment++) {
      const lace = page[pageHeaderSize + segment]!
      size += lace
      if (lace === 255 && segment < segments - 1) continue
      pending.push(page.subarray(start, start + size))
      pendingBytes += size
      if (pendingBytes > maxPacketBytes)
        throw audioError('corrupt-audio', `ogg: a packet is larger than ${maxPacketBytes} bytes; get the file again`)
      start += size
      size = 0
      if (lace === 255) continue
      packets.push(pending.length === 1 ? pending[0]! : new Uint8Array(Buffer.concat(pending)))
      pending = []
      pendingBytes = 0
      complete = true
    }
    const granule = new DataView(page.buffer, page.byteOffset, page.byteLength).getBigUint64(6, true)
    if (complete && granule !== noGranule) {
      lastGranule = Number(BigInt.asIntN(64, granule))
      if (packets.length > headerPackets[stream.codec]) firstGranule ??= { position: lastGranule, packets: packets.length }
    }
    ended = (page[5]! & flags.last) !== 0
  }

  if (!stream) {
    const found = others.length > 0 ? others.join(', ') : 'no stream'
    throw audioError('unsupported-audio', `ogg: ${found}, expected Opus or Vorbis; convert it with "ffmpeg -i IN -ac 1 OUT.wav"`)
  }
  if (pending.length > 0) throw audioError('truncated-audio', 'ogg: the file ends within a packet; get the whole file')
  if (!ended) warnings.push('ogg: the stream has no end mark; it may be a recording cut short')
  return { codec: stream.codec, packets, pages, firstGranule, lastGranule, warnings }
}

function readPage(bytes: Uint8Array, view: DataView, offset: number): Uint8Array {
  const left = bytes.length - offset
  const isPage = left >= 4 && view.getUint32(offset) === 0x4f676753 // OggS
  if (left >= 4 && !isPage) throw audioError('corrupt-audio', `ogg: no page at byte ${offset}; get the file again`)
  const segments = left >= pageHeaderSize ? bytes[offset + 26]! : 0
  let size = pageHeaderSize + segments
  if (left >= size) for (let segment = 0; segment < segments; segment++) size += bytes[offset + pageHeaderSize + segment]!
  if (left < size) throw audioError('truncated-audio', `ogg: the file ends within the page at byte ${offset}; get the whole file`)
  const page = bytes.subarray(offset, offset + size)
  if (pageChecksum(page) !== view.getUint32(offset + 22, true)) {
    throw audioError('corrupt-audio', `ogg: the checksum of the page at byte ${offset} is wrong; get the file again`)
  }
  return page
}

function serialOf(page: Uint8Array): number {
  return new DataView(page.buffer, page.byteOffset, page.byteLength).getUint32(14, true)
}

function codecOf(packet: Uint8Array): OggStream['codec'] | { other: string } {
  const text = Buffer.from(packet.subarray(0, 8)).toString('latin1')
  if (text === 'OpusHead') return 'opus'
  if (text.startsWith('\x01vorbis')) return 'vorbis'
  if (text.startsWith('\x7fFLAC')) return { other: 'FLAC in Ogg' }
  if (text.startsWith('Speex')) return { other: 'Speex' }
  if (text.startsWith('\x80theora')) return { other: 'Theora video' }
  return { other: 'an unknown codec' }
}

import { type AudioLimits, audioError, checkAudioSize } from './audio.ts'

/** What a walk over the frames of an MP3 file finds, before anything is decoded. */
export interface Mp3Frames {
  readonly sampleRate: number
  readonly channels: 1 | 2
  /** Whole frames, tag frame included. */
  readonly frames: number
  readonly samplesPerFrame: number
  /** Byte ranges [start, end) of uninterrupted frames. */
  readonly spans: readonly (readonly [start: number, end: number])[]
  readonly warnings: readonly string[]
}

interface FrameHeader {
  readonly size: number
  readonly sampleRate: number
  readonly channels: 1 | 2
  readonly samples: number
  readonly lowRate: boolean
}

const mpeg1Kbps = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
const mpeg2Kbps = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
const mpeg1Rates = [44100, 48000, 32000]

// Three headers in a row, each where the one before says, do not happen by chance: noise gives that once in about 10^10 positions.
const syncFrames = 3
// How far from the start (after a tag) the first frame may lie.
const maxLeadingJunk = 1 << 16

/** The header of a layer III frame (ISO 11172-3, 13818-3), or undefined. Free-format streams are not recognised. */
function readFrameHeader(bytes: Uint8Array, offset: number): FrameHeader | undefined {
  if (offset + 4 > bytes.length) return undefined
  const [b0, b1, b2, b3] = [bytes[offset]!, bytes[offset + 1]!, bytes[offset + 2]!, bytes[offset + 3]!]
  if (b0 !== 0xff || (b1 & 0xe0) !== 0xe0) return undefined
  const version = (b1 >> 3) & 3 // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
  const layer = (b1 >> 1) & 3 // 1: layer III
  const bitrateIndex = b2 >> 4
  const rateIndex = (b2 >> 2) & 3
  if (version === 1 || layer !== 1 || bitrateIndex === 0 || bitrateIndex === 15 || rateIndex === 3 || (b3 & 3) === 2) return undefined
  const lowRate = version !== 3
  const kbps = (lowRate ? mpeg2Kbps : mpeg1Kbps)[bitrateIndex]!
  const sampleRate = mpeg1Rates[rateIndex]! / (version === 3 ? 1 : version === 2 ? 2 : 4)
  const samples = lowRate ? 576 : 1152
  const size = Math.floor((samples / 8) * ((kbps * 1000) / sampleRate)) + ((b2 >> 1) & 1)
  return { size, sampleRate, channels: b3 >> 6 === 3 ? 1 : 2, samples, lowRate }
}

function isSync(bytes: Uint8Array, offset: number, atStart: boolean): boolean {
  const first = readFrameHeader(bytes, offset)
  if (!first) return false
  let position = offset
  for (let count = 0; count < syncFrames; count++) {
    const header = readFrameHeader(bytes, position)
    if (!header) return atStart && position >= bytes.length - 4
    if (header.sampleRate !== first.sampleRate) return false
    position += header.size
  }
  return true
}

/** Where the first frame of an MP3 file lies, or undefined if the bytes are not MP3. @param start behind any ID3 tag */
export function findMp3(bytes: Uint8Array, start: number): number | undefined {
  const end = Math.min(bytes.length - 4, start + maxLeadingJunk)
  for (let offset = start; offset <= end; offset++) {
    if (bytes[offset] === 0xff && isSync(bytes, offset, offset === start)) return offset
  }
  return undefined
}

/** The number of frames that the Xing or Info tag in the first frame announces. */
function announcedFrames(bytes: Uint8Array, offset: number, { channels, lowRate }: FrameHeader): number | undefined {
  const at = offset + 4 + (lowRate ? (channels === 1 ? 9 : 17) : channels === 1 ? 17 : 32)
  if (at + 12 > bytes.length) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 12)
  const tag = view.getUint32(0)
  const isTag = tag === 0x58696e67 || tag === 0x496e666f // Xing, Info
  return isTag && view.getUint32(4) & 1 ? view.getUint32(8) : undefined
}

/**
 * Walks over the frames of an MP3 file, so that its length is known before memory is taken, and only whole frames reach the decoder.
 * @param start position of the first frame
 * @throws {AudioFormatError} `truncated-audio` if frames that the file's tag announces are not there, `audio-too-long`, `empty-audio`
 */
export function readMp3Frames(bytes: Uint8Array, start: number, limits: AudioLimits): Mp3Frames {
  const first = readFrameHeader(bytes, start)!
  const announced = announcedFrames(bytes, start, first)
  const warnings: string[] = []
  const spans: [number, number][] = []
  let frames = 0
  let skipped = 0
  let cut = false
  let spanStart = start
  let offset = start
  const closeSpan = () => {
    if (offset > spanStart) spans.push([spanStart, offset])
  }
  while (offset < bytes.length) {
    const header = readFrameHeader(bytes, offset)
    if (header && header.sampleRate === first.sampleRate) {
      if (offset + header.size > bytes.length) {
        cut = true
        break
      }
      offset += header.size
      frames++
      continue
    }
    closeSpan()
    if (isTrailingTag(bytes, offset)) {
      spanStart = offset
      break
    }
    const junkStart = offset
    while (offset < bytes.length && !(bytes[offset] === 0xff && isSync(bytes, offset, false))) offset++
    skipped += offset - junkStart
    spanStart = offset
  }
  closeSpan()
  checkAudioSize('mp3', { sampleRate: first.sampleRate, channels: first.channels, samples: frames * first.samples }, limits)
  // the tag does not count the frame it lies in; encoders disagree by one about the last
  if (announced !== undefined && frames < announced) {
    throw audioError('truncated-audio', `mp3: ${frames} of ${announced} frames are there; get the whole file`)
  }
  if (frames === 0) throw audioError('truncated-audio', 'mp3: the file ends within its first frame; get the whole file')
  if (cut) warnings.push('mp3: the file ends within a frame; it may be cut short')
  if (skipped > 0) warnings.push(`mp3: skipped ${skipped} bytes between frames that are no audio`)
  return { sampleRate: first.sampleRate, channels: first.channels, frames, samplesPerFrame: first.samples, spans, warnings }
}

/** ID3v1 and APE tags end a file. */
function isTrailingTag(bytes: Uint8Array, offset: number): boolean {
  const text = Buffer.from(bytes.subarray(offset, offset + 8)).toString('latin1')
  return (text.startsWith('TAG') && bytes.length - offset === 128) || text === 'APETAGEX'
}

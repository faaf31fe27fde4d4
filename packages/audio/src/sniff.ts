import { audioError } from './audio.ts'
import { findMp3 } from './mp3.ts'

const conversion = 'convert it with "ffmpeg -i IN -ac 1 OUT.wav"'

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

/**
 * What a file is, by its bytes.
 * @returns the format, and where its audio begins: behind an ID3 tag
 * @throws {AudioFormatError} for everything else, by name where it is known
 */
export function sniffAudio(bytes: Uint8Array): { format: 'wav' | 'mp3' | 'flac' | 'ogg'; start: number } {
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

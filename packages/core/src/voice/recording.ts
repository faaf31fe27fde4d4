import { readFile, stat } from 'node:fs/promises'
import { maxAudioBytes } from '@mynah/audio'
import { AudioFormatError } from '@mynah/onnx'
import { isWebStream, iterateStream, untilAborted } from '../streaming.ts'

/** Mono samples, float32 [S] nominally in [-1, 1]. */
export interface RawSamples {
  readonly samples: Float32Array
  /** Hz. */
  readonly sampleRate: number
}

/**
 * A recording: the path of a wav, mp3, flac, ogg opus or ogg vorbis file, a `file:` or `data:` URL, the bytes of one, a Blob or File, a stream of its bytes (Node's `Readable` or
 * a web stream, read once), or mono samples.
 */
export type AudioSource =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | RawSamples

/** Names are quoted up to this length. */
const quotedCharacters = 80
const expected = 'expected a path, a file: or data: URL, bytes, a Blob, a stream of bytes, or { samples: Float32Array, sampleRate }'

/**
 * Fetches a recording into memory.
 * @returns the bytes of a file, or samples as they were given
 * @throws {AudioFormatError} `unreadable-audio` if a file or URL cannot be read, `audio-too-long` beyond `maxAudioBytes`; {TypeError} if it is no `AudioSource`
 * @throws the signal's reason
 */
export async function openRecording(source: AudioSource, signal?: AbortSignal): Promise<Uint8Array | RawSamples> {
  if (typeof source === 'string' || source instanceof URL) return readLocation(source, signal)
  if (source instanceof Uint8Array) return source
  if (source instanceof ArrayBuffer) return new Uint8Array(source)
  if (source instanceof Blob) {
    checkSize('audio', source.size)
    return new Uint8Array(await source.arrayBuffer())
  }
  if (typeof source === 'object' && source !== null) {
    if (isWebStream(source)) return readStream(iterateStream<Uint8Array>(source), signal)
    if (Symbol.asyncIterator in source) return readStream(source, signal)
    if (source.samples instanceof Float32Array && typeof source.sampleRate === 'number') return source
  }
  throw new TypeError(`prompt: audio is no recording, ${expected}`)
}

async function readLocation(location: string | URL, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const text = String(location)
  const [, scheme = ''] = /^([a-z][a-z\d+.-]+):/i.exec(text) ?? [] // a drive, C:, is one letter
  if (scheme.toLowerCase() === 'data') return readDataUrl(text)
  if (/^https?$/i.test(scheme)) throw unreadable(text, 'Mynah downloads no recordings; fetch it, and pass the response body')
  try {
    const path = scheme.toLowerCase() === 'file' ? new URL(text) : location
    checkSize(quote(text), (await stat(path)).size)
    return await readFile(path, signal ? { signal } : {})
  } catch (cause) {
    signal?.throwIfAborted()
    if (AudioFormatError.isInstance(cause)) throw cause
    throw unreadable(
      text,
      `cannot be read (${cause instanceof Error ? cause.message.replace(text, quote(text)) : cause}); check the path`,
      cause,
    )
  }
}

/** RFC 2397. */
function readDataUrl(url: string): Uint8Array {
  const comma = url.indexOf(',')
  const isBase64 = /;\s*base64\s*$/i.test(url.slice(0, comma))
  checkSize('data URL', (url.length - comma) * (isBase64 ? 0.75 : 1 / 3))
  try {
    if (comma < 0) throw new Error('there is no comma')
    const body = decodeURIComponent(url.slice(comma + 1))
    return isBase64 ? Buffer.from(body, 'base64') : Buffer.from(body, 'latin1')
  } catch (cause) {
    throw unreadable(url, `is no data URL (${(cause as Error).message}); write data:audio/wav;base64,…`, cause)
  }
}

async function readStream(stream: AsyncIterable<Uint8Array>, signal = new AbortController().signal): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of untilAborted<unknown>(stream, signal)) {
    const bytes = piece instanceof ArrayBuffer ? new Uint8Array(piece) : piece
    if (!(bytes instanceof Uint8Array))
      throw new TypeError(`prompt: audio is a stream of ${typeof piece}, expected one of bytes (Uint8Array)`)
    size += bytes.length
    checkSize('audio', size)
    pieces.push(bytes)
  }
  return Buffer.concat(pieces)
}

function checkSize(where: string, bytes: number): void {
  if (bytes <= maxAudioBytes) return
  throw new AudioFormatError(`${where}: ${Math.round(bytes)} bytes, expected at most ${maxAudioBytes}; cut it shorter`, {
    code: 'audio-too-long',
  })
}

function unreadable(location: string, message: string, cause?: unknown): AudioFormatError {
  return new AudioFormatError(`${quote(location)}: ${message}`, { code: 'unreadable-audio', cause })
}

function quote(location: string): string {
  return location.length > quotedCharacters ? `${location.slice(0, quotedCharacters)}… (${location.length} characters)` : location
}

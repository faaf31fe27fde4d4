import { closeSync, fstatSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { AudioFormatError } from '@mynah/onnx'
import { type Audio, audioError, maxAudioBytes } from './audio.ts'
import { decodeAudio } from './decode.ts'
import { toPcm16 } from './encode.ts'
import { type ByteSource, describeReplaced, findSamples, readSamples, wavHeader } from './wav.ts'

/** A recording that is read piece by piece. */
export interface AudioStream extends Pick<Audio, 'sampleRate' | 'format'>, Disposable {
  readonly channels: number
  /** Samples per channel. */
  readonly samples: number
  /** Oddities that were tolerated, in sentences; complete when the last piece has been read. */
  readonly warnings: readonly string[]
  /** One float32 [≤ `pieceSamples`] per channel at a time, from the start. */
  pieces(): AsyncGenerator<readonly Float32Array[], void, undefined>
}

/** Samples of a piece: a second or two. */
const pieceSamples = 48_000

/**
 * Opens an audio file. A WAV file is read as it is needed, however long it is; compressed files are decoded at once, within the limits of `decodeAudio`.
 * @throws {AudioFormatError} with an `AudioErrorCode`, the path in front
 */
export async function openAudio(path: string): Promise<AudioStream> {
  const fd = openSync(path, 'r')
  try {
    const source = sourceOf(fd)
    if (isWav(source)) return streamWav(source, () => closeSync(fd))
    if (source.length > maxAudioBytes) {
      throw audioError('audio-too-long', `audio: ${source.length} bytes, expected at most ${maxAudioBytes}; cut the file into parts`)
    }
    const audio = await decodeAudio(readFileSync(fd))
    return streamDecoded(audio, () => closeSync(fd))
  } catch (error) {
    closeSync(fd)
    if (!AudioFormatError.isInstance(error)) throw error
    throw new AudioFormatError(`${path}: ${error.message}`, { code: error.code, cause: error })
  }
}

function sourceOf(fd: number): ByteSource {
  const { size } = fstatSync(fd)
  return {
    length: size,
    read(offset, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)))
      let filled = 0
      for (let count = -1; filled < bytes.length && count !== 0; filled += count) {
        count = readSync(fd, bytes, filled, bytes.length - filled, offset + filled)
      }
      return new DataView(bytes.buffer, 0, filled)
    },
  }
}

function isWav(source: ByteSource): boolean {
  return Buffer.from(source.read(0, 4).buffer).toString('latin1') === 'RIFF'
}

function streamWav(source: ByteSource, close: () => void): AudioStream {
  const layout = findSamples(source)
  const { sampleRate, channels, samples } = layout
  const warnings = [...layout.warnings]
  return {
    sampleRate,
    channels,
    samples,
    format: 'wav',
    warnings,
    async *pieces() {
      let replaced = 0
      for (let first = 0; first < samples; first += pieceSamples) {
        const piece = readSamples(source, layout, first, Math.min(pieceSamples, samples - first))
        replaced += piece.replaced
        yield piece.data
        await nextTurn()
      }
      warnings.push(...describeReplaced(replaced))
    },
    [Symbol.dispose]: close,
  }
}

function streamDecoded({ sampleRate, channels, format, warnings }: Audio, close: () => void): AudioStream {
  const samples = channels[0]!.length
  return {
    sampleRate,
    channels: channels.length,
    samples,
    format,
    warnings,
    async *pieces() {
      for (let first = 0; first < samples; first += pieceSamples) {
        yield channels.map(channel => channel.subarray(first, first + pieceSamples))
        await nextTurn()
      }
    },
    [Symbol.dispose]: close,
  }
}

/** A 16-bit mono WAV file that is written piece by piece. Disposing of it completes the header. */
export interface WavWriter extends Disposable {
  /** @param samples float32 [S], nominally in [-1, 1]; clamped beyond, NaN is silence */
  /** Appends samples, interleaved where there are several channels. */
  write(samples: Float32Array): void
}

/**
 * Begins a WAV file, replacing one that is there.
 * @param sampleRate Hz, a positive integer
 * @throws {RangeError} for an impossible sample rate; `write` if the file grows beyond 4 GiB
 */
export function createWavWriter(path: string, sampleRate: number): WavWriter {
  const headerBytes = wavHeader(sampleRate, 0).length
  const fd = openSync(path, 'w')
  let bytes = 0
  const put = (data: Uint8Array, position: number) => {
    for (let done = 0; done < data.length; ) done += writeSync(fd, data, done, data.length - done, position + done)
  }
  const complete = () => {
    put(wavHeader(sampleRate, bytes), 0)
    closeSync(fd)
  }
  return {
    write(samples) {
      const pcm = toPcm16(samples)
      if (bytes + pcm.byteLength > 0xffffffff - headerBytes) throw new RangeError(`${path}: more than 4 GiB of audio do not fit a WAV file`)
      put(new Uint8Array(pcm.buffer), headerBytes + bytes)
      bytes += pcm.byteLength
    },
    [Symbol.dispose]: complete,
  }
}

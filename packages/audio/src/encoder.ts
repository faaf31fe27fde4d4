import { openOnThread } from './encode-thread.ts'
import { createPlainEncoder, joinBytes, plainFormats } from './encoders.ts'
import { checkEncoding, type EncodingOptions } from './formats.ts'

/** Encodes audio that arrives in pieces; all that it gives, joined, is the file. Dispose of it when done, whether finished or not. */
export interface AudioEncoder extends Disposable {
  /** @param samples float32 [S] mono, nominally in [-1, 1]; NaN is silence. @returns what is known of the file by now, often nothing */
  encode(samples: Float32Array): Promise<Uint8Array<ArrayBuffer>>
  /** The rest of the file. Call once. */
  finish(): Promise<Uint8Array<ArrayBuffer>>
}

/**
 * Begins to encode. Compressing and resampling happen on a thread of their own, which starts at once.
 * @param inputRate of the audio, Hz
 * @param options `totalSamples`: of the audio, where it is known before; headers then say how long the file is
 * @throws {TypeError} for options of the wrong type; {RangeError} for an unknown format, sample rate or bitrate
 * @throws {MynahError} `encoder-failed` if an encoder does not load or its thread dies; from `encode` and `finish`
 */
export function createEncoder(inputRate: number, options: EncodingOptions & { readonly totalSamples?: number } = {}): AudioEncoder {
  const { totalSamples } = options
  const encoding = checkEncoding('createEncoder', options, inputRate)
  const length = totalSamples === undefined ? undefined : Math.ceil((totalSamples * encoding.sampleRate) / inputRate)
  const start = { ...encoding, totalSamples: length }
  if (!plainFormats.includes(encoding.format) || encoding.sampleRate !== inputRate) return openOnThread(start, inputRate)
  const encoder = createPlainEncoder(start)
  return {
    encode: async samples => encoder.encode(samples),
    finish: async () => encoder.finish(),
    [Symbol.dispose]: () => undefined,
  }
}

/** Samples that are encoded at once: a few seconds, so that no turn of the event loop is long. */
export const encodedPieceSamples = 1 << 16

/**
 * Encodes a whole file.
 * @param samples float32 [S] mono at `inputRate` Hz
 * @throws as `createEncoder`
 */
export async function encodeAudio(
  samples: Float32Array,
  inputRate: number,
  options: EncodingOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  using encoder = createEncoder(inputRate, { ...options, totalSamples: samples.length })
  const pieces: Uint8Array[] = []
  for (let from = 0; from < samples.length; from += encodedPieceSamples)
    pieces.push(await encoder.encode(samples.subarray(from, from + encodedPieceSamples)))
  pieces.push(await encoder.finish())
  return joinBytes(pieces)
}

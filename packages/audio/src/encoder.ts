import { toPcm16 } from './encode.ts'
import { checkEncoding, type EncodingOptions } from './formats.ts'
import { toALaw, toMuLaw } from './g711.ts'
import { createResampler } from './resample.ts'
import { encodeWav } from './wav.ts'

/** Encodes audio that arrives in pieces; all that it gives, joined, is the file. Dispose of it when done, whether finished or not. */
export interface AudioEncoder extends Disposable {
  /** Of what is encoded, Hz. */
  readonly sampleRate: number
  /** @param samples float32 [S] mono, nominally in [-1, 1]; NaN is silence. @returns what is known of the file by now, often nothing */
  encode(samples: Float32Array): Promise<Uint8Array<ArrayBuffer>>
  /** The rest of the file. Call once. */
  finish(): Promise<Uint8Array<ArrayBuffer>>
}

/**
 * Begins to encode.
 * @param inputRate of the audio, Hz
 * @throws {TypeError} for options of the wrong type; {RangeError} for an unknown format or sample rate
 */
export function createEncoder(inputRate: number, options: EncodingOptions = {}): AudioEncoder {
  const { format, sampleRate } = checkEncoding('createEncoder', options, inputRate)
  const resampler = createResampler(inputRate, sampleRate)
  let header: Uint8Array<ArrayBuffer> = format === 'wav' ? streamedWavHeader(sampleRate) : new Uint8Array(0)
  const encode = (samples: Float32Array) => {
    const pcm = toPcm16(samples)
    if (format === 'pcm' || format === 'wav') {
      const bytes = joinBytes([header, new Uint8Array(pcm.buffer)])
      header = new Uint8Array(0)
      return bytes
    }
    if (format === 'mulaw' || format === 'alaw') return Uint8Array.from(pcm, format === 'mulaw' ? toMuLaw : toALaw)
    throw new RangeError(`createEncoder: ${format} is not there yet`)
  }
  return {
    sampleRate,
    encode: async samples => encode(resampler.push(samples)),
    finish: async () => encode(resampler.finish()),
    [Symbol.dispose]: () => undefined,
  }
}

/** The header of a WAV file whose length is not known yet: both sizes are as large as they can be, which readers take for "to the end". */
function streamedWavHeader(sampleRate: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(encodeWav(new Float32Array(0), sampleRate))
  const view = new DataView(header.buffer)
  view.setUint32(4, 0xffffffff, true)
  view.setUint32(40, 0xffffffff, true)
  return header
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

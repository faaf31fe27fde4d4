import { setImmediate as nextTurn } from 'node:timers/promises'
import { createRandom } from '@mynah/onnx'

/**
 * Float samples as 16-bit integers: round(x · 32768), clamped to [-32768, 32767] (so +1.0 is 32767 and nothing wraps); NaN is silence.
 * Reading a 16-bit WAV and writing it again gives the same samples.
 * @param samples float32 [S], nominally in [-1, 1]
 * @param options `ditherSeed`: adds TPDF dither (triangular noise of ±1 step) from this seed, which turns the distortion of very quiet passages into even noise; off by default
 * @returns int16 [S]
 */
export function toPcm16(samples: Float32Array, options: { ditherSeed?: number } = {}): Int16Array<ArrayBuffer> {
  const random = options.ditherSeed === undefined ? undefined : createRandom(options.ditherSeed)
  const pcm = new Int16Array(samples.length)
  for (let i = 0; i < samples.length; i++) {
    const dither = random ? random.uniform() - random.uniform() : 0
    const value = Math.round(samples[i]! * 32768 + dither)
    pcm[i] = Math.max(-32768, Math.min(32767, value)) // NaN becomes 0 in an Int16Array
  }
  return pcm
}

/** Constant bitrates of `encodeMp3`, in kilobits a second, that MPEG-1 and MPEG-2 share. */
export type Mp3Bitrate = 32 | 40 | 48 | 64 | 80 | 96 | 112 | 128 | 160

const mp3Bitrates: readonly number[] = [32, 40, 48, 64, 80, 96, 112, 128, 160]
const mp3SampleRates: readonly number[] = [16000, 22050, 24000, 32000, 44100, 48000]
// Samples per call into the encoder, 32 frames: keeps its buffers small and each turn of the event loop short.
const mp3ChunkSamples = 32 * 1152

/**
 * Encodes MP3 at a constant bitrate with LAME, compiled to WebAssembly (package wasm-media-encoders, itself MIT; LAME is LGPL-2.0-or-later and stays a separate,
 * unmodified module loaded at the first call). As with every MP3 encoder, some 50 ms of silence lead and follow the audio.
 * @param samples float32 [S] mono, or one [S] per channel for stereo, nominally in [-1, 1]; NaN is silence
 * @param sampleRate Hz: 16000, 22050, 24000, 32000, 44100 or 48000
 * @param options `bitrateKbps`: 96 by default, transparent for mono speech
 * @throws {RangeError} for a sample rate, bitrate or channel count that MP3 lacks
 */
export async function encodeMp3(
  samples: Float32Array | readonly Float32Array[],
  sampleRate: number,
  options: { bitrateKbps?: Mp3Bitrate } = {},
): Promise<Uint8Array> {
  const channels = samples instanceof Float32Array ? [samples] : samples
  const length = channels[0]?.length ?? 0
  const bitrate = options.bitrateKbps ?? 96
  if (!mp3SampleRates.includes(sampleRate)) {
    throw new RangeError(`encodeMp3: sampleRate is ${sampleRate} Hz, expected ${mp3SampleRates.join(', ')}; resample() first`)
  }
  if (!mp3Bitrates.includes(bitrate)) throw new RangeError(`encodeMp3: bitrateKbps is ${bitrate}, expected ${mp3Bitrates.join(', ')}`)
  if ((channels.length !== 1 && channels.length !== 2) || channels.some(channel => channel.length !== length)) {
    throw new RangeError(
      `encodeMp3: channels of ${channels.map(channel => channel.length).join(', ')} samples, expected one or two of equal length`,
    )
  }
  const { createMp3Encoder } = await import('wasm-media-encoders')
  const encoder = await createMp3Encoder()
  encoder.configure({ sampleRate, channels: channels.length, outputSampleRate: sampleRate as 24000, bitrate: bitrate as 96 })
  const pieces: Uint8Array[] = []
  for (let start = 0; start < length; start += mp3ChunkSamples) {
    const chunk = channels.map(channel => channel.slice(start, start + mp3ChunkSamples).map(clampSample))
    pieces.push(encoder.encode(chunk).slice()) // a view of the encoder's memory
    await nextTurn()
  }
  pieces.push(encoder.finalize().slice())
  return new Uint8Array(Buffer.concat(pieces))
}

function clampSample(value: number): number {
  return Math.max(-1, Math.min(1, value)) || 0
}

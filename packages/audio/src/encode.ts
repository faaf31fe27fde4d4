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
    const value = Math.floor(samples[i]! * 32768 + dither + 0.5)
    pcm[i] = Math.max(-32768, Math.min(32767, value)) // NaN becomes 0 in an Int16Array
  }
  return pcm
}

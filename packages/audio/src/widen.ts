import { startBiquad } from './biquad.ts'
import { realFft } from './fft.ts'
import { rmsAmplitude } from './level.ts'
import { hannWindow } from './stft.ts'

/**
 * Bandwidth extension: what a telephone has cut off, guessed, so that a recording sounds to a network trained on whole voices as such do. Rectifying speech makes harmonics of the
 * same pitch above and below its band; they are shaped to go on where the recording ends (non-linear distortion and a spectral envelope, as in Jax and Vary, "On artificial bandwidth
 * extension of telephone speech", Signal Processing 83, 2003; the envelope here is a fixed slope, not a learned codebook).
 */

const telephone = { low: 300, high: 3400 } as const
/** Telephones end at 4 kHz at the latest: beyond it lies less than this part of the power of the band below. Quiet consonants and dull microphones keep 30 dB more. */
const nothingAbove = 10 ** (-45 / 10)
/** With a telephone's high-pass the power between 80 and 230 Hz is less than this part of that between 300 and 800 Hz. */
const nothingBelow = 10 ** (-10 / 10)
/** Amplitude of what is added, relative to the neighbouring band of the recording. */
const share = { above: 0.35, below: 0.7 } as const
const mostGain = 4
const windowSeconds = 0.01

/** Whether a recording [S] has nothing above 4 kHz, as from a telephone or at a sample rate of 8 kHz. */
export function isNarrowBand(samples: Float32Array, sampleRate: number): boolean {
  const between = powerSpectrum(samples, sampleRate)
  return between(4200, Math.min(8000, sampleRate / 2)) < nothingAbove * between(telephone.low, telephone.high)
}

/**
 * Adds highs, and lows if a telephone has cut them, to narrow-band speech.
 * @param samples float32 [S]; not changed
 * @param sampleRate Hz, 16 kHz and more
 * @returns float32 [S]
 */
export function widenBand(samples: Float32Array, sampleRate: number): Float32Array {
  const bent = samples.map(Math.abs)
  const edge = bandPass(samples, 1500, telephone.high, sampleRate)
  const above = onePole(highPass(bent, telephone.high, sampleRate), telephone.high, sampleRate) // −6 dB an octave
  const [edgeLevel, aboveLevel] = [envelope(edge, sampleRate), envelope(above, sampleRate)]
  const usual = (share.above * Math.sqrt(power(edge))) / Math.sqrt(power(above) + 1e-18)
  const lows = needsLows(samples, sampleRate) ? bandPass(bent, 60, telephone.low, sampleRate) : undefined
  const lowGain = lows ? share.below * Math.sqrt(power(bandPass(samples, telephone.low, 800, sampleRate)) / (power(lows) + 1e-18)) : 0
  return samples.map((sample, i) => {
    const gain = Math.min((share.above * edgeLevel[i]!) / (aboveLevel[i]! + 1e-9), mostGain * usual)
    return sample + gain * above[i]! + lowGain * (lows?.[i] ?? 0)
  })
}

function needsLows(samples: Float32Array, sampleRate: number): boolean {
  const between = powerSpectrum(samples, sampleRate)
  return between(80, 230) < nothingBelow * between(telephone.low, 800)
}

/** The mean power spectrum of a recording: a function of the power between two frequencies in Hz, in a unit of its own. */
function powerSpectrum(samples: Float32Array, sampleRate: number): (low: number, high: number) => number {
  const size = 1024
  const fft = realFft(size)
  const window = hannWindow(size)
  const [frame, re, im] = [new Float64Array(size), new Float64Array(size / 2 + 1), new Float64Array(size / 2 + 1)]
  const sums = new Float64Array(size / 2 + 1)
  for (let start = 0; start < samples.length; start += size / 2) {
    for (let i = 0; i < size; i++) frame[i] = (samples[start + i] ?? 0) * window[i]!
    fft.forward(frame, re, im)
    for (let k = 0; k < sums.length; k++) sums[k]! += re[k]! ** 2 + im[k]! ** 2
  }
  const bin = (frequency: number) => Math.round((frequency * size) / sampleRate)
  return (low, high) => sums.subarray(bin(low), bin(high) + 1).reduce((a, b) => a + b, 0)
}

const power = (samples: Float32Array) => rmsAmplitude(samples) ** 2

/** Root mean square of the last hundredth of a second, roughly: of an exponential window. */
function envelope(samples: Float32Array, sampleRate: number): Float32Array {
  const keep = Math.exp(-1 / (windowSeconds * sampleRate))
  let mean = 0
  return samples.map(sample => {
    mean = keep * mean + (1 - keep) * sample * sample
    return Math.sqrt(mean)
  })
}

function onePole(samples: Float32Array, cutoff: number, sampleRate: number): Float32Array {
  const keep = Math.exp((-2 * Math.PI * cutoff) / sampleRate)
  let last = 0
  return samples.map(sample => {
    last = keep * last + (1 - keep) * sample
    return last
  })
}

/** Quality factors of the three sections of a Butterworth filter of order 6. */
const sections = [0.5176, Math.SQRT1_2, 1.9319] as const

const highPass = (samples: Float32Array, cutoff: number, sampleRate: number) => filter(samples, cutoff, sampleRate, 'high')

function bandPass(samples: Float32Array, low: number, high: number, sampleRate: number): Float32Array {
  return filter(highPass(samples, low, sampleRate), high, sampleRate, 'low')
}

/** Butterworth of order 6 by bilinear transform, in three sections of second order. */
function filter(samples: Float32Array, cutoff: number, sampleRate: number, kind: 'low' | 'high'): Float32Array {
  const w = (2 * Math.PI * Math.min(cutoff, 0.45 * sampleRate)) / sampleRate
  const [cos, sin] = [Math.cos(w), Math.sin(w)]
  let out = samples
  for (const quality of sections) {
    const alpha = sin / (2 * quality)
    const a0 = 1 + alpha
    const b0 = (kind === 'low' ? (1 - cos) / 2 : (1 + cos) / 2) / a0
    const b1 = (kind === 'low' ? 1 - cos : -(1 + cos)) / a0
    out = out.map(startBiquad([b0, b1, b0, (-2 * cos) / a0, (1 - alpha) / a0]))
  }
  return out
}

import { sampleRateRange } from './audio.ts'

/**
 * Resampling by a windowed sinc: the ideal low-pass filter below the lower of both Nyquist frequencies, cut off by a Kaiser window.
 * Output sample i stands at input time t = i·from/to; y[i] = Σₙ x[n]·h(t − n), where h is evaluated from a table of phases (fractional parts of t).
 */

/** Attenuation of everything above the lower Nyquist frequency, in decibels. */
const stopbandDecibels = 96
/** Width of the filter's slope as part of the lower Nyquist frequency: flat up to 93 %, and nothing is left at 100 %. */
const transition = 0.07
/** Kaiser's design formulas for window shape and length; the length in periods of the lower sample rate, on each side. */
const kaiserBeta = 0.1102 * (stopbandDecibels - 8.7)
const halfPeriods = Math.ceil((stopbandDecibels - 7.95) / (2 * 2.285 * Math.PI * transition))

/** Coefficients of a table, 8 bytes each: exact phases for every common pair of rates fit; other pairs interpolate between 2^20/taps phases. */
const maxCoefficients = 2 ** 20
/** Tables of the rate pairs that one process uses: prompts arrive at two or three rates. */
const maxCachedFilters = 8

interface Filter {
  /** Coefficients per phase. */
  readonly taps: number
  /** The table holds phases + 1 rows; row p is for a fractional part of p/phases. */
  readonly phases: number
  readonly table: Float64Array
}

const filters = new Map<string, Filter>()

/** Modified Bessel function of the first kind, order 0, by its power series. */
function besselI0(x: number): number {
  let sum = 1
  for (let k = 1, term = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

/** @param up `toRate`/gcd, the number of different fractional parts that occur */
function createFilter(up: number, fromRate: number, toRate: number): Filter {
  const ratio = Math.min(1, toRate / fromRate)
  const halfWidth = halfPeriods / ratio // in input samples
  const cutoff = ratio * (1 - transition / 2)
  const side = Math.ceil(halfWidth)
  const taps = 2 * side
  const phases = Math.min(up, Math.max(1, Math.floor(maxCoefficients / taps) - 1))
  const table = new Float64Array((phases + 1) * taps)
  const windowScale = besselI0(kaiserBeta)
  for (let phase = 0; phase <= phases; phase++) {
    const row = table.subarray(phase * taps, (phase + 1) * taps)
    let sum = 0
    for (let tap = 0; tap < taps; tap++) {
      const x = phase / phases - (tap - side + 1) // distance from input sample ⌊t⌋ + tap − side + 1
      if (Math.abs(x) >= halfWidth) continue
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * cutoff * x) / (Math.PI * cutoff * x)
      row[tap] = (sinc * besselI0(kaiserBeta * Math.sqrt(1 - (x / halfWidth) ** 2))) / windowScale
      sum += row[tap]!
    }
    for (let tap = 0; tap < taps; tap++) row[tap]! /= sum // a constant stays the same constant in every phase
  }
  return { taps, phases, table }
}

function filterFor(up: number, down: number, fromRate: number, toRate: number): Filter {
  const key = `${up}/${down}`
  let filter = filters.get(key)
  if (!filter) {
    if (filters.size >= maxCachedFilters) filters.clear()
    filter = createFilter(up, fromRate, toRate)
    filters.set(key, filter)
  }
  return filter
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

/**
 * Changes the sample rate without delay: what sounds at time t still sounds at time t. Flat up to 93 % of the lower Nyquist frequency,
 * more than 90 dB down above it. Outside of the signal there is silence.
 * @param samples float32 [S] at `fromRate` Hz
 * @returns float32 [⌈S·toRate/fromRate⌉] at `toRate` Hz; a copy where both rates are equal
 * @throws {RangeError} if a rate is not an integer from 1 kHz to 768 kHz
 */
export function resample(samples: Float32Array, fromRate: number, toRate: number): Float32Array {
  const [lowest, highest] = sampleRateRange // also bounds the number of taps
  for (const rate of [fromRate, toRate]) {
    if (!Number.isInteger(rate) || rate < lowest || rate > highest) {
      throw new RangeError(`resample: rate is ${rate} Hz, expected an integer from ${lowest} to ${highest}`)
    }
  }
  if (fromRate === toRate) return samples.slice()
  const divisor = greatestCommonDivisor(fromRate, toRate)
  const up = toRate / divisor
  const down = fromRate / divisor
  const { taps, phases, table } = filterFor(up, down, fromRate, toRate)
  const exact = phases === up
  const output = new Float32Array(Math.ceil((samples.length * up) / down))
  const wholeStep = Math.floor(down / up)
  const partStep = down % up
  // t = whole + part/up, advanced in integers so that no error builds up
  for (let i = 0, whole = 0, part = 0; i < output.length; i++) {
    const first = whole - taps / 2 + 1
    const from = Math.max(0, -first)
    const to = Math.min(taps, samples.length - first)
    const position = exact ? part : (part / up) * phases
    const row = Math.floor(position)
    const blend = position - row
    const base = row * taps
    let sum = 0
    if (blend === 0) for (let tap = from; tap < to; tap++) sum += samples[first + tap]! * table[base + tap]!
    else {
      let next = 0
      for (let tap = from; tap < to; tap++) {
        const sample = samples[first + tap]!
        sum += sample * table[base + tap]!
        next += sample * table[base + taps + tap]!
      }
      sum += (next - sum) * blend
    }
    output[i] = sum
    whole += wholeStep
    part += partStep
    if (part >= up) {
      part -= up
      whole++
    }
  }
  return output
}

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

/** How far a conversion has come: the input time of the next output sample, whole + part/up, advanced in integers so that no error builds up. */
interface Position {
  whole: number
  part: number
}

/** One pair of rates, in lowest terms, with its filter. */
interface Conversion {
  readonly up: number
  readonly down: number
  readonly filter: Filter
}

function createConversion(fromRate: number, toRate: number): Conversion {
  const [lowest, highest] = sampleRateRange // also bounds the number of taps
  for (const rate of [fromRate, toRate]) {
    if (!Number.isInteger(rate) || rate < lowest || rate > highest) {
      throw new RangeError(`resample: rate is ${rate} Hz, expected an integer from ${lowest} to ${highest}`)
    }
  }
  const divisor = greatestCommonDivisor(fromRate, toRate)
  const [up, down] = [toRate / divisor, fromRate / divisor]
  return { up, down, filter: filterFor(up, down, fromRate, toRate) }
}

/**
 * The next `length` output samples; outside of `samples` there is silence.
 * @param origin input time of `samples[0]`
 * @param at is advanced
 */
function interpolate({ up, down, filter }: Conversion, samples: Float32Array, origin: number, at: Position, length: number): Float32Array {
  const { taps, phases, table } = filter
  const exact = phases === up
  const output = new Float32Array(length)
  const wholeStep = Math.floor(down / up)
  const partStep = down % up
  for (let i = 0; i < length; i++) {
    const first = at.whole - origin - taps / 2 + 1
    const from = Math.max(0, -first)
    const to = Math.min(taps, samples.length - first)
    const position = exact ? at.part : (at.part / up) * phases
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
    at.whole += wholeStep
    at.part += partStep
    if (at.part >= up) {
      at.part -= up
      at.whole++
    }
  }
  return output
}

/**
 * Changes the sample rate without delay: what sounds at time t still sounds at time t. Flat up to 93 % of the lower Nyquist frequency,
 * more than 90 dB down above it. Outside of the signal there is silence.
 * @param samples float32 [S] at `fromRate` Hz
 * @returns float32 [⌈S·toRate/fromRate⌉] at `toRate` Hz; a copy where both rates are equal
 * @throws {RangeError} if a rate is not an integer from 1 kHz to 768 kHz
 */
export function resample(samples: Float32Array, fromRate: number, toRate: number): Float32Array {
  const conversion = createConversion(fromRate, toRate)
  if (fromRate === toRate) return samples.slice()
  const length = Math.ceil((samples.length * conversion.up) / conversion.down)
  return interpolate(conversion, samples, 0, { whole: 0, part: 0 }, length)
}

/** A conversion of audio that arrives in pieces; what it returns, joined, is what `resample` gives for the whole. */
export interface Resampler {
  /** @returns float32 [≥ 0], as far as the input determines it */
  push(samples: Float32Array): Float32Array
  /** The rest. Call once, after the last piece. */
  finish(): Float32Array
}

/**
 * `resample` in bounded memory, for audio that arrives in pieces.
 * @throws {RangeError} if a rate is not an integer from 1 kHz to 768 kHz
 */
export function createResampler(fromRate: number, toRate: number): Resampler {
  const conversion = createConversion(fromRate, toRate)
  if (fromRate === toRate) return { push: samples => samples.slice(), finish: () => new Float32Array(0) }
  const { up, down, filter } = conversion
  const side = filter.taps / 2
  const at = { whole: 0, part: 0 }
  let kept = new Float32Array(0)
  let origin = 0
  let produced = 0
  const advanceTo = (total: number) => {
    const output = interpolate(conversion, kept, origin, at, Math.max(0, total - produced))
    produced += output.length
    const unused = Math.min(kept.length, Math.max(0, at.whole - side + 1 - origin))
    kept = kept.subarray(unused)
    origin += unused
    return output
  }
  return {
    push(samples) {
      const joined = new Float32Array(kept.length + samples.length)
      joined.set(kept)
      joined.set(samples, kept.length)
      kept = joined
      return advanceTo(Math.ceil(((origin + kept.length - side) * up) / down))
    },
    finish: () => advanceTo(Math.ceil(((origin + kept.length) * up) / down)),
  }
}

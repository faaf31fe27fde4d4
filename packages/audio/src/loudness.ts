import { type Biquad, startBiquad } from './biquad.ts'

/** Loudness of nothing, LUFS: what is below the absolute gate of ITU-R BS.1770 is not heard. */
const absoluteGate = -70
const relativeGate = -10
const blockSeconds = 0.4
/** Blocks overlap by three quarters. */
const stepSeconds = blockSeconds / 4

/** The K-weighting of BS.1770 at any sample rate: its analogue prototypes (a shelf of +4 dB above 1.7 kHz, a high-pass at 38 Hz) by the bilinear transform. */
function kWeighting(sampleRate: number): [Biquad, Biquad] {
  const shelf = { hertz: 1681.974450955533, decibels: 3.999843853973347, q: 0.7071752369554196 }
  const highPass = { hertz: 38.13547087602444, q: 0.5003270373238773 }
  const high = 10 ** (shelf.decibels / 20)
  const middle = high ** 0.4996667741545416
  let k = Math.tan((Math.PI * shelf.hertz) / sampleRate)
  let a0 = 1 + k / shelf.q + k * k
  const first: Biquad = [
    (high + (middle * k) / shelf.q + k * k) / a0,
    (2 * (k * k - high)) / a0,
    (high - (middle * k) / shelf.q + k * k) / a0,
    (2 * (k * k - 1)) / a0,
    (1 - k / shelf.q + k * k) / a0,
  ]
  k = Math.tan((Math.PI * highPass.hertz) / sampleRate)
  a0 = 1 + k / highPass.q + k * k
  return [first, [1, -2, 1, (2 * (k * k - 1)) / a0, (1 - k / highPass.q + k * k) / a0]]
}

/** Measures loudness while audio arrives. */
export interface LoudnessMeter {
  /** Adds mono samples, any number of them. */
  push(samples: Float32Array): void
  /** Integrated loudness of all that was pushed, LUFS; −Infinity where nothing was loud enough to be heard. Shorter than 0.4 s, it is measured as one block. */
  readonly integrated: number
}

/**
 * A meter of integrated loudness, ITU-R BS.1770-4: K-weighting, power in blocks of 0.4 s, gates at −70 LUFS and at 10 LU below the mean of what passes that. Mono.
 * @param sampleRate Hz
 * @throws {RangeError} for a sample rate below 1 kHz
 */
export function createLoudnessMeter(sampleRate: number): LoudnessMeter {
  if (!(sampleRate >= 1000)) throw new RangeError(`createLoudnessMeter: sampleRate is ${sampleRate}, expected 1000 Hz and more`)
  const [shelf, highPass] = kWeighting(sampleRate).map(startBiquad) as [(sample: number) => number, (sample: number) => number]
  const stepSamples = Math.round(stepSeconds * sampleRate)
  const steps: number[] = [] // sums of squares of the last three whole steps, or of all of a shorter signal
  const powers: number[] = [] // of whole blocks
  let sum = 0
  let count = 0

  return {
    push(samples) {
      for (const sample of samples) {
        const value = highPass(shelf(sample))
        sum += value * value
        if (++count < stepSamples) continue
        steps.push(sum)
        sum = count = 0
        if (steps.length < 4) continue
        powers.push((steps[0]! + steps[1]! + steps[2]! + steps[3]!) / (4 * stepSamples))
        steps.shift()
      }
    },
    get integrated() {
      if (powers.length === 0) {
        const samples = steps.length * stepSamples + count
        return toLufs(samples ? (steps.reduce((total, step) => total + step, 0) + sum) / samples : 0)
      }
      const audible = powers.filter(power => power > toPower(absoluteGate))
      const gate = mean(audible) * 10 ** (relativeGate / 10)
      return toLufs(mean(audible.filter(power => power > gate)))
    },
  }
}

/**
 * Integrated loudness of mono samples, LUFS (ITU-R BS.1770-4); −Infinity of silence.
 * @throws {RangeError} as `createLoudnessMeter`
 */
export function integratedLoudness(samples: Float32Array, sampleRate: number): number {
  const meter = createLoudnessMeter(sampleRate)
  meter.push(samples)
  return meter.integrated
}

const mean = (values: readonly number[]) => (values.length ? values.reduce((total, value) => total + value, 0) / values.length : 0)
const toPower = (lufs: number) => 10 ** ((lufs + 0.691) / 10)
const toLufs = (power: number) => (power > 0 ? -0.691 + 10 * Math.log10(power) : Number.NEGATIVE_INFINITY)

import { createRandom } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { createResampler, resample } from './resample.ts'

const pairs: [from: number, to: number][] = [
  [44100, 24000],
  [22050, 24000],
  [8000, 24000],
  [48000, 24000],
  [24000, 48000],
  [16000, 24000],
  [24000, 44100],
  [44101, 24000], // no common divisor: interpolated phases
  [23999, 24000],
  [96000, 8000],
]

function sine(hz: number, rate: number, length: number, amplitude = 0.5): Float32Array {
  return Float32Array.from({ length }, (_, n) => amplitude * Math.sin((2 * Math.PI * hz * n) / rate + 0.3))
}

function decibels(value: number, reference: number): number {
  return 20 * Math.log10(Math.max(value, 1e-12) / reference)
}

/** Largest absolute value away from the ends, where the filter sees silence outside of the signal. */
function innerPeak(samples: Float32Array, margin: number): number {
  let peak = 0
  for (let i = margin; i < samples.length - margin; i++) peak = Math.max(peak, Math.abs(samples[i]!))
  return peak
}

describe('resample', () => {
  it('gives a copy of the same samples for equal rates', () => {
    const samples = sine(440, 24000, 1000)
    const same = resample(samples, 24000, 24000)
    expect(same).toEqual(samples)
    expect(same).not.toBe(samples)
  })

  describe.each(pairs)('%i → %i Hz', (from, to) => {
    const nyquist = Math.min(from, to) / 2
    const margin = Math.ceil((to / (2 * nyquist)) * 90)

    it('gives ⌈S·to/from⌉ samples', () => {
      for (const length of [0, 1, 2, 99, 1000, 4411])
        expect(resample(new Float32Array(length), from, to).length).toBe(Math.ceil((length * to) / from))
    })

    it('keeps sines up to 90 % of the lower Nyquist frequency, in place and size', () => {
      for (const part of [0.01, 0.2, 0.5, 0.9]) {
        const hz = part * nyquist
        const output = resample(sine(hz, from, Math.ceil(from / 4)), from, to)
        const expected = sine(hz, to, output.length)
        const error = innerPeak(
          output.map((value, i) => value - expected[i]!),
          margin,
        )
        expect(decibels(error, 0.5)).toBeLessThan(-80)
      }
    })

    it('keeps a constant', () => {
      const output = resample(new Float32Array(Math.ceil(from / 4)).fill(0.25), from, to)
      const error = innerPeak(
        output.map(value => value - 0.25),
        margin,
      )
      expect(error).toBeLessThan(1e-6)
    })

    it('leaves an impulse where it was', () => {
      const at = Math.round(from / 10)
      const impulse = new Float32Array(Math.ceil(from / 5))
      impulse[at] = 1
      const output = resample(impulse, from, to)
      const loudest = output.reduce((best, value, i) => (value > output[best]! ? i : best), 0)
      expect(Math.abs(loudest - (at * to) / from)).toBeLessThanOrEqual(0.5 + 1e-9)
      const centre = output.reduce((sum, value, i) => sum + i * value * value, 0) / output.reduce((sum, value) => sum + value * value, 0)
      expect(centre).toBeCloseTo((at * to) / from, 1)
    })

    if (from > to) {
      it('removes what lies above the new Nyquist frequency by 80 dB', () => {
        for (const hz of [nyquist * 1.001, nyquist * 1.3, (nyquist + from / 2) / 2, from / 2 - 200].filter(
          hz => hz > nyquist && hz < from / 2,
        )) {
          expect(decibels(innerPeak(resample(sine(hz, from, Math.ceil(from / 4)), from, to), margin), 0.5)).toBeLessThan(-80)
        }
      })
    } else {
      it('adds no image above the old Nyquist frequency: back again gives the same signal', () => {
        const samples = sine(0.6 * nyquist, from, Math.ceil(from / 4))
        const back = resample(resample(samples, from, to), to, from)
        const error = innerPeak(
          samples.map((value, i) => value - back[i]!),
          200,
        )
        expect(decibels(error, 0.5)).toBeLessThan(-80)
      })
    }
  })

  it('is linear', () => {
    const random = createRandom(3)
    const a = Float32Array.from({ length: 500 }, () => random.normal())
    const b = Float32Array.from({ length: 500 }, () => random.normal())
    const sum = resample(
      a.map((value, i) => value + 2 * b[i]!),
      22050,
      24000,
    )
    const [ra, rb] = [resample(a, 22050, 24000), resample(b, 22050, 24000)]
    expect(Math.max(...sum.map((value, i) => Math.abs(value - ra[i]! - 2 * rb[i]!)))).toBeLessThan(1e-5)
  })

  it('keeps its tables within 8 MiB even for the widest ratio without a common divisor', () => {
    const before = process.memoryUsage().arrayBuffers
    expect(resample(new Float32Array(767_999), 767_999, 1000).length).toBe(1000)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(13 * 2 ** 20) // with 3 MiB of input
  })

  it.each([0, -1, 999, 44100.5, Number.NaN, Number.POSITIVE_INFINITY, 2e6])('refuses a rate of %d Hz', rate => {
    expect(() => resample(new Float32Array(10), rate, 24000)).toThrow(RangeError)
    expect(() => resample(new Float32Array(10), 24000, rate)).toThrow(RangeError)
  })
})

describe('createResampler', () => {
  it.each(pairs)('%i → %i Hz: pieces of any length join into what resample gives', (from, to) => {
    const random = createRandom(8)
    const samples = Float32Array.from({ length: 4000 }, () => random.normal())
    const stream = createResampler(from, to)
    const output: number[] = []
    for (let start = 0, length = 0; start < samples.length; start += length) {
      length = Math.floor(random.uniform() ** 3 * 1500)
      output.push(...stream.push(samples.subarray(start, start + length)))
    }
    output.push(...stream.finish())
    expect(Float32Array.from(output)).toEqual(resample(samples, from, to))
  })

  it('holds back no more than its filter needs', () => {
    const stream = createResampler(44100, 22050)
    let produced = 0
    for (let i = 0; i < 100; i++) produced += stream.push(new Float32Array(441)).length
    expect(produced).toBeGreaterThan(22050 - 100)
  })
})

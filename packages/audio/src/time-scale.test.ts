import { describe, expect, it } from 'vitest'
import { createTimeScaler, timeScale } from './time-scale.ts'

const rate = 24000
/** A voice of 120 Hz: a buzz of harmonics, louder and softer three times a second. */
const voice = (seconds: number) =>
  Float32Array.from({ length: seconds * rate }, (_, i) => {
    const t = i / rate
    let sample = 0
    for (let k = 1; k <= 12; k++) sample += Math.sin(2 * Math.PI * 120 * k * t) / k
    return 0.2 * sample * (0.6 + 0.4 * Math.sin(2 * Math.PI * 3 * t))
  })

/** The lag, 4 to 14 ms, at which a signal resembles itself most: its pitch period. */
function pitch(samples: Float32Array): number {
  let best = { lag: 0, likeness: Number.NEGATIVE_INFINITY }
  for (let lag = Math.round(0.004 * rate); lag < 0.014 * rate; lag++) {
    let [product, energy] = [0, 1e-9]
    for (let i = 0; i + lag < samples.length; i++) {
      product += samples[i]! * samples[i + lag]!
      energy += samples[i + lag]! ** 2
    }
    if (product / energy > best.likeness) best = { lag, likeness: product / energy }
  }
  return rate / best.lag
}

const power = (samples: Float32Array) => samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length

describe('time scaling', () => {
  it.each([0.5, 0.75, 1.3, 2])('at speed %d changes the length by that factor, and neither pitch nor level', speed => {
    const original = voice(2)
    const scaled = timeScale(original, rate, speed)
    expect(scaled.length).toBe(Math.round(original.length / speed))
    expect(pitch(scaled)).toBeCloseTo(120, 0)
    expect(Math.abs(10 * Math.log10(power(scaled) / power(original)))).toBeLessThan(0.5)
  })

  it('at speed 1 gives what it was given', () => {
    const original = voice(1)
    const scaled = timeScale(original, rate, 1)
    expect(Math.max(...scaled.map((sample, i) => Math.abs(sample - original[i]!)))).toBeLessThan(1e-6)
  })

  it('gives the same however the samples arrive, for the same spans', () => {
    const original = voice(6)
    const [whole, chunked] = [createTimeScaler(rate), createTimeScaler(rate)]
    const spans = Array.from({ length: 24 }, (_, i) => ({ input: rate / 4, output: (rate / 4) * (i % 2 ? 0.6 : 1.4) }))
    const expected = whole.push(original, spans, true)
    const parts = spans.map((span, i) => chunked.push(original.subarray((i * rate) / 4, ((i + 1) * rate) / 4), [span], i === 23))
    expect(parts[0]!.length).toBeGreaterThan(0)
    expect(Float32Array.from(parts.flatMap(part => [...part]))).toEqual(expected)
  })

  it('keeps what is not to be changed: a span of its own length between others', () => {
    const original = voice(3)
    const spans = [
      { input: rate, output: rate / 2 },
      { input: rate, output: rate },
      { input: rate, output: rate / 2 },
    ]
    const scaled = createTimeScaler(rate).push(original, spans, true)
    expect(scaled.length).toBe(2 * rate)
    const middle = scaled.subarray(rate * 0.75, rate * 1.25)
    let least = Number.POSITIVE_INFINITY
    for (let shift = -200; shift <= 200; shift++) {
      const from = rate * 1.25 + shift
      least = Math.min(least, Math.max(...middle.map((sample, i) => Math.abs(sample - original[from + i]!))))
    }
    expect(least).toBeLessThan(1e-5)
  })

  it('gives nothing of nothing, and refuses spans that do not fit', () => {
    expect(timeScale(new Float32Array(0), rate, 2).length).toBe(0)
    expect(() => timeScale(new Float32Array(1), rate, 0)).toThrow(RangeError)
    expect(() => createTimeScaler(rate).push(new Float32Array(10), [{ input: 9, output: 9 }])).toThrow(/9 samples for 10/)
  })
})

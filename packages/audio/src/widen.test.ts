import { describe, expect, it } from 'vitest'
import { isNarrowBand, widenBand } from './widen.ts'

const sampleRate = 24_000
/** Two seconds of harmonics of 150 Hz between `low` and `high` Hz, falling by 6 dB an octave, in syllables. */
function voice(low: number, high: number): Float32Array {
  return Float32Array.from({ length: 2 * sampleRate }, (_, i) => {
    let sum = 0
    for (let f = 150; f < high; f += 150) if (f >= low) sum += (150 / f) * Math.sin((2 * Math.PI * f * i) / sampleRate + f)
    return 0.2 * sum * Math.abs(Math.sin((Math.PI * 3 * i) / sampleRate))
  })
}
/** Amplitude of one frequency, of the middle second. */
function amplitude(samples: Float32Array, frequency: number): number {
  let [re, im] = [0, 0]
  for (let i = sampleRate / 2; i < 1.5 * sampleRate; i++) {
    re += samples[i]! * Math.cos((2 * Math.PI * frequency * i) / sampleRate)
    im += samples[i]! * Math.sin((2 * Math.PI * frequency * i) / sampleRate)
  }
  return (2 * Math.hypot(re, im)) / sampleRate
}

describe('bandwidth extension', () => {
  it('finds recordings that end below 4 kHz', () => {
    expect(isNarrowBand(voice(300, 3400), sampleRate)).toBe(true)
    expect(isNarrowBand(voice(0, 3900), sampleRate)).toBe(true)
    expect(isNarrowBand(voice(0, 8000), sampleRate)).toBe(false)
    expect(isNarrowBand(voice(0, 11_000), sampleRate)).toBe(false)
  })

  it('adds harmonics of the same pitch above, falling, and below', () => {
    const narrow = voice(300, 3400)
    const wide = widenBand(narrow, sampleRate)
    expect(amplitude(narrow, 4500)).toBeLessThan(1e-4)
    expect(amplitude(wide, 4500)).toBeGreaterThan(0.05 * amplitude(narrow, 3000))
    expect(amplitude(wide, 6000)).toBeLessThan(amplitude(wide, 4500))
    expect(amplitude(wide, 4575)).toBeLessThan(0.2 * amplitude(wide, 4500)) // between two harmonics
    expect(amplitude(wide, 150)).toBeGreaterThan(0.2 * amplitude(narrow, 300))
  })

  it('leaves what there was as it was, and lows where they are', () => {
    const narrow = voice(300, 3400)
    expect(amplitude(widenBand(narrow, sampleRate), 900)).toBeCloseTo(amplitude(narrow, 900), 2)
    const full = voice(0, 3400)
    expect(amplitude(widenBand(full, sampleRate), 150)).toBeCloseTo(amplitude(full, 150), 3)
  })

  it('adds nothing to silence', () => {
    expect(widenBand(new Float32Array(4800), sampleRate).every(sample => sample === 0)).toBe(true)
  })
})

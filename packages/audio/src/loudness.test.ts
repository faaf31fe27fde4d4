import { describe, expect, it } from 'vitest'
import { createLoudnessMeter, integratedLoudness } from './loudness.ts'

const sine = (hertz: number, amplitude: number, seconds: number, rate: number) =>
  Float32Array.from({ length: seconds * rate }, (_, i) => amplitude * Math.sin((2 * Math.PI * hertz * i) / rate))
const join = (...parts: Float32Array[]) => Float32Array.from(parts.flatMap(part => [...part]))

describe('integrated loudness (ITU-R BS.1770)', () => {
  it.each([8000, 16000, 22050, 24000, 44100, 48000])('is −3.01 LUFS for a full-scale sine of 997 Hz at %i Hz', rate => {
    expect(integratedLoudness(sine(997, 1, 5, rate), rate)).toBeCloseTo(-3.01, 1)
  })

  it('follows the level: 20 dB less is 20 LU less', () => {
    expect(integratedLoudness(sine(997, 0.1, 5, 24000), 24000)).toBeCloseTo(-23.01, 1)
  })

  it('weights as the ear does: low tones count less, high ones more', () => {
    const at = (hertz: number) => integratedLoudness(sine(hertz, 0.5, 3, 48000), 48000)
    expect(at(40) - at(997)).toBeLessThan(-4)
    expect(at(4000) - at(997)).toBeGreaterThan(3)
  })

  it('leaves out pauses and what lies 10 LU below the rest', () => {
    const tone = sine(997, 0.3, 4, 24000)
    const alone = integratedLoudness(tone, 24000)
    expect(integratedLoudness(join(tone, new Float32Array(24000 * 4)), 24000)).toBeCloseTo(alone, 0)
    expect(integratedLoudness(join(tone, sine(997, 0.02, 4, 24000)), 24000)).toBeCloseTo(alone, 0)
  })

  it('is the same however the samples arrive', () => {
    const tone = sine(300, 0.2, 2, 24000)
    const meter = createLoudnessMeter(24000)
    for (let i = 0; i < tone.length; i += 777) meter.push(tone.subarray(i, i + 777))
    expect(meter.integrated).toBe(integratedLoudness(tone, 24000))
  })

  it('measures what is shorter than a block as one, and silence as −Infinity', () => {
    expect(integratedLoudness(sine(997, 1, 0.2, 24000), 24000)).toBeCloseTo(-3.01, 0)
    expect(integratedLoudness(new Float32Array(24000), 24000)).toBe(Number.NEGATIVE_INFINITY)
    expect(integratedLoudness(new Float32Array(0), 24000)).toBe(Number.NEGATIVE_INFINITY)
  })

  it('refuses an impossible sample rate', () => {
    expect(() => integratedLoudness(new Float32Array(1), 0)).toThrow(/sampleRate is 0/)
  })
})

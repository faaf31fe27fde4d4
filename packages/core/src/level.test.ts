import { integratedLoudness, peakAmplitude } from '@mynah/audio'
import { describe, expect, it } from 'vitest'
import { createLeveller, defaultLoudness } from './level.ts'

const rate = 24000
/** Syllables: bursts of a tone, five a second, of any level. */
const speech = (seconds: number, amplitude: number) =>
  Float32Array.from({ length: seconds * rate }, (_, i) => {
    const envelope = Math.max(0, Math.sin((2 * Math.PI * 5 * i) / rate))
    return amplitude * envelope * Math.sin((2 * Math.PI * 220 * i) / rate)
  })

function level(samples: Float32Array, cuts: readonly number[] = []): Float32Array {
  const out = samples.slice()
  const leveller = createLeveller(defaultLoudness, rate)
  const edges = [0, ...cuts.map(seconds => seconds * rate), out.length]
  for (const [i, from] of edges.slice(0, -1).entries()) leveller.push(out.subarray(from, edges[i + 1]))
  return out
}

describe('the leveller', () => {
  it.each([0.005, 0.05, 0.3, 0.9])('brings speech of amplitude %d to −20 LUFS ± 1, whole or in chunks', amplitude => {
    for (const cuts of [[], [0.7, 2, 3.5], [1]]) {
      expect(Math.abs(integratedLoudness(level(speech(5, amplitude), cuts), rate) - defaultLoudness)).toBeLessThan(1)
    }
  })

  it('never clips, and leaves a peak that it turns down smooth', () => {
    const spiky = speech(3, 0.02)
    spiky[30000] = 0.9
    spiky[30001] = -0.9
    const levelled = level(spiky)
    expect(peakAmplitude(levelled)).toBeLessThan(0.97)
    const gains = [29800, 29950, 29990].map(i => levelled[i]! / spiky[i]!)
    expect(gains[0]).toBeGreaterThan(gains[1]!)
    expect(gains[1]).toBeGreaterThan(gains[2]!)
  })

  it('glides from one gain to the next: no step where chunks meet', () => {
    const tone = Float32Array.from({ length: 2 * rate }, (_, i) => (i < rate ? 0.05 : 0.1) * (2 + Math.sin((2 * Math.PI * 220 * i) / rate)))
    const levelled = level(tone, [1])
    const gains = levelled.map((sample, i) => sample / tone[i]!)
    expect(Math.abs(gains[rate + 2000]! / gains[rate - 1]! - 1)).toBeGreaterThan(0.1)
    expect(gains.every((gain, i) => i === 0 || Math.abs(gain / gains[i - 1]! - 1) < 0.002)).toBe(true)
  })

  it('leaves silence alone, and raises nothing by more than 40 dB', () => {
    expect(peakAmplitude(level(new Float32Array(rate)))).toBe(0)
    expect(peakAmplitude(level(speech(2, 5e-4)))).toBeLessThan(5e-4 * 101)
  })
})

import { describe, expect, it } from 'vitest'
import { Pace, paceDurations } from './pace.ts'

const rate = 24000
/** Seconds of phonemes as people speak: plosives and stress marks of a frame or two, vowels, a pause. */
const phonemes = [0.1, 0.025, 0.05, 0.075, 0.025, 0.2, 0.05, 0.025, 0.1, 0.3, 0.025, 0.125, 0.075]
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

describe('pace', () => {
  it.each([0.5, 0.75, 0.9, 1.1, 1.5, 2])('at speed %d all phonemes together last 1 / speed as long, within 3 %%', speed => {
    const ratio = (sum(paceDurations(phonemes, speed)) / sum(phonemes)) * speed
    expect(ratio).toBeGreaterThan(0.999)
    expect(ratio).toBeLessThan(1.0301)
  })

  it('keeps short sounds: faster speech shortens vowels and pauses first, slower speech stretches them most', () => {
    const fast = paceDurations(phonemes, 1.5).map((each, i) => each / phonemes[i]!)
    expect(fast[1]).toBe(1) // 25 ms
    expect(fast[9]).toBeLessThan(0.65) // 300 ms
    const slow = paceDurations(phonemes, 0.5).map((each, i) => each / phonemes[i]!)
    expect(slow[1]).toBeLessThan(1.7)
    expect(slow[9]).toBeGreaterThan(2.2)
  })

  it('shortens even what is short where nothing else is left', () => {
    const plosives = Array<number>(20).fill(0.025)
    expect(sum(paceDurations(plosives, 2))).toBeCloseTo(0.25 * 1.03, 5)
  })

  it('gives the audio of all chunks, joined, and says when in it a moment comes', () => {
    const samples = Float32Array.from({ length: 2 * sum(phonemes) * rate }, (_, i) => 0.3 * Math.sin(i / 30))
    const pace = new Pace(2, rate)
    const half = samples.length / 2
    const first = pace.push(samples.subarray(0, half), phonemes, false)
    const second = pace.push(samples.subarray(half), phonemes, true)
    const paced = sum(paceDurations(phonemes, 2))
    expect((first.audio.length + second.audio.length) / rate).toBeCloseTo(2 * paced, 3)
    expect(first.timeOf(0)).toBe(0)
    expect(first.timeOf(sum(phonemes))).toBeCloseTo(paced, 6)
    expect(first.audio.length / rate + second.timeOf(0)).toBeCloseTo(paced, 6) // what lags behind comes first in the second chunk
  })

  it('at speed 1 changes nothing', () => {
    const samples = Float32Array.from({ length: 1000 }, (_, i) => i)
    const { audio, timeOf } = new Pace(1, rate).push(samples, phonemes, true)
    expect(audio).toBe(samples)
    expect(timeOf(0.3)).toBe(0.3)
  })
})

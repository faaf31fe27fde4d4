import { describe, expect, it } from 'vitest'
import { toPcm16 } from './encode.ts'

describe('toPcm16', () => {
  it('rounds to the nearest step, clamps at both ends and writes NaN as 0', () => {
    const input = Float32Array.of(0, 1, -1, 2, -2, 0.5, 1 / 32768, 0.4 / 32768, 0.6 / 32768, Number.NaN, Number.POSITIVE_INFINITY)
    expect([...toPcm16(input)]).toEqual([0, 32767, -32768, 32767, -32768, 16384, 1, 0, 1, 0, 32767])
  })

  it('dither keeps a level below one step audible on average, and is repeatable', () => {
    const quiet = new Float32Array(100_000).fill(0.25 / 32768)
    expect(toPcm16(quiet).every(value => value === 0)).toBe(true)
    const dithered = toPcm16(quiet, { ditherSeed: 1 })
    expect(dithered.reduce((sum, value) => sum + value, 0) / dithered.length).toBeCloseTo(0.25, 1)
    expect(dithered.every(value => Math.abs(value) <= 1)).toBe(true)
    expect(toPcm16(quiet, { ditherSeed: 1 })).toEqual(dithered)
    expect(toPcm16(new Float32Array(4).fill(1), { ditherSeed: 2 })).toEqual(Int16Array.of(32767, 32767, 32767, 32767))
  })
})

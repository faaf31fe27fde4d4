import { describe, expect, it } from 'vitest'
import { decodeAudio } from './decode.ts'
import { encodeMp3, toPcm16 } from './encode.ts'

function sine(hz: number, rate: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, n) => 0.5 * Math.sin((2 * Math.PI * hz * n) / rate))
}

/** Amplitude of a frequency in the middle of a signal. */
function amplitudeAt(samples: Float32Array, hz: number, rate: number): number {
  let [re, im] = [0, 0]
  const from = Math.floor(samples.length / 4)
  const count = Math.floor(samples.length / 2)
  for (let n = from; n < from + count; n++) {
    re += samples[n]! * Math.cos((2 * Math.PI * hz * n) / rate)
    im += samples[n]! * Math.sin((2 * Math.PI * hz * n) / rate)
  }
  return (2 * Math.hypot(re, im)) / count
}

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

describe('encodeMp3', () => {
  it.each([
    [24000, 1],
    [24000, 2],
    [16000, 1],
    [44100, 2],
    [48000, 1],
  ])('a sine at %i Hz in %i channel(s) comes back through decodeAudio', async (rate, count) => {
    const channels = [440, 1000].slice(0, count).map(hz => sine(hz, rate, rate))
    const bytes = await encodeMp3(channels, rate)
    expect(bytes.length).toBeLessThan(16_000)
    const audio = await decodeAudio(bytes)
    expect({ format: audio.format, rate: audio.sampleRate, channels: audio.channels.length }).toEqual({
      format: 'mp3',
      rate,
      channels: count,
    })
    const length = audio.channels[0]!.length
    expect(length).toBeGreaterThanOrEqual(rate)
    expect(length).toBeLessThan(rate * 1.05 + 3 * 1152)
    // LAME turns the volume down by up to half a decibel to keep peaks below full scale
    for (const [index, channel] of audio.channels.entries()) expect(amplitudeAt(channel, [440, 1000][index]!, rate)).toBeGreaterThan(0.46)
    expect(amplitudeAt(audio.channels[0]!, 700, rate)).toBeLessThan(0.01)
  })

  it('gives the same bytes each time, and a file for no samples at all', async () => {
    const samples = sine(300, 24000, 5000)
    expect(await encodeMp3(samples, 24000)).toEqual(await encodeMp3(samples, 24000))
    expect((await encodeMp3(new Float32Array(0), 24000)).length).toBeLessThan(2000)
  })

  it('refuses rates, bitrates and channels that MP3 lacks', async () => {
    await expect(encodeMp3(new Float32Array(10), 23000)).rejects.toThrow(/sampleRate is 23000 Hz/)
    await expect(encodeMp3(new Float32Array(10), 24000, { bitrateKbps: 77 as 96 })).rejects.toThrow(/bitrateKbps is 77/)
    await expect(encodeMp3([], 24000)).rejects.toThrow(RangeError)
    await expect(encodeMp3([new Float32Array(1), new Float32Array(2)], 24000)).rejects.toThrow(RangeError)
  })
})

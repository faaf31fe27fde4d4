import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRandom } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { toMono } from './audio.ts'
import { decodeAudio } from './decode.ts'
import { clippedFraction, findSpeech, measureLevel, peakAmplitude, rmsAmplitude, toDecibels, trimSilence } from './level.ts'

const rate = 24000

function sine(seconds: number, amplitude = 0.5, hz = 220): Float32Array {
  return Float32Array.from({ length: Math.round(seconds * rate) }, (_, n) => amplitude * Math.sin((2 * Math.PI * hz * n) / rate))
}

function noise(seconds: number, rms: number, seed = 1): Float32Array {
  const random = createRandom(seed)
  return Float32Array.from({ length: Math.round(seconds * rate) }, () => rms * random.normal())
}

function join(...parts: Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap(part => [...part]))
}

describe('levels', () => {
  it('a full-scale sine has a peak of 0 dBFS and an RMS of −3 dBFS', () => {
    expect(toDecibels(peakAmplitude(sine(1, 1)))).toBeCloseTo(0, 3)
    expect(toDecibels(rmsAmplitude(sine(1, 1)))).toBeCloseTo(-3.01, 2)
  })

  it('no samples are silence', () => {
    expect(peakAmplitude(new Float32Array(0))).toBe(0)
    expect(measureLevel(new Float32Array(0), rate)).toEqual({
      peakDbfs: Number.NEGATIVE_INFINITY,
      rmsDbfs: Number.NEGATIVE_INFINITY,
      speechDbfs: Number.NEGATIVE_INFINITY,
      noiseDbfs: Number.NEGATIVE_INFINITY,
      speechSeconds: 0,
      clippedFraction: 0,
      isSilent: true,
    })
  })

  it('speech between silence has its own level, not that of the file', () => {
    const level = measureLevel(join(noise(1, 1e-4), sine(1, 0.1), noise(1, 1e-4)), rate)
    expect(level.speechDbfs).toBeCloseTo(-23, 0)
    expect(level.rmsDbfs).toBeCloseTo(-27.8, 0)
    expect(level.noiseDbfs).toBeCloseTo(-80, 0)
    expect(level.speechSeconds).toBeCloseTo(1, 1)
    expect(level.isSilent).toBe(false)
  })

  it('hiss below −65 dBFS and digital zero are silence', () => {
    expect(measureLevel(noise(2, 2e-4), rate).isSilent).toBe(true)
    expect(measureLevel(new Float32Array(rate), rate).isSilent).toBe(true)
  })
})

describe('clippedFraction', () => {
  it('is 0 for clean audio, also with single samples at full scale', () => {
    expect(clippedFraction(sine(1, 0.9))).toBe(0)
    expect(clippedFraction(Float32Array.of(0, 1, 0, -1, 1, -1, 1, 1, 0))).toBe(0)
  })

  it('counts the samples of flat crests, up to the last sample', () => {
    expect(clippedFraction(Float32Array.of(0, 1, 1, 1, 0, 0, -1, -1, -1, -1))).toBe(0.7)
    const overdriven = sine(1, 2).map(value => Math.max(-1, Math.min(1, value)))
    expect(clippedFraction(overdriven)).toBeGreaterThan(0.5)
  })
})

describe('findSpeech', () => {
  it('finds stretches to within a frame or two, closes short pauses and keeps long ones', () => {
    const samples = join(noise(0.5, 1e-3), sine(0.6), noise(0.2, 1e-3), sine(0.4), noise(0.7, 1e-3), sine(0.5), noise(0.3, 1e-3))
    const spans = findSpeech(samples, rate).map(({ start, end }) => [start / rate, end / rate])
    expect(spans.length).toBe(2)
    for (const [index, [start, end]] of [
      [0.5, 1.7],
      [2.4, 2.9],
    ].entries()) {
      expect(Math.abs(spans[index]![0]! - start!)).toBeLessThan(0.02)
      expect(Math.abs(spans[index]![1]! - end!)).toBeLessThan(0.02)
    }
  })

  it('takes a recording without any pause as one stretch', () => {
    expect(findSpeech(sine(2), rate)).toEqual([{ start: 0, end: 2 * rate }])
  })

  it('drops clicks', () => {
    const click = noise(3, 1e-4)
    click.fill(0.8, rate, rate + 100)
    const spans = findSpeech(join(click, sine(1, 0.2)), rate)
    expect(spans.length).toBe(1)
    expect(spans[0]!.start / rate).toBeCloseTo(3, 1)
  })

  it('refuses an impossible sample rate', () => {
    expect(() => findSpeech(sine(1), 0)).toThrow(RangeError)
    expect(() => measureLevel(sine(1), Number.NaN)).toThrow(RangeError)
  })
})

describe('trimSilence', () => {
  const samples = join(noise(1, 1e-4), sine(1), noise(1, 1e-4))

  it('keeps a margin around speech, as a view', () => {
    const trimmed = trimSilence(samples, rate)
    expect(trimmed.length / rate).toBeCloseTo(1.2, 1)
    expect(trimmed.buffer).toBe(samples.buffer)
    expect(trimSilence(samples, rate, { marginSeconds: 9 }).length).toBe(samples.length)
  })

  it('is idempotent with the margin in place', () => {
    const once = trimSilence(samples, rate)
    expect(Math.abs(trimSilence(once, rate).length - once.length)).toBeLessThan(0.03 * rate)
  })

  it('leaves nothing of silence', () => {
    expect(trimSilence(new Float32Array(1000), rate).length).toBe(0)
    expect(() => trimSilence(samples, rate, { marginSeconds: -1 })).toThrow(RangeError)
  })
})

const recordings = new URL('../../../../shared/data/librispeech/', import.meta.url)
describe.skipIf(!existsSync(recordings))('on LibriSpeech (skipped without ../shared)', () => {
  it('finds speech in a good part of each clean recording, unclipped and well above the background', async () => {
    const files = readdirSync(recordings, { recursive: true, encoding: 'utf8' }).filter(name => /\.(opus|ogg)$/.test(name))
    expect(files.length).toBeGreaterThan(20)
    for (const file of files.slice(0, 20)) {
      const audio = await decodeAudio(new Uint8Array(readFileSync(new URL(file, recordings))))
      const samples = toMono(audio)
      const level = measureLevel(samples, audio.sampleRate)
      expect(level.speechSeconds / (samples.length / audio.sampleRate)).toBeGreaterThan(0.45)
      expect(level.speechDbfs - level.noiseDbfs).toBeGreaterThan(10)
      expect(level.clippedFraction).toBeLessThan(1e-3)
    }
  })
})

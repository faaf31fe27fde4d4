import { encodeWav, measureLevel } from '@mynah/audio'
import { AudioFormatError, createRandom, MynahError } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { readPrompt } from './prompt.ts'
import type { RawSamples } from './recording.ts'

const rate = 24000
/** A voiced tone in syllables of 0.2 s, at `amplitude`, over noise; silence of `margin` seconds around it. */
function speech(seconds: number, { amplitude = 0.2, noise = 0.0005, margin = 0.5, sampleRate = rate } = {}): Float32Array {
  const random = createRandom(1)
  return Float32Array.from({ length: Math.round((seconds + 2 * margin) * sampleRate) }, (_, i) => {
    const t = i / sampleRate - margin
    const envelope = t < 0 || t >= seconds ? 0 : Math.abs(Math.sin(Math.PI * 2.5 * t))
    let voice = 0
    for (let k = 1; k <= 8; k++) voice += Math.sin(2 * Math.PI * 120 * k * t) / k
    return amplitude * envelope * voice + noise * random.normal()
  })
}
const codeOf = async (source: Uint8Array | RawSamples) => {
  const error = await readPrompt(source, rate).then(
    () => undefined,
    error => error,
  )
  if (!MynahError.isInstance(error)) throw error ?? new Error('nothing was thrown')
  return error.code
}
const samples = (data: Float32Array, sampleRate = rate) => ({ samples: data, sampleRate })

describe('readPrompt', () => {
  it('trims, levels and resamples clean speech without a warning', async () => {
    const {
      samples: out,
      speechSeconds,
      warnings,
    } = await readPrompt(samples(speech(3, { amplitude: 0.05, sampleRate: 44100 }), 44100), rate)
    expect(warnings).toEqual([])
    expect(out.length / rate).toBeCloseTo(3.2, 1)
    expect(speechSeconds).toBeCloseTo(3, 0)
    expect(measureLevel(out, rate).speechDbfs).toBeCloseTo(-20, 0)
  })

  it('reads the same from samples and from the bytes of a file', async () => {
    const data = speech(2)
    expect(await readPrompt(encodeWav(data, rate, { format: 'float32' }), rate)).toEqual(await readPrompt(samples(data), rate))
  })

  it('mixes stereo down', async () => {
    const data = speech(2)
    const stereo = await readPrompt(encodeWav([data, data], rate, { format: 'float32' }), rate)
    expect(stereo).toEqual(await readPrompt(samples(data), rate))
  })

  it('never lets the level push a sample beyond full scale', async () => {
    const spiky = speech(2, { amplitude: 0.01 })
    for (let i = 12000; i < spiky.length; i += 6000) spiky[i] = 0.9
    const { samples: out } = await readPrompt(samples(spiky), rate)
    expect(out.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0)).toBeLessThanOrEqual(0.9701)
  })

  it('warns of clipping, of quiet speech, and of noise', async () => {
    const clipped = speech(2, { amplitude: 1.5 }).map(value => Math.max(-1, Math.min(1, value)))
    expect((await readPrompt(samples(clipped), rate)).warnings).toEqual([
      expect.stringMatching(/% of the samples are clipped.*record again/),
    ])
    const quiet = speech(2, { amplitude: 0.003, noise: 0.00001 })
    expect((await readPrompt(samples(quiet), rate)).warnings).toEqual([expect.stringMatching(/very quiet \(-\d\d dBFS\)/)])
    const noisy = speech(2, { noise: 0.06 })
    expect((await readPrompt(samples(noisy), rate)).warnings).toEqual([expect.stringMatching(/dB between speech and background/)])
  })

  it('refuses silence, digital and of a microphone', async () => {
    expect(await codeOf(samples(new Float32Array(3 * rate)))).toBe('prompt-silent')
    const random = createRandom(3)
    expect(await codeOf(samples(Float32Array.from({ length: 3 * rate }, () => 0.0002 * random.normal())))).toBe('prompt-silent')
  })

  it('refuses less than a second of speech, however much silence is around it', async () => {
    expect(await codeOf(samples(speech(0.6, { margin: 2 })))).toBe('prompt-too-short')
    expect(await codeOf(samples(speech(0.3, { margin: 0 })))).toBe('prompt-too-short')
  })

  it('refuses a recording beyond a minute', async () => {
    expect(await codeOf(samples(speech(61)))).toBe('audio-too-long')
    expect(await codeOf(encodeWav(speech(61, { sampleRate: 8000 }), 8000))).toBe('audio-too-long')
  })

  it('refuses what is no audio, and audio that ends too early', async () => {
    expect(await codeOf(new TextEncoder().encode('<!doctype html><html><body>404</body></html>'))).toBe('not-audio')
    expect(await codeOf(new Uint8Array(0))).toBe('empty-audio')
    expect(await codeOf(samples(new Float32Array(0)))).toBe('empty-audio')
    expect(await codeOf(encodeWav(speech(2), rate).subarray(0, 30))).toBe('truncated-audio')
  })

  it('reports a WAV that lost its end, one way or the other', async () => {
    const cut = encodeWav(speech(3), rate).subarray(0, 100_000)
    const result = await readPrompt(cut, rate).then(
      ({ warnings }) => warnings.join(),
      error => (AudioFormatError.isInstance(error) ? error.code : ''),
    )
    expect(result).toMatch(/truncated|ends|shorter/)
  })

  it('refuses samples that are no recording', async () => {
    await expect(readPrompt(samples(speech(2), 10), rate)).rejects.toThrow(RangeError)
    await expect(readPrompt(samples(speech(2).fill(Number.NaN, 5, 6)), rate)).rejects.toThrow(RangeError)
  })
})

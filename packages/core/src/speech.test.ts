import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeAudio } from '@mynah/audio'
import { describe, expect, it } from 'vitest'
import { joinSpeech, Speech } from './speech.ts'

const timings = { frontEndSeconds: 1, languageModelSeconds: 2, vocoderSeconds: 3, totalSeconds: 7 }
const create = (seconds: number, startSeconds = 0) =>
  new Speech({
    audio: Float32Array.from({ length: seconds * 24000 }, (_, i) => 0.5 * Math.sin(i / 20)),
    sampleRate: 24000,
    startSeconds,
    phonemes: 'həlˈoʊ.',
    words: [{ text: 'hello', startSeconds, endSeconds: startSeconds + seconds }],
    warnings: ['mumbled'],
    timings,
  })

describe('Speech', () => {
  it('writes 16-bit samples as little-endian bytes', () => {
    const speech = new Speech({ ...create(1), audio: Float32Array.of(0, 0.5, -1, 1) })
    expect([...speech.toPcm16()]).toEqual([0, 0, 0, 64, 0, 128, 255, 127])
  })

  it('writes a WAV that reads back within half a step', async () => {
    const speech = create(0.5)
    const { channels, sampleRate, format } = await decodeAudio(speech.toWav())
    expect([channels.length, sampleRate, format]).toEqual([1, 24000, 'wav'])
    expect(channels[0]!.every((sample, i) => Math.abs(sample - speech.audio[i]!) <= 0.5 / 32768)).toBe(true)
  })

  it('saves by the ending, in either case, and nothing else', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mynah-speech-'))
    const speech = create(0.5)
    await speech.save(join(folder, 'a.WAV'))
    await speech.save(join(folder, 'a.mp3'))
    expect((await decodeAudio(await readFile(join(folder, 'a.WAV')))).format).toBe('wav')
    const mp3 = await decodeAudio(await readFile(join(folder, 'a.mp3')))
    expect(mp3.format).toBe('mp3')
    expect(mp3.channels[0]!.length / mp3.sampleRate).toBeCloseTo(0.5, 0)
    for (const [name, format] of [
      ['a.opus', 'ogg-opus'],
      ['a.ogg', 'ogg-opus'],
      ['a.flac', 'flac'],
    ] as const) {
      await speech.save(join(folder, name))
      expect((await decodeAudio(await readFile(join(folder, name)))).format).toBe(format)
    }
    await expect(speech.save(join(folder, 'a.m4a'))).rejects.toThrow(/ends in "\.m4a", expected \.wav, \.mp3, \.opus/)
    await expect(speech.save(join(folder, 'a'))).rejects.toThrow(RangeError)
  })

  it('becomes everything but its samples as JSON', () => {
    expect(JSON.parse(JSON.stringify(create(2)))).toEqual({
      sampleRate: 24000,
      startSeconds: 0,
      durationSeconds: 2,
      phonemes: 'həlˈoʊ.',
      words: [{ text: 'hello', startSeconds: 0, endSeconds: 2 }],
      warnings: ['mumbled'],
      timings,
    })
  })

  it('joins to a whole with all audio, words and warnings', () => {
    const whole = joinSpeech([create(1), create(0.5, 1)], 20)
    expect(whole.durationSeconds).toBe(1.5)
    expect(whole.words.map(word => word.startSeconds)).toEqual([0, 1])
    expect(whole.warnings.length).toBe(2)
    expect(whole.timings).toEqual({ frontEndSeconds: 2, languageModelSeconds: 4, vocoderSeconds: 6, totalSeconds: 20 })
    expect(() => joinSpeech([], 0)).toThrow(RangeError)
  })
})

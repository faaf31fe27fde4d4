import { encodeWav } from '@mynah/audio'
import { describe, expect, it } from 'vitest'
import { VoiceError } from '../errors.ts'
import { createTinyModels, createTinySynthesizer } from '../models.fixture.ts'
import { createVoice } from './create.ts'
import { Voice } from './voice.ts'

const rate = 24000
const speech = (seconds: number) => ({
  samples: Float32Array.from({ length: seconds * rate }, (_, i) => 0.2 * Math.sin(i / 20) * Math.abs(Math.sin(i / 2500))),
  sampleRate: rate,
})
const sentence = 'The quick brown fox jumps over the lazy dog.'
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'nothing was thrown',
    error => (VoiceError.isInstance(error) ? error.code : error),
  )

describe('createVoice', () => {
  it('encodes and aligns the prompt, and keeps what it was told', async () => {
    const { synthesizer, behaviour } = createTinySynthesizer()
    const about = { name: 'Me', consent: 'my own voice', licence: 'CC0' }
    const voice = await synthesizer.createVoice({ audio: speech(3), transcript: ` ${sentence}\n`, ...about })
    expect(voice).toMatchObject({ ...about, transcript: sentence, codec: 'mynah-codec@tiny', warnings: [] })
    expect(voice.codes.shape).toEqual([2, 120])
    expect(voice.durations.reduce((sum, duration) => sum + duration, 0)).toBe(120)
    expect(voice.phonemes[0]).toBe(0)
    expect(voice.phonemes.at(-1)).toBe(0)
    expect(behaviour.encoded[0]!.length % 600).toBe(0)
  })

  it('makes the same voice of samples and of a file, and one that speaks', async () => {
    const { synthesizer } = createTinySynthesizer()
    const audio = speech(3)
    const file = encodeWav(audio.samples, rate, { format: 'float32' })
    const voice = await synthesizer.createVoice({ audio: file, transcript: sentence })
    expect(voice).toEqual(await synthesizer.createVoice({ audio, transcript: sentence }))
    const saved = await Voice.load(voice.toSafetensors())
    expect((await synthesizer.synthesize('Hello.', { voice: saved })).audio).toEqual(
      (await synthesizer.synthesize('Hello.', { voice })).audio,
    )
  })

  it('speaks a transcript of several sentences, numbers and paragraphs as one prompt', async () => {
    const { synthesizer } = createTinySynthesizer()
    const voice = await synthesizer.createVoice({ audio: speech(6), transcript: 'It was 1984. Really?\n\nYes, I was there then, too.' })
    const { phonemes } = await synthesizer.synthesize('It was 1984.', { voice })
    expect(phonemes).toMatch(/nˈaɪntiːn/)
    expect([...voice.phonemes.subarray(1, -1)].includes(0)).toBe(false)
  })

  it('crops more than 15 s after a word, with a warning and a transcript that ends there', async () => {
    const { synthesizer } = createTinySynthesizer()
    const transcript = `${sentence} ${sentence} ${sentence} ${sentence} ${sentence} ${sentence} ${sentence}`
    const voice = await synthesizer.createVoice({ audio: speech(21), transcript })
    const frames = voice.codes.shape[1]!
    expect(frames).toBeLessThanOrEqual(600)
    expect(frames).toBeGreaterThan(450)
    expect(voice.durations.reduce((sum, duration) => sum + duration, 0)).toBe(frames)
    expect(voice.transcript).toMatch(/^The quick brown .* lazy dog$/)
    expect(voice.transcript.length).toBeLessThan(transcript.length)
    expect(voice.phonemes.at(-1)).toBe(0)
    expect(voice.warnings).toEqual([expect.stringMatching(/21\.0 s were cropped to 1\d\.\d s, after "dog"/)])
  })

  it('refuses more than 15 s in which no word ends', async () => {
    const { synthesizer } = createTinySynthesizer()
    const transcript = `${'supercalifragilistic'.repeat(9)}`
    expect(await codeOf(synthesizer.createVoice({ audio: speech(30), transcript }))).toBe('prompt-too-long')
  })

  it('refuses a transcript that cannot match the length of the recording', async () => {
    const { synthesizer } = createTinySynthesizer()
    expect(await codeOf(synthesizer.createVoice({ audio: speech(2), transcript: `${sentence} ${sentence}` }))).toBe('transcript-mismatch')
    expect(await codeOf(synthesizer.createVoice({ audio: speech(10), transcript: 'Hello.' }))).toBe('transcript-mismatch')
  })

  it('refuses a transcript that the aligner does not believe, and warns where it hesitates', async () => {
    const wrong = createTinySynthesizer({ score: -3 })
    expect(await codeOf(wrong.synthesizer.createVoice({ audio: speech(3), transcript: sentence }))).toBe('transcript-mismatch')
    const unsure = createTinySynthesizer({ score: -2 })
    const { warnings } = await unsure.synthesizer.createVoice({ audio: speech(3), transcript: sentence })
    expect(warnings).toEqual([expect.stringMatching(/transcript matches the recording badly/)])
  })

  it('writes the transcript itself where there is none, and says what it heard', async () => {
    const models = createTinyModels({ asked: [], encoded: [] })
    const asked: unknown[] = []
    const listen = async (audio: unknown) => {
      asked.push(audio)
      return sentence
    }
    const audio = speech(3)
    const voice = await createVoice(models, { audio, name: 'Me' }, listen)
    expect(asked).toEqual([audio])
    expect(voice.transcript).toBe(sentence)
    expect(voice.warnings).toEqual([expect.stringContaining(`heard "${sentence}"`)])
    const told = await createVoice(models, { audio, name: 'Me', transcript: sentence }, listen)
    expect(asked.length).toBe(1)
    expect({ ...voice, warnings: [] }).toEqual({ ...told, warnings: [] })
  })

  it('names the package to install where there is neither transcript nor transcriber', async () => {
    const { synthesizer } = createTinySynthesizer()
    await expect(synthesizer.createVoice({ audio: speech(3) })).rejects.toMatchObject({
      code: 'missing-package',
      message: expect.stringMatching(/npm install @huggingface\/transformers.*or pass the transcript yourself/),
    })
  })

  it('refuses an unspeakable transcript', async () => {
    const { synthesizer } = createTinySynthesizer()
    await expect(synthesizer.createVoice({ audio: speech(3), transcript: 7 as never })).rejects.toThrow(/transcript is number/)
    await expect(synthesizer.createVoice(undefined as never)).rejects.toThrow(TypeError)
    for (const transcript of ['', '🙂', '...'])
      await expect(synthesizer.createVoice({ audio: speech(3), transcript })).rejects.toThrow(RangeError)
  })

  it('stops when the signal aborts', async () => {
    const { synthesizer, behaviour } = createTinySynthesizer()
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(synthesizer.createVoice({ audio: speech(3), transcript: sentence, signal })).rejects.toThrow('enough')
    expect(behaviour.encoded.length).toBe(0)
  })
})

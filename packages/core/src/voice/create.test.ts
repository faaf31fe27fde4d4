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
    expect(voice).toMatchObject({ ...about, transcript: sentence, transcription: 'given', codec: 'mynah-codec@tiny', warnings: [] })
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
    expect(voice.warnings).toEqual([expect.stringMatching(/21\.0 s were cropped to 1\d\.\d s, after "dog"$/)])
  })

  it('refuses more than 15 s in which no word ends', async () => {
    const { synthesizer } = createTinySynthesizer()
    const transcript = `${'supercalifragilistic'.repeat(9)}`
    expect(await codeOf(synthesizer.createVoice({ audio: speech(30), transcript }))).toBe('prompt-too-long')
  })

  it('hears the phonemes itself where there is no transcript, and says so in the voice and its file', async () => {
    const { synthesizer, behaviour } = createTinySynthesizer({ certainty: 0.61 })
    const voice = await synthesizer.createVoice({ audio: speech(3) })
    expect(behaviour.expected).toBeUndefined()
    expect(voice).toMatchObject({ transcript: '/m/', transcription: 'heard' })
    expect(voice.warnings).toEqual([expect.stringMatching(/without a transcript, heard \/m\/, 61 % sure; the transcript makes/)])
    expect(await Voice.load(voice.toSafetensors())).toMatchObject({ transcript: '/m/', transcription: 'heard', phonemes: voice.phonemes })
    const guessed = await createTinySynthesizer({ certainty: 0.1 }).synthesizer.createVoice({ audio: speech(3) })
    expect(guessed.warnings).toEqual([expect.stringMatching(/10 % sure; that is hardly more than a guess/)])
  })

  it('takes what was heard instead of words that were not, names both, and keeps what was given otherwise', async () => {
    const { synthesizer } = createTinySynthesizer({ match: 0.76 }) // 7 of 9 words
    const voice = await synthesizer.createVoice({ audio: speech(6), transcript: sentence })
    expect(voice.transcript).toMatch(/^The quick brown fox jumps over the .*\/ \/.*\/$/)
    expect(voice.transcription).toBe('corrected')
    expect(voice.warnings).toEqual([
      expect.stringMatching(/corrected by what was heard: \/lˈeɪzi\/ \/dˈɑːɡ\/ instead of "lazy dog"; check these words/),
    ])
    const given = await createTinySynthesizer().synthesizer.createVoice({ audio: speech(3), transcript: sentence })
    expect((await Voice.load(given.toSafetensors())).transcription).toBe('given')
  })

  it('ends before a word that ends with the recording and is not that of the transcript', async () => {
    const { synthesizer } = createTinySynthesizer({ match: 0.88 }) // all but "dog"
    const voice = await synthesizer.createVoice({ audio: speech(3), transcript: sentence })
    expect(voice).toMatchObject({ transcript: 'The quick brown fox jumps over the lazy', transcription: 'given' })
    expect(voice.warnings).toEqual([expect.stringMatching(/3\.0 s were cropped to 2\.\d s, after "lazy", since it ends within a word/)])
    expect(voice.durations.reduce((sum, duration) => sum + duration, 0)).toBe(voice.codes.shape[1])
  })

  it('refuses a transcript of which little is heard, and warns where the recording is hardly understood', async () => {
    const wrong = createTinySynthesizer({ match: 0.2 })
    expect(await codeOf(wrong.synthesizer.createVoice({ audio: speech(3), transcript: sentence }))).toBe('transcript-mismatch')
    const unsure = createTinySynthesizer({ certainty: 0.1 })
    const { warnings } = await unsure.synthesizer.createVoice({ audio: speech(3), transcript: sentence })
    expect(warnings).toEqual([expect.stringMatching(/understood badly \(10 % sure\)/)])
  })

  it('takes a transcript of a few words or of a longer text to what hears them, up to 10,000 characters', async () => {
    const { synthesizer, behaviour } = createTinySynthesizer()
    await synthesizer.createVoice({ audio: speech(10), transcript: 'Hello.' })
    expect(behaviour.expected!.words.length).toBe(1)
    expect(await codeOf(synthesizer.createVoice({ audio: speech(2), transcript: 'a '.repeat(5001) }))).toBe('transcript-mismatch')
  })

  it('asks a transcriber for models without an aligner, which need every word', async () => {
    const models = { ...createTinyModels({ asked: [], encoded: [] }), aligner: undefined }
    const asked: unknown[] = []
    const listen = async (audio: unknown) => {
      asked.push(audio)
      return sentence
    }
    const audio = speech(3)
    const voice = await createVoice(models, { audio, name: 'Me' }, listen)
    expect(asked).toEqual([audio])
    expect(voice).toMatchObject({ transcript: sentence, transcription: 'given' })
    expect(voice.warnings).toEqual([expect.stringContaining(`heard "${sentence}"`)])
    await createVoice(models, { audio, name: 'Me', transcript: sentence }, listen)
    expect(asked.length).toBe(1)
    expect(await codeOf(createVoice(models, { audio: speech(10), transcript: 'Hello.' }))).toBe('transcript-mismatch')
    expect(await codeOf(createVoice(models, { audio: speech(2), transcript: `${sentence} ${sentence}` }))).toBe('transcript-mismatch')
    expect(await codeOf(createVoice(models, { audio: speech(16), transcript: `${sentence} `.repeat(5) }))).toBe('prompt-too-long')
    await expect(createVoice(models, { audio })).rejects.toMatchObject({
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

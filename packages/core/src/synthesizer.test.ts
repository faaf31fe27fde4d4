import { setTimeout as wait } from 'node:timers/promises'
import { InferenceError } from '@mynah/onnx'
import { describe, expect, it, vi } from 'vitest'
import { VoiceError } from './errors.ts'
import { createTinySynthesizer } from './models.fixture.ts'
import type { SpeechOptions } from './options.ts'
import type { Speech } from './speech.ts'
import { createSynthesizer } from './synthesizer.ts'
import { Voice } from './voice/voice.ts'
import type { Word } from './word-times.ts'

const text = 'Hello there. How are you today? Fine, thank you.'
/** Busy machines are slow. */
const patience = { timeout: 30_000, interval: 5 }
const collect = async (stream: AsyncIterable<Speech>) => {
  const chunks: Speech[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}
const join = (chunks: readonly Speech[]) => Float32Array.from(chunks.flatMap(chunk => [...chunk.audio]))
const closeTo = (word: Word) => ({
  ...word,
  startSeconds: expect.closeTo(word.startSeconds, 9),
  endSeconds: expect.closeTo(word.endSeconds, 9),
})
async function* pieces(...list: string[]) {
  for (const piece of list) yield piece
}
const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    error => error,
  )

describe('synthesize', () => {
  it('gives samples, phonemes and the words in order, each within the audio', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const speech = await synthesizer.synthesize(text, { voice })
    expect(speech.sampleRate).toBe(24000)
    expect(speech.startSeconds).toBe(0)
    expect(speech.audio.length).toBe(Math.round(speech.durationSeconds * 24000))
    expect(speech.phonemes).toMatch(/^həlˈoʊ ðˈɛɹ\. /)
    expect(speech.words.map(word => word.text)).toEqual(['Hello', 'there', 'How', 'are', 'you', 'today', 'Fine', 'thank', 'you'])
    let last = 0
    for (const { startSeconds, endSeconds } of speech.words) {
      expect(startSeconds).toBeGreaterThanOrEqual(last)
      expect(endSeconds).toBeGreaterThan(startSeconds)
      last = endSeconds
    }
    expect(last).toBeLessThanOrEqual(speech.durationSeconds)
    expect(speech.warnings).toEqual([])
    for (const seconds of Object.values(speech.timings)) expect(seconds).toBeGreaterThanOrEqual(0)
  })

  it('times words by the frames of their phonemes, after the silence that is cut from the start', async () => {
    const { synthesizer, voice, frameRate } = createTinySynthesizer()
    const { words, audio } = await synthesizer.synthesize('Hello', { voice })
    const ends = 4 / frameRate // of 10 boundary frames 0.1 s stay
    expect(words).toEqual([
      {
        text: 'Hello',
        startSeconds: expect.closeTo(ends, 9),
        endSeconds: expect.closeTo(ends + (2 * [...'həlˈoʊ'].length) / frameRate, 9),
      },
    ])
    expect(audio.length / 24000).toBeCloseTo(words[0]!.endSeconds + 2 / frameRate + ends, 9) // a full stop, too
  })

  it('gives the same samples for the same seed, others for another, and seed 0 where none is given', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const [none, zero, seven, again] = await Promise.all(
      [{}, { seed: 0 }, { seed: 7 }, { seed: 7 }].map(seed => synthesizer.synthesize(text, { voice, ...seed })),
    )
    expect(seven!.audio).toEqual(again!.audio)
    expect(none!.audio).toEqual(zero!.audio)
    expect(seven!.audio).not.toEqual(zero!.audio)
  })

  it('gives equal sentences of one text seeds of their own', async () => {
    const { synthesizer, voice, behaviour } = createTinySynthesizer()
    await synthesizer.synthesize('Yes indeed, sir. Yes indeed, sir.', { voice, seed: 1 })
    const seeds = behaviour.asked.map(({ options }) => options.seed)
    expect(seeds.length).toBe(2)
    expect(new Set(seeds).size).toBe(2)
  })

  it('hands sampling options to the language model, and the defaults of the bundle where there are none', async () => {
    const { synthesizer, voice, behaviour } = createTinySynthesizer()
    await synthesizer.synthesize('Hello', { voice, temperature: undefined })
    await synthesizer.synthesize('Hello', { voice, temperature: 0, topK: 5, topP: 0.5, repetitionPenalty: 1.2, candidates: 4, speed: 2 })
    expect(behaviour.asked[0]!.options).toMatchObject({
      prompt: voice,
      temperature: 0.5,
      topK: 30,
      topP: 1,
      repetitionPenalty: 1,
      candidates: 2,
    })
    expect(behaviour.asked[1]!.options).toMatchObject({
      temperature: 0,
      topK: 5,
      topP: 0.5,
      repetitionPenalty: 1.2,
      candidates: 4,
    })
  })

  it('makes pauses exact silence of the length that was asked for', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const { audio, words } = await synthesizer.synthesize('Hello [pause 0.4s] there', { voice })
    let longest = 0
    let run = 0
    for (const sample of audio) {
      run = sample === 0 ? run + 1 : 0
      longest = Math.max(longest, run)
    }
    expect(longest / 24000).toBeCloseTo(0.05 + 0.4, 3) // the final pause before it falls silent, too
    expect(words[1]!.startSeconds - words[0]!.endSeconds).toBeCloseTo(0.05 + 0.1 + 0.4 + 0.1, 6) // a comma, and the ends of both parts
  })

  it('falls silent in the final pause, whatever the models speak in it, and not before the last sound has ended', async () => {
    const power = (samples: Float32Array) => samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length
    for (const boundaryFrames of [10, 1]) {
      const { synthesizer, voice } = createTinySynthesizer({ boundaryFrames })
      const text = 'Hello there. How are you?'
      const { audio, words } = await synthesizer.synthesize(text, { voice })
      const end = Math.round(words.at(-1)!.endSeconds * 24000)
      expect(power(audio.subarray(end - 1200, end))).toBeGreaterThan(1e-4) // the tone that the tiny models speak in pauses, too
      expect(power(audio.subarray(-1200))).toBe(0)
    }
  })

  it('keeps a pause at the end of the text', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const plain = await synthesizer.synthesize('Hello', { voice })
    const { audio, words } = await synthesizer.synthesize('Hello [pause 0.5s]', { voice })
    expect(audio.length - plain.audio.length).toBe(12000)
    expect(audio.subarray(-12000).every(sample => sample === 0)).toBe(true)
    expect(words).toEqual(plain.words)
  })

  it('ends with a warning at maxSeconds', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const whole = await synthesizer.synthesize(text, { voice })
    for (const maxSeconds of [0.001, 0.5, 2]) {
      const speech = await synthesizer.synthesize(text, { voice, maxSeconds })
      expect(speech.durationSeconds).toBeLessThanOrEqual(maxSeconds)
      expect(speech.words.length).toBeLessThan(whole.words.length)
      expect(speech.warnings.at(-1)).toMatch(/cut after .* as maxSeconds is/)
    }
    expect((await synthesizer.synthesize(text, { voice, maxSeconds: 60 })).audio).toEqual(whole.audio)
  })

  it('counts silence as speech at maxSeconds, and speaks after a pause in what is left', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const speak = (text: string, maxSeconds: number) => synthesizer.synthesize(text, { voice, maxSeconds })
    for (const text of ['Hello there [pause 9s]', 'Hello there [pause 9s] dear', '[pause 9s] Hello there']) {
      const speech = await speak(text, 2)
      expect(speech.durationSeconds).toBeCloseTo(2, 9)
      expect(speech.warnings).toEqual([expect.stringMatching(/cut after 2\.0 s, as maxSeconds is 2/)])
    }
    const after = await speak('[pause 1s] Hello', 2)
    expect(after.words.map(word => word.text)).toEqual(['Hello'])
    expect(after.warnings).toEqual([])
    const exact = await speak('Hello [pause 0.5s]', (await synthesizer.synthesize('Hello [pause 0.5s]', { voice })).durationSeconds)
    expect(exact.warnings).toEqual([])
  })

  it('warns of options that the system of the bundle lacks, and not of such as ask for nothing', async () => {
    const { synthesizer, voice, behaviour } = createTinySynthesizer()
    const asked = await synthesizer.synthesize('Hello there. Bye.', { voice, language: 'de', repetitionAware: true })
    expect(asked.warnings).toEqual([
      expect.stringMatching(/option language was left out: tiny does not have it, as it speaks one language/),
      expect.stringMatching(/option repetitionAware was left out/),
    ])
    expect(behaviour.asked[0]!.options).not.toHaveProperty('language')
    expect((await synthesizer.synthesize('Hello', { voice, language: 'en', repetitionAware: false })).warnings).toEqual([])
  })

  it('takes the old name of candidates for one version more', async () => {
    const { synthesizer, voice, behaviour } = createTinySynthesizer()
    await synthesizer.synthesize('Hello', { voice, takes: 3 })
    await synthesizer.synthesize('Hello', { voice, takes: 3, candidates: 5 })
    expect(behaviour.asked.map(({ options }) => options.candidates)).toEqual([3, 5])
  })

  it('refuses options that nobody knows, naming the nearest', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    await expect(synthesizer.synthesize('Hello', { voise: voice } as never)).rejects.toThrow(
      new TypeError('synthesize: there is no option "voise"; did you mean "voice"?'),
    )
    expect(() => synthesizer.stream('Hello', { voice, maxSecond: 3 } as never)).toThrow(/did you mean "maxSeconds"/)
    const audio = { samples: new Float32Array(24000), sampleRate: 24000 }
    await expect(synthesizer.createVoice({ audio, transscript: 'Hello' } as never)).rejects.toThrow(
      /createVoice: .* did you mean "transcript"/,
    )
    await expect(createSynthesizer({ thread: 1 } as never)).rejects.toThrow(/createSynthesizer: .* did you mean "threads"/)
  })

  it('warns of a sentence that the language model cut, and goes on with the next', async () => {
    const { synthesizer, voice } = createTinySynthesizer({ longestFrames: 30 })
    const { warnings, words } = await synthesizer.synthesize('Hello over there, dear. Bye.', { voice })
    expect(warnings).toEqual([expect.stringMatching(/"Hello .*" was cut after 0\.8 s/)])
    expect(words.at(-1)!.text).toBe('Bye')
  })

  it('warns of inaudible speech, keeps samples within [-1, 1], and refuses NaN', async () => {
    const quiet = createTinySynthesizer({ amplitude: 0.0001 })
    expect((await quiet.synthesizer.synthesize('Hello', { voice: quiet.voice })).warnings).toEqual([
      expect.stringMatching(/"Hello" came out inaudible/),
    ])
    const loud = createTinySynthesizer({ amplitude: 3 })
    const { audio } = await loud.synthesizer.synthesize('Hello', { voice: loud.voice, loudness: false })
    expect(Math.max(...audio)).toBe(1)
    expect(Math.min(...audio)).toBe(-1)
    const broken = createTinySynthesizer({ amplitude: Number.NaN })
    const error = await reasonOf(broken.synthesizer.synthesize('Hello', { voice: broken.voice }))
    expect(InferenceError.isInstance(error) && error.code).toBe('non-finite-output')
  })

  it('reports progress that only grows', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const seen: { utterances: number; seconds: number }[] = []
    const { durationSeconds } = await synthesizer.synthesize(text, { voice, onProgress: progress => seen.push(progress) })
    expect(seen.length).toBeGreaterThan(10)
    expect(seen.at(-1)!.utterances).toBe(2)
    expect(seen.at(-1)!.seconds).toBeCloseTo(durationSeconds, 0)
  })

  it.each(['', '   \n', '...', '🙂', '日本'])('refuses the text %j, in which nothing can be spoken', async nothing => {
    const { synthesizer, voice } = createTinySynthesizer()
    await expect(synthesizer.synthesize(nothing, { voice })).rejects.toThrow(RangeError)
    await expect(collect(synthesizer.stream(pieces(nothing), { voice }))).rejects.toThrow(RangeError)
  })

  it('refuses arguments of the wrong kind and options out of range, and says what it expects', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    for (const wrong of [undefined, null, 3, {}, pieces('x')])
      await expect(synthesizer.synthesize(wrong as never, { voice })).rejects.toThrow(TypeError)
    const outOfRange: SpeechOptions[] = [
      { speed: 0.4 }, { speed: 2.1 }, { speed: Number.NaN }, { temperature: -1 }, { topK: -1 }, { topK: 2.5 }, { topP: 0 }, { topP: 1.1 },
      { repetitionPenalty: 0 }, { candidates: 0 }, { candidates: 1.5 }, { candidates: 17 }, { takes: 0 }, { maxSeconds: 0 }, { seed: Number.POSITIVE_INFINITY }, { voice: 'nobody' }, {},
    ] // biome-ignore format: one list
    for (const options of outOfRange)
      await expect(
        synthesizer.synthesize(text, options.voice || Object.keys(options).length === 0 ? options : { voice, ...options }),
      ).rejects.toThrow(RangeError)
    for (const options of [{ speed: '1' }, { voice: 3 }, { voice: null }, { signal: {} }, { onProgress: 1 }]) {
      await expect(synthesizer.synthesize(text, { voice, ...options } as never)).rejects.toThrow(TypeError)
    }
  })

  it('refuses a voice of another codec', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const error = await reasonOf(synthesizer.synthesize(text, { voice: new Voice({ ...voice, codec: 'mynah-codec@other' }) }))
    expect(VoiceError.isInstance(error) && error.code).toBe('codec-mismatch')
  })
})

describe('stream', () => {
  it('gives chunks that join into what synthesize gives, with times through the whole', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const whole = await synthesizer.synthesize(text, { voice, seed: 3 })
    const chunks = await collect(synthesizer.stream(text, { voice, seed: 3 }))
    expect(chunks.length).toBe(3)
    expect(join(chunks)).toEqual(whole.audio)
    expect(chunks.flatMap(chunk => chunk.words)).toEqual(whole.words)
    let samples = 0
    for (const chunk of chunks) {
      expect(chunk.startSeconds).toBeCloseTo(samples / 24000, 9)
      expect(chunk.toPcm16().byteLength).toBe(2 * chunk.audio.length)
      samples += chunk.audio.length
    }
  })

  it.each([1, 7, 25, 40])(
    'gives words as soon as they are known, where the language model gives chunks of %d frames',
    async chunkFrames => {
      const long = 'Hello over there, my dear friends of the green valley. Bye.'
      const once = createTinySynthesizer()
      const { synthesizer, voice } = createTinySynthesizer({ chunkFrames })
      const whole = await once.synthesizer.synthesize(long, { voice, loudness: false })
      const chunks = await collect(synthesizer.stream(long, { voice, loudness: false }))
      expect(chunks.length).toBeGreaterThan(2)
      expect(join(chunks)).toEqual(whole.audio)
      const again = await synthesizer.synthesize(long, { voice, loudness: false })
      expect(again).toMatchObject({ audio: whole.audio, phonemes: whole.phonemes, words: whole.words.map(closeTo) })
      expect(chunks.map(chunk => chunk.phonemes).join(' ')).toBe(whole.phonemes)
      expect(chunks.flatMap(chunk => chunk.words.map(word => word.text))).toEqual(whole.words.map(word => word.text))
      for (const { words, startSeconds, durationSeconds } of chunks) {
        expect(words.length).toBeGreaterThan(0)
        expect(words[0]!.startSeconds).toBeGreaterThanOrEqual(startSeconds - 1e-9)
        expect(words.at(-1)!.endSeconds).toBeLessThanOrEqual(startSeconds + durationSeconds + 1e-9)
      }
    },
  )

  it('cuts at maxSeconds what comes in chunks as it cuts the whole', async () => {
    const once = createTinySynthesizer()
    const { synthesizer, voice } = createTinySynthesizer({ chunkFrames: 20 })
    for (const maxSeconds of [0.3, 0.9, 1.5, 2.2]) {
      const whole = await once.synthesizer.synthesize(text, { voice, maxSeconds, loudness: false })
      const { audio, words, warnings } = await synthesizer.synthesize(text, { voice, maxSeconds, loudness: false })
      expect(audio).toEqual(whole.audio)
      expect(words).toEqual(whole.words.map(closeTo))
      expect(warnings).toEqual(whole.warnings)
    }
  })

  it('takes text as it arrives, cut anywhere', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const whole = await synthesizer.synthesize(text, { voice })
    expect(join(await collect(synthesizer.stream(pieces(...text), { voice })))).toEqual(whole.audio)
    expect(join(await collect(synthesizer.stream(pieces(text.slice(0, 20), '', text.slice(20)), { voice })))).toEqual(whole.audio)
  })

  it('speaks a sentence before the text has ended', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    async function* slow() {
      yield 'Hello there. How are'
      await new Promise(() => undefined)
    }
    const stream = synthesizer.stream(slow(), { voice })
    expect((await stream.next()).value!.words.map(word => word.text)).toEqual(['Hello', 'there'])
    await stream.return()
  })

  it('computes one sentence ahead of the consumer, and no more', async () => {
    const { synthesizer, voice, behaviour } = createTinySynthesizer()
    const stream = synthesizer.stream(`${text} One more. And another one.`, { voice })
    await wait(20)
    expect(behaviour.asked.length).toBe(0)
    for (const asked of [2, 3, 4]) {
      await stream.next()
      await vi.waitFor(() => expect(behaviour.asked.length).toBe(asked), patience)
      await wait(50)
      expect(behaviour.asked.length).toBe(asked)
    }
    await stream.return()
    await wait(50)
    expect(behaviour.asked.length).toBe(4)
  })

  it('stops the models and returns the text when the consumer leaves', async () => {
    const { synthesizer, voice, behaviour } = createTinySynthesizer({ milliseconds: 200 })
    let returned = false
    async function* endless() {
      try {
        while (true) yield 'Hello over there. '
      } finally {
        returned = true
      }
    }
    for await (const _ of synthesizer.stream(endless(), { voice })) {
      await vi.waitFor(() => expect(behaviour.asked.length).toBe(2), patience)
      break
    }
    await vi.waitFor(() => expect(returned).toBe(true), patience)
    expect(behaviour.asked.length).toBe(2)
    expect(behaviour.asked[1]!.options.signal!.aborted).toBe(true)
  })

  it('rejects with the reason of the signal: before, during, and while it waits for text', async () => {
    const reason = new Error('enough')
    const { synthesizer, voice, behaviour } = createTinySynthesizer()
    await expect(synthesizer.synthesize(text, { voice, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(behaviour.asked.length).toBe(0)
    const during = new AbortController()
    behaviour.milliseconds = 20_000
    const aborted = expect(collect(synthesizer.stream(text, { voice, signal: during.signal }))).rejects.toBe(reason)
    await vi.waitFor(() => expect(behaviour.asked.length).toBe(1), patience)
    during.abort(reason)
    await aborted
    const waiting = new AbortController()
    async function* silent(): AsyncGenerator<string> {
      await new Promise(() => undefined)
    }
    setTimeout(() => waiting.abort(reason), 20)
    await expect(collect(synthesizer.stream(silent(), { voice, signal: waiting.signal }))).rejects.toBe(reason)
  })

  it('reports what goes wrong in the text source', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    async function* broken() {
      yield 'Hello there. '
      throw new Error('connection lost')
    }
    await expect(collect(synthesizer.stream(broken(), { voice }))).rejects.toThrow('connection lost')
    await expect(collect(synthesizer.stream(pieces(3 as never), { voice }))).rejects.toThrow(TypeError)
  })

  it('refuses wrong arguments at once', () => {
    const { synthesizer, voice } = createTinySynthesizer()
    expect(() => synthesizer.stream(3 as never, { voice })).toThrow(TypeError)
    expect(() => synthesizer.stream(text, { voice, speed: 9 })).toThrow(RangeError)
  })
})

describe('a disposed synthesizer', () => {
  it('refuses everything with the code "disposed", and is disposed once however often it is asked', async () => {
    const { synthesizer, voice, state } = createTinySynthesizer()
    await synthesizer.dispose()
    await synthesizer[Symbol.asyncDispose]()
    expect(state.disposed).toBe(1)
    const audio = { samples: new Float32Array(24000), sampleRate: 24000 }
    for (const promise of [
      synthesizer.synthesize(text, { voice }),
      synthesizer.stream(text, { voice }).next(),
      synthesizer.createVoice({ audio, transcript: 'Hello' }),
      synthesizer.loadVoice('anna'),
    ]) {
      const error = await reasonOf(promise)
      expect(InferenceError.isInstance(error) && error.code).toBe('disposed')
    }
  })

  it('rejects what was still running', async () => {
    const { synthesizer, voice, behaviour } = createTinySynthesizer({ milliseconds: 20_000 })
    const running = reasonOf(synthesizer.synthesize(text, { voice }))
    await vi.waitFor(() => expect(behaviour.asked.length).toBe(1), patience)
    await synthesizer[Symbol.asyncDispose]()
    const error = await running
    expect(InferenceError.isInstance(error) && error.code).toBe('disposed')
  })
})

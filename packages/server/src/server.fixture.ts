import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { AudioFormatError, Speech, type SpeechOptions, Voice } from '@mynah/core'
import { onTestFinished } from 'vitest'
import type { App, AppOptions } from './app.ts'
import { createApp } from './app.ts'
import type { Engine } from './service.ts'

const sampleRate = 24000
const wordSeconds = 0.1

/** How the fake speaks, and what it was asked for. */
export interface FakeEngine extends Engine {
  /** Milliseconds for each word. */
  wordMs: number
  /** What `stream` throws at the first word. */
  failure: unknown
  /** What `stream` throws after the first word. */
  lateFailure: unknown
  readonly asked: { text: string; options: SpeechOptions }[]
  /** Words that were spoken so far. */
  spoken: number
  /** Syntheses that ended, whatever way. */
  ended: number
}

/** A voice with next to nothing in it. */
export function createFakeVoice(fields: { name: string; consent?: string; transcript?: string }): Voice {
  return new Voice({
    transcript: 'Ah.',
    ...fields,
    codec: 'fake@0',
    codes: { dtype: 'int32', shape: [2, 4], data: new Int32Array(8) },
    phonemes: Int32Array.of(0, 11, 0),
    durations: Int32Array.of(1, 2, 1),
    warnings: ['prompt: this is a fake'],
  })
}

/** Speaks each word as a tenth of a second of tone, a word a chunk. */
export function createFakeEngine(): FakeEngine {
  const engine: FakeEngine = {
    wordMs: 0,
    failure: undefined,
    lateFailure: undefined,
    asked: [],
    spoken: 0,
    ended: 0,
    bundle: { name: 'fake-en', language: 'en-us', licence: 'MIT' },
    sampleRate,
    voices: [
      { name: 'wren', description: 'A calm voice', licence: 'MIT' },
      { name: 'heron', description: 'A deep voice', licence: 'CC0-1.0' },
    ],
    loadVoice: async name => createFakeVoice({ name }),
    async createVoice({ audio, name = 'unnamed', consent, transcript }) {
      if (!(audio instanceof Uint8Array) || Buffer.from(audio.subarray(0, 4)).toString() !== 'RIFF') {
        throw new AudioFormatError('audio: is no format that Mynah reads, expected wav, mp3, flac or ogg', { code: 'unknown-format' })
      }
      return createFakeVoice({ name, ...(consent ? { consent } : {}), ...(transcript ? { transcript } : {}) })
    },
    async *stream(text, options = {}) {
      let position = 0
      const asked = { text: '', options }
      engine.asked.push(asked)
      try {
        if (engine.failure) throw engine.failure
        for await (const word of words(text, asked)) {
          if (engine.wordMs > 0) await wait(engine.wordMs, undefined, options.signal ? { signal: options.signal } : {})
          options.signal?.throwIfAborted()
          if (position > 0 && engine.lateFailure) throw engine.lateFailure
          engine.spoken++
          yield speakWord(word, position++ * wordSeconds)
        }
      } finally {
        engine.ended++
      }
    },
  }
  return engine
}

async function* words(text: Parameters<Engine['stream']>[0], asked: { text: string }): AsyncGenerator<string> {
  const pieces = typeof text === 'string' ? [text] : (text as AsyncIterable<unknown>)
  let rest = ''
  for await (const piece of pieces) {
    if (typeof piece === 'string') asked.text += piece
    rest += typeof piece === 'string' ? piece : ' '
    const whole = rest.split(/\s+/)
    rest = whole.pop()!
    for (const word of whole) if (/\w/.test(word)) yield word.replace(/[^\w']/g, '')
  }
  if (/\w/.test(rest)) yield rest.replace(/[^\w']/g, '')
  if (!/\w/.test(asked.text)) throw new RangeError('stream: nothing in the text can be spoken')
}

function speakWord(text: string, startSeconds: number): Speech {
  const audio = new Float32Array(sampleRate * wordSeconds).map((_, i) => 0.3 * Math.sin(i / 10))
  return new Speech({
    audio,
    sampleRate,
    startSeconds,
    phonemes: text,
    words: [{ text, startSeconds, endSeconds: startSeconds + wordSeconds }],
    warnings: [],
    timings: { frontEndSeconds: 0, languageModelSeconds: 0, vocoderSeconds: 0, totalSeconds: 0 },
  })
}

/** A folder that is gone after the test. */
export function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mynah-server-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** An app of the fake, and a way to ask it. */
export async function createFakeApp(options: Partial<AppOptions> = {}) {
  const engine = createFakeEngine()
  const app: App = await createApp({ synthesizer: engine, voices: createFolder(), ...options })
  const ask = async (path: string, init: RequestInit = {}) => await app.fetch(new Request(`http://localhost${path}`, init))
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const upload = (fields: Record<string, string | Blob>) => {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    return ask('/v1/audio/voices', { method: 'POST', body: form })
  }
  return { engine, app, ask, post, upload }
}

/** What the upload takes for a recording. */
export const recording = new Blob(['RIFF and so on'], { type: 'audio/wav' })
/** A request that is fine. */
export const speech = { input: 'Hello there, you.', model: 'mynah', voice: 'wren', response_format: 'pcm' }

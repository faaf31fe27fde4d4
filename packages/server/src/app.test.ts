import { existsSync, readFileSync } from 'node:fs'
import { decodeAudio } from '@mynah/audio'
import { BusyError, InferenceError } from '@mynah/core'
import { describe, expect, it } from 'vitest'
import type { LogEntry } from './options.ts'
import { createFakeApp, speech } from './server.fixture.ts'

const key = 'a-key-of-many-letters'
const samplesPerWord = 2400
// biome-ignore lint/suspicious/noExplicitAny: what a client reads has no type here
const bodyOf = async (response: Response): Promise<any> => response.json()

describe("OpenAI's wire", () => {
  it('speaks the input in the voice, as 16-bit samples for pcm', async () => {
    const { post, engine } = await createFakeApp()
    const response = await post('/v1/audio/speech', { ...speech, speed: 1.5, seed: 7 })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('audio/pcm')
    expect((await response.arrayBuffer()).byteLength).toBe(3 * samplesPerWord * 2)
    expect(engine.asked).toMatchObject([{ text: speech.input, options: { voice: 'wren', speed: 1.5, seed: 7 } }])
    expect(response.headers.get('x-mynah-warnings')).toBeNull()
  })

  it.each([
    ['mp3', 'audio/mpeg'],
    ['opus', 'audio/ogg'],
    ['flac', 'audio/flac'],
    ['wav', 'audio/wav'],
  ])('encodes %s, which decodes to the length of the speech', async (format, type) => {
    const { post } = await createFakeApp()
    const response = await post('/v1/audio/speech', { ...speech, response_format: format })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(type)
    const { channels, sampleRate } = await decodeAudio(new Uint8Array(await response.arrayBuffer()))
    expect(channels[0]!.length / sampleRate).toBeGreaterThan(0.29)
    expect(channels[0]!.length / sampleRate).toBeLessThan(0.5)
  })

  it('refuses aac and says what else there is', async () => {
    const { post } = await createFakeApp()
    const response = await post('/v1/audio/speech', { ...speech, response_format: 'aac' })
    expect(response.status).toBe(400)
    expect(await bodyOf(response)).toEqual({
      error: {
        code: 'unsupported-format',
        param: 'response_format',
        type: 'invalid_request_error',
        message: expect.stringContaining('mp3, opus, flac'),
      },
    })
  })

  it('clamps the speed, ignores instructions and replaces voices and models of OpenAI, each with a warning in the header', async () => {
    const { post, engine } = await createFakeApp()
    const response = await post('/v1/audio/speech', { ...speech, model: 'tts-1-hd', voice: 'ash', instructions: 'Whisper…', speed: 4 })
    expect(response.status).toBe(200)
    expect(engine.asked[0]!.options).toMatchObject({ speed: 2, voice: 'heron' })
    expect(JSON.parse(response.headers.get('x-mynah-warnings')!)).toEqual([
      'model tts-1-hd is not here; fake-en speaks in its place',
      'instructions are ignored: the voice decides how it sounds',
      'speed 4 was clamped to 2; Mynah speaks at 0.5 to 2',
      "voice ash is OpenAI's; heron speaks in its place",
    ])
  })

  it('gives events with audio and word times for stream_format sse', async () => {
    const { post } = await createFakeApp()
    const response = await post('/v1/audio/speech', { ...speech, voice: { id: 'wren' }, stream_format: 'sse' })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const events = (await response.text())
      .split('\n\n')
      .filter(Boolean)
      .map(event => JSON.parse(event.replace(/^data: /, '')))
    expect(events.map(({ type }) => type)).toEqual(['speech.audio.delta', 'speech.audio.delta', 'speech.audio.delta', 'speech.audio.done'])
    expect(events[1].words).toEqual([{ text: 'there', start: 0.1, end: 0.2 }])
    expect(Buffer.from(events[1].audio, 'base64').length).toBe(2 * samplesPerWord)
    expect(events[3].usage).toEqual({ input_tokens: 17, output_tokens: 1, total_tokens: 18 })
  })

  it('tells a failure on the way as the last event', async () => {
    const { post, engine } = await createFakeApp()
    engine.lateFailure = new InferenceError('secret path', { code: 'run-failed' })
    const text = await (await post('/v1/audio/speech', { ...speech, stream_format: 'sse' })).text()
    expect(text).toMatch(/"type":"error","error":\{"message":"the model failed; try again/)
    expect(text).not.toMatch(/secret/)
  })

  it('lists one model, and to clients of ElevenLabs as theirs', async () => {
    const { ask } = await createFakeApp()
    expect(await bodyOf(await ask('/v1/models'))).toMatchObject({ object: 'list', data: [{ id: 'mynah' }, { id: 'fake-en' }] })
    expect(await bodyOf(await ask('/v1/models', { headers: { 'xi-api-key': 'x' } }))).toMatchObject([{ model_id: 'fake-en' }])
  })
})

describe('the work behind a request', () => {
  it.each([
    ['/v1/audio/speech', speech],
    ['/v1/audio/speech', { ...speech, stream_format: 'sse' }],
    ['/v1/text-to-speech/wren/stream', { text: 'Hello there, you.' }],
    ['/v1/text-to-speech/wren/stream/with-timestamps', { text: 'Hello there, you.' }],
  ])('ends when the body of %s is cancelled before any of it is read', async (path, body) => {
    const { post, engine } = await createFakeApp()
    const response = await post(path, body)
    await response.body!.cancel()
    expect(engine).toMatchObject({ spoken: 1, ended: 1 })
  })

  it('is not begun for an encoding that does not exist', async () => {
    const { post, engine, app } = await createFakeApp()
    const response = await post('/v1/text-to-speech/wren?output_format=mp3_44100_999', { text: 'Hello there, you.' })
    expect(response.status).toBe(400)
    expect(engine.asked).toEqual([])
    await app.close(0)
  })
})

describe("ElevenLabs' wire", () => {
  const text = { text: 'Hello there, you.', model_id: 'eleven_turbo_v2' }

  it.each([
    ['pcm_24000', 'audio/pcm', 2 * 3 * samplesPerWord],
    ['pcm_16000', 'audio/pcm', (2 * 3 * samplesPerWord * 2) / 3],
    ['ulaw_8000', 'audio/basic', samplesPerWord],
    ['alaw_8000', 'audio/x-alaw-basic', samplesPerWord],
  ])('speaks %s', async (format, type, bytes) => {
    const { post } = await createFakeApp()
    for (const path of ['', '/stream']) {
      const response = await post(`/v1/text-to-speech/wren${path}?output_format=${format}`, text)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe(type)
      expect((await response.arrayBuffer()).byteLength).toBe(bytes)
    }
  })

  it('speaks MP3 where no format is named', async () => {
    const { post } = await createFakeApp()
    const response = await post('/v1/text-to-speech/wren', text)
    expect(response.headers.get('content-type')).toBe('audio/mpeg')
    expect((await decodeAudio(new Uint8Array(await response.arrayBuffer()))).sampleRate).toBe(44100)
  })

  it('times every character of the text, once and in order', async () => {
    const { post } = await createFakeApp()
    const whole = await bodyOf(await post('/v1/text-to-speech/wren/with-timestamps?output_format=pcm_24000', text))
    const { characters, character_start_times_seconds: starts, character_end_times_seconds: ends } = whole.alignment
    expect(characters.join('')).toBe(text.text)
    expect(starts).toEqual([...starts].sort((a, b) => a - b))
    expect(starts[characters.indexOf('t')]).toBeCloseTo(0.1, 9)
    expect(ends.at(-1)).toBeCloseTo(0.3, 9)
    const lines = (await (await post('/v1/text-to-speech/wren/stream/with-timestamps?output_format=pcm_24000', text)).text())
      .trim()
      .split('\n')
    expect(lines.map(line => JSON.parse(line).alignment.characters.join('')).join('')).toBe(text.text)
    expect(lines.map(line => JSON.parse(line).audio_base64).join('')).toBe(whole.audio_base64)
  })

  it('lists voices and shows one', async () => {
    const { ask } = await createFakeApp()
    const { voices } = await bodyOf(await ask('/v1/voices'))
    expect(voices.map((each: Record<string, string>) => each.voice_id)).toEqual(['wren', 'heron'])
    expect(await bodyOf(await ask('/v1/voices/heron'))).toMatchObject({
      voice_id: 'heron',
      category: 'premade',
      labels: { licence: 'CC0-1.0' },
    })
  })

  it('answers errors as its clients read them', async () => {
    const { post } = await createFakeApp()
    const response = await post('/v1/text-to-speech/nobody', text)
    expect(response.status).toBe(404)
    expect(await bodyOf(response)).toMatchObject({ detail: { status: 'voice-not-found', message: expect.stringContaining('"wren"') } })
    expect((await post('/v1/text-to-speech/wren?output_format=ogg', text)).status).toBe(400)
  })
})

describe('what is wrong', () => {
  it.each([
    ['no JSON', '{', 'invalid-json', /no valid JSON/],
    ['no object', '[]', 'invalid-request', /input|object/],
    ['no input', { ...speech, input: undefined }, 'invalid-request', /^input: is missing/],
    ['an empty input', { ...speech, input: ' \n' }, 'invalid-request', /input is empty/],
    ['a number as input', { ...speech, input: 7 }, 'invalid-request', /^input/],
    ['an input that is too long', { ...speech, input: 'a'.repeat(20_001) }, 'text-too-long', /20001 characters, expected at most 20000/],
    ['no voice', { ...speech, voice: undefined }, 'invalid-request', /^voice: is missing/],
    ['a speed beyond', { ...speech, speed: 5 }, 'invalid-request', /above 4/],
    ['a format that is none', { ...speech, response_format: 'midi' }, 'invalid-request', /mp3, opus, aac, flac, wav, pcm/],
    ['a text of nothing to speak', { ...speech, input: '…' }, 'invalid-request', /nothing in the text can be spoken/],
  ])('is answered with 400 for %s', async (_, body, code, message) => {
    const { post } = await createFakeApp()
    const response = await post('/v1/audio/speech', body)
    expect(response.status).toBe(400)
    expect((await bodyOf(response)).error).toMatchObject({ code, message: expect.stringMatching(message), type: 'invalid_request_error' })
    expect((await post('/v1/audio/speech', speech)).status).toBe(200)
  })

  it('is a model that is not here: 404', async () => {
    const { post } = await createFakeApp()
    expect((await bodyOf(await post('/v1/audio/speech', { ...speech, model: 'whisper-1' }))).error.code).toBe('model-not-found')
  })

  it('is a path that is not there: 404 with where to look', async () => {
    const { ask } = await createFakeApp()
    const response = await ask('/v2/nothing')
    expect(response.status).toBe(404)
    expect((await bodyOf(response)).error.message).toMatch(/openapi.json/)
  })

  it('is a body that is too large: 413', async () => {
    const { post } = await createFakeApp()
    const response = await post('/v1/audio/speech', { ...speech, input: 'a'.repeat(2 ** 20) })
    expect(response.status).toBe(413)
    expect((await bodyOf(response)).error.code).toBe('body-too-large')
  })

  it('is a full queue: 429 with Retry-After', async () => {
    const { post, engine } = await createFakeApp()
    engine.failure = new BusyError('full', { code: 'busy', retryAfterSeconds: 3 })
    const response = await post('/v1/audio/speech', speech)
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('3')
    expect((await bodyOf(response)).error).toMatchObject({ code: 'busy', type: 'rate_limit_error' })
  })

  it('inside of the server is told without what only its log may know', async () => {
    const entries: LogEntry[] = []
    const { post, engine } = await createFakeApp({ log: entry => entries.push(entry) })
    engine.failure = new Error('/etc/secret')
    const response = await post('/v1/audio/speech', speech)
    expect(response.status).toBe(500)
    expect(await response.text()).not.toMatch(/secret/)
    expect(entries.find(({ level }) => level === 'error')).toMatchObject({
      requestId: response.headers.get('x-request-id'),
      stack: expect.stringContaining('secret'),
    })
  })
})

describe('keys', () => {
  it('are asked for wherever something is spoken or listed, and compared as they are', async () => {
    const { ask, post } = await createFakeApp({ apiKeys: [key, 'another-key-of-letters'] })
    expect((await post('/v1/audio/speech', speech)).status).toBe(401)
    const wrong = await post('/v1/audio/speech', speech, { authorization: `Bearer ${key}x` })
    expect(wrong.status).toBe(401)
    expect((await bodyOf(wrong)).error).toMatchObject({
      code: 'unauthorized',
      type: 'authentication_error',
      message: expect.stringContaining('the key is wrong'),
    })
    expect((await post('/v1/audio/speech', speech, { authorization: `Bearer ${key}` })).status).toBe(200)
    expect((await post('/v1/text-to-speech/wren', { text: 'Hi.' }, { 'xi-api-key': 'another-key-of-letters' })).status).toBe(200)
    for (const path of ['/v1/models', '/v1/voices', '/v1/audio/voices', '/metrics']) expect((await ask(path)).status, path).toBe(401)
    for (const path of ['/', '/health', '/ready', '/openapi.json']) expect((await ask(path)).status, path).toBe(200)
  })

  it('that are short are refused at the start', async () => {
    await expect(createFakeApp({ apiKeys: ['short'] })).rejects.toThrow(/expected at least 16/)
  })
})

describe('operations', () => {
  it('counts requests, audio and characters for Prometheus', async () => {
    const { ask, post } = await createFakeApp()
    await (await post('/v1/audio/speech', speech)).arrayBuffer()
    const response = await ask('/metrics')
    const text = await response.text()
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/)
    expect(text).toContain('mynah_requests_total{route="/v1/audio/speech",status="200"} 1')
    expect(text).toContain('mynah_characters_total 17')
    expect(text).toMatch(/mynah_audio_seconds_total 0\.3/)
    expect(text).toContain('mynah_running 0')
  })

  it('describes itself as OpenAPI', async () => {
    const { ask } = await createFakeApp()
    const document = await bodyOf(await ask('/openapi.json'))
    expect(document.openapi).toBe('3.1.0')
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining([
        '/v1/audio/speech',
        '/v1/models',
        '/v1/audio/voices',
        '/v1/audio/voices/{id}',
        '/v1/text-to-speech/{voice_id}',
        '/v1/voices',
      ]),
    )
  })

  it('logs each request, but no text and no key', async () => {
    const entries: LogEntry[] = []
    const { post } = await createFakeApp({ apiKeys: [key], log: entry => entries.push(entry) })
    await (await post('/v1/audio/speech', speech, { authorization: `Bearer ${key}` })).arrayBuffer()
    expect(entries).toEqual([
      expect.objectContaining({
        level: 'info',
        event: 'request',
        method: 'POST',
        path: '/v1/audio/speech',
        status: 200,
        outcome: 'done',
        characters: 17,
      }),
    ])
    expect(JSON.stringify(entries)).not.toMatch(/Hello|a-key-of/)
  })

  it('limits the requests of one client', async () => {
    const { post, ask } = await createFakeApp({ limits: { requestsPerMinute: 3 } })
    const statuses: number[] = []
    for (let i = 0; i < 4; i++) statuses.push((await post('/v1/audio/speech', speech)).status)
    expect(statuses).toEqual([200, 200, 200, 429])
    expect((await ask('/v1/audio/voices')).status).toBe(200)
  })

  it('refuses what comes after close, and lets what runs end', async () => {
    const { app, ask, post, engine } = await createFakeApp()
    engine.wordMs = 20
    const running = await post('/v1/audio/speech', speech)
    const closed = app.close()
    const refused = await post('/v1/audio/speech', speech)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    expect((await ask('/ready')).status).toBe(503)
    expect((await running.arrayBuffer()).byteLength).toBe(3 * samplesPerWord * 2)
    await closed
  })

  it('has a page that loads nothing from elsewhere', async () => {
    const { ask } = await createFakeApp()
    const page = await ask('/')
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'/)
    const html = await page.text()
    const loaded = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, path]) => path!)
    expect(loaded.length).toBeGreaterThan(1)
    for (const path of loaded) expect((await ask(path)).status, path).toBe(200)
    expect(existsSync(new URL('../page/index.html', import.meta.url))).toBe(true)
    expect(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).files).toContain('page')
  })
})

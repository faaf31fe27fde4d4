import { ElevenLabsClient } from '@elevenlabs/elevenlabs-js'
import { decodeAudio, durationSeconds } from '@mynah/audio'
import OpenAI from 'openai'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createFakeEngine, createFolder, recording } from './server.fixture.ts'
import { startServer } from './server.ts'

const key = 'a-key-of-many-letters'

async function start() {
  const engine = createFakeEngine()
  const server = await startServer({ synthesizer: engine, voices: createFolder(), apiKeys: [key] })
  onTestFinished(() => server.close(0))
  return { engine, server }
}

async function read(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  const reader = stream.getReader()
  for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value)
  return Buffer.concat(pieces)
}

describe("OpenAI's own client", () => {
  async function connect(apiKey = key) {
    const { server, engine } = await start()
    return { engine, client: new OpenAI({ apiKey, baseURL: `${server.url}/v1`, maxRetries: 0 }) }
  }

  it('speaks', async () => {
    const { client, engine } = await connect()
    const response = await client.audio.speech.create({
      model: 'tts-1',
      voice: 'alloy',
      input: 'Hello there.',
      response_format: 'mp3',
      speed: 1.25,
    })
    const audio = await decodeAudio(new Uint8Array(await response.arrayBuffer()))
    expect(durationSeconds(audio)).toBeGreaterThan(0.19)
    expect(engine.asked[0]).toMatchObject({ text: 'Hello there.', options: { speed: 1.25 } })
  })

  it('streams events', async () => {
    const { client } = await connect()
    const response = await client.audio.speech.create({
      model: 'gpt-4o-mini-tts',
      voice: { id: 'wren' },
      input: 'Hello there.',
      response_format: 'pcm',
      stream_format: 'sse',
    })
    expect(await response.text()).toMatch(/"speech\.audio\.delta".*"speech\.audio\.done"/s)
  })

  it('lists models', async () => {
    const { client } = await connect()
    const ids: string[] = []
    for await (const { id } of client.models.list()) ids.push(id)
    expect(ids).toEqual(['mynah', 'fake-en'])
  })

  it('uploads a voice and speaks with it', async () => {
    const { client, engine } = await connect()
    const form = new FormData()
    form.set('name', 'Anna')
    form.set('audio_sample', recording, 'anna.wav')
    form.set('consent', 'My own voice.')
    const voice = await client.post<{ id: string }>('/audio/voices', { body: form })
    await client.audio.speech.create({ model: 'mynah', voice: { id: voice.id }, input: 'Hi.', response_format: 'pcm' })
    expect(engine.asked[0]!.options.voice).toMatchObject({ name: 'Anna', consent: 'My own voice.' })
  })

  it('reads the errors as its own classes', async () => {
    const { client } = await connect()
    const ask = (voice: string, input: string) => client.audio.speech.create({ model: 'tts-1', voice, input })
    await expect(ask('nobody', 'Hi.')).rejects.toMatchObject({ constructor: OpenAI.NotFoundError, code: 'voice-not-found', param: 'voice' })
    await expect(ask('wren', '')).rejects.toMatchObject({
      constructor: OpenAI.BadRequestError,
      message: expect.stringContaining('input is empty'),
    })
    const wrong = await connect('a-wrong-key-of-letters')
    await expect(wrong.client.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError)
  })
})

describe("ElevenLabs' own client", () => {
  async function connect() {
    const { server, engine } = await start()
    return { engine, client: new ElevenLabsClient({ apiKey: key, baseUrl: server.url, environment: server.url as never, maxRetries: 0 }) }
  }

  it('speaks, whole and streamed', async () => {
    const { client, engine } = await connect()
    const request = {
      text: 'Hello there.',
      modelId: 'eleven_flash_v2',
      outputFormat: 'pcm_16000' as const,
      seed: 5,
      voiceSettings: { speed: 0.8 },
    }
    expect((await read(await client.textToSpeech.convert('wren', request))).length).toBe(2 * 0.2 * 16000)
    expect((await read(await client.textToSpeech.stream('heron', request))).length).toBe(2 * 0.2 * 16000)
    expect(engine.asked.map(({ options }) => [options.voice, options.seed, options.speed])).toEqual([
      ['wren', 5, 0.8],
      ['heron', 5, 0.8],
    ])
  })

  it('gets the times of the characters, whole and streamed', async () => {
    const { client } = await connect()
    const request = { text: 'Hello there.', outputFormat: 'ulaw_8000' as const }
    const { audioBase64, alignment } = await client.textToSpeech.convertWithTimestamps('wren', request)
    expect(Buffer.from(audioBase64, 'base64').length).toBe(1600)
    expect(alignment!.characters.join('')).toBe('Hello there.')
    expect(alignment!.characterEndTimesSeconds.at(-1)).toBeCloseTo(0.2, 6)
    let text = ''
    for await (const chunk of await client.textToSpeech.streamWithTimestamps('wren', request))
      text += chunk.alignment?.characters.join('') ?? ''
    expect(text).toBe('Hello there.')
  })

  it('lists voices and models', async () => {
    const { client } = await connect()
    expect((await client.voices.getAll()).voices.map(({ voiceId }) => voiceId)).toEqual(['wren', 'heron'])
    expect((await client.voices.get('heron')).name).toBe('heron')
    expect((await client.models.list())[0]!.modelId).toBe('fake-en')
  })

  it('adds a voice with consent, speaks with it, and deletes it', async () => {
    const { client, engine } = await connect()
    const files = [new File([recording], 'anna.wav', { type: 'audio/wav' })]
    await expect(client.voices.ivc.create({ name: 'Anna', files })).rejects.toMatchObject({
      statusCode: 400,
      body: { detail: { message: expect.stringContaining('labels has no consent') } },
    })
    await expect(
      client.voices.ivc.create({ name: 'Anna', files: [...files, ...files], labels: { consent: 'Mine.' } }),
    ).rejects.toMatchObject({ statusCode: 400, body: { detail: { field: 'files', message: expect.stringContaining('has several') } } })
    const { voiceId, requiresVerification } = await client.voices.ivc.create({ name: 'Anna', files, labels: { consent: 'My own voice.' } })
    expect([voiceId, requiresVerification]).toEqual(['anna', false])
    await read(await client.textToSpeech.convert(voiceId, { text: 'Hi.', outputFormat: 'pcm_16000' }))
    expect(engine.asked[0]!.options.voice).toMatchObject({ name: 'Anna', consent: 'My own voice.' })
    expect((await client.voices.search({ category: 'cloned' })).voices.map(({ name }) => name)).toEqual(['Anna'])
    expect(await client.voices.delete(voiceId)).toEqual({ status: 'ok' })
    await expect(client.voices.get(voiceId)).rejects.toMatchObject({ statusCode: 404 })
  })

  it('searches voices page by page', async () => {
    const { client } = await connect()
    const first = await client.voices.search({ pageSize: 1 })
    expect([first.voices.map(({ voiceId }) => voiceId), first.hasMore, first.totalCount]).toEqual([['wren'], true, 2])
    const second = await client.voices.search({ pageSize: 1, nextPageToken: first.nextPageToken! })
    expect([second.voices.map(({ voiceId }) => voiceId), second.hasMore]).toEqual([['heron'], false])
    expect((await client.voices.search({ search: 'HER' })).totalCount).toBe(1)
  })

  it('reads the errors', async () => {
    const { client } = await connect()
    await expect(client.textToSpeech.convert('nobody', { text: 'Hi.' })).rejects.toMatchObject({
      statusCode: 404,
      body: { detail: { status: 'voice-not-found' } },
    })
  })
})

import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { createFakeEngine, createFolder, speech } from './server.fixture.ts'
import { type ServerOptions, startServer } from './server.ts'

const patience = { timeout: 30_000, interval: 5 }
/** Libraries like to print what a client does; a server's output is its own. */
const printed: unknown[] = []
beforeEach(() => {
  printed.length = 0
  for (const name of ['error', 'warn', 'info', 'log'] as const)
    vi.spyOn(console, name).mockImplementation((...words) => void printed.push(words))
})
afterEach(() => {
  vi.restoreAllMocks()
  expect(printed).toEqual([])
})

async function start(options: Partial<ServerOptions> = {}) {
  const engine = createFakeEngine()
  const server = await startServer({ synthesizer: engine, voices: createFolder(), ...options })
  onTestFinished(() => server.close(0))
  const post = (body: object, init: RequestInit = {}) =>
    fetch(`${server.url}/v1/audio/speech`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...init,
    })
  return { engine, server, post }
}

const manyWords = 'one two three four five six seven eight nine ten '.repeat(100)

describe('a server that listens', () => {
  it('gives the first bytes while the rest is still being spoken', async () => {
    const { post, engine } = await start()
    engine.wordMs = 5
    const response = await post({ ...speech, input: manyWords })
    const reader = response.body!.getReader()
    expect((await reader.read()).value!.length).toBeGreaterThan(0)
    expect(engine.spoken).toBeLessThan(200)
    await reader.cancel()
  })

  it('stops the work when the client goes away in the middle, and goes on serving', async () => {
    const { post, engine } = await start()
    engine.wordMs = 5
    const gone = new AbortController()
    const response = await post({ ...speech, input: manyWords }, { signal: gone.signal })
    await response.body!.getReader().read()
    gone.abort()
    await vi.waitFor(() => expect(engine.ended).toBe(1), patience)
    expect(engine.spoken).toBeLessThan(1000)
    expect((await post(speech)).status).toBe(200)
  })

  it('stops the work when the client goes away before the first word', async () => {
    const { post, engine } = await start()
    engine.wordMs = 60_000
    const gone = new AbortController()
    const asked = post(speech, { signal: gone.signal })
    await vi.waitFor(() => expect(engine.asked.length).toBe(1), patience)
    gone.abort()
    await expect(asked).rejects.toThrow()
    await vi.waitFor(() => expect(engine.ended).toBe(1), patience)
  })

  it('works no faster than a slow reader reads, and cuts off one that reads nothing', async () => {
    const { server, engine } = await start({ limits: { stalledSeconds: 0.2, textCharacters: 1e6 } })
    const request = httpRequest(`${server.url}/v1/audio/speech`, { method: 'POST', headers: { 'content-type': 'application/json' } })
    request.end(JSON.stringify({ ...speech, input: manyWords.repeat(10) }))
    const [response] = await once(request, 'response')
    const cut = once(response, 'error')
    await vi.waitFor(() => expect(engine.ended).toBe(1), patience)
    expect(engine.spoken).toBeLessThan(5000) // of 10,000: what fits into the buffers of both sockets
    response.resume()
    await cut
  })

  it('refuses a body of 50 MB without reading it into memory, and goes on serving', async () => {
    const { server, post } = await start()
    const before = process.memoryUsage().arrayBuffers
    const refused = await new Promise<number>(resolve => {
      const request = httpRequest(`${server.url}/v1/audio/speech`, { method: 'POST', headers: { 'content-type': 'application/json' } })
      request.on('response', response => resolve(response.statusCode!)).on('error', () => undefined)
      const piece = Buffer.alloc(2 ** 20, 'a')
      let sent = 0
      const send = () => {
        if (sent++ < 50 && !request.destroyed) request.write(piece, send)
        else request.end()
      }
      send()
    })
    expect(refused).toBe(413)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40e6)
    expect((await post(speech)).status).toBe(200)
  })

  it('takes bodies of unknown length, and requests without one', async () => {
    const { server, post } = await start()
    const pieces = new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from(JSON.stringify(speech)))
        controller.close()
      },
    })
    expect((await post({}, { body: pieces, duplex: 'half' } as RequestInit)).status).toBe(200)
    expect((await fetch(`${server.url}/v1/audio/voices/nobody`, { method: 'DELETE' })).status).toBe(404)
  })

  it('answers bytes that are no HTTP with 400, and goes on serving', async () => {
    const { server, post } = await start()
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.write('\0\0 what is this\r\n\r\n')
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1.1 400/)
    expect((await post(speech)).status).toBe(200)
  })

  it('without keys listens only to this machine, asked for by its name', async () => {
    await expect(startServer({ synthesizer: createFakeEngine(), host: '0.0.0.0' })).rejects.toThrow(/give apiKeys/)
    const { server } = await start()
    const ask = async (headers: Record<string, string>) => {
      const request = httpRequest(`${server.url}/v1/models`, { headers })
      request.end()
      const [response] = await once(request, 'response')
      response.resume()
      return response.statusCode
    }
    expect(await ask({})).toBe(200)
    expect(await ask({ host: 'rebound.example:80' })).toBe(403)
    expect(await ask({ origin: 'https://other.example' })).toBe(403)
    expect(await ask({ origin: 'null' })).toBe(403)
  })

  it('on closing lets what runs come to its end, and ends it when that takes too long', async () => {
    const { server, post, engine } = await start()
    engine.wordMs = 20
    const short = await post(speech)
    const closed = server.close()
    expect((await short.arrayBuffer()).byteLength).toBe(14400)
    await closed
    const second = await start()
    second.engine.wordMs = 100
    const long = await second.post({ ...speech, input: manyWords })
    const failed = expect(long.arrayBuffer()).rejects.toThrow()
    await second.server.close(0.1)
    await failed
    expect(second.engine.ended).toBe(1)
  })
})

interface Answer {
  audio?: string | null
  isFinal?: boolean | null
  alignment?: { chars: string[]; charStartTimesMs: number[]; charDurationsMs: number[] } | null
  error?: string
  message?: string
}

async function openSocket(url: string, path: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/text-to-speech/${path}`, { headers })
  const answers: Answer[] = []
  socket.on('message', data => answers.push(JSON.parse(String(data))))
  const closed = once(socket, 'close').then(([code]) => code as number)
  closed.catch(() => undefined) // a socket that does not open is an error of `openSocket`
  await once(socket, 'open')
  return { socket, answers, closed, send: (message: object) => socket.send(JSON.stringify(message)) }
}

describe("ElevenLabs' stream-input", () => {
  it('gives audio and the times of all characters for text that comes in pieces', async () => {
    const { server, engine } = await start()
    const { send, answers, closed } = await openSocket(server.url, 'wren/stream-input?output_format=ulaw_8000&seed=3')
    send({ text: ' ', voice_settings: { speed: 1.2 } })
    send({ text: 'Hel' })
    send({ text: 'lo there, ' })
    await vi.waitFor(() => expect(answers.length).toBe(2), patience)
    send({ text: 'you. ', flush: true })
    send({ text: '' })
    expect(await closed).toBe(1000)
    expect(engine.asked[0]).toMatchObject({ text: 'Hello there, you. ', options: { seed: 3, speed: 1.2, voice: 'wren' } })
    const bytes = answers.reduce((sum, { audio }) => sum + Buffer.from(audio ?? '', 'base64').length, 0)
    expect(bytes).toBe(3 * 800)
    expect(answers.flatMap(({ alignment }) => alignment?.chars ?? []).join('')).toBe('Hello there, you. ')
    expect(answers[1]!.alignment!.charStartTimesMs[0]).toBe(0) // each chunk counts from its own start
    expect(answers[1]!.alignment!.charDurationsMs.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(101)
    expect(answers.at(-1)).toMatchObject({ isFinal: true })
  })

  it('takes the key from a header or the first message, and closes with 1008 without', async () => {
    const { server } = await start({ apiKeys: ['a-key-of-many-letters'] })
    const inMessage = await openSocket(server.url, 'wren/stream-input?output_format=pcm_24000')
    inMessage.send({ text: ' ', xi_api_key: 'a-key-of-many-letters' })
    inMessage.send({ text: 'Hi. ' })
    inMessage.send({ text: '' })
    expect(await inMessage.closed).toBe(1000)
    const inHeader = await openSocket(server.url, 'wren/stream-input?output_format=pcm_24000', { 'xi-api-key': 'a-key-of-many-letters' })
    inHeader.send({ text: 'Hi. ' })
    inHeader.send({ text: '' })
    expect(await inHeader.closed).toBe(1000)
    const without = await openSocket(server.url, 'wren/stream-input')
    without.send({ text: 'Hi. ' })
    expect(await without.closed).toBe(1008)
    expect(without.answers).toMatchObject([{ error: 'unauthorized', message: expect.stringContaining('xi_api_key') }])
    await expect(openSocket(server.url, 'wren/stream-input', { 'xi-api-key': 'wrong' })).rejects.toThrow(/401/)
  })

  it('refuses a voice or a format that is not there while it is still HTTP', async () => {
    const { server } = await start()
    await expect(openSocket(server.url, 'nobody/stream-input')).rejects.toThrow(/404/)
    await expect(openSocket(server.url, 'wren/stream-input?output_format=midi')).rejects.toThrow(/400/)
  })

  it('says what is wrong with a message, and closes', async () => {
    const { server, post } = await start()
    const { socket, answers, closed } = await openSocket(server.url, 'wren/stream-input')
    socket.send('no json')
    expect(await closed).toBe(1008)
    expect(answers).toMatchObject([{ error: 'invalid-json', message: expect.stringContaining('"text"') }])
    expect((await post(speech)).status).toBe(200)
  })

  it('stops the work when the client closes', async () => {
    const { server, engine } = await start()
    engine.wordMs = 5
    const { socket, send, answers } = await openSocket(server.url, 'wren/stream-input?output_format=pcm_24000')
    send({ text: manyWords })
    await vi.waitFor(() => expect(answers.length).toBeGreaterThan(1), patience)
    socket.terminate()
    await vi.waitFor(() => expect(engine.ended).toBe(1), patience)
    expect(engine.spoken).toBeLessThan(1000)
  })
})

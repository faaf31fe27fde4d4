import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createApp } from './app.ts'
import { defaultLimits } from './options.ts'
import { createFakeEngine } from './server.fixture.ts'
import { startWyoming } from './wyoming.ts'
import { readEvents, type WyomingEvent, writeEvent } from './wyoming-wire.ts'

const patience = { timeout: 30_000, interval: 5 }

async function dial() {
  const engine = createFakeEngine()
  const { service } = await createApp({ synthesizer: engine })
  const server = await startWyoming(service, { port: 0, limits: defaultLimits })
  const open = () => {
    const socket = connect(server.port, '127.0.0.1')
    const events: WyomingEvent[] = []
    const ended = (async () => {
      for await (const event of readEvents(socket)) events.push(event)
    })()
    ended.catch(() => undefined)
    const send = (type: string, data: object = {}) => socket.write(writeEvent({ type, data: { ...data } }))
    const until = (type: string) => vi.waitFor(() => expect(events.map(event => event.type)).toContain(type), patience)
    return { socket, events, ended, send, until }
  }
  onTestFinished(() => server.close())
  return { engine, open }
}

const bytesOf = (events: readonly WyomingEvent[]) => events.reduce((sum, { payload }) => sum + (payload?.length ?? 0), 0)

describe('the wire of Wyoming', () => {
  it('gives back the events that were written, in whatever pieces they come', async () => {
    const event = fc.record({
      type: fc.string({ minLength: 1 }),
      data: fc.dictionary(
        fc.string().filter(name => name !== '__proto__'),
        fc.oneof(fc.string(), fc.integer()),
      ),
      payload: fc.uint8Array(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(event), fc.integer({ min: 1, max: 40 }), async (events, size) => {
        const bytes = Buffer.concat(events.map(writeEvent))
        async function* pieces() {
          for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size)
        }
        const read: WyomingEvent[] = []
        for await (const each of readEvents(pieces())) read.push({ ...each, payload: Uint8Array.from(each.payload!) })
        expect(read).toEqual(events.map(each => ({ ...each, data: { ...each.data } })))
      }),
      { numRuns: 50 },
    )
  })

  it('takes data that lies in the header', async () => {
    async function* line() {
      yield Buffer.from('{"type":"synthesize","data":{"text":"Hi."},"data_length":0}\n')
    }
    for await (const event of readEvents(line())) expect(event).toMatchObject({ type: 'synthesize', data: { text: 'Hi.' } })
  })

  it.each([
    'GET / HTTP/1.1\r\n\r\n',
    '[]\n',
    '{"data_length":-1}\n',
    '{"type":"a","data_length":1e12}\n',
    '{"no":"type"}\n',
    'x'.repeat(70_000),
  ])('refuses %j', async text => {
    async function* bytes() {
      yield Buffer.from(text)
    }
    await expect(async () => {
      for await (const _ of readEvents(bytes()));
    }).rejects.toThrow(/is this a Wyoming client/)
  })
})

describe('Wyoming over TCP', () => {
  it('describes its voices', async () => {
    const { open } = await dial()
    const { send, events, until } = open()
    send('describe')
    await until('info')
    expect(events[0]!.data).toMatchObject({
      asr: [],
      tts: [
        {
          name: 'mynah',
          installed: true,
          supports_synthesize_streaming: true,
          voices: [{ name: 'wren', languages: ['en-US'] }, { name: 'heron' }],
        },
      ],
    })
  })

  it('speaks a text as audio-start, chunks and audio-stop', async () => {
    const { open, engine } = await dial()
    const { send, events, until } = open()
    send('synthesize', { text: 'Hello there.', voice: { name: 'heron' } })
    await until('audio-stop')
    expect(events.map(({ type }) => type)).toEqual(['audio-start', 'audio-chunk', 'audio-chunk', 'audio-stop'])
    expect(events[0]!.data).toMatchObject({ rate: 24000, width: 2, channels: 1 })
    expect(bytesOf(events)).toBe(2 * 4800)
    expect(engine.asked[0]!.options.voice).toBe('heron')
  })

  it('speaks while the text is still coming, and does not repeat it for the synthesize of old clients', async () => {
    const { open, engine } = await dial()
    const { send, events, until } = open()
    send('synthesize-start', { voice: { name: 'wren' } })
    send('synthesize-chunk', { text: 'Hello there, ' })
    await until('audio-chunk')
    send('synthesize-chunk', { text: 'you.' })
    send('synthesize', { text: 'Hello there, you.' })
    send('synthesize-stop')
    await until('synthesize-stopped')
    expect(events.map(({ type }) => type)).toEqual([
      'audio-start',
      'audio-chunk',
      'audio-chunk',
      'audio-chunk',
      'audio-stop',
      'synthesize-stopped',
    ])
    expect(engine.asked.map(({ text }) => text)).toEqual(['Hello there, you.'])
  })

  it('tells what is wrong and goes on', async () => {
    const { open } = await dial()
    const { send, events, until } = open()
    send('synthesize', { text: 'Hi.', voice: { name: '../../etc/passwd' } })
    send('synthesize', { text: '  ' })
    send('ping', { text: 'there?' })
    await until('pong')
    expect(events.map(({ type, data }) => [type, data.code ?? data.text])).toEqual([
      ['error', 'voice-not-found'],
      ['error', 'invalid-request'],
      ['pong', 'there?'],
    ])
  })

  it('closes on bytes that are no Wyoming, and serves the next client', async () => {
    const { open } = await dial()
    const bad = open()
    bad.socket.write('GET / HTTP/1.1\r\n\r\n')
    await bad.ended.catch(() => undefined)
    expect(bad.events).toMatchObject([{ type: 'error' }])
    const good = open()
    good.send('describe')
    await good.until('info')
  })

  it('stops the work when the client is gone', async () => {
    const { open, engine } = await dial()
    engine.wordMs = 5
    const { socket, send, until } = open()
    send('synthesize', { text: 'one two three four five six seven eight '.repeat(100) })
    await until('audio-chunk')
    socket.destroy()
    await once(socket, 'close')
    await vi.waitFor(() => expect(engine.ended).toBe(1), patience)
    expect(engine.spoken).toBeLessThan(800)
  })
})

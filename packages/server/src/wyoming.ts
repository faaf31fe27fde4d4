import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createTextStream, type TextStream } from '@mynah/core'
import packageJson from '../package.json' with { type: 'json' }
import { checkLength, checkText } from './context.ts'
import { RequestError, toRequestError } from './errors.ts'
import type { Limits } from './options.ts'
import type { SpeechService } from './service.ts'
import { readEvents, type WyomingEvent, writeEvent } from './wyoming-wire.ts'

/** How Wyoming is served. */
export interface WyomingOptions {
  /** 127.0.0.1 by default. Wyoming knows no keys: whoever reaches it is served. */
  readonly host?: string | undefined
  /** 0 takes a free one. */
  readonly port: number
  readonly limits: Limits
}

/** A Wyoming server that listens. */
export interface RunningWyoming {
  readonly port: number
  close(): Promise<void>
}

/** Connections at a time: a house has a few. */
const maxConnections = 64
const attribution = { name: 'Mynah', url: '' }
const version = packageJson.version

/** Listens for Wyoming over TCP: `describe`, `synthesize`, and text that is still being written (`synthesize-start`, `-chunk`, `-stop`). */
export async function startWyoming(service: SpeechService, { host = '127.0.0.1', port, limits }: WyomingOptions): Promise<RunningWyoming> {
  const sockets = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy())
    void serve(socket, service, limits)
  })
  server.maxConnections = maxConnections
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : port,
    async close() {
      const closed = new Promise(resolve => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** One connection: its events, one after the other, while what is spoken goes out. */
async function serve(socket: Socket, service: SpeechService, limits: Limits): Promise<void> {
  const ended = new AbortController()
  socket.once('close', () => ended.abort(new RequestError('the client is gone', { status: 400, code: 'stalled' })))
  const connection = new Connection(socket, service, limits, ended.signal)
  try {
    for await (const event of readEvents(socket.iterator({ destroyOnReturn: false }))) await connection.read(event)
    await connection.finish()
    socket.end()
  } catch (error) {
    if (!ended.signal.aborted) await connection.fail(error)
    socket.end(() => socket.destroy())
  }
}

class Connection {
  readonly #socket: Socket
  readonly #service: SpeechService
  readonly #limits: Limits
  readonly #signal: AbortSignal
  /** Text that is still being written, and its speech. */
  #open: { text: TextStream; spoken: Promise<void>; characters: number } | undefined

  constructor(socket: Socket, service: SpeechService, limits: Limits, signal: AbortSignal) {
    this.#socket = socket
    this.#service = service
    this.#limits = limits
    this.#signal = signal
  }

  async read({ type, data }: WyomingEvent): Promise<void> {
    if (type === 'describe') return this.#send({ type: 'info', data: await describe(this.#service) })
    if (type === 'ping') return this.#send({ type: 'pong', data: { text: data.text ?? null } })
    if (type === 'synthesize' && !this.#open)
      return this.#attempt(() => this.#speak(checkText(String(data.text ?? ''), 'text', this.#limits), data.voice))
    if (type === 'synthesize-start') return this.#begin(data.voice)
    if (type === 'synthesize-chunk') return this.#add(String(data.text ?? ''))
    if (type === 'synthesize-stop') return this.finish()
    // Everything else is for other services. While a text is open, its repetition as one `synthesize` is for those that cannot stream.
  }

  async fail(error: unknown): Promise<void> {
    const { message, code } = toRequestError(error)
    await this.#send({ type: 'error', data: { text: message, code } })
  }

  #begin(voice: unknown): void {
    if (this.#open)
      throw new RequestError('synthesize-start came twice; send synthesize-stop in between', { status: 400, code: 'invalid-request' })
    const text = createTextStream()
    this.#open = { text, characters: 0, spoken: this.#attempt(() => this.#speak(text, voice)) }
  }

  #add(text: string): void {
    if (!this.#open) throw new RequestError('synthesize-chunk came before synthesize-start', { status: 400, code: 'invalid-request' })
    this.#open.characters += text.length
    checkLength(this.#open.characters, 'text', this.#limits)
    this.#open.text.push(text)
  }

  /** Speaks what is left of a text that is still open. */
  async finish(): Promise<void> {
    const open = this.#open
    if (!open) return
    open.text.close()
    await open.spoken
    this.#open = undefined
    await this.#send({ type: 'synthesize-stopped', data: {} })
  }

  /** What fails is told to the client, which may then ask for something else. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!this.#signal.aborted) await this.fail(error)
    }
  }

  async #speak(text: string | TextStream, asked: unknown): Promise<void> {
    const name = typeof asked === 'object' && asked !== null && 'name' in asked && typeof asked.name === 'string' ? asked.name : undefined
    const voice = await this.#service.findVoice(name)
    const format = { rate: this.#service.engine.sampleRate, width: 2, channels: 1 }
    let begun = false
    for await (const chunk of await this.#service.speak({ text, voice, signal: this.#signal })) {
      const timestamp = Math.round(chunk.startSeconds * 1000)
      if (!begun) await this.#send({ type: 'audio-start', data: { ...format, timestamp } })
      begun = true
      await this.#send({ type: 'audio-chunk', data: { ...format, timestamp }, payload: chunk.toPcm16() })
    }
    if (begun) await this.#send({ type: 'audio-stop', data: {} })
  }

  /** Waits for a slow reader, so that the work waits, too. */
  async #send(event: WyomingEvent): Promise<void> {
    if (this.#signal.aborted) return
    if (!this.#socket.write(writeEvent(event))) await once(this.#socket, 'drain', { signal: this.#signal }).catch(() => undefined)
  }
}

async function describe(service: SpeechService): Promise<Record<string, unknown>> {
  const shared = { attribution, installed: true, version }
  const languages = Intl.getCanonicalLocales(service.engine.bundle.language) // en-us is en-US
  const voices = (await service.listVoices())
    .filter(each => !each.problem)
    .map(({ id, name, description }) => ({ ...shared, name: id, description: description || name, languages, speakers: null }))
  const program = { ...shared, name: 'mynah', description: 'Mynah text to speech', voices, supports_synthesize_streaming: true }
  return { asr: [], tts: [program], handle: [], intent: [], wake: [], mic: [], snd: [] }
}

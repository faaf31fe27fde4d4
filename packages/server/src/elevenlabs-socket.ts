import { upgradeWebSocket } from '@hono/node-server'
import { createTextStream, type Voice } from '@mynah/core'
import { Hono } from 'hono'
import { z } from 'zod'
import { CharacterAligner, type CharacterTimes, withCharacters } from './characters.ts'
import { checkLength, clampSpeed, type RouteContext, type ServerEnv } from './context.ts'
import { type Encoding, readOutputFormat } from './elevenlabs.ts'
import { RequestError, toRequestError } from './errors.ts'
import { readKey } from './security.ts'

/** Seconds without text until the socket is closed, as ElevenLabs has it: 20 by default, 180 at most. */
const inactivity = { byDefault: 20, most: 180 }
/** Bytes that may wait for a slow reader before the work does. */
const maxBuffered = 2 ** 20
const pollMs = 20
/** Close codes of WebSocket: done, against the policy, failed. */
const closeCodes = { done: 1000, policy: 1008, failed: 1011 }

const Message = z.object({
  text: z.string().nullish(),
  flush: z.boolean().nullish(),
  xi_api_key: z.string().nullish(),
  authorization: z.string().nullish(),
  voice_settings: z.object({ speed: z.number().nullish() }).loose().nullish(),
})
type Message = z.infer<typeof Message>

/** A socket as the session needs it. */
interface Socket {
  send(text: string): Promise<void>
  close(code: number, reason: string): void
}

/** ElevenLabs' `stream-input`: text goes in while it is written, audio and character times come out. */
export function elevenLabsSocket(context: RouteContext): Hono<ServerEnv> {
  const app = new Hono<ServerEnv>()
  app.get(
    '/v1/text-to-speech/:voice_id/stream-input',
    upgradeWebSocket(async c => {
      const key = readKey(name => c.req.header(name))
      const voice = await context.service.findVoice(c.req.param('voice_id') ?? '') // what is wrong here is still answered by HTTP
      const encoding = readOutputFormat(c.req.query('output_format'))
      const patience = Number(c.req.query('inactivity_timeout') ?? inactivity.byDefault)
      const seconds = Math.min(inactivity.most, Math.max(1, Number.isFinite(patience) ? patience : inactivity.byDefault))
      let session: Session | undefined
      return {
        onOpen(_, ws) {
          const raw = ws.raw as unknown as { bufferedAmount: number }
          const socket: Socket = {
            async send(text) {
              while (raw.bufferedAmount > maxBuffered && ws.readyState === 1) await new Promise(resolve => setTimeout(resolve, pollMs))
              ws.send(text)
            },
            close: (code, reason) => ws.close(code, reason),
          }
          session = new Session(socket, { voice, encoding, seconds, seed: toSeed(c.req.query('seed')) }, context, key)
        },
        onMessage: event => session?.read(event.data),
        onClose: () => session?.end(),
        onError: () => session?.end(),
      }
    }),
  )
  return app
}

interface SessionOptions {
  readonly voice: Voice | string
  readonly encoding: Encoding
  /** Without text, until the socket is closed. */
  readonly seconds: number
  readonly seed: number | undefined
}

/** One socket: its text is one speech. */
class Session {
  readonly #socket: Socket
  readonly #options: SessionOptions
  readonly #context: RouteContext
  readonly #text = createTextStream()
  readonly #aligner = new CharacterAligner()
  readonly #ending = new AbortController()
  #allowed: boolean
  #characters = 0
  #speed = 1
  #work: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, options: SessionOptions, context: RouteContext, key: string | undefined) {
    this.#socket = socket
    this.#options = options
    this.#context = context
    this.#allowed = context.isAllowed(key)
    this.#wait()
  }

  /** Reads a message of the client. */
  read(data: unknown): void {
    if (this.#ending.signal.aborted) return
    try {
      this.#take(parse(data))
      this.#wait()
    } catch (error) {
      void this.#fail(error)
    }
  }

  /** The client is gone: so is the work. */
  end(): void {
    clearTimeout(this.#timer)
    this.#ending.abort(new RequestError('the client closed its socket', { status: 400, code: 'stalled' }))
    this.#text.close()
  }

  #take({ text, flush, xi_api_key, authorization, voice_settings }: Message): void {
    this.#allowed ||= this.#context.isAllowed(xi_api_key ?? authorization?.replace(/^Bearer +/i, ''))
    if (!this.#allowed) {
      throw new RequestError('the key is missing or wrong; send it as xi_api_key in the first message, or as a header', {
        status: 401,
        code: 'unauthorized',
      })
    }
    if (voice_settings?.speed && !this.#work) this.#speed = clampSpeed(voice_settings.speed, [])
    if (text === '' || text === null) this.#text.close()
    else if (text !== undefined && text.trim() !== '') {
      this.#characters += text.length
      checkLength(this.#characters, 'text', this.#context.limits)
      this.#aligner.push(text)
      this.#text.push(text)
      this.#work ??= this.#speak()
    }
    if (flush && text !== '') this.#text.flush()
  }

  async #speak(): Promise<void> {
    const { service } = this.#context
    const { voice, encoding, seed } = this.#options
    try {
      const request = { text: this.#text, voice, seed, speed: this.#speed, signal: this.#ending.signal }
      const chunks = await service.speakEncoded(request, encoding)
      for await (const { bytes, times, startSeconds } of withCharacters(chunks, this.#aligner)) {
        const alignment = toAlignment(times, startSeconds)
        if (bytes.length > 0 || alignment) {
          await this.#send({ audio: Buffer.from(bytes).toString('base64'), isFinal: null, alignment, normalizedAlignment: alignment })
        }
      }
      service.metrics.characters.inc(this.#characters)
      await this.#send({ audio: null, isFinal: true, alignment: null, normalizedAlignment: null })
      this.#close(closeCodes.done, 'done')
    } catch (error) {
      await this.#fail(error)
    }
  }

  #send(message: object): Promise<void> {
    return this.#socket.send(JSON.stringify(message))
  }

  async #fail(error: unknown): Promise<void> {
    if (this.#ending.signal.aborted) return
    const told = toRequestError(error)
    if (told.status >= 500) this.#context.log('error', 'failure', { name: (error as Error).name, stack: (error as Error).stack })
    const code = told.status >= 500 ? closeCodes.failed : closeCodes.policy
    await this.#send({ message: told.message, error: told.code, code })
    this.#close(code, told.code)
  }

  #close(code: number, reason: string): void {
    this.end()
    this.#socket.close(code, reason)
  }

  /** A client that sends nothing more gets what it sent spoken, and then is told good-bye. */
  #wait(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (this.#work) this.#text.close()
      else void this.#fail(new RequestError(`no text came for ${this.#options.seconds} s`, { status: 408, code: 'stalled' }))
    }, this.#options.seconds * 1000).unref()
  }
}

function parse(data: unknown): Message {
  try {
    return Message.parse(JSON.parse(String(data)))
  } catch (cause) {
    throw new RequestError('the message is no JSON object such as { "text": "Hello " }', { status: 400, code: 'invalid-json', cause })
  }
}

/** In milliseconds from the start of the chunk, as ElevenLabs has it. */
function toAlignment({ characters, startSeconds, endSeconds }: CharacterTimes, start: number) {
  if (characters.length === 0) return null
  const ms = (seconds: number) => Math.round(seconds * 1000)
  return {
    chars: characters,
    charStartTimesMs: startSeconds.map(each => ms(each - start)),
    charDurationsMs: endSeconds.map((each, i) => ms(each) - ms(startSeconds[i]!)),
  }
}

function toSeed(text: string | undefined): number | undefined {
  const seed = Number(text ?? Number.NaN)
  return Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32 ? seed : undefined
}

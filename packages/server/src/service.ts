import { createEncoder, type EncodingOptions, type SpeechOptions, type Synthesizer, type Voice } from '@mynah/core'
import { RequestError, shuttingDown } from './errors.ts'
import type { Metrics } from './metrics.ts'
import { type EncodedChunks, encodeChunks, type SpeechChunks, start } from './streaming.ts'
import type { StoredVoice, VoiceFolder } from './voices.ts'

/** What the server needs of a synthesizer. Where it has `stats`, `/metrics` has them, too. */
export type Engine = Pick<Synthesizer, 'bundle' | 'sampleRate' | 'voices' | 'loadVoice' | 'createVoice' | 'stream'> &
  Partial<Pick<Synthesizer, 'stats'>>

/** What is to be spoken. */
export interface SpeakRequest {
  /** All of it, or pieces as they arrive. */
  readonly text: Parameters<Engine['stream']>[0]
  readonly voice: Voice | string
  readonly seed?: number | undefined
  readonly speed?: number | undefined
  /** Ends the work. */
  readonly signal: AbortSignal
}

/** A voice, ready or created, as every wire lists it. */
export interface ListedVoice {
  readonly id: string
  readonly name: string
  readonly description: string
  readonly licence: string
  readonly consent: string
  /** `ready` came with the model; `created` was uploaded. */
  readonly kind: 'ready' | 'created'
  /** Seconds since 1970; 0 for ready voices. */
  readonly createdAt: number
  /** Why it cannot be used, for a corrupt file. */
  readonly problem?: string
}

/** Speaks and keeps voices, whatever the wire: what HTTP, WebSocket and Wyoming share. */
export class SpeechService {
  readonly engine: Engine
  readonly voices: VoiceFolder | undefined
  readonly metrics: Metrics
  readonly #closing = new AbortController()
  #running = 0
  #whenIdle: (() => void) | undefined

  constructor(engine: Engine, voices: VoiceFolder | undefined, metrics: Metrics) {
    this.engine = engine
    this.voices = voices
    this.metrics = metrics
  }

  /** True once `close` was called. */
  get isClosing(): boolean {
    return this.#whenIdle !== undefined || this.#closing.signal.aborted
  }

  /** Ready voices first, then created ones. */
  async listVoices(): Promise<ListedVoice[]> {
    const ready = this.engine.voices.map(voice => ({ ...voice, id: voice.name, consent: '', kind: 'ready' as const, createdAt: 0 }))
    return [...ready, ...((await this.voices?.list()) ?? []).filter(({ id }) => !this.#isReady(id)).map(describe)]
  }

  /** The first ready voice where none is named. @throws {RequestError} `voice-not-found`; {VoiceError} if its file is corrupt */
  async findVoice(id: string = this.engine.voices[0]?.name ?? ''): Promise<Voice | string> {
    if (this.#isReady(id)) return id
    const voice = await this.voices?.load(id)
    if (voice) return voice
    const known = (await this.listVoices()).filter(({ problem }) => !problem).map(each => `"${each.id}"`)
    const listed = `${known.slice(0, 20).join(', ')}${known.length > 20 ? ' and others' : ''}`
    throw new RequestError(`there is no voice ${JSON.stringify(id.slice(0, 80))}; there are ${listed}`, {
      status: 404,
      code: 'voice-not-found',
      field: 'voice',
    })
  }

  /** Makes a voice of a recording and keeps it. */
  async createVoice(source: { audio: Uint8Array; name: string; consent: string; transcript?: string; signal: AbortSignal }) {
    const folder = this.#writable()
    const voice = await this.#work(() => this.engine.createVoice(source))
    return { ...describe(await folder.save(voice, id => this.#isReady(id))), warnings: voice.warnings }
  }

  /** @throws {RequestError} `voice-not-found`, `voice-read-only` for a ready voice */
  async deleteVoice(id: string): Promise<void> {
    if (this.#isReady(id)) {
      throw new RequestError(`"${id}" came with the model and cannot be deleted; voices that were created can`, {
        status: 403,
        code: 'voice-read-only',
      })
    }
    if (await this.#writable().delete(id)) return
    await this.findVoice(id)
  }

  /**
   * Starts to speak. Resolves once the first words are audio, so that what fails at once can still be answered with its status.
   * The work ends when the chunks do, when the caller returns from them, or with the signal.
   */
  async speak(request: SpeakRequest): Promise<SpeechChunks> {
    if (this.isClosing) throw shuttingDown()
    return start(this.#speakAll(request))
  }

  /** As `speak`, with the bytes of each chunk. @throws what `createEncoder` throws for the encoding, before any work is done */
  async speakEncoded(request: SpeakRequest, encoding: EncodingOptions): Promise<EncodedChunks> {
    if (this.isClosing) throw shuttingDown()
    const encoder = createEncoder(this.engine.sampleRate, encoding)
    return start(encodeChunks(this.#speakAll(request), encoder))
  }

  /** Lets what runs come to its end, at most for so long, and then ends it. */
  async close(graceSeconds: number): Promise<void> {
    const idle = new Promise<void>(resolve => {
      this.#whenIdle = resolve
    })
    if (this.#running === 0) this.#whenIdle?.()
    const timer = setTimeout(() => this.#closing.abort(shuttingDown()), graceSeconds * 1000)
    await idle
    clearTimeout(timer)
  }

  async *#speakAll({ text, voice, seed, speed, signal }: SpeakRequest): SpeechChunks {
    const began = performance.now()
    const options: SpeechOptions = { voice, seed, speed, signal: AbortSignal.any([signal, this.#closing.signal]) }
    let isFirst = true
    if (typeof text === 'string') this.metrics.characters.inc(text.length)
    this.#begin()
    try {
      for await (const chunk of this.engine.stream(text, options)) {
        if (isFirst) this.metrics.firstAudioSeconds.observe((performance.now() - began) / 1000)
        isFirst = false
        this.metrics.audioSeconds.inc(chunk.durationSeconds)
        yield chunk
      }
    } finally {
      this.#end()
    }
  }

  async #work<T>(work: () => Promise<T>): Promise<T> {
    if (this.isClosing) throw shuttingDown()
    this.#begin()
    try {
      return await work()
    } finally {
      this.#end()
    }
  }

  #begin(): void {
    this.metrics.running.set(++this.#running)
  }

  #end(): void {
    this.metrics.running.set(--this.#running)
    if (this.#running === 0) this.#whenIdle?.()
  }

  #isReady(id: string): boolean {
    return this.engine.voices.some(({ name }) => name === id)
  }

  #writable(): VoiceFolder {
    if (this.voices) return this.voices
    throw new RequestError('this server keeps no voices; start it with a folder for them (mynah serve --voices DIR)', {
      status: 403,
      code: 'forbidden',
    })
  }
}

function describe({ id, voice, problem, createdAt }: StoredVoice): ListedVoice {
  return {
    id,
    name: voice?.name ?? id,
    description: '',
    licence: voice?.licence ?? '',
    consent: voice?.consent ?? '',
    kind: 'created',
    createdAt,
    ...(problem === undefined ? {} : { problem }),
  }
}

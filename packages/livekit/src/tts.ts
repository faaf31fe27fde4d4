import { randomUUID } from 'node:crypto'
import { createTextStream, type Speech, type SpeechOptions, type Synthesizer } from '@mynah/core'

/** What the plugin needs of a synthesizer. */
export type SpeechEngine = Pick<Synthesizer, 'bundle' | 'sampleRate' | 'stream'>

type Constructor = abstract new (...values: never[]) => object

/** What the plugin needs of `@livekit/agents`. It is handed over, not imported: the package is large, and its classes must be those of the agent. */
export interface LiveKitAgents {
  readonly tts: {
    readonly TTS: Constructor
    readonly ChunkedStream: Constructor
    readonly SynthesizeStream: Constructor & { readonly END_OF_STREAM: symbol }
  }
  createTimedString(fields: { text: string; startTime?: number; endTime?: number }): object
}

/** What the voice of an agent is made of. */
export interface TtsOptions<A extends LiveKitAgents> extends Pick<SpeechOptions, 'voice' | 'speed' | 'seed'> {
  /** `import * as agents from '@livekit/agents'`. */
  readonly agents: A
  /** `AudioFrame` of `@livekit/rtc-node`. */
  readonly AudioFrame: new (
    ...values: never[]
  ) => object
  /** Speaks. It stays yours to dispose of. */
  readonly synthesizer: SpeechEngine
}

/** Samples of a frame: 100 ms at 24 kHz, so that an interruption is heard soon. */
const frameSeconds = 0.1

/** The parts of LiveKit's classes that a plugin fills in. They are protected there, and so named here. */
interface StreamBase {
  readonly queue: { put(item: object | symbol): void; readonly closed: boolean }
  readonly abortSignal: AbortSignal
}
type ChunkedBase = abstract new (
  text: string,
  tts: object,
  connOptions?: unknown,
  abortSignal?: AbortSignal,
) => StreamBase & { readonly inputText: string }
type SynthesizeBase = (abstract new (
  tts: object,
  connOptions?: unknown,
) => StreamBase & { readonly input: AsyncIterable<string | symbol> }) & {
  readonly FLUSH_SENTINEL: symbol
  readonly END_OF_STREAM: symbol
}
type TtsBase = abstract new (
  sampleRate: number,
  channels: number,
  capabilities: { streaming: boolean; alignedTranscript: boolean },
) => object

type Speaking = Pick<SpeechOptions, 'voice' | 'speed' | 'seed'>
type Frame = new (data: Int16Array, sampleRate: number, channels: number, samples: number) => object

/** Speaks segments into the queues of LiveKit's streams. */
class Speaker {
  readonly #agents: LiveKitAgents
  readonly #Frame: Frame
  readonly #synthesizer: SpeechEngine
  readonly #options: Speaking

  constructor(agents: LiveKitAgents, Frame: Frame, synthesizer: SpeechEngine, options: Speaking) {
    this.#agents = agents
    this.#Frame = Frame
    this.#synthesizer = synthesizer
    this.#options = options
  }

  /** Speaks one segment into the queue of a stream. An interruption is no failure. */
  async speak({ queue, abortSignal: signal }: StreamBase, text: Parameters<SpeechEngine['stream']>[0]): Promise<void> {
    const ids = { requestId: randomUUID(), segmentId: randomUUID() }
    let held: object | undefined // the last frame says that it is
    try {
      for await (const chunk of this.#synthesizer.stream(text, { ...this.#options, signal })) {
        for (const fields of this.#toFrames(chunk)) {
          if (held) queue.put({ ...held, final: false })
          held = { ...ids, ...fields }
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error
      return
    }
    if (held) queue.put({ ...held, final: true })
  }

  *#toFrames(chunk: Speech): Generator<object> {
    const { sampleRate } = this.#synthesizer
    const bytes = chunk.toPcm16()
    const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)
    const size = Math.round(frameSeconds * sampleRate)
    const words = chunk.words.filter(({ text }) => text !== '') // without marks of SSML
    const deltaText = words.map(({ text }) => `${text} `).join('')
    const timedTranscripts = words.map(({ text, startSeconds, endSeconds }) =>
      this.#agents.createTimedString({ text: `${text} `, startTime: startSeconds, endTime: endSeconds }),
    )
    for (let start = 0; start < samples.length; start += size) {
      const piece = samples.slice(start, start + size)
      const frame = new this.#Frame(piece, sampleRate, 1, piece.length)
      yield { frame, ...(start === 0 ? { deltaText, timedTranscripts } : {}) }
    }
  }
}

/** LiveKit's stream of a whole text. */
function chunkedStream(agents: LiveKitAgents, speaker: Speaker) {
  return class MynahChunkedStream extends (agents.tts.ChunkedStream as unknown as ChunkedBase) {
    readonly label = 'mynah.ChunkedStream'
    /** Speaks the whole text. Called by LiveKit. */
    run(): Promise<void> {
      return speaker.speak(this, this.inputText)
    }
  }
}

/** LiveKit's stream of a text that is still being written. */
function synthesizeStream(agents: LiveKitAgents, speaker: Speaker) {
  const Base = agents.tts.SynthesizeStream as unknown as SynthesizeBase
  return class MynahSynthesizeStream extends Base {
    readonly label = 'mynah.SynthesizeStream'
    /** Speaks what comes; each flush ends a segment. Called by LiveKit. */
    async run(): Promise<void> {
      let segment: { text: ReturnType<typeof createTextStream>; spoken: Promise<void> } | undefined
      const begin = () => {
        const text = createTextStream()
        const spoken = speaker.speak(this, text)
        spoken.catch(() => undefined) // told when the segment ends
        return { text, spoken }
      }
      const finish = async () => {
        const ending = segment
        segment = undefined
        ending?.text.close()
        await ending?.spoken
        if (ending && !this.queue.closed) this.queue.put(Base.END_OF_STREAM)
      }
      for await (const piece of this.input) {
        if (this.abortSignal.aborted) break
        if (typeof piece !== 'string') {
          await finish()
          continue
        }
        if (!segment && piece.trim() === '') continue
        segment ??= begin()
        segment.text.push(piece)
      }
      await finish()
    }
  }
}

/**
 * Makes a synthesizer the voice of a LiveKit agent: `new voice.AgentSession({ tts: createTts({ agents, AudioFrame, synthesizer }), … })`.
 * It speaks while the text is still being written, and gives each word with its times (`alignedTranscript`).
 */
export function createTts<A extends LiveKitAgents>({
  agents,
  AudioFrame,
  synthesizer,
  ...speech
}: TtsOptions<A>): InstanceType<A['tts']['TTS']> {
  const { sampleRate, bundle } = synthesizer
  const speaker = new Speaker(agents, AudioFrame as unknown as Frame, synthesizer, speech)
  const [ChunkedStream, SynthesizeStream] = [chunkedStream(agents, speaker), synthesizeStream(agents, speaker)]

  class MynahTts extends (agents.tts.TTS as unknown as TtsBase) {
    readonly label = 'mynah.TTS'
    get model(): string {
      return bundle.name
    }
    get provider(): string {
      return 'mynah'
    }
    synthesize(text: string, connOptions?: unknown, abortSignal?: AbortSignal) {
      return new ChunkedStream(text, this, connOptions, abortSignal)
    }
    stream(options: { connOptions?: unknown } = {}) {
      return new SynthesizeStream(this, options.connOptions)
    }
  }
  return new MynahTts(sampleRate, 1, { streaming: true, alignedTranscript: true }) as InstanceType<A['tts']['TTS']>
}

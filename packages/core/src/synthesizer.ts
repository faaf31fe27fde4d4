import type { EncodingOptions } from '@mynah/audio'
import { InferenceError, type Runtime } from '@mynah/onnx'
import { type Bundle, openBundle } from './bundle/open.ts'
import { toByteStream } from './byte-stream.ts'
import type { HubOptions } from './hub/settings.ts'
import { checkOptionNames } from './option-names.ts'
import { checkSpeechOptions, chooseGeneration, type SpeechOptions } from './options.ts'
import type { Lane } from './pool/gate.ts'
import { closeLanes, type LaneOptions, laneOptionNames, openLanes } from './pool/lanes.ts'
import { Pool } from './pool/pool.ts'
import type { SynthesizerStats } from './pool/stats.ts'
import { type SpeechChunks, speakText } from './speak-text.ts'
import { joinSpeech, type Speech } from './speech.ts'
import { followSignals, lookAhead, unlessAborted, untilAnyAborts } from './streaming.ts'
import { systemOf } from './systems/index.ts'
import { checkTextSource, type TextSource } from './text/stream.ts'
import { createVoice, type VoiceSource } from './voice/create.ts'
import { ReadyVoices } from './voice/ready-voices.ts'
import type { Voice } from './voice/voice.ts'

/** Options of `createSynthesizer`. */
export interface SynthesizerOptions extends LaneOptions {
  /**
   * The folder of a bundle, the name of an installed package that is one, or `hf:owner/name[@revision]` on the Hugging Face hub, downloaded
   * the first time. The embedded English model by default.
   */
  readonly bundle?: string | URL | undefined
  /** How a bundle on the hub is downloaded: progress, `signal`, cache, mirror. */
  readonly hub?: HubOptions | undefined
  /** How many requests may wait while others are spoken, one by each worker; more are refused with `BusyError`. No limit by default. */
  readonly maxQueue?: number | undefined
}

const names = [
  ...laneOptionNames,
  ...Object.keys({ bundle: true, hub: true, maxQueue: true } satisfies Record<Exclude<keyof SynthesizerOptions, keyof LaneOptions>, true>),
]

const encodingNames = Object.keys({ format: true, sampleRate: true, bitrateKbps: true } satisfies Record<keyof EncodingOptions, true>)

/** A ready voice. */
export interface VoiceInfo {
  readonly name: string
  readonly description: string
  readonly licence: string
}

/** Speaks. Free it with `await using`, or `await synthesizer.dispose()`. */
export interface Synthesizer extends AsyncDisposable {
  /** What it really runs on. */
  readonly device: Runtime['device']
  /** Of all its speech, Hz. */
  readonly sampleRate: number
  readonly bundle: { readonly name: string; readonly language: string; readonly licence: string }
  /** Voices that come with the bundle. */
  readonly voices: readonly VoiceInfo[]
  /**
   * Speaks a text.
   * @throws {TypeError} for arguments of the wrong type; {RangeError} for options out of range, or a text in which nothing can be spoken
   * @throws {VoiceError} `codec-mismatch` for a voice of another bundle
   * @throws {InferenceError} `disposed`, or if a model fails
   */
  synthesize(text: string, options?: SpeechOptions): Promise<Speech>
  /**
   * Speaks as soon as a few words are known, and on from there in ever longer chunks of whole words, none longer than a sentence; the next one is computed while the last is
   * played, one ahead and no more. Models that know their speech only at its end (VALL-E), and a `vocoder` that resynthesizes, give whole sentences.
   * The audio of all chunks, joined, is what `synthesize` gives, and the times of their words count through the whole.
   * @param text all of it, or pieces as they arrive, cut anywhere: a sentence is spoken as soon as it is complete, or when nothing more comes for a quarter of a second
   * @throws as `synthesize` does; what concerns the text or the models, when the chunk is asked for
   */
  stream(text: TextSource, options?: SpeechOptions): AsyncGenerator<Speech, void, undefined>
  /**
   * Speaks as `stream` does, into the bytes of a file in `format`, for a `Response` or a socket. Reading drives the work; cancelling ends it, as does an abort of `signal`.
   * @throws as `stream` does, and for an unknown format or sample rate; what concerns the text or the models fails the stream
   */
  streamAudio(text: TextSource, options?: SpeechOptions & EncodingOptions): ReadableStream<Uint8Array<ArrayBuffer>>
  /**
   * Makes a voice of a recording, with its transcript or without.
   * @throws {AudioFormatError} if it is no audio, truncated, or longer than 60 s
   * @throws {VoiceError} `prompt-silent`, `prompt-too-short`, `prompt-too-long`, `transcript-mismatch`
   * @throws {TypeError} without audio; {RangeError} if nothing in the transcript can be spoken
   */
  createVoice(source: VoiceSource): Promise<Voice>
  /** Loads a ready voice. @throws {RangeError} if the bundle has none of that name; {BundleError} if its file is missing or corrupted */
  loadVoice(name: string): Promise<Voice>
  /** What it does and has done. */
  stats(): SynthesizerStats
  /** Speaks a few words on every worker and drops them, so that the first request is as fast as the next. */
  warmUp(): Promise<void>
  /** Refuses new requests with `BusyError` (`draining`) from now on, and resolves when those that were accepted have ended. */
  drain(): Promise<void>
  /** Frees the models. Calls that are still running reject with `disposed`. Idempotent. */
  dispose(): Promise<void>
}

/** The seed where the caller gives none: a fixed one, so that speech is repeatable. */
const defaultSeed = 0

/**
 * Loads a bundle and gets ready to speak.
 * @throws {BundleError} if the bundle is missing, incomplete, corrupted or of another version; {CheckpointError} if its weights do not fit, or those of the vocoder
 * @throws {HubError} if a bundle on the hub cannot be downloaded, or is not what it should be
 * @throws {InferenceError} if the device is not available; {TypeError} or {RangeError} for wrong options
 */
export async function createSynthesizer(options: SynthesizerOptions = {}): Promise<Synthesizer> {
  checkOptionNames('createSynthesizer', options, names)
  const { signal, maxQueue = Number.POSITIVE_INFINITY } = options
  if (!(maxQueue >= 0)) throw new RangeError(`createSynthesizer: maxQueue is ${maxQueue}, expected a number from 0`)
  const loading = load(options, maxQueue)
  return signal ? unlessAborted(loading, signal, late => late.dispose()) : loading
}

async function load(options: SynthesizerOptions, maxQueue: number): Promise<Synthesizer> {
  options.signal?.throwIfAborted()
  const bundle = await openBundle(options.bundle, withSignal(options.hub, options.signal))
  options.signal?.throwIfAborted()
  return assembleSynthesizer(bundle, await openLanes(bundle, options), maxQueue)
}

/** An abort of the loading ends a download, too. */
function withSignal(hub: HubOptions | undefined, signal: AbortSignal | undefined): HubOptions | undefined {
  if (!signal) return hub
  return { ...hub, signal: hub?.signal ? AbortSignal.any([hub.signal, signal]) : signal }
}

/** What is spoken to warm up. */
const warmUpText = 'This is how I sound.'

/**
 * A synthesizer of loaded models, which it owns.
 * @param lanes at least one, all of the same bundle
 */
export function assembleSynthesizer(bundle: Bundle, lanes: readonly Lane[], maxQueue = Number.POSITIVE_INFINITY): Synthesizer {
  const [{ models, runtime }] = lanes as readonly [Lane]
  const { manifest } = bundle
  const { sampleRate } = models.vocoder
  const system = systemOf(manifest)
  const closing = new AbortController()
  const pool = new Pool(lanes, maxQueue)
  const voices = new ReadyVoices(bundle, models, system.textOf(manifest).symbols.length)

  async function decide(options: SpeechOptions, signal: AbortSignal) {
    const { seed = defaultSeed, maxSeconds = Number.POSITIVE_INFINITY, onProgress } = options
    const { ssml, markup, citations, codeBlocks, tables } = options
    const choice = chooseGeneration(options, manifest, system)
    const [voice, findVoice] = [await voices.resolve(options.voice), (name: string) => voices.find(name)]
    return { ...choice, voice, findVoice, seed, maxSeconds, onProgress, reading: { ssml, markup, citations, codeBlocks, tables }, signal }
  }

  async function* speakAll(text: TextSource, options: SpeechOptions, signal: AbortSignal, whole = false): SpeechChunks {
    signal.throwIfAborted()
    const request = await decide(options, signal)
    yield* pool.speak({ text, priority: options.priority ?? 0, signal, whole }, (models, text) => speakText(models, { ...request, text }))
  }

  const untilStopped = (signals: readonly (AbortSignal | undefined)[], work: (signal: AbortSignal) => SpeechChunks) =>
    untilAnyAborts([closing.signal, ...signals], work)

  let disposal: Promise<void> | undefined
  function dispose(): Promise<void> {
    closing.abort(new InferenceError('synthesizer: it was disposed of, expected a live one; create another', { code: 'disposed' }))
    disposal ??= closeLanes(lanes)
    return disposal
  }

  return {
    device: runtime.device,
    sampleRate,
    bundle: { name: manifest.name, language: manifest.language, licence: manifest.licence },
    voices: manifest.voices.map(({ name, description, licence }) => ({ name, description, licence })),
    async synthesize(text, options = {}) {
      if (typeof text !== 'string') throw new TypeError(`synthesize: text is ${text === null ? 'null' : typeof text}, expected a string`)
      checkSpeechOptions('synthesize', options)
      const started = performance.now()
      const parts: Speech[] = []
      for await (const part of untilStopped([options.signal], signal => speakAll(text, options, signal, true))) parts.push(part)
      return joinSpeech(parts, (performance.now() - started) / 1000)
    },
    stream(text, options = {}) {
      checkTextSource('stream', text)
      checkSpeechOptions('stream', options)
      return untilStopped([options.signal], signal => lookAhead(speakAll(text, options, signal)))
    },
    streamAudio(text, options = {}) {
      checkTextSource('streamAudio', text)
      checkSpeechOptions('streamAudio', options, encodingNames)
      const stopping = new AbortController()
      const parts = untilStopped([options.signal, stopping.signal], signal => lookAhead(speakAll(text, options, signal)))
      return toByteStream(parts, sampleRate, options, reason => stopping.abort(reason))
    },
    stats: () => pool.stats(),
    async warmUp() {
      if (manifest.voices.length === 0) return
      const request = await decide({}, closing.signal)
      await pool.warmUp(warmUpText, closing.signal, (models, text) => speakText(models, { ...request, text }))
    },
    drain: () => pool.drain(),
    async createVoice(source) {
      if (typeof source !== 'object' || !source) throw new TypeError(`createVoice: source is ${source}, expected { audio }`)
      using controller = followSignals([closing.signal, source.signal])
      controller.signal.throwIfAborted()
      return await pool.track(() => unlessAborted(createVoice(models, { ...source, signal: controller.signal }), controller.signal))
    },
    loadVoice: async name => {
      closing.signal.throwIfAborted()
      return voices.load(name)
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}

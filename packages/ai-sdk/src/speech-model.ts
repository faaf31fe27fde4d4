import type {
  SharedV4Warning,
  SpeechModelV4CallOptions,
  SpeechModelV4Result,
  Experimental_StreamingSpeechModelV4 as StreamingSpeechModelV4,
  Experimental_SpeechModelV4StreamOptions as StreamOptions,
  Experimental_SpeechModelV4StreamPart as StreamPart,
  Experimental_SpeechModelV4StreamResult as StreamResult,
} from '@ai-sdk/provider'
import {
  createEncoder,
  type EncodedFormat,
  type EncodedSampleRate,
  encodedFormats,
  type Speech,
  type SpeechOptions,
  type Synthesizer,
  speedRange,
} from '@mynah/core'

/** What the model needs of a synthesizer. */
export type SpeechEngine = Pick<Synthesizer, 'bundle' | 'sampleRate' | 'stream'>

type JsonObject = NonNullable<SpeechModelV4Result['providerMetadata']>[string]
type CallOptions = Pick<SpeechModelV4CallOptions, 'voice' | 'instructions' | 'speed' | 'language' | 'providerOptions' | 'abortSignal'>

/** The key of this provider in `providerOptions` and `providerMetadata`. */
const key = 'mynah'
/** What the AI SDK takes for granted where no format is named. */
const defaultFormat: EncodedFormat = 'mp3'

/**
 * A speech model of the AI SDK. `voice` is the name of a ready voice; `providerOptions.mynah` takes the other options of `synthesize` (`seed`, `temperature`, `candidates`…).
 * `providerMetadata.mynah` has `words` with `startSeconds` and `endSeconds`, `durationSeconds` and `sampleRate`.
 */
export class SpeechModel implements StreamingSpeechModelV4 {
  readonly specificationVersion = 'v4'
  readonly provider = key
  readonly modelId: string
  readonly #engine: SpeechEngine

  constructor(engine: SpeechEngine) {
    this.#engine = engine
    this.modelId = engine.bundle.name
  }

  /** Speaks a whole text. @throws what `synthesizer.stream` throws, and {RangeError} for a format that Mynah does not encode */
  async doGenerate(options: SpeechModelV4CallOptions): Promise<SpeechModelV4Result> {
    const format = readFormat(options.outputFormat)
    const { speech, warnings } = this.#read(options)
    using encoder = createEncoder(this.#engine.sampleRate, { format })
    const pieces: Uint8Array[] = []
    const words: Word[] = []
    let durationSeconds = 0
    for await (const chunk of this.#engine.stream(options.text, speech)) {
      pieces.push(await encoder.encode(chunk.audio))
      words.push(...chunk.words.map(toWord))
      warnings.push(...chunk.warnings.map(toWarning))
      durationSeconds += chunk.durationSeconds
    }
    pieces.push(await encoder.finish())
    return {
      audio: new Uint8Array(Buffer.concat(pieces)),
      warnings,
      usage: { characters: options.text.length, durationSeconds },
      response: { timestamp: new Date(), modelId: this.modelId },
      providerMetadata: { [key]: { words, durationSeconds, sampleRate: this.#rateOf(format) } },
    }
  }

  /** Speaks a text while it is still being written; each piece of audio has its words in `providerMetadata.mynah`. */
  async doStream(options: StreamOptions): Promise<StreamResult> {
    const { speech, warnings } = this.#read(options)
    const { type, rate } = options.outputFormat ?? { type: 'audio/pcm' }
    const format = formatOf(type)
    const encoder = createEncoder(this.#engine.sampleRate, {
      format,
      ...(rate === undefined ? {} : { sampleRate: rate as EncodedSampleRate }),
    })
    const audioFormat = { type: encodedFormats[format].contentType, rate: rate ?? this.#rateOf(format) }
    const chunks = this.#engine.stream(readText(options), speech)
    const parts = toParts(chunks, encoder, audioFormat, warnings)
    const stream = new ReadableStream<StreamPart>(
      {
        async pull(controller) {
          const next = await parts.next()
          if (next.done) controller.close()
          else controller.enqueue(next.value)
        },
        async cancel() {
          await parts.return()
        },
      },
      { highWaterMark: 0 },
    )
    return { stream, response: { timestamp: new Date(), modelId: this.modelId } }
  }

  #rateOf(format: EncodedFormat): number {
    return encodedFormats[format].defaultSampleRate ?? this.#engine.sampleRate
  }

  #read({ voice, instructions, speed, language, providerOptions, abortSignal }: CallOptions): {
    speech: SpeechOptions
    warnings: SharedV4Warning[]
  } {
    const warnings: SharedV4Warning[] = []
    if (instructions) warnings.push({ type: 'unsupported', feature: 'instructions', details: 'the voice decides how it sounds' })
    const own = this.#engine.bundle.language
    if (language && language !== 'auto' && !own.toLowerCase().startsWith(language.toLowerCase().slice(0, 2))) {
      warnings.push({ type: 'unsupported', feature: 'language', details: `${this.modelId} speaks ${own}, not ${language}` })
    }
    const [least, most] = speedRange
    const clamped = speed === undefined ? undefined : Math.min(most, Math.max(least, speed))
    if (clamped !== speed) {
      warnings.push({
        type: 'compatibility',
        feature: 'speed',
        details: `${speed} was clamped to ${clamped}; Mynah speaks at ${least} to ${most}`,
      })
    }
    const others = providerOptions?.[key] as SpeechOptions | undefined
    return {
      speech: {
        ...others,
        ...(voice === undefined ? {} : { voice }),
        ...(clamped === undefined ? {} : { speed: clamped }),
        signal: abortSignal,
      },
      warnings,
    }
  }
}

type Word = { text: string; startSeconds: number; endSeconds: number }
const toWord = ({ text, startSeconds, endSeconds }: Speech['words'][number]): Word => ({ text, startSeconds, endSeconds })
const toWarning = (message: string): SharedV4Warning => ({ type: 'other', message })

/** @throws {RangeError} for a format that Mynah does not encode */
function readFormat(name: string = defaultFormat): EncodedFormat {
  if (Object.hasOwn(encodedFormats, name)) return name as EncodedFormat
  throw new RangeError(`mynah: outputFormat is ${JSON.stringify(name)}, expected one of ${Object.keys(encodedFormats).join(', ')}`)
}

/** @throws {RangeError} for a media type that Mynah does not encode */
function formatOf(type: string): EncodedFormat {
  const found = Object.entries(encodedFormats).find(([, { contentType }]) => contentType === type)
  if (found) return found[0] as EncodedFormat
  const known = Object.values(encodedFormats).map(({ contentType }) => contentType)
  throw new RangeError(`mynah: outputFormat is ${JSON.stringify(type)}, expected one of ${known.join(', ')}`)
}

/** The text of its parts. One voice speaks all of it. */
async function* readText({ text, voice }: StreamOptions): AsyncGenerator<string> {
  const reader = text.getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const part = next.value
      if (part.voice !== undefined && part.voice !== voice) {
        throw new RangeError(
          `mynah: a part of the text asks for voice "${part.voice}", expected that of the call; make a call for each voice`,
        )
      }
      yield part.text
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

async function* toParts(
  chunks: AsyncGenerator<Speech, void, undefined>,
  encoder: ReturnType<typeof createEncoder>,
  audioFormat: { type: string; rate: number },
  warnings: SharedV4Warning[],
): AsyncGenerator<StreamPart, void, undefined> {
  let durationSeconds = 0
  try {
    yield { type: 'stream-start', warnings }
    for await (const chunk of chunks) {
      durationSeconds += chunk.durationSeconds
      const metadata: JsonObject = { words: chunk.words.map(toWord), warnings: [...chunk.warnings] }
      yield { type: 'audio', audio: await encoder.encode(chunk.audio), audioFormat, providerMetadata: { [key]: metadata } }
    }
    const rest = await encoder.finish()
    if (rest.length > 0) yield { type: 'audio', audio: rest, audioFormat }
    yield { type: 'finish', providerMetadata: { [key]: { durationSeconds, sampleRate: audioFormat.rate } } }
  } finally {
    encoder[Symbol.dispose]()
    await chunks.return()
  }
}

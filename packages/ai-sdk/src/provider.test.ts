import { Speech, type SpeechOptions } from '@mynah/core'
import { generateSpeech, NoSuchModelError, experimental_streamSpeech as streamSpeech } from 'ai'
import { describe, expect, it } from 'vitest'
import { createMynah, type SpeechEngine } from './index.ts'

const sampleRate = 24000

/** A tenth of a second for each word. */
function createEngine() {
  const asked: { text: string; options: SpeechOptions }[] = []
  const engine: SpeechEngine = {
    bundle: { name: 'fake-en', language: 'en-us', licence: 'MIT' },
    sampleRate,
    async *stream(text, options = {}) {
      const request = { text: '', options }
      asked.push(request)
      const pieces = typeof text === 'string' ? [text] : (text as AsyncIterable<string>)
      let spoken = 0
      for await (const piece of pieces) {
        request.text += piece
        for (const word of piece.split(' ').filter(Boolean)) {
          options.signal?.throwIfAborted()
          const startSeconds = 0.1 * spoken++
          yield new Speech({
            audio: new Float32Array(2400).map((_, i) => 0.3 * Math.sin(i / 10)),
            sampleRate,
            startSeconds,
            phonemes: word,
            words: [{ text: word, startSeconds, endSeconds: startSeconds + 0.1 }],
            warnings: spoken === 2 ? ['the second word is fake'] : [],
            timings: { frontEndSeconds: 0, languageModelSeconds: 0, vocoderSeconds: 0, totalSeconds: 0 },
          })
        }
      }
    },
  }
  return { engine, asked, mynah: createMynah({ synthesizer: engine }) }
}

describe('generateSpeech of the AI SDK', () => {
  it('gives audio, and the words with their times in the metadata', async () => {
    const { mynah, asked } = createEngine()
    const { audio, providerMetadata, warnings } = await generateSpeech({
      model: mynah.speech(),
      text: 'Hello there',
      voice: 'wren',
      speed: 1.5,
      outputFormat: 'wav',
      providerOptions: { mynah: { seed: 7 } },
    })
    expect(audio.mediaType).toBe('audio/wav')
    expect(audio.uint8Array.length).toBe(44 + 2 * 4800)
    expect(providerMetadata.mynah).toMatchObject({
      words: [
        { text: 'Hello', startSeconds: 0, endSeconds: 0.1 },
        { text: 'there', startSeconds: 0.1, endSeconds: 0.2 },
      ],
      durationSeconds: 0.2,
      sampleRate,
    })
    expect(asked[0]).toMatchObject({ text: 'Hello there', options: { voice: 'wren', speed: 1.5, seed: 7 } })
    expect(warnings).toEqual([{ type: 'other', message: 'the second word is fake' }])
  })

  it('warns of what Mynah cannot do, and refuses a format that it does not encode', async () => {
    const { mynah, asked } = createEngine()
    const model = mynah.speechModel('mynah')
    const { warnings } = await generateSpeech({ model, text: 'Hi', instructions: 'Whisper', language: 'de', speed: 4, outputFormat: 'pcm' })
    expect(warnings.map(warning => ('feature' in warning ? warning.feature : ''))).toEqual(['instructions', 'language', 'speed'])
    expect(asked[0]!.options.speed).toBe(2)
    await expect(generateSpeech({ model, text: 'Hi', outputFormat: 'aac', maxRetries: 0 })).rejects.toThrow(
      /outputFormat is "aac", expected one of pcm, wav/,
    )
  })

  it('stops with its signal', async () => {
    const { mynah } = createEngine()
    const abortSignal = AbortSignal.abort(new Error('enough'))
    await expect(generateSpeech({ model: mynah.speech(), text: 'Hi', outputFormat: 'pcm', abortSignal })).rejects.toThrow()
  })

  it('finds no models but speech', () => {
    const { mynah } = createEngine()
    expect(() => mynah.languageModel('gpt')).toThrow(NoSuchModelError)
    expect(() => mynah.speechModel('tts-1')).toThrow(/ask for "mynah"/)
  })
})

describe('streamSpeech of the AI SDK', () => {
  it('gives audio with its words while the text is still coming', async () => {
    const { mynah } = createEngine()
    const parts = await mynah.speech().doStream({
      text: new ReadableStream({
        start(controller) {
          for (const text of ['Hello there ', 'you']) controller.enqueue({ type: 'text', text })
          controller.close()
        },
      }),
      outputFormat: { type: 'audio/pcm', rate: 8000 },
    })
    const types: string[] = []
    let bytes = 0
    const words: unknown[] = []
    for await (const part of parts.stream as unknown as AsyncIterable<{
      type: string
      audio?: Uint8Array
      providerMetadata?: { mynah: { words: { text: string }[] } }
    }>) {
      types.push(part.type)
      bytes += part.audio?.length ?? 0
      words.push(...(part.providerMetadata?.mynah.words ?? []).map(({ text }) => text))
    }
    expect(types[0]).toBe('stream-start')
    expect(types.at(-1)).toBe('finish')
    expect(bytes).toBe(2 * 0.3 * 8000)
    expect(words).toEqual(['Hello', 'there', 'you'])
  })

  it('works through the SDK', async () => {
    const { mynah } = createEngine()
    const result = streamSpeech({ model: mynah.speech(), text: 'Hello there' })
    let bytes = 0
    for await (const part of result.fullStream) if (part.type === 'audio') bytes += part.audio.length
    expect(bytes).toBe(2 * 4800)
  })
})

import { createRandom } from '@mynah/onnx'
import type { Models } from './contracts.ts'
import type { ReadOptions } from './front-end.ts'
import { createLeveller } from './level.ts'
import { type Progress, type SamplingChoice, speedRange } from './options.ts'
import { speak } from './pipeline.ts'
import { Speech } from './speech.ts'
import type { TextSource } from './text/stream.ts'
import type { Voice } from './voice/voice.ts'

/** A text to speak, with everything decided. */
export interface SpeechRequest {
  /** Ends when `signal` aborts. */
  readonly text: TextSource
  readonly voice: Voice
  /** A voice that the text itself asks for; undefined if there is none of that name. */
  readonly findVoice?: (name: string) => Promise<Voice> | undefined
  /** How the text is understood. */
  readonly reading?: Omit<ReadOptions, 'language'>
  readonly seed: number
  readonly sampling: SamplingChoice
  readonly speed: number
  readonly loudness: number | false
  readonly language: string | undefined
  readonly maxSeconds: number
  /** What the whole speech has to say; its first chunk brings them. */
  readonly warnings: readonly string[]
  readonly signal: AbortSignal
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** Chunks of speech in the order of the text. */
export type SpeechChunks = AsyncGenerator<Speech, void, undefined>

/**
 * Speaks a text on one set of models: a chunk is whole words, at most an utterance, and is computed when it is asked for.
 * @throws {RangeError} for malformed markup, or if nothing in the text can be spoken; those of the models
 */
export async function* speakText(models: Models, request: SpeechRequest): SpeechChunks {
  const { frontEnd, codec, vocoder } = models
  const { voice, reading, speed, language, maxSeconds, signal, onProgress, sampling } = request
  const { sampleRate } = vocoder
  const random = createRandom(request.seed) // every utterance gets a seed of its own, so that equal sentences do not sound equal
  const unsaid = [...(models.warnings ?? []), ...request.warnings]
  const leveller = request.loudness === false ? undefined : createLeveller(request.loudness, sampleRate)
  let samples = 0
  let utterances = 0
  let asked = performance.now()
  for await (const utterance of frontEnd.read(request.text, { ...reading, language: language ?? (voice.language || undefined) })) {
    signal.throwIfAborted()
    const asks = utterance.voice === undefined ? undefined : request.findVoice?.(utterance.voice)
    if (utterance.voice !== undefined && !asks)
      unsaid.push(`SSML: there is no voice "${utterance.voice}"; the text was spoken with ${voice.name}`)
    let frontEndSeconds = (performance.now() - asked) / 1000
    const begunSeconds = samples / sampleRate
    const pace = Math.min(speedRange[1], Math.max(speedRange[0], speed * (utterance.rate ?? 1)))
    const chunks = speak(models, utterance, {
      ...sampling,
      ...(language === undefined ? {} : { language }),
      prompt: (await asks) ?? voice,
      speed: pace,
      seed: Math.floor(random.uniform() * 2 ** 32),
      signal,
      maxSeconds: maxSeconds - begunSeconds,
      ...(onProgress ? { onFrame: frames => onProgress({ utterances, seconds: begunSeconds + frames / codec.frameRate / pace }) } : {}),
    })
    for await (const spoken of chunks) {
      signal.throwIfAborted()
      const startSeconds = samples / sampleRate
      samples += spoken.audio.length
      leveller?.push(spoken.audio)
      if (spoken.last) utterances++
      yield new Speech({
        audio: spoken.audio,
        sampleRate,
        startSeconds,
        phonemes: frontEnd.toIpa(spoken.phonemes).trim(),
        words: spoken.words.map(word => ({
          ...word,
          startSeconds: startSeconds + word.startSeconds,
          endSeconds: startSeconds + word.endSeconds,
        })),
        warnings: [
          ...unsaid.splice(0),
          ...spoken.warnings,
          ...(spoken.cut ? [`the speech was cut after ${(samples / sampleRate).toFixed(1)} s, as maxSeconds is ${maxSeconds}`] : []),
        ],
        timings: { ...spoken.timings, frontEndSeconds, totalSeconds: (performance.now() - asked) / 1000 },
      })
      if (spoken.cut) return
      frontEndSeconds = 0
      asked = performance.now()
    }
  }
}

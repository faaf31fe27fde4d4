import { joinPieces, peakAmplitude, toDecibels } from '@mynah/audio'
import { InferenceError } from '@mynah/onnx'
import type { Generated, GenerateOptions, Models } from './contracts.ts'
import type { Utterance } from './front-end.ts'
import { Pace, paceTolerance } from './pace.ts'
import { SampleQueue } from './sample-queue.ts'
import type { Timings } from './speech.ts'
import { durationsWithin, lastWordStart, spreadEvenly, timeWords, type Word } from './word-times.ts'

/** A chunk of an utterance, spoken: whole words, with what follows them up to the next. Times count from its own start. */
export interface Spoken {
  /** float32 [S], in [-1, 1]. The first chunk begins with the silence of `utterance.pauseSeconds`. */
  readonly audio: Float32Array
  /** Those of the utterance's phonemes that it speaks. */
  readonly phonemes: Int32Array
  readonly words: readonly Word[]
  readonly warnings: readonly string[]
  readonly timings: Pick<Timings, 'languageModelSeconds' | 'vocoderSeconds'>
  /** Whether it is the utterance's last chunk. */
  readonly last: boolean
  /** Whether it ends because `maxSeconds` have passed. */
  readonly cut: boolean
}

/** How an utterance is spoken. */
export interface SpeakOptions extends Omit<GenerateOptions, 'maxFrames'> {
  /** All chunks together are no longer, pause included. */
  readonly maxSeconds: number
  /** Speaking rate relative to what the model speaks, 0.5 to 2; 1 by default. */
  readonly speed?: number
}

/** Of the silence that the model itself speaks at both ends, this much stays: no onset is cut, and pauses are as long as they should be. */
const marginSeconds = 0.1
/** Ends are faded, so that exact silence can follow and precede without a click. */
const fadeSeconds = 0.005
/** After the last word a consonant may still be released for so long, if the final pause is long enough; then it falls silent, whatever the model speaks in it. */
const releaseSeconds = 0.1
const silencingSeconds = 0.05
/** Speech lies 30 dB above this: such an utterance is inaudible. */
const inaudibleDbfs = -50

/**
 * The whole product: one utterance through all models, in chunks as soon as they are known. VALL-E, arXiv:2301.02111.
 * @throws {InferenceError} `non-finite-output` if a model computes something else than numbers; those of the models
 */
export async function* speak(
  { lm, codec, vocoder }: Models,
  utterance: Utterance,
  { maxSeconds, speed = 1, ...options }: SpeakOptions,
): AsyncGenerator<Spoken, void, undefined> {
  const { sampleRate } = vocoder
  const pause = Math.round(utterance.pauseSeconds * sampleRate)
  const most = Math.floor(Math.max(0, maxSeconds) * sampleRate)
  if (utterance.phonemes.length === 0) return yield silence(utterance, Math.min(pause, most), sampleRate, pause > most)
  const maxFrames = Math.floor((maxSeconds - utterance.pauseSeconds) * codec.frameRate * (speed > 1 ? speed / paceTolerance : speed))
  if (maxFrames < 1) return yield silence(utterance, Math.min(pause, most), sampleRate, true)

  const { seed = 0, signal } = options
  await using decoder = vocoder.open({ seed, ...(signal ? { signal } : {}) })
  const editor = new Editor(utterance, codec.frameRate, sampleRate, speed, maxFrames)
  const watch = new Stopwatch()
  for await (const generated of lm.generate(utterance.phonemes, Number.isFinite(maxFrames) ? { ...options, maxFrames } : options)) {
    watch.lap('languageModelSeconds')
    const samples = await decoder.push(generated.latents, generated.stopped !== undefined)
    watch.lap('vocoderSeconds')
    const chunk = editor.edit(generated, samples)
    if (!chunk) continue
    yield {
      ...chunk,
      timings: watch.read(),
      last: generated.stopped !== undefined,
      cut: generated.stopped === 'length' && editor.frames >= maxFrames,
    }
    watch.start()
  }
}

/** Makes chunks of whole words of what the models speak: trimmed and faded at both ends, after the pause. */
class Editor {
  /** That are known. */
  frames = 0
  readonly #utterance: Utterance
  readonly #frameRate: number
  readonly #sampleRate: number
  readonly #speed: number
  readonly #maxFrames: number
  readonly #pace: Pace
  readonly #samples = new SampleQueue()
  /** Where the next chunk begins. */
  #frame = 0
  #phoneme = 0
  #peak = 0

  constructor(utterance: Utterance, frameRate: number, sampleRate: number, speed: number, maxFrames: number) {
    this.#utterance = utterance
    this.#frameRate = frameRate
    this.#sampleRate = sampleRate
    this.#speed = speed
    this.#maxFrames = maxFrames
    this.#pace = new Pace(speed, sampleRate)
  }

  /** The words that are complete since the last chunk; nothing if there are none. */
  edit({ latents, durations, stopped }: Generated, samples: Float32Array): Omit<Spoken, 'timings' | 'last' | 'cut'> | undefined {
    this.#samples.push(samples)
    this.frames += latents.shape[1]!
    const utterance = this.#utterance
    const isFirst = this.#phoneme === 0
    const begin = isFirst ? this.#silentFrames(durations[0]) : this.#frame
    const end = stopped
      ? { frame: this.frames - (stopped === 'end' ? this.#silentFrames(durations.at(-1)) : 0), phoneme: utterance.phonemes.length }
      : lastWordStart(utterance, durations, (this.#samples.end * this.#frameRate) / this.#sampleRate)
    if (end.frame <= begin && !stopped) return undefined
    const speech = this.#samples.take(this.#sampleOf(begin), end.frame === this.frames ? this.#samples.end : this.#sampleOf(end.frame))
    checkSamples(speech)
    const fade = Math.round(fadeSeconds * this.#sampleRate)
    if (isFirst) fadeIn(speech, fade)
    if (stopped) fadeOut(speech, fade)
    const missing = stopped === 'end' && durations.length > 0 ? this.#silenceFinalPause(speech, durations, end.frame) : 0
    this.#peak = Math.max(this.#peak, peakAmplitude(speech))
    const pause = isFirst ? Math.round(utterance.pauseSeconds * this.#sampleRate) : 0
    const lasting = durations.length > 0 ? durations : spreadEvenly(this.frames, utterance.phonemes.length)
    const seconds = durationsWithin(lasting, begin, end.frame).map(frames => frames / this.#frameRate)
    const paced = this.#pace.push(speech, seconds, stopped !== undefined)
    const timeOf = (frame: number) => pause / this.#sampleRate + paced.timeOf((frame - begin) / this.#frameRate)
    const words = utterance.words.filter(({ start }) => start >= this.#phoneme && start < end.phoneme)
    const phonemes = utterance.phonemes.subarray(this.#phoneme, end.phoneme)
    this.#frame = end.frame
    this.#phoneme = end.phoneme
    return {
      audio: joinPieces([new Float32Array(pause), paced.audio, new Float32Array(missing)]),
      phonemes,
      words: timeWords({ words }, lasting, timeOf),
      warnings: [...(isFirst ? utterance.warnings : []), ...this.#warningsOf(stopped)],
    }
  }

  #sampleOf(frame: number): number {
    return Math.round((frame * this.#sampleRate) / this.#frameRate)
  }

  /** What is cut of the silence at an end, `duration` frames of boundary. */
  #silentFrames(duration = 0): number {
    return Math.max(0, duration - Math.round(marginSeconds * this.#frameRate))
  }

  /**
   * In place: `speech` ends at frame `end`.
   * @returns samples of silence that are missing at its end, where the models speak hardly a pause
   */
  #silenceFinalPause(speech: Float32Array, durations: Int32Array, end: number): number {
    const lastSound = Math.max(0, ...this.#utterance.words.map(word => word.end))
    if (lastSound === 0) return 0
    const frames = durations.subarray(lastSound).reduce((sum, duration) => sum + duration, 0) - (this.frames - end)
    const pause = Math.min(this.#sampleOf(Math.max(0, frames)), speech.length)
    const fade = Math.round(silencingSeconds * this.#sampleRate)
    const release = Math.min(Math.round(releaseSeconds * this.#sampleRate), Math.max(0, pause - 2 * fade))
    const from = speech.length - pause + release
    for (let i = from; i < speech.length; i++) speech[i]! *= Math.max(0, 1 - (i - from) / fade)
    return Math.min(Math.max(0, 2 * fade - pause), this.#sampleOf(Math.max(0, this.#maxFrames - end)))
  }

  #warningsOf(stopped: Generated['stopped']): string[] {
    if (!stopped) return []
    const words = this.#utterance.words.map(word => word.text).join(' ')
    const quoted = `"${words.length > 40 ? `${words.slice(0, 40)}…` : words}"`
    const seconds = (this.frames / this.#frameRate / this.#speed).toFixed(1)
    const level = toDecibels(this.#peak)
    return [
      ...(stopped === 'length' ? [`${quoted} was cut after ${seconds} s`] : []),
      ...(stopped === 'repetition' ? [`${quoted} got stuck after ${seconds} s; try another seed, or repetitionAware`] : []),
      ...(level < inaudibleDbfs ? [`${quoted} came out inaudible (${level.toFixed(0)} dBFS); try another seed or voice`] : []),
    ]
  }
}

/** Wall-clock time of each model since the last chunk. */
class Stopwatch {
  #seconds = { languageModelSeconds: 0, vocoderSeconds: 0 }
  #last = performance.now()

  start(): void {
    this.#last = performance.now()
  }

  lap(part: 'languageModelSeconds' | 'vocoderSeconds'): void {
    const now = performance.now()
    this.#seconds[part] += (now - this.#last) / 1000
    this.#last = now
  }

  read(): Spoken['timings'] {
    const seconds = this.#seconds
    this.#seconds = { languageModelSeconds: 0, vocoderSeconds: 0 }
    return seconds
  }
}

/** What comes of an utterance without words, or without time for them. */
function silence({ words, warnings }: Utterance, samples: number, sampleRate: number, cut: boolean): Spoken {
  const seconds = samples / sampleRate
  const marks = words.filter(word => word.mark !== undefined && !cut)
  return {
    audio: new Float32Array(samples),
    phonemes: new Int32Array(0),
    words: marks.map(({ start: _, end: __, ...word }) => ({ ...word, startSeconds: seconds, endSeconds: seconds })),
    warnings,
    timings: { languageModelSeconds: 0, vocoderSeconds: 0 },
    last: true,
    cut,
  }
}

/** Clamps to [-1, 1] in place. @throws {InferenceError} if a sample is no number */
function checkSamples(samples: Float32Array): void {
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!
    if (!Number.isFinite(sample)) {
      throw new InferenceError(
        `pipeline: sample ${i} of the waveform is ${sample}, expected a number; try device: 'cpu', or another voice`,
        {
          code: 'non-finite-output',
        },
      )
    }
    samples[i] = Math.max(-1, Math.min(1, sample))
  }
}

/** In place. */
function fadeIn(samples: Float32Array, length: number): void {
  const count = Math.min(length, samples.length >> 1)
  for (let i = 0; i < count; i++) samples[i]! *= i / count
}

/** In place. */
function fadeOut(samples: Float32Array, length: number): void {
  const count = Math.min(length, samples.length >> 1)
  for (let i = 0; i < count; i++) samples[samples.length - 1 - i]! *= i / count
}

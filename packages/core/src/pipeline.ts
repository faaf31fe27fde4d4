import { peakAmplitude, toDecibels } from '@mynah/audio'
import { float32Tensor, InferenceError } from '@mynah/onnx'
import { joinFrames, sliceFrames } from '@mynah/vocoder'
import type { GenerateOptions, Models } from './contracts.ts'
import type { Utterance } from './front-end.ts'
import type { Timings, Word } from './speech.ts'

/** A part of an utterance, spoken: whole words, with what follows them up to the next. Times count from its own start. */
export interface Spoken {
  /** float32 [S], in [-1, 1]. The first part begins with the silence of `utterance.pauseSeconds`. */
  readonly audio: Float32Array
  /** Those of the utterance's phonemes that it speaks. */
  readonly phonemes: Int32Array
  readonly words: readonly Word[]
  readonly warnings: readonly string[]
  readonly timings: Pick<Timings, 'languageModelSeconds' | 'vocoderSeconds'>
  /** Whether it is the utterance's last part. */
  readonly last: boolean
  /** Whether it ends because `maxSeconds` have passed. */
  readonly cut: boolean
}

/** How an utterance is spoken. */
export interface SpeakOptions extends Omit<GenerateOptions, 'maxFrames'> {
  /** All parts together are no longer, pause included. */
  readonly maxSeconds: number
}

/** Of the silence that the model itself speaks at both ends, this much stays: no onset is cut, and pauses are as long as they should be. */
const marginSeconds = 0.1
/** Ends are faded, so that exact silence can follow and precede without a click. */
const fadeSeconds = 0.005
/** Speech lies 30 dB above this: such an utterance is inaudible. */
const inaudibleDbfs = -50

/**
 * The whole product: one utterance through all models, in parts as soon as they are known. VALL-E, arXiv:2301.02111.
 * @throws {InferenceError} `non-finite-output` if a model computes something else than numbers; those of the models
 */
export async function* speak(
  { lm, codec, vocoder }: Models,
  utterance: Utterance,
  options: SpeakOptions,
): AsyncGenerator<Spoken, void, undefined> {
  const { maxSeconds, ...sampling } = options
  const most = Math.floor(Math.max(0, maxSeconds) * vocoder.sampleRate)
  const pause = Math.round(utterance.pauseSeconds * vocoder.sampleRate)
  if (utterance.phonemes.length === 0) return yield silence(Math.min(pause, most), utterance.warnings, pause > most)
  const maxFrames = Math.floor((maxSeconds - utterance.pauseSeconds) * codec.frameRate)
  if (maxFrames < 1) return yield silence(Math.min(pause, most), utterance.warnings, true)
  const { seed = 0, signal } = options
  const { overlapFrames = Number.POSITIVE_INFINITY } = vocoder
  const margin = Math.round(marginSeconds * codec.frameRate)
  const fade = Math.round(fadeSeconds * vocoder.sampleRate)
  let latents = float32Tensor([], [vocoder.featureDim, 0]) // [L, T] at codec.frameRate, of all frames so far
  let [frame, phoneme] = [0, 0] // where the next part begins
  const phases: number[] = [] // of the vocoder's tones, see Stretch
  let peak = 0
  let asked = performance.now()
  for await (const { latents: stretch, durations, stopped } of lm.generate(
    utterance.phonemes,
    Number.isFinite(maxFrames) ? { ...sampling, maxFrames } : sampling,
  )) {
    latents = joinFrames(latents, stretch)
    const frames = latents.shape[1]!
    const generated = performance.now()
    const complete = stopped === 'end'
    const isFirst = phoneme === 0
    const from = isFirst ? Math.max(0, (durations[0] ?? 0) - margin) : frame
    const end = stopped
      ? { frame: complete ? frames - Math.max(0, (durations.at(-1) ?? 0) - margin) : frames, phoneme: utterance.phonemes.length }
      : lastWordStart(utterance, durations, frames - overlapFrames)
    if (end.frame <= from && !stopped) continue
    const to = Math.max(end.frame, from)
    const left = Math.max(0, from - overlapFrames)
    const context = sliceFrames(latents, frames, left, Math.min(frames, to + overlapFrames))
    const waveform = await vocoder.decode(context, { seed, stretch: { frame: left, joint: from, phases }, ...(signal ? { signal } : {}) })
    const decoded = performance.now()

    const speech = waveform.subarray(vocoder.samplesFor(from - left), vocoder.samplesFor(to - left))
    checkSamples(speech)
    if (isFirst) fadeIn(speech, fade)
    if (stopped) fadeOut(speech, fade)
    peak = Math.max(peak, peakAmplitude(speech))
    const silent = isFirst ? pause : 0
    const audio = new Float32Array(silent + speech.length)
    audio.set(speech, silent)
    const warnings = isFirst ? [...utterance.warnings] : []
    const seconds = (frames / codec.frameRate).toFixed(1)
    if (stopped === 'length') warnings.push(`"${quote(utterance)}" was cut after ${seconds} s`)
    if (stopped === 'repetition') warnings.push(`"${quote(utterance)}" got stuck after ${seconds} s; try another seed, or repetitionAware`)
    if (stopped && toDecibels(peak) < inaudibleDbfs)
      warnings.push(`"${quote(utterance)}" came out inaudible (${toDecibels(peak).toFixed(0)} dBFS); try another seed or voice`)
    yield {
      audio,
      phonemes: utterance.phonemes.subarray(phoneme, end.phoneme),
      words: timeWords(
        { words: utterance.words.filter(({ start }) => start >= phoneme && start < end.phoneme) },
        durations.length > 0 ? durations : spread(frames, utterance.phonemes.length),
        silent / vocoder.sampleRate - from / codec.frameRate,
        codec.frameRate,
      ),
      warnings,
      timings: { languageModelSeconds: (generated - asked) / 1000, vocoderSeconds: (decoded - generated) / 1000 },
      last: stopped !== undefined,
      cut: stopped === 'length' && frames >= maxFrames,
    }
    asked = performance.now()
    frame = to
    phoneme = end.phoneme
  }
}

/** Where a part can end: the last start of a word within `frames` that does not follow the word before without a space. Frame 0 if there is none. */
function lastWordStart({ words }: Utterance, durations: Int32Array, frames: number): { frame: number; phoneme: number } {
  const starts = startsOf(durations)
  const phoneme = words.findLast(
    ({ start }, i) => i > 0 && words[i - 1]!.end < start && start <= durations.length && starts[start]! <= frames,
  )?.start
  return phoneme === undefined ? { frame: 0, phoneme: 0 } : { frame: starts[phoneme]!, phoneme }
}

/**
 * When each word is spoken, from the frames that the language model spent on each phoneme. Words that were not reached are left out.
 * @param durations frames per phoneme [P], or fewer where generation stopped early
 * @param offsetSeconds time of frame 0
 */
export function timeWords({ words }: Pick<Utterance, 'words'>, durations: Int32Array, offsetSeconds: number, frameRate: number): Word[] {
  const starts = startsOf(durations)
  return words
    .filter(({ start }) => start < durations.length)
    .map(({ text, start, end }) => ({
      text,
      startSeconds: offsetSeconds + starts[start]! / frameRate,
      endSeconds: offsetSeconds + starts[Math.min(end, durations.length)]! / frameRate,
    }))
}

/** First frame of every phoneme, and of what comes after them. */
function startsOf(durations: Int32Array): number[] {
  const starts = [0]
  for (const duration of durations) starts.push(starts.at(-1)! + duration)
  return starts
}

/** Where the model does not know when each phoneme is spoken, all are taken to last equally long. */
function spread(frames: number, phonemes: number): Int32Array {
  return Int32Array.from({ length: phonemes }, (_, i) => Math.round(((i + 1) * frames) / phonemes) - Math.round((i * frames) / phonemes))
}

/** What comes of an utterance without words, or without time for them. */
function silence(samples: number, warnings: readonly string[], cut: boolean): Spoken {
  return {
    audio: new Float32Array(samples),
    phonemes: new Int32Array(0),
    words: [],
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

function quote({ words }: Pick<Utterance, 'words'>): string {
  const text = words.map(word => word.text).join(' ')
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}

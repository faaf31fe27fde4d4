import { peakAmplitude, toDecibels } from '@mynah/audio'
import { InferenceError } from '@mynah/onnx'
import type { GenerateOptions, Models } from './contracts.ts'
import type { Utterance } from './front-end.ts'
import type { Timings, Word } from './speech.ts'

/** One utterance, spoken. Times count from its own start. */
export interface Spoken {
  /** float32 [S], in [-1, 1]: silence of `utterance.pauseSeconds`, then speech. */
  readonly audio: Float32Array
  readonly words: readonly Word[]
  readonly warnings: readonly string[]
  readonly timings: Pick<Timings, 'languageModelSeconds' | 'vocoderSeconds'>
  /** Frames that were generated, before the silence at both ends was cut. */
  readonly frames: number
  /** False if the speech was ended by its length, before the text was. */
  readonly complete: boolean
}

/** Of the silence that the model itself speaks at both ends, this much stays: no onset is cut, and pauses are as long as they should be. */
const marginSeconds = 0.1
/** Ends are faded, so that exact silence can follow and precede without a click. */
const fadeSeconds = 0.005
/** Speech lies 30 dB above this: such an utterance is inaudible. */
const inaudibleDbfs = -50

/**
 * The whole product: one utterance through all models. VALL-E, arXiv:2301.02111.
 * @throws {InferenceError} `non-finite-output` if a model computes something else than numbers; those of the models
 */
export async function speak({ lm, codec, vocoder }: Models, utterance: Utterance, options: GenerateOptions): Promise<Spoken> {
  const pause = Math.round(utterance.pauseSeconds * vocoder.sampleRate)
  if (utterance.phonemes.length === 0) return silence(pause, utterance.warnings, true)
  if (options.maxFrames !== undefined && options.maxFrames < 1) return silence(0, utterance.warnings, false)
  const started = performance.now()
  const { latents, durations, stopped } = await lm.generate(utterance.phonemes, options) // [P] ids → [L, T] at codec.frameRate
  const generated = performance.now()
  const { seed = 0, signal } = options
  const waveform = await vocoder.decode(latents, signal ? { seed, signal } : { seed }) // [S]
  const decoded = performance.now()

  const complete = stopped === 'end'
  const frames = latents.shape[1]!
  const margin = Math.round(marginSeconds * codec.frameRate)
  const from = Math.max(0, (durations[0] ?? 0) - margin)
  const to = complete ? frames - Math.max(0, (durations.at(-1) ?? 0) - margin) : frames
  const speech = waveform.subarray(vocoder.samplesFor(from), vocoder.samplesFor(to))
  checkSamples(speech)
  fadeEnds(speech, Math.round(fadeSeconds * vocoder.sampleRate))

  const audio = new Float32Array(pause + speech.length)
  audio.set(speech, pause)
  const warnings = [...utterance.warnings]
  const peak = toDecibels(peakAmplitude(speech))
  const seconds = (frames / codec.frameRate).toFixed(1)
  if (stopped === 'length') warnings.push(`"${quote(utterance)}" was cut after ${seconds} s`)
  if (stopped === 'repetition') warnings.push(`"${quote(utterance)}" got stuck after ${seconds} s; try another seed, or repetitionAware`)
  if (peak < inaudibleDbfs) warnings.push(`"${quote(utterance)}" came out inaudible (${peak.toFixed(0)} dBFS); try another seed or voice`)
  return {
    audio,
    words: timeWords(
      utterance,
      durations.length > 0 ? durations : spread(frames, utterance.phonemes.length),
      pause / vocoder.sampleRate - from / codec.frameRate,
      codec.frameRate,
    ),
    warnings,
    timings: { languageModelSeconds: (generated - started) / 1000, vocoderSeconds: (decoded - generated) / 1000 },
    frames,
    complete,
  }
}

/**
 * When each word is spoken, from the frames that the language model spent on each phoneme. Words that were not reached are left out.
 * @param durations frames per phoneme [P], or fewer where generation stopped early
 * @param offsetSeconds time of frame 0
 */
export function timeWords({ words }: Pick<Utterance, 'words'>, durations: Int32Array, offsetSeconds: number, frameRate: number): Word[] {
  const starts = [0]
  for (const duration of durations) starts.push(starts.at(-1)! + duration)
  return words
    .filter(({ start }) => start < durations.length)
    .map(({ text, start, end }) => ({
      text,
      startSeconds: offsetSeconds + starts[start]! / frameRate,
      endSeconds: offsetSeconds + starts[Math.min(end, durations.length)]! / frameRate,
    }))
}

/** Where the model does not know when each phoneme is spoken, all are taken to last equally long. */
function spread(frames: number, phonemes: number): Int32Array {
  return Int32Array.from({ length: phonemes }, (_, i) => Math.round(((i + 1) * frames) / phonemes) - Math.round((i * frames) / phonemes))
}

/** What comes of an utterance without words, or without time for them. */
function silence(samples: number, warnings: readonly string[], complete: boolean): Spoken {
  return {
    audio: new Float32Array(samples),
    words: [],
    warnings,
    timings: { languageModelSeconds: 0, vocoderSeconds: 0 },
    frames: 0,
    complete,
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

function fadeEnds(samples: Float32Array, length: number): void {
  const count = Math.min(length, samples.length >> 1)
  for (let i = 0; i < count; i++) {
    samples[i]! *= i / count
    samples[samples.length - 1 - i]! *= i / count
  }
}

function quote({ words }: Pick<Utterance, 'words'>): string {
  const text = words.map(word => word.text).join(' ')
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}

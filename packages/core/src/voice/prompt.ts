import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  clippedFraction,
  decodeAudio,
  isNarrowBand,
  measureLevel,
  peakAmplitude,
  resampleInTurns,
  sampleRateRange,
  toMono,
  trimSilence,
  widenBand,
} from '@mynah/audio'
import { AudioFormatError } from '@mynah/onnx'
import { VoiceError } from '../errors.ts'
import type { RawSamples } from './recording.ts'

/** A recording made ready for the codec. */
export interface PromptAudio {
  /** float32 [S] mono: trimmed, levelled, resampled. */
  readonly samples: Float32Array
  /** Seconds of it in which somebody speaks. */
  readonly speechSeconds: number
  /** What may make the voice worse than it could be, in sentences. */
  readonly warnings: readonly string[]
}

/** Less speech than this does not tell a voice. */
export const minPromptSeconds = 1
/** Longer prompts are cropped: they cost time in every sentence and, beyond the training's lengths, quality. */
export const maxPromptSeconds = 15
/** Longer recordings are refused, so that aligning them before they are cropped stays cheap. */
export const maxRecordingSeconds = 60

/** The level of the corpus: the speech of its speakers lies at −20.1 dBFS (−23.9 to −15.5). */
const targetSpeechDbfs = -20
/** Room for the resampling of later formats. */
const maxPeak = 0.97
/** Corpus and LibriSpeech lie above −33 dBFS; raising a recording by more than 25 dB raises its noise, too. */
const quietSpeechDbfs = -45
/** LibriSpeech and Kathleen have 15 dB and more between speech and the quietest tenth. */
const noisyDecibels = 12
/** Clipping beyond this part of the samples is heard. */
const maxClippedFraction = 0.001

/**
 * Reads a recording and makes it ready: mono, resampled, silence trimmed at both ends, speech at −20 dBFS.
 * @param source what `openRecording` gives
 * @param sampleRate Hz of the result
 * @throws {AudioFormatError} if it is no audio, is truncated, empty or longer than 60 s
 * @throws {VoiceError} `prompt-silent`, `prompt-too-short`
 * @throws {RangeError} for samples that are no recording
 */
export async function readPrompt(source: Uint8Array | RawSamples, sampleRate: number): Promise<PromptAudio> {
  const recording = await readRecording(source)
  const resampled = await resampleInTurns(recording.samples, recording.sampleRate, sampleRate)
  await nextTurn() // each step takes some milliseconds for a minute of audio
  const level = measureLevel(resampled, sampleRate)
  if (level.isSilent) {
    throw new VoiceError(
      `prompt: ${(resampled.length / sampleRate).toFixed(1)} s without speech (peak ${level.peakDbfs.toFixed(0)} dBFS); check the microphone and record again`,
      { code: 'prompt-silent' },
    )
  }
  await nextTurn()
  const trimmed = trimSilence(resampled, sampleRate)
  const seconds = trimmed.length / sampleRate
  if (seconds < minPromptSeconds) {
    throw new VoiceError(
      `prompt: ${seconds.toFixed(2)} s of speech, expected at least ${minPromptSeconds} s; record 3 to ${maxPromptSeconds} s of continuous speech`,
      { code: 'prompt-too-short' },
    )
  }
  const warnings = [...recording.warnings]
  const clipped = clippedFraction(recording.samples)
  if (clipped > maxClippedFraction) {
    warnings.push(
      `prompt: ${(clipped * 100).toFixed(1)} % of the samples are clipped, which the voice will repeat; record again at a lower level`,
    )
  }
  if (level.speechDbfs < quietSpeechDbfs) {
    warnings.push(
      `prompt: the speech is very quiet (${level.speechDbfs.toFixed(0)} dBFS), so its noise is amplified; record again closer to the microphone`,
    )
  }
  if (level.speechDbfs - level.noiseDbfs < noisyDecibels) {
    warnings.push(
      `prompt: only ${(level.speechDbfs - level.noiseDbfs).toFixed(0)} dB between speech and background, which the voice will repeat; record again in a quieter room`,
    )
  }
  await nextTurn()
  const narrow = isNarrowBand(trimmed, sampleRate)
  await nextTurn()
  if (narrow)
    warnings.push('prompt: nothing above 4 kHz, as from a telephone; the highs of the voice are guessed; record with a microphone')
  const whole = narrow ? widenBand(trimmed, sampleRate) : trimmed
  const gain = Math.min(10 ** ((targetSpeechDbfs - level.speechDbfs) / 20), maxPeak / peakAmplitude(whole))
  return { samples: whole.map(sample => sample * gain), speechSeconds: level.speechSeconds, warnings }
}

async function readRecording(source: Uint8Array | RawSamples): Promise<RawSamples & { readonly warnings: readonly string[] }> {
  if (source instanceof Uint8Array) {
    const audio = await decodeAudio(source, { maxSeconds: maxRecordingSeconds })
    await nextTurn()
    return { samples: toMono(audio), sampleRate: audio.sampleRate, warnings: audio.warnings }
  }
  const { samples, sampleRate } = source
  const [lowest, highest] = sampleRateRange
  if (!Number.isInteger(sampleRate) || sampleRate < lowest || sampleRate > highest) {
    throw new RangeError(`prompt: sampleRate is ${sampleRate} Hz, expected an integer from ${lowest} to ${highest}`)
  }
  if (!samples.every(Number.isFinite)) {
    throw new RangeError('prompt: samples hold NaN or infinity, expected numbers in [-1, 1]; check how they were computed')
  }
  if (samples.length === 0) throw new AudioFormatError('prompt: no samples, expected a recording', { code: 'empty-audio' })
  if (samples.length > maxRecordingSeconds * sampleRate) {
    const seconds = (samples.length / sampleRate).toFixed(1)
    throw new AudioFormatError(`prompt: ${seconds} s of audio, expected at most ${maxRecordingSeconds} s; cut it shorter`, {
      code: 'audio-too-long',
    })
  }
  return { samples, sampleRate, warnings: [] }
}

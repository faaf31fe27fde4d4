import type { Alignment } from '@mynah/lm'
import type { Tensor } from '@mynah/onnx'
import type { Models, PromptAligner } from '../contracts.ts'
import { VoiceError } from '../errors.ts'
import type { Utterance } from '../front-end.ts'
import { checkOptionNames } from '../option-names.ts'
import { startsOf } from '../word-times.ts'
import { maxPromptSeconds, readPrompt } from './prompt.ts'
import { type AudioSource, openRecording } from './recording.ts'
import { transcribe } from './transcribe.ts'
import { Voice } from './voice.ts'

/** What a voice is made of. */
export interface VoiceSource {
  /** 1 to 15 seconds of one speaker: a path or URL, bytes, a Blob, a stream, or samples. Longer recordings, up to 60 s, are cropped after a word. */
  readonly audio: AudioSource
  /**
   * What is said in the recording, every word of it. Without it `transcribe` writes it, which needs a package of its own and is less sure: the voice then
   * carries a warning with what was heard.
   */
  readonly transcript?: string
  readonly name?: string
  /** What the recording speaks, ISO 639-1, for bundles of several languages; other languages than English need their transcript as phonemes: `[你好](/ni↓xɑʊ↓↑/)`. */
  readonly language?: string
  /** Who allowed this voice to be used, and for what. Stored with the voice. */
  readonly consent?: string
  /** Licence of the recording. Stored with the voice. */
  readonly licence?: string
  readonly signal?: AbortSignal
}

const names = Object.keys({
  audio: true,
  transcript: true,
  name: true,
  language: true,
  consent: true,
  licence: true,
  signal: true,
} satisfies Record<keyof VoiceSource, true>)

/** The corpus has 6.5 to 23 phonemes a second (median 17), stress marks and spaces included; nobody speaks beyond these. */
const phonemesPerSecond = { fewest: 4, most: 32 } as const
/**
 * Mean log-probability per frame along the best alignment. Right transcripts of 30 human and 30 synthetic recordings had −1.63 to −0.54, transcripts of
 * other sentences −5.95 to −3.15; one wrong word costs about 0.5.
 */
const matchingScore = -2.5
const goodScore = -1.8
/** A cropped prompt ends after a word with punctuation where there is one in the second half, so that its intonation is complete. */
const preferredPart = 0.5

/**
 * Makes a voice of a recording: the prompt of VALL-E (arXiv:2301.02111), encoded and aligned once.
 * @throws {AudioFormatError} if it is no audio, truncated, or longer than 60 s
 * @throws {VoiceError} `prompt-silent`, `prompt-too-short`, `prompt-too-long`, `transcript-mismatch`
 * @throws {InferenceError} `missing-package`, `transcription-failed` without a transcript, if nothing can write one
 * @throws {TypeError} if the transcript is no string; {RangeError} if nothing in it can be spoken
 */
export async function createVoice(models: Models, source: VoiceSource, listen: typeof transcribe = transcribe): Promise<Voice> {
  checkOptionNames('createVoice', source, names)
  const { codec, frontEnd } = models
  const { audio, name = 'unnamed', language, consent, licence, signal } = source
  if (source.transcript !== undefined && typeof source.transcript !== 'string') {
    throw new TypeError(`createVoice: transcript is ${typeof source.transcript}, expected what is said in the recording`)
  }
  signal?.throwIfAborted()
  const recording = await openRecording(audio, signal)
  const prompt = await readPrompt(recording, codec.sampleRate)
  signal?.throwIfAborted()
  const heard = source.transcript === undefined ? await listen(recording) : undefined
  const transcript = source.transcript ?? heard!
  signal?.throwIfAborted()
  const text = await frontEnd.readTranscript(transcript, { language })
  const warnings = [...prompt.warnings, ...text.warnings]
  if (heard !== undefined) warnings.push(`prompt: heard "${heard}"; pass it as the transcript, corrected, if that is not every word of it`)
  checkSpeakingRate(text.phonemes.length, prompt.samples.length / codec.sampleRate, prompt.speechSeconds)
  if (!models.aligner && prompt.samples.length > maxPromptSeconds * codec.sampleRate) {
    throw new VoiceError(
      `prompt: ${(prompt.samples.length / codec.sampleRate).toFixed(1)} s, expected at most ${maxPromptSeconds} s: this bundle cannot find out where to cut it; cut recording and transcript`,
      { code: 'prompt-too-long' },
    )
  }
  const fit = (samples: Float32Array, its: Text): Promise<Aligned> =>
    models.aligner ? align(models.aligner, codec.samplesPerFrame, samples, its) : Promise.resolve(unaligned(samples, its))
  let aligned = await fit(prompt.samples, text)
  if (prompt.samples.length > maxPromptSeconds * codec.sampleRate) {
    const cropped = crop(prompt.samples, text, aligned.durations, codec.samplesPerFrame, maxPromptSeconds * codec.frameRate)
    const [before, after] = [prompt.samples, cropped.samples].map(samples => (samples.length / codec.sampleRate).toFixed(1))
    warnings.push(`prompt: ${before} s were cropped to ${after} s, after "${cropped.text.words.at(-1)!.text}"`)
    aligned = await fit(cropped.samples, cropped.text)
  }
  const { samples, words, spoken, score } = aligned
  if (score < goodScore) {
    warnings.push(`prompt: the transcript matches the recording badly (${score.toFixed(2)}, good is ${goodScore}); check every word of it`)
  }
  const codes = firstCodebooks(await codec.encode(samples, signal ? { signal } : {}), models.spokenCodebooks)
  return new Voice({
    name,
    transcript: words.length === text.words.length ? transcript.trim() : words.map(word => word.text).join(' '),
    codec: models.codecId,
    ...(language === undefined ? {} : { language }),
    ...(consent === undefined ? {} : { consent }),
    ...(licence === undefined ? {} : { licence }),
    codes,
    ...spoken,
    warnings,
  })
}

/** Codes at a lower bit rate: residual quantization makes the first ones independent of the later. */
function firstCodebooks({ shape, data }: Tensor<'int32'>, codebooks: number): Tensor<'int32'> {
  return { dtype: 'int32', shape: [codebooks, shape[1]!], data: data.slice(0, codebooks * shape[1]!) }
}

function checkSpeakingRate(phonemes: number, seconds: number, speechSeconds: number): void {
  const { fewest, most } = phonemesPerSecond
  const tooMany = phonemes > most * seconds
  if (!tooMany && phonemes >= fewest * speechSeconds) return
  throw new VoiceError(
    `prompt: the transcript has ${phonemes} phonemes for ${speechSeconds.toFixed(1)} s of speech, which is too ${tooMany ? 'many' : 'few'} ` +
      `(expected ${fewest} to ${most} a second); write down exactly what is said in the recording, and all of it`,
    { code: 'transcript-mismatch' },
  )
}

type Text = Pick<Utterance, 'phonemes' | 'words'>

interface Aligned extends Text, Alignment {
  readonly samples: Float32Array
}

function unaligned(samples: Float32Array, text: Text): Aligned {
  const durations = new Int32Array(0)
  return { samples, ...text, durations, score: 0, spoken: { phonemes: text.phonemes, durations } }
}

/** Pads to whole frames, so that codes and features have the same number of frames, and aligns. */
async function align(aligner: PromptAligner, samplesPerFrame: number, audio: Float32Array, text: Text): Promise<Aligned> {
  const samples = new Float32Array(Math.ceil(audio.length / samplesPerFrame) * samplesPerFrame)
  samples.set(audio)
  const alignment = await (await aligner.load()).align(await aligner.features(samples), text.phonemes)
  if (alignment.score < matchingScore) {
    throw new VoiceError(
      `prompt: the transcript does not match the recording (${alignment.score.toFixed(2)} per frame, expected ${matchingScore} and more); write down exactly what is said in it`,
      { code: 'transcript-mismatch' },
    )
  }
  return { samples, ...text, ...alignment }
}

/** The beginning of a prompt up to the end of a word. `durations` are in frames of `hop` samples. */
function crop(
  samples: Float32Array,
  text: Text,
  durations: Int32Array,
  hop: number,
  maxFrames: number,
): { samples: Float32Array; text: Text } {
  const starts = startsOf(durations)
  // a piece ends with a word, its punctuation, and half of the pause to the next word
  const pieces = text.words.slice(0, -1).map((word, index) => {
    const next = text.words[index + 1]!
    const punctuated = next.start - word.end > 1 // more than a space
    const frames = Math.ceil((starts[word.end]! + starts[next.start]!) / 2)
    return { words: index + 1, phonemes: punctuated ? next.start - 1 : word.end, punctuated, frames }
  })
  const fitting = pieces.filter(({ frames }) => frames <= maxFrames)
  const piece = fitting.findLast(({ punctuated, frames }) => punctuated && frames > preferredPart * maxFrames) ?? fitting.at(-1)
  if (!piece) {
    throw new VoiceError(`prompt: no word ends within the first ${maxPromptSeconds} s; cut the recording to 3 to ${maxPromptSeconds} s`, {
      code: 'prompt-too-long',
    })
  }
  const phonemes = new Int32Array(piece.phonemes + 1) // the last one is the boundary, 0
  phonemes.set(text.phonemes.subarray(0, piece.phonemes))
  return { samples: samples.subarray(0, piece.frames * hop), text: { phonemes, words: text.words.slice(0, piece.words) } }
}

import type { Tensor } from '@mynah/onnx'
import type { Codec, Models } from '../contracts.ts'
import { VoiceError } from '../errors.ts'
import { checkOptionNames } from '../option-names.ts'
import { maxPromptSeconds, type PromptAudio, readPrompt } from './prompt.ts'
import { type AudioSource, openRecording } from './recording.ts'
import { hearPrompt, mismatch, type Said, type Transcript } from './said.ts'
import { transcribe } from './transcribe.ts'
import { Voice } from './voice.ts'

/** What a voice is made of. */
export interface VoiceSource {
  /** 1 to 15 seconds of one speaker: a path or URL, bytes, a Blob, a stream, or samples. Longer recordings, up to 60 s, are cropped after a word. */
  readonly audio: AudioSource
  /**
   * What is said in the recording. Words that are not in it are left out, and those that are missing are taken as they sound, each with a warning. Without it all of it is taken
   * as it sounds, which is less sure; a warning says how sure. `transcribe` writes one with Whisper. Models without an aligner (VALL-E X) need every word of it, and call
   * `transcribe` themselves where there is none.
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

/** Ten minutes of speech; more would only cost time. */
const mostCharacters = 10_000

/**
 * Makes a voice of a recording: the prompt of VALL-E (arXiv:2301.02111), encoded and aligned once.
 * @throws {AudioFormatError} if it is no audio, truncated, or longer than 60 s
 * @throws {VoiceError} `prompt-silent`, `prompt-too-short`, `prompt-too-long`, `transcript-mismatch`
 * @throws {InferenceError} `missing-package`, `transcription-failed` without a transcript, for models without an aligner, if nothing can write one
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
  const text = source.transcript ?? (models.aligner ? undefined : await listen(recording))
  if (text !== undefined && text.length > mostCharacters)
    throw mismatch(`it has ${text.length} characters, expected at most ${mostCharacters}`)
  signal?.throwIfAborted()
  const read = text === undefined ? undefined : { text, ...(await frontEnd.readTranscript(text, { language })) }
  const said = models.aligner
    ? await hearPrompt({ ...codec, frontEnd, aligner: models.aligner }, prompt.samples, read)
    : believe(codec, prompt, read!)
  signal?.throwIfAborted()
  const heard = source.transcript === undefined && text !== undefined
  const codes = firstCodebooks(await codec.encode(said.samples, signal ? { signal } : {}), models.spokenCodebooks)
  return new Voice({
    name,
    codec: models.codecId,
    ...(language === undefined ? {} : { language }),
    ...(consent === undefined ? {} : { consent }),
    ...(licence === undefined ? {} : { licence }),
    ...said,
    codes,
    warnings: [
      ...prompt.warnings,
      ...(read?.warnings ?? []),
      ...said.warnings,
      ...(heard ? [`prompt: heard "${text}"; pass it as the transcript, corrected, if that is not every word of it`] : []),
    ],
  })
}

/** Codes at a lower bit rate: residual quantization makes the first ones independent of the later. */
function firstCodebooks({ shape, data }: Tensor<'int32'>, codebooks: number): Tensor<'int32'> {
  return { dtype: 'int32', shape: [codebooks, shape[1]!], data: data.slice(0, codebooks * shape[1]!) }
}

/** A prompt as its transcript says, for language models without an aligner. */
function believe(codec: Codec, { samples, speechSeconds }: PromptAudio, { text, phonemes }: Transcript): Said {
  const seconds = samples.length / codec.sampleRate
  const { fewest, most } = phonemesPerSecond
  const tooMany = phonemes.length > most * seconds
  if (tooMany || phonemes.length < fewest * speechSeconds) {
    throw new VoiceError(
      `prompt: the transcript has ${phonemes.length} phonemes for ${speechSeconds.toFixed(1)} s of speech, which is too ${tooMany ? 'many' : 'few'} ` +
        `(expected ${fewest} to ${most} a second); write down exactly what is said in the recording, and all of it`,
      { code: 'transcript-mismatch' },
    )
  }
  if (seconds > maxPromptSeconds) {
    throw new VoiceError(
      `prompt: ${seconds.toFixed(1)} s, expected at most ${maxPromptSeconds} s: this bundle cannot find out where to cut it; cut recording and transcript`,
      { code: 'prompt-too-long' },
    )
  }
  return { samples, phonemes, durations: new Int32Array(0), transcript: text.trim(), transcription: 'given', warnings: [] }
}

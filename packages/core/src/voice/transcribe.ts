import { InferenceError } from '@mynah/onnx'
import { checkOptionNames } from '../option-names.ts'
import { readPrompt } from './prompt.ts'
import { type AudioSource, openRecording } from './recording.ts'

/** Options of `transcribe`. */
export interface TranscribeOptions {
  /** A speech recognition model of the Hugging Face hub, or the folder of one. Whisper base.en (74 M parameters, MIT, English) by default. */
  readonly model?: string
}

const peer = '@huggingface/transformers'
const defaultModel = 'onnx-community/whisper-base.en'
/** What speech recognition models take. */
const sampleRate = 16000
/** Whisper hears this much at once; longer recordings are heard in overlapping pieces. */
const windowSeconds = 30

/** The part of `@huggingface/transformers` that is used. */
export interface Transformers {
  pipeline(task: 'automatic-speech-recognition', model: string): Promise<Recognizer>
}

interface Recognizer {
  (samples: Float32Array, options: { chunk_length_s: number }): Promise<unknown>
  dispose?(): Promise<unknown>
}

/**
 * Writes down what is said in a recording, for `createVoice`. Read it over: every wrong word makes the voice worse.
 * Needs the package @huggingface/transformers, an optional peer that is not installed with Mynah; it downloads the model at the first call. Paper: Whisper,
 * arXiv:2212.04356.
 * @throws {InferenceError} `missing-package`, or `transcription-failed` if the model cannot be had or says nothing
 * @throws {AudioFormatError}, {VoiceError} where `createVoice` would refuse the recording
 */
export async function transcribe(audio: AudioSource, options: TranscribeOptions = {}): Promise<string> {
  checkOptionNames('transcribe', options, ['model'])
  const transformers = await import(peer).catch(cause => {
    throw new InferenceError(
      `transcribe: the package ${peer} cannot be loaded; run "npm install ${peer}", or pass the transcript yourself`,
      {
        code: 'missing-package',
        cause,
      },
    )
  })
  return transcribeWith(transformers, audio, options)
}

/** `transcribe` with the package in hand. */
export async function transcribeWith(
  transformers: Transformers,
  audio: AudioSource,
  { model = defaultModel }: TranscribeOptions,
): Promise<string> {
  const { samples } = await readPrompt(await openRecording(audio), sampleRate)
  const recognize = async () => {
    const recognizer = await transformers.pipeline('automatic-speech-recognition', model)
    try {
      return await recognizer(samples, { chunk_length_s: windowSeconds })
    } finally {
      await recognizer.dispose?.()
    }
  }
  const result = await recognize().catch(cause => {
    throw new InferenceError(
      `transcribe: ${model} failed (${cause instanceof Error ? cause.message : cause}); check the name and the network, or pass the transcript yourself`,
      { code: 'transcription-failed', cause },
    )
  })
  const text = typeof result === 'object' && result !== null && 'text' in result ? String(result.text).trim() : ''
  if (text !== '') return text
  throw new InferenceError(`transcribe: ${model} heard no words; pass the transcript yourself`, { code: 'transcription-failed' })
}

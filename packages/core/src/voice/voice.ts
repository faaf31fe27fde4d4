import { readFile, stat, writeFile } from 'node:fs/promises'
import { readNpz, readSafetensors, type Tensor, toSafetensors } from '@mynah/onnx'
import type { Prompt } from '../contracts.ts'
import { VoiceError } from '../errors.ts'
import { checkOptionNames } from '../option-names.ts'

const format = 'mynah-voice'
/** The version of the voice file that this code writes and reads. */
const version = '1'
const ending = '.voice.safetensors'

/** A minute at 86 frames a second with 32 codebooks is 0.7 MB. */
const maxVoiceBytes = 16 * 2 ** 20
/** `lang_code` of a prompt of VALL-E X; the model itself counts otherwise. */
const npzLanguages = ['zh', 'ja', 'en']
/** encodec_24khz-d7cc33bc.th, which wrote the codes of VALL-E X's prompts: architecture@sha256. */
const publishedEncodec = 'encodec@d7cc33bcf1aad7f2dad9836f36431530744abeace3ca033005e3290ed4fa47bf'

/** More codebooks than any published codec has. */
const maxCodebooks = 64
/** Larger than any codebook and any phoneme table; what the models have is checked when they speak. */
const maxCode = 0xffff

/** Where a transcript is from: as it was `given`; `corrected` where the recording says otherwise; or `heard`, all of it. */
export type Transcription = (typeof transcriptions)[number]
const transcriptions = ['given', 'corrected', 'heard'] as const

/** Everything a `Voice` consists of. */
export interface VoiceFields extends Prompt {
  readonly name: string
  readonly transcript: string
  readonly transcription?: Transcription
  readonly codec: string
  readonly consent?: string
  readonly licence?: string
  readonly warnings?: readonly string[]
}

/**
 * A voice: a few seconds of somebody's speech as codes, and what was said when. Bound to the codec that wrote the codes.
 * Made by `synthesizer.createVoice`, or loaded from a `.voice.safetensors` file.
 */
export class Voice implements Prompt {
  readonly name: string
  /** What is said in the prompt. What was heard, not given, is IPA between slashes. */
  readonly transcript: string
  /** Where the transcript is from. */
  readonly transcription: Transcription
  /** The codec that wrote the codes: architecture@sha256. */
  readonly codec: string
  /** Who allowed this voice to be used, and for what; in the words of whoever made it. */
  readonly consent: string
  /** Licence of the recording. */
  readonly licence: string
  /** Codes int32 [K, T]. */
  readonly codes: Tensor<'int32'>
  /** Phoneme ids [P]. */
  readonly phonemes: Int32Array
  /** Frames per phoneme [P]; empty for a language model that needs none (VALL-E). */
  readonly durations: Int32Array
  /** What the prompt speaks, ISO 639-1; empty where the bundle has one language. */
  readonly language: string
  /** What may make the voice worse than it could be, in sentences. Known where the voice was created, not kept in its file. */
  readonly warnings: readonly string[]

  /** @throws {VoiceError} `malformed-voice` if codes, phonemes and durations do not agree */
  constructor(fields: VoiceFields) {
    checkPrompt(fields.name, fields)
    this.name = fields.name
    this.transcript = fields.transcript
    this.transcription = fields.transcription ?? 'given'
    this.codec = fields.codec
    this.consent = fields.consent ?? ''
    this.licence = fields.licence ?? ''
    this.codes = fields.codes
    this.phonemes = fields.phonemes
    this.durations = fields.durations
    this.language = fields.language ?? ''
    this.warnings = fields.warnings ?? []
  }

  /**
   * Reads a voice.
   * @param source the path of a `.voice.safetensors` file, or its bytes
   * @throws {VoiceError} `malformed-voice`, `unknown-version`
   * @throws {CheckpointError} if it is no safetensors file
   */
  static async load(source: string | URL | Uint8Array): Promise<Voice> {
    const where = source instanceof Uint8Array ? 'voice' : String(source)
    const { tensors, metadata } = readSafetensors(source instanceof Uint8Array ? source : await readVoiceFile(source), where)
    if (metadata.format !== format) {
      throw malformed(where, `its metadata hold no "format": "${format}"`, 'pass a file that voice.save wrote')
    }
    if (metadata.version !== version) {
      throw new VoiceError(
        `${where}: has version "${metadata.version}", expected "${version}"; install the version of Mynah that wrote it`,
        {
          code: 'unknown-version',
        },
      )
    }
    const integers = (name: string, rank: number): Tensor<'int32'> => {
      const tensor = tensors[name]
      if (tensor?.dtype === 'int32' && tensor.shape.length === rank) return tensor as Tensor<'int32'>
      const found = tensor ? `is ${tensor.dtype} [${tensor.shape.join(', ')}]` : 'is missing'
      throw malformed(where, `"${name}" ${found}, expected int32 of rank ${rank}`)
    }
    const codes = integers('codes', 2)
    const phonemes = integers('phonemes', 1).data
    const durations = integers('durations', 1).data
    checkPrompt(where, { codes, phonemes, durations })
    const { name = '', transcript = '', codec = '', consent = '', licence = '', language = '' } = metadata
    const transcription = transcriptions.find(each => each === metadata.transcription) ?? 'given'
    return new Voice({ name, transcript, transcription, codec, consent, licence, language, codes, phonemes, durations })
  }

  /**
   * Reads a prompt of VALL-E X: the `.npz` of its presets, or of its make_prompt.
   * @param source the path of the file, or its bytes
   * @param options.codec what wrote the codes; the published EnCodec of 24 kHz by default
   * @throws {VoiceError} `malformed-voice`
   * @throws {CheckpointError} if it is no `.npz` file of plain arrays
   */
  static async fromNpz(
    source: string | URL | Uint8Array,
    options: Partial<Pick<VoiceFields, 'name' | 'transcript' | 'codec' | 'consent' | 'licence'>> = {},
  ): Promise<Voice> {
    checkOptionNames('Voice.fromNpz', options, ['name', 'transcript', 'codec', 'consent', 'licence'])
    const where = source instanceof Uint8Array ? 'prompt' : String(source)
    const arrays = readNpz(source instanceof Uint8Array ? source : await readVoiceFile(source))
    const integers = (name: string, rank: number): { shape: readonly number[]; data: Int32Array } => {
      const tensor = arrays[name]
      if (!tensor || tensor.shape.length !== rank || !/^u?int/.test(tensor.dtype)) {
        const found = tensor ? `is ${tensor.dtype} [${tensor.shape.join(', ')}]` : 'is missing'
        throw malformed(where, `"${name}" ${found}, expected integers of rank ${rank}`, 'pass an .npz of VALL-E X')
      }
      return { shape: tensor.shape, data: Int32Array.from(tensor.data as ArrayLike<number | bigint>, Number) }
    }
    const { shape, data } = integers('audio_tokens', 3)
    const [batch, frames, codebooks] = shape as [number, number, number]
    if (batch !== 1) throw malformed(where, `"audio_tokens" is [${shape.join(', ')}], expected [1, T, K]`, 'pass an .npz of VALL-E X')
    const codes = Int32Array.from(data, (_, i) => data[(i % frames) * codebooks + Math.floor(i / frames)]!) // [T, K] → [K, T]
    const code = integers('lang_code', 0).data[0]!
    const language = npzLanguages[code]
    if (language === undefined)
      throw malformed(where, `"lang_code" is ${code}, expected 0 (zh), 1 (ja) or 2 (en)`, 'pass an .npz of VALL-E X')
    return new Voice({
      name: options.name ?? 'unnamed',
      transcript: options.transcript ?? '',
      codec: options.codec ?? publishedEncodec,
      ...(options.consent === undefined ? {} : { consent: options.consent }),
      ...(options.licence === undefined ? {} : { licence: options.licence }),
      language,
      codes: { dtype: 'int32', shape: [codebooks, frames], data: codes },
      phonemes: integers('text_tokens', 2).data,
      durations: new Int32Array(0),
    })
  }

  /**
   * Writes the voice, replacing a file that is there.
   * @param path ends in .voice.safetensors
   * @throws {RangeError} for another ending
   */
  async save(path: string): Promise<void> {
    if (!path.endsWith(ending)) throw new RangeError(`voice.save: "${path}" has another ending than ${ending}; add it`)
    await writeFile(path, this.toSafetensors())
  }

  /** The bytes that `save` writes. */
  toSafetensors(): Uint8Array {
    const { name, transcript, transcription, codec, consent, licence, language } = this
    const list = (data: Int32Array): Tensor => ({ dtype: 'int32', shape: [data.length], data })
    const tensors = { codes: this.codes, phonemes: list(this.phonemes), durations: list(this.durations) }
    const optional = { ...(transcription === 'given' ? {} : { transcription }), ...(language === '' ? {} : { language }) }
    return toSafetensors(tensors, { format, version, codec, name, transcript, consent, licence, ...optional })
  }
}

async function readVoiceFile(path: string | URL): Promise<Uint8Array> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile()) throw malformed(String(path), 'there is no such file', 'check the path')
  if (found.size > maxVoiceBytes) throw malformed(String(path), `it has ${found.size} bytes, a voice has at most ${maxVoiceBytes}`)
  return readFile(path)
}

function checkPrompt(where: string, { codes, phonemes, durations }: Prompt): void {
  const [codebooks = 0, frames = 0] = codes.shape
  if (codebooks < 1 || codebooks > maxCodebooks || frames < 1) {
    throw malformed(where, `codes are [${codes.shape.join(', ')}], expected [1…${maxCodebooks}, T ≥ 1]`)
  }
  const strange = codes.data.find(code => code < 0 || code > maxCode) ?? phonemes.find(phoneme => phoneme < 0 || phoneme > maxCode)
  if (strange !== undefined) throw malformed(where, `a code or phoneme is ${strange}, expected 0 to ${maxCode}`)
  if (phonemes.length > 0 && durations.length === 0) return
  if (phonemes.length === 0 || phonemes.length !== durations.length) {
    throw malformed(where, `${phonemes.length} phonemes and ${durations.length} durations, expected one each`)
  }
  if (durations.some(duration => duration < 1) || durations.reduce((sum, duration) => sum + duration, 0) !== frames) {
    throw malformed(where, `durations do not sum to the ${frames} frames of the codes, each at least 1`)
  }
}

function malformed(where: string, found: string, advice = 'create the voice again'): VoiceError {
  return new VoiceError(`${where}: is no voice: ${found}; ${advice}`, { code: 'malformed-voice' })
}

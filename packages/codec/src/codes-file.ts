import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { extname } from 'node:path'
import { AudioFormatError, createTensor, readSafetensors, type Tensor, writeSafetensors } from '@mynah/onnx'
import { z } from 'zod'
import { fromCodebooks, toCodebooks } from './codebooks.ts'
import { type AudioCodec, type CodecSegment, checkCodes } from './codec.ts'
import { readEcdc, writeEcdc } from './ecdc.ts'

/** A recording as a codec's codes. */
export interface EncodedAudio {
  /** As `encodeSegments` gives them. */
  readonly segments: readonly CodecSegment[]
  /** Samples per channel of the recording at the codec's rate, to which decoded audio is cut. */
  readonly samples: number
}

/** An hour of EnCodec at 24 kbit/s has 11 MB. */
const maxCodesBytes = 2 ** 28
const format = 'mynah-codes'
const version = '1'
/** Codes of larger codebooks do not fit int16. */
const largestInt16Codebook = 2 ** 15

const metadataSchema = z.object({
  format: z.literal(format),
  version: z.literal(version),
  codec: z.string(),
  sampleRate: z.coerce.number().int().positive(),
  samples: z.coerce.number().int().positive(),
})

/**
 * Ending of the files that `writeCodes` makes for a codec: `.ecdc`, the reference's own format, for EnCodec, else `.safetensors`.
 */
export function codesEnding(codec: Pick<AudioCodec, 'name'>): '.ecdc' | '.safetensors' {
  return codec.name === 'encodec' ? '.ecdc' : '.safetensors'
}

/**
 * Writes codes: EnCodec's as `.ecdc`, which the reference reads; those of other codecs as safetensors with one tensor `codes.K` [T] per codebook, each at its own rate
 * (int16 where it suffices), and string metadata `format`, `version`, `codec`, `sampleRate`, `samples`.
 * @throws {RangeError} for a path with another ending than `codesEnding`'s; for codes that do not fit the codec; for several segments outside of `.ecdc`
 */
export function writeCodes(path: string, { segments, samples }: EncodedAudio, codec: AudioCodec): void {
  checkEnding(path, codec)
  if (codesEnding(codec) === '.ecdc') {
    writeFileSync(path, writeEcdc({ model: ecdcModel(codec), samples, segments }, codec))
    return
  }
  const [segment, ...others] = segments
  if (!segment || others.length > 0 || segment.scale !== undefined) {
    throw new RangeError(
      `${path}: ${segments.length} segments with scales or overlap, expected one; leave "segment" and "normalize" out of the config`,
    )
  }
  const dtype = codec.codebookSize > largestInt16Codebook ? 'int32' : 'int16'
  const rows = toCodebooks(segment.codes, codec.strides)
  const tensors = Object.fromEntries(
    rows.map((row, k) => [`codes.${k}`, createTensor(dtype, dtype === 'int16' ? Int16Array.from(row) : row, [row.length])]),
  )
  writeSafetensors(path, tensors, { format, version, codec: codec.name, sampleRate: `${codec.sampleRate}`, samples: `${samples}` })
}

/**
 * Reads what `writeCodes` wrote, or for EnCodec any `.ecdc` file without entropy coding.
 * @param codec the codec that wrote it, which decodes it
 * @throws {AudioFormatError} `wrong-codec`, `bad-metadata`, `bad-codes`, `too-large`; all of readEcdc's
 * @throws {CheckpointError} for broken safetensors; {RangeError} for another ending
 */
export function readCodes(path: string, codec: AudioCodec): EncodedAudio {
  checkEnding(path, codec)
  const { size } = statSync(path)
  if (size > maxCodesBytes) throw fail(path, 'too-large', `${size} bytes, expected at most ${maxCodesBytes}`)
  return codesEnding(codec) === '.ecdc' ? readEcdcFile(path, codec) : readTensors(path, codec)
}

function readEcdcFile(path: string, codec: AudioCodec): EncodedAudio {
  const { model, samples, segments } = readEcdc(readFileSync(path), codec)
  if (model !== ecdcModel(codec)) throw fail(path, 'wrong-codec', `was written by ${model}, but the checkpoint is ${ecdcModel(codec)}`)
  if (segments.length === 0) throw fail(path, 'bad-codes', 'holds no audio')
  return { samples, segments }
}

function readTensors(path: string, codec: AudioCodec): EncodedAudio {
  const { tensors, metadata } = readSafetensors(path)
  const parsed = metadataSchema.safeParse(metadata)
  if (!parsed.success) throw fail(path, 'bad-metadata', `metadata: ${z.prettifyError(parsed.error)}; is it a file of mynah codec encode?`)
  const { samples, sampleRate } = parsed.data
  if (parsed.data.codec !== codec.name || sampleRate !== codec.sampleRate) {
    throw fail(
      path,
      'wrong-codec',
      `was written by ${parsed.data.codec} at ${sampleRate} Hz, but the checkpoint is ${codec.name} at ${codec.sampleRate} Hz`,
    )
  }
  const rows: ArrayLike<number>[] = []
  for (let k = 0; Object.hasOwn(tensors, `codes.${k}`); k++) rows.push(codesOf(path, `codes.${k}`, tensors[`codes.${k}`]!))
  if (rows.length === 0 || rows.length > codec.codebooks || rows.length !== Object.keys(tensors).length) {
    throw fail(path, 'bad-codes', `holds ${Object.keys(tensors).join(', ')}, expected codes.0 … up to codes.${codec.codebooks - 1}`)
  }
  try {
    const codes = fromCodebooks(rows, codec.strides)
    checkCodes(codec, codes)
    return { samples, segments: [{ codes }] }
  } catch (cause) {
    throw fail(path, 'bad-codes', (cause as Error).message, cause)
  }
}

function codesOf(path: string, name: string, { dtype, data, shape }: Tensor): ArrayLike<number> {
  if ((dtype === 'int16' || dtype === 'int32') && shape.length === 1) return data as Int16Array | Int32Array
  throw fail(path, 'bad-codes', `"${name}" is ${dtype} [${shape.join(', ')}], expected int16 or int32 [T]`)
}

/** Names of the reference's models: `encodec_24khz`, `encodec_48khz`. */
function ecdcModel({ sampleRate }: Pick<AudioCodec, 'sampleRate'>): string {
  return `encodec_${sampleRate / 1000}khz`
}

function checkEnding(path: string, codec: AudioCodec): void {
  const ending = codesEnding(codec)
  if (extname(path).toLowerCase() !== ending)
    throw new RangeError(`${path}: codes of ${codec.name} are kept in files that end in ${ending}`)
}

function fail(path: string, code: string, message: string, cause?: unknown): AudioFormatError {
  return new AudioFormatError(`${path}: ${message}`, cause === undefined ? { code } : { code, cause })
}

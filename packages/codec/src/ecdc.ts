import { AudioFormatError, type Tensor } from '@mynah/onnx'
import { z } from 'zod'
import type { AudioCodec, CodecSegment } from './codec.ts'

/** A compressed file of EnCodec. */
export interface Ecdc {
  /** Name of the model, e.g. `encodec_24khz`. */
  readonly model: string
  /** Samples per channel of the original, to which decoded audio is cut. */
  readonly samples: number
  /** Equally many codebooks in every segment. */
  readonly segments: readonly CodecSegment[]
}

/** What a reader must know of the codec, which the file only names. */
export type EcdcLayout = Pick<AudioCodec, 'sampleRate' | 'frameRate' | 'codebooks' | 'codebookSize' | 'normalizes' | 'segment'>

/** The models that the reference writes. */
export const ecdcLayouts: Readonly<Record<string, EcdcLayout>> = {
  encodec_24khz: { sampleRate: 24000, frameRate: 75, codebooks: 32, codebookSize: 1024, normalizes: false },
  encodec_48khz: {
    sampleRate: 48000,
    frameRate: 150,
    codebooks: 16,
    codebookSize: 1024,
    normalizes: true,
    segment: { length: 48000, stride: 47520 },
  },
}

const magic = 'ECDC'
/** Magic, version byte, big-endian length of the metadata. */
const headerBytes = 9
const version = 0
const scaleBytes = 4
/** The reference's metadata has about 60 bytes. */
const MAX_METADATA_BYTES = 4096

const metadataSchema = z.object({
  m: z.string().min(1).max(100),
  al: z.int().nonnegative(),
  nc: z.int().positive(),
  lm: z.boolean(),
})

/**
 * Reads a `.ecdc` file: codes bit-packed, lowest bit first, frame by frame. Format: facebookresearch/encodec@0e2d0ae compress.py, binary.py.
 * Memory is bounded by the size of the file. Bytes after the last segment are ignored, as the reference ignores them.
 * @param layout of the codec; for the published models known by their names
 * @throws {AudioFormatError} `wrong-magic`, `unsupported-version`, `bad-metadata`, `unknown-model`, `unsupported-entropy-coding`, `truncated`, `bad-scale`
 */
export function readEcdc(bytes: Uint8Array, layout?: EcdcLayout): Ecdc {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = readHeader(bytes, view)
  const { m: model, al: samples, nc: codebooks, lm } = readMetadata(bytes, start)
  if (lm) {
    throw fail(
      'unsupported-entropy-coding',
      `${model} was written with the entropy-coding language model; write it again without (use_lm false)`,
    )
  }
  const known = layout ?? (Object.hasOwn(ecdcLayouts, model) ? ecdcLayouts[model] : undefined)
  if (!known)
    throw fail('unknown-model', `model "${model}" is none of ${Object.keys(ecdcLayouts).join(', ')}; pass the layout of its codec`)
  if (codebooks > known.codebooks) throw fail('bad-metadata', `${codebooks} codebooks, but ${model} has ${known.codebooks}`)

  const bits = bitsOf(known)
  const segments: CodecSegment[] = []
  let at = start.end
  for (const frames of segmentFrames(known, samples)) {
    const size = (known.normalizes ? scaleBytes : 0) + Math.ceil((frames * codebooks * bits) / 8)
    if (at + size > bytes.length) {
      throw fail('truncated', `segment ${segments.length} needs ${size} bytes at ${at}, but the file has ${bytes.length}; get it again`)
    }
    const scale = known.normalizes ? view.getFloat32(at) : undefined
    if (scale !== undefined && !Number.isFinite(scale)) throw fail('bad-scale', `segment ${segments.length} has scale ${scale}`)
    const codes = unpackCodes(bytes.subarray(at + (known.normalizes ? scaleBytes : 0), at + size), codebooks, frames, bits)
    segments.push(scale === undefined ? { codes } : { codes, scale })
    at += size
  }
  return { model, samples, segments }
}

/**
 * Writes a `.ecdc` file that the reference reads.
 * @param layout of the codec; for the published models known by their names
 * @throws {RangeError} if segments do not add up to `samples`, differ in codebooks, lack scales that the layout wants, or hold codes out of range
 */
export function writeEcdc(ecdc: Ecdc, layout?: EcdcLayout): Uint8Array {
  const known = layout ?? (Object.hasOwn(ecdcLayouts, ecdc.model) ? ecdcLayouts[ecdc.model] : undefined)
  if (!known)
    throw new RangeError(`writeEcdc: model "${ecdc.model}" is none of ${Object.keys(ecdcLayouts).join(', ')}; pass the layout of its codec`)
  if (!Number.isSafeInteger(ecdc.samples) || ecdc.samples < 0)
    throw new RangeError(`writeEcdc: samples is ${ecdc.samples}, expected a count`)
  const expected: number[] = []
  for (const frames of segmentFrames(known, ecdc.samples)) {
    expected.push(frames)
    if (expected.length > ecdc.segments.length) break // too few are given; how many is not worth counting
  }
  const codebooks = ecdc.segments[0]?.codes.shape[0] ?? 1
  const found = ecdc.segments.map(({ codes }) => codes.shape.join(' × '))
  if (codebooks < 1 || codebooks > known.codebooks || found.join() !== expected.map(frames => `${codebooks} × ${frames}`).join()) {
    throw new RangeError(
      `writeEcdc: segments are [${found.slice(0, 4).join(', ')}], expected [K, T] with T = ${expected.slice(0, 4).join(', ')} for ${ecdc.samples} samples`,
    )
  }
  const bits = bitsOf(known)
  const metadata = Buffer.from(JSON.stringify({ m: ecdc.model, al: ecdc.samples, nc: codebooks, lm: false }))
  const header = Buffer.alloc(headerBytes)
  header.write(magic, 'latin1')
  header.writeUInt8(version, 4)
  header.writeUInt32BE(metadata.length, 5)
  const parts: Uint8Array[] = [header, metadata]
  ecdc.segments.forEach(({ codes, scale }, index) => {
    if (known.normalizes) {
      if (scale === undefined || !Number.isFinite(scale))
        throw new RangeError(`writeEcdc: segment ${index} has scale ${scale}, expected a number`)
      const field = Buffer.alloc(scaleBytes)
      field.writeFloatBE(scale)
      parts.push(field)
    }
    parts.push(packCodes(codes, bits))
  })
  return new Uint8Array(Buffer.concat(parts))
}

/**
 * Packs codes into `bits` bits each, frame by frame, all codebooks of a frame in order, lowest bit first; the last byte is filled with zeros.
 * @param codes int32 [K, T]
 * @throws {RangeError} if a code does not fit
 */
export function packCodes(codes: Tensor<'int32'>, bits: number): Uint8Array {
  const [codebooks, frames] = codes.shape as [number, number]
  const packed = new Uint8Array(Math.ceil((codebooks * frames * bits) / 8))
  let at = 0
  for (let t = 0; t < frames; t++) {
    for (let k = 0; k < codebooks; k++) {
      const code = codes.data[k * frames + t]!
      if (!(code >= 0 && code < 2 ** bits))
        throw new RangeError(`packCodes: code ${code} of codebook ${k}, frame ${t} does not fit ${bits} bits`)
      for (let bit = 0; bit < bits; bit++, at++) packed[at >>> 3]! |= ((code >>> bit) & 1) << (at & 7)
    }
  }
  return packed
}

/** The inverse of `packCodes`. @throws {RangeError} if there are too few bytes */
export function unpackCodes(packed: Uint8Array, codebooks: number, frames: number, bits: number): Tensor<'int32'> {
  const needed = Math.ceil((codebooks * frames * bits) / 8)
  if (packed.length < needed) throw new RangeError(`unpackCodes: ${packed.length} bytes, expected ${needed}`)
  const data = new Int32Array(codebooks * frames)
  let at = 0
  for (let t = 0; t < frames; t++) {
    for (let k = 0; k < codebooks; k++) {
      let code = 0
      for (let bit = 0; bit < bits; bit++, at++) code |= ((packed[at >>> 3]! >>> (at & 7)) & 1) << bit
      data[k * frames + t] = code
    }
  }
  return { dtype: 'int32', shape: [codebooks, frames], data }
}

/** Frames of each segment; lazily, since the number of segments comes from the file. */
function* segmentFrames(layout: EcdcLayout, samples: number): Generator<number> {
  const { length, stride } = layout.segment ?? { length: samples, stride: samples }
  for (let start = 0; start < samples; start += stride) {
    yield Math.ceil((Math.min(samples - start, length) * layout.frameRate) / layout.sampleRate)
  }
}

function bitsOf({ codebookSize }: EcdcLayout): number {
  const bits = Math.log2(codebookSize)
  if (!Number.isInteger(bits)) throw new RangeError(`ecdc: a codebook of ${codebookSize} codewords, expected a power of two`)
  return bits
}

function readHeader(bytes: Uint8Array, view: DataView): { start: number; end: number } {
  const found = Buffer.from(bytes.subarray(0, magic.length)).toString('latin1')
  if (found !== magic) throw fail('wrong-magic', `begins with ${JSON.stringify(found)}, expected "${magic}"; is it an .ecdc file?`)
  if (bytes.length < headerBytes) throw fail('truncated', `has ${bytes.length} bytes, the header alone ${headerBytes}`)
  if (bytes[4] !== version) throw fail('unsupported-version', `has version ${bytes[4]}, expected ${version}`)
  const length = view.getUint32(5)
  if (length > MAX_METADATA_BYTES) throw fail('bad-metadata', `metadata of ${length} bytes, expected at most ${MAX_METADATA_BYTES}`)
  if (headerBytes + length > bytes.length) throw fail('truncated', `ends within its metadata of ${length} bytes`)
  return { start: headerBytes, end: headerBytes + length }
}

function readMetadata(bytes: Uint8Array, { start, end }: { start: number; end: number }): z.infer<typeof metadataSchema> {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(bytes.subarray(start, end)).toString('utf8'))
  } catch (cause) {
    throw fail('bad-metadata', 'metadata is not JSON', cause)
  }
  const parsed = metadataSchema.safeParse(json)
  if (!parsed.success) throw fail('bad-metadata', z.prettifyError(parsed.error), parsed.error)
  return parsed.data
}

function fail(code: string, message: string, cause?: unknown): AudioFormatError {
  return new AudioFormatError(`ecdc: ${message}`, cause === undefined ? { code } : { code, cause })
}

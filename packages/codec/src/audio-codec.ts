import { float32Tensor, type Tensor } from '@mynah/onnx'
import { type AudioCodec, type Codec, type CodecSegment, checkCodes, type DecodeOptions, toChannels, trim } from './codec.ts'
import { joinColumns } from './columns.ts'
import { cutSegments, joinSegments, type Segmentation } from './segments.ts'
import { type CausalHalf, runCausal } from './streaming.ts'

/** What an architecture implements; `createAudioCodec` adds checks, segments, scales and streams. */
export interface CodecBackend extends Omit<Codec, 'encode'> {
  readonly channels: number
  readonly bandwidthsKbps: readonly number[]
  readonly segment?: Segmentation
  readonly normalizes: boolean
  readonly strides: readonly number[]
  /** Both networks stretch by stretch, if they never look ahead. */
  readonly causal?: { readonly encoder: CausalHalf; readonly decoder: CausalHalf }
  /** Codebooks of a bandwidth; undefined if the codec lacks it. */
  levelsFor(bandwidthKbps: number): number | undefined
  /** float32 [C, S] → float32 [latentDim, T] */
  latents(waveform: Tensor<'float32'>, options: { signal?: AbortSignal }): Promise<Tensor<'float32'>>
  /** float32 [latentDim, T] → int32 [levels, T] */
  quantize(latents: Tensor<'float32'>, levels: number, options: { signal?: AbortSignal }): Promise<Tensor<'int32'>>
  /** float32 [latentDim, T] → float32 [C, S] */
  synthesize(features: Tensor<'float32'>, options: DecodeOptions): Promise<Tensor<'float32'>>
}

/** Keeps silence from dividing by zero, as facebookresearch/encodec does. */
const smallestScale = 1e-8

/** Joins a backend with what all codecs share. Segments and scales: EnCodec, arXiv:2210.13438, section 3.1. */
export function createAudioCodec(backend: CodecBackend): AudioCodec {
  const { name, channels, codebooks, segment } = backend
  const maxFrames = Math.ceil(backend.frameRate) // in one run of a stream: a second

  const levelsOf = (bandwidthKbps: number | undefined): number => {
    const levels = bandwidthKbps === undefined ? codebooks : backend.levelsFor(bandwidthKbps)
    if (levels === undefined) {
      throw new RangeError(`${name}: bandwidthKbps is ${bandwidthKbps}, expected one of ${backend.bandwidthsKbps.join(', ')}`)
    }
    return levels
  }

  const encodeSegment = async (waveform: Tensor<'float32'>, levels: number, signal: { signal?: AbortSignal }): Promise<CodecSegment> => {
    const scale = backend.normalizes ? loudness(waveform) : undefined
    const scaled = scale === undefined ? waveform : map(waveform, value => value / scale)
    const codes = await backend.quantize(await backend.latents(scaled, signal), levels, signal)
    return scale === undefined ? { codes } : { codes, scale }
  }

  const checkSegment = ({ codes, scale = 1 }: CodecSegment) => {
    checkCodes(backend, codes)
    if (!Number.isFinite(scale)) throw new RangeError(`${name}: a segment's scale is ${scale}, expected a finite number`)
  }

  async function* decodeEach(segments: Parameters<AudioCodec['decodeStream']>[0], options: DecodeOptions) {
    for await (const part of segments) {
      checkSegment(part)
      const { codes, scale } = part
      const waveform = await backend.synthesize(backend.toFeatures(codes), options)
      yield scale === undefined ? waveform : map(waveform, value => value * scale)
    }
  }

  const encodeSegments: AudioCodec['encodeSegments'] = async (waveform, options = {}) => {
    const levels = levelsOf(options.bandwidthKbps)
    const signal = signalOf(options)
    const whole = toChannels(name, waveform, channels)
    if (!segment) return [await encodeSegment(whole, levels, signal)]
    const segments: CodecSegment[] = []
    for await (const part of cutSegments([whole], channels, segment)) segments.push(await encodeSegment(part, levels, signal))
    return segments
  }

  const decodeSegments: AudioCodec['decodeSegments'] = async (segments, options = {}) => {
    if (segments.length === 0 || (!segment && segments.length > 1)) {
      throw new RangeError(`${name}: ${segments.length} segments, expected ${segment ? 'at least one' : 'one'}`)
    }
    const pieces: Tensor<'float32'>[] = []
    const parts = decodeEach(segments, options)
    for await (const piece of segment ? joinSegments(name, parts, segment) : parts) pieces.push(piece)
    return trim(name, joinColumns(pieces), options.samples)
  }

  async function* featuresOf(segments: Parameters<AudioCodec['decodeStream']>[0]) {
    for await (const part of segments) {
      checkSegment(part)
      yield backend.toFeatures(part.codes)
    }
  }

  const causal = () => {
    if (backend.causal && !backend.normalizes) return backend.causal
    throw new TypeError(`${name}: cannot run on a stream, as each of its frames depends on later audio; use encode and decode on the whole`)
  }

  return {
    name,
    sampleRate: backend.sampleRate,
    frameRate: backend.frameRate,
    samplesPerFrame: backend.samplesPerFrame,
    channels,
    codebooks,
    codebookSize: backend.codebookSize,
    latentDim: backend.latentDim,
    bandwidthsKbps: backend.bandwidthsKbps,
    ...(segment && { segment }),
    normalizes: backend.normalizes,
    strides: backend.strides,
    encodeSegments,
    decodeSegments,
    async *encodeStream(waveform, options = {}) {
      const levels = levelsOf(options.bandwidthKbps)
      const signal = signalOf(options)
      const chunks = checkChunks(name, waveform, channels)
      if (segment) {
        for await (const part of cutSegments(chunks, channels, segment)) yield await encodeSegment(part, levels, signal)
        return
      }
      for await (const latents of runCausal(causal().encoder, chunks, { ...signal, maxFrames })) {
        yield { codes: await backend.quantize(latents, levels, signal) }
      }
    },
    async *decodeStream(segments, options = {}) {
      const signal = signalOf(options)
      if (segment) yield* joinSegments(name, decodeEach(segments, signal), segment)
      else yield* runCausal(causal().decoder, featuresOf(segments), { ...signal, maxFrames })
    },
    async encode(waveform, options) {
      const segments = await encodeSegments(waveform, options)
      return joinCodes(segments.map(({ codes }) => codes))
    },
    async decode(codes, options) {
      checkCodes(backend, codes)
      const frames = segment ? Math.ceil(segment.length / backend.samplesPerFrame) : codes.shape[1]!
      return decodeSegments(
        splitCodes(codes, frames).map(part => ({ codes: part })),
        options,
      )
    },
    toFeatures(codes) {
      checkCodes(backend, codes)
      return backend.toFeatures(codes)
    },
    async latents(waveform, options = {}) {
      const whole = toChannels(name, waveform, channels)
      if (segment && whole.shape[1]! > segment.length) {
        throw new RangeError(`${name}: ${whole.shape[1]} samples are more than one segment (${segment.length})`)
      }
      const scale = backend.normalizes ? loudness(whole) : 1
      return backend.latents(scale === 1 ? whole : map(whole, value => value / scale), signalOf(options))
    },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  }
}

/** int64 codes as ONNX Runtime returns them → int32. */
export function toInt32(codes: Tensor): Tensor<'int32'> {
  return { dtype: 'int32', shape: codes.shape, data: Int32Array.from(codes.data as BigInt64Array, Number) }
}

/** Options with or without a signal, as the runtime wants them. */
export function signalOf({ signal }: { signal?: AbortSignal }): { signal?: AbortSignal } {
  return signal ? { signal } : {}
}

/** Root mean square of the channels' mean. */
function loudness({ data, shape }: Tensor<'float32'>): number {
  const [channels, samples] = shape as [number, number]
  let sum = 0
  for (let i = 0; i < samples; i++) {
    let mono = 0
    for (let c = 0; c < channels; c++) mono += data[c * samples + i]!
    sum += (mono / channels) ** 2
  }
  return Math.fround(smallestScale + Math.sqrt(sum / samples))
}

function map({ data, shape }: Tensor<'float32'>, change: (value: number) => number): Tensor<'float32'> {
  return float32Tensor(data.map(change), shape)
}

/** Chunks of a waveform as float32 [C, S]; empty ones are left out. @throws {RangeError} as `toChannels`, and if all are empty */
async function* checkChunks(
  name: string,
  chunks: Parameters<AudioCodec['encodeStream']>[0],
  channels: number,
): AsyncGenerator<Tensor<'float32'>, void, undefined> {
  let any = false
  for await (const chunk of chunks) {
    if ((chunk instanceof Float32Array ? chunk : chunk.data).length === 0) continue
    any = true
    yield toChannels(name, chunk, channels)
  }
  if (!any) throw new RangeError(`${name}: the stream ended without samples`)
}

function joinCodes(parts: readonly Tensor<'int32'>[]): Tensor<'int32'> {
  if (parts.length === 1) return parts[0]!
  const levels = parts[0]!.shape[0]!
  const total = parts.reduce((sum, part) => sum + part.shape[1]!, 0)
  const data = new Int32Array(levels * total)
  let at = 0
  for (const part of parts) {
    const frames = part.shape[1]!
    for (let k = 0; k < levels; k++) data.set(part.data.subarray(k * frames, (k + 1) * frames), k * total + at)
    at += frames
  }
  return { dtype: 'int32', shape: [levels, total], data }
}

function splitCodes(codes: Tensor<'int32'>, frames: number): Tensor<'int32'>[] {
  const [levels, total] = codes.shape as [number, number]
  if (frames >= total) return [codes]
  return Array.from({ length: Math.ceil(total / frames) }, (_, index) => {
    const start = index * frames
    const length = Math.min(frames, total - start)
    const data = new Int32Array(levels * length)
    for (let k = 0; k < levels; k++) data.set(codes.data.subarray(k * total + start, k * total + start + length), k * length)
    return { dtype: 'int32', shape: [levels, length], data }
  })
}

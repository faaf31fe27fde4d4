import { float32Tensor, type Model, type OnnxModel, type Runtime, type Tensor } from '@mynah/onnx'
import { type AudioCodec, type Codec, type CodecSegment, checkCodes, type DecodeOptions, toChannels, trim } from './codec.ts'

/** What an architecture implements; `createAudioCodec` adds checks, segments and scales. */
export interface CodecBackend extends Omit<Codec, 'encode'> {
  readonly channels: number
  readonly bandwidthsKbps: readonly number[]
  readonly segment?: { readonly length: number; readonly stride: number }
  readonly normalizes: boolean
  readonly strides: readonly number[]
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

  const levelsOf = (bandwidthKbps: number | undefined): number => {
    const levels = bandwidthKbps === undefined ? codebooks : backend.levelsFor(bandwidthKbps)
    if (levels === undefined) {
      throw new RangeError(`${name}: bandwidthKbps is ${bandwidthKbps}, expected one of ${backend.bandwidthsKbps.join(', ')}`)
    }
    return levels
  }

  const encodeSegment = async (waveform: Tensor<'float32'>, levels: number, signal: { signal?: AbortSignal }): Promise<CodecSegment> => {
    const scale = backend.normalizes ? loudness(waveform) : undefined
    const scaled =
      scale === undefined
        ? waveform
        : float32Tensor(
            waveform.data.map(value => value / scale),
            waveform.shape,
          )
    const codes = await backend.quantize(await backend.latents(scaled, signal), levels, signal)
    return scale === undefined ? { codes } : { codes, scale }
  }

  const encodeSegments: AudioCodec['encodeSegments'] = async (waveform, options = {}) => {
    const levels = levelsOf(options.bandwidthKbps)
    const signal = signalOf(options)
    const whole = toChannels(name, waveform, channels)
    const samples = whole.shape[1]!
    const { length, stride } = segment ?? { length: samples, stride: samples }
    const segments: CodecSegment[] = []
    for (let start = 0; start < samples; start += stride) {
      segments.push(await encodeSegment(cut(whole, start, Math.min(start + length, samples)), levels, signal))
    }
    return segments
  }

  const decodeSegments: AudioCodec['decodeSegments'] = async (segments, options = {}) => {
    if (segments.length === 0 || (!segment && segments.length > 1)) {
      throw new RangeError(`${name}: ${segments.length} segments, expected ${segment ? 'at least one' : 'one'}`)
    }
    for (const { codes, scale = 1 } of segments) {
      checkCodes(backend, codes)
      if (!Number.isFinite(scale)) throw new RangeError(`${name}: a segment's scale is ${scale}, expected a finite number`)
    }
    const parts: Tensor<'float32'>[] = []
    for (const { codes, scale } of segments) {
      const part = await backend.synthesize(backend.toFeatures(codes), options)
      parts.push(
        scale === undefined
          ? part
          : float32Tensor(
              part.data.map(value => value * scale),
              part.shape,
            ),
      )
    }
    return trim(name, segment ? overlapAdd(parts, segment.stride) : parts[0]!, options.samples)
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
      return backend.latents(
        scale === 1
          ? whole
          : float32Tensor(
              whole.data.map(value => value / scale),
              whole.shape,
            ),
        signalOf(options),
      )
    },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  }
}

/** Sessions opened when first needed, one per key. */
export class LazyModels implements AsyncDisposable {
  readonly #runtime: Runtime
  readonly #name: string
  readonly #models = new Map<string, Promise<Model>>()

  constructor(runtime: Runtime, name: string) {
    this.#runtime = runtime
    this.#name = name
  }

  /** The session of `key`; a failed one is tried again next time. */
  get(key: string, build: () => OnnxModel): Promise<Model> {
    const known = this.#models.get(key)
    if (known) return known
    const opened = this.#runtime.load(build, { name: `${this.#name} ${key}` })
    this.#models.set(key, opened)
    opened.catch(() => this.#models.delete(key))
    return opened
  }

  /** Waits for sessions and checks what was read for them; if anything fails, closes all. */
  async ready(opened: readonly Promise<Model>[], check: () => void): Promise<void> {
    try {
      await Promise.all(opened)
      check()
    } catch (error) {
      await this[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Closes all sessions. */
  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#models.values())
    this.#models.clear()
    await Promise.all(opened.map(result => (result.status === 'fulfilled' ? result.value.dispose() : undefined)))
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

function cut(waveform: Tensor<'float32'>, start: number, end: number): Tensor<'float32'> {
  const [channels, samples] = waveform.shape as [number, number]
  if (start === 0 && end === samples) return waveform
  const data = new Float32Array(channels * (end - start))
  for (let c = 0; c < channels; c++) data.set(waveform.data.subarray(c * samples + start, c * samples + end), c * (end - start))
  return float32Tensor(data, [channels, end - start])
}

/** Weighted mean of overlapping segments, each with a triangular window that is nowhere zero. */
function overlapAdd(parts: readonly Tensor<'float32'>[], stride: number): Tensor<'float32'> {
  const channels = parts[0]!.shape[0]!
  const longest = parts[0]!.shape[1]!
  const total = Math.max(...parts.map((part, i) => i * stride + part.shape[1]!))
  const window = Float64Array.from({ length: longest }, (_, i) => 0.5 - Math.abs((i + 1) / (longest + 1) - 0.5))
  const sum = new Float64Array(channels * total)
  const weight = new Float64Array(total)
  parts.forEach(({ data, shape }, index) => {
    const length = shape[1]!
    if (length > longest) throw new RangeError(`segment ${index} has ${length} samples, more than the first (${longest})`)
    const start = index * stride
    for (let i = 0; i < length; i++) weight[start + i]! += window[i]!
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < length; i++) sum[c * total + start + i]! += window[i]! * data[c * length + i]!
    }
  })
  return float32Tensor(
    Float32Array.from(sum, (value, i) => value / weight[i % total]!),
    [channels, total],
  )
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

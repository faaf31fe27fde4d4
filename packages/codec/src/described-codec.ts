import { concat, findBandwidth, float32Tensor, listBandwidths, slice, type Tensor } from '@mynah/onnx'
import type { CodecDescription } from './architecture.ts'
import {
  type AudioCodec,
  type CodecSegment,
  checkCodes,
  type DecodeOptions,
  type DecoderStream,
  type EncodeOptions,
  type EncoderStream,
  toChannels,
  trim,
} from './codec.ts'
import { quantizerOf } from './networks.ts'
import { type Segmentation, SegmentCutter, SegmentJoiner } from './segments.ts'
import type { Sessions } from './sessions.ts'
import { type CausalNetwork, CausalStream } from './streaming.ts'

type Wave = Tensor<'float32'>
type Signal = { readonly signal?: AbortSignal }

/** Keeps silence from dividing by zero, as facebookresearch/encodec does. */
const smallestScale = 1e-8

/** What a description says, on the sessions of its graphs. Segments and scales: EnCodec, arXiv:2210.13438, section 3.1. */
export class DescribedCodec implements AudioCodec {
  readonly name: string
  readonly #description: CodecDescription
  readonly #sessions: Sessions
  readonly #sum: (codes: Tensor<'int32'>) => Wave
  readonly #close: () => Promise<void>

  /**
   * @param sum what `readCodewords` returned
   * @param close frees the sessions, and what else belongs to this codec
   */
  constructor(
    name: string,
    description: CodecDescription,
    sessions: Sessions,
    sum: (codes: Tensor<'int32'>) => Wave,
    close: () => Promise<void>,
  ) {
    this.name = name
    this.#description = description
    this.#sessions = sessions
    this.#sum = sum
    this.#close = close
  }

  get sampleRate(): number {
    return this.#description.layout.sampleRate
  }
  get frameRate(): number {
    return this.#description.layout.frameRate
  }
  get samplesPerFrame(): number {
    return this.#description.layout.samplesPerFrame
  }
  get channels(): number {
    return this.#description.layout.channels
  }
  get codebooks(): number {
    return this.#description.layout.codebooks
  }
  get codebookSize(): number {
    return this.#description.layout.codebookSize
  }
  get latentDim(): number {
    return this.#description.latentDim
  }
  get bandwidthsKbps(): readonly number[] {
    return this.#description.layout.bandwidthsKbps
  }
  get strides(): readonly number[] {
    return this.#description.layout.strides
  }
  get normalizes(): boolean {
    return this.#description.layout.normalizes
  }
  get segment(): Segmentation | undefined {
    return this.#description.layout.segment
  }

  async encode(waveform: Float32Array | Wave, options?: EncodeOptions): Promise<Tensor<'int32'>> {
    const segments = await this.encodeSegments(waveform, options)
    return concat(segments.map(({ codes }) => codes))
  }

  async decode(codes: Tensor<'int32'>, options?: DecodeOptions): Promise<Wave> {
    checkCodes(this, codes)
    const total = codes.shape[1]!
    const frames = this.segment ? Math.ceil(this.segment.length / this.samplesPerFrame) : total
    const starts = Array.from({ length: Math.ceil(total / frames) }, (_, i) => i * frames)
    return this.decodeSegments(
      starts.map(start => ({ codes: slice(codes, start, Math.min(total, start + frames)) })),
      options,
    )
  }

  async encodeSegments(waveform: Float32Array | Wave, options: EncodeOptions = {}): Promise<readonly CodecSegment[]> {
    const codebooks = this.#codebooksFor(options.bandwidthKbps)
    const whole = toChannels(this.name, waveform, this.channels)
    const parts = this.segment ? new SegmentCutter(this.channels, this.segment).push(whole, true) : [whole]
    const segments: CodecSegment[] = []
    for (const part of parts) segments.push(await this.#encodeSegment(part, codebooks, signalOf(options)))
    return segments
  }

  async decodeSegments(segments: readonly CodecSegment[], options: DecodeOptions = {}): Promise<Wave> {
    const { segment } = this
    if (segments.length === 0 || (!segment && segments.length > 1)) {
      throw new RangeError(`${this.name}: ${segments.length} segments, expected ${segment ? 'at least one' : 'one'}`)
    }
    if (!segment) return trim(this.name, await this.#decodeSegment(segments[0]!, options), options.samples)
    const joiner = new SegmentJoiner(this.name, segment)
    const pieces: (Wave | undefined)[] = []
    for (const part of segments) pieces.push(joiner.push(await this.#decodeSegment(part, options)))
    pieces.push(joiner.finish())
    return trim(this.name, concat(pieces.filter(piece => piece !== undefined)), options.samples)
  }

  openEncoder(options: EncodeOptions = {}): EncoderStream {
    const codebooks = this.#codebooksFor(options.bandwidthKbps)
    const signal = signalOf(options)
    if (this.segment) {
      const cutter = new SegmentCutter(this.channels, this.segment)
      const codec = this
      return this.#encoderStream(async function* (chunk, last) {
        for (const part of cutter.push(chunk, last)) yield await codec.#encodeSegment(part, codebooks, signal)
      })
    }
    const network = new CausalStream(this.#causal('encoder', this.samplesPerFrame, this.channels))
    const quantize = (latents: Wave) => this.#quantize(latents, codebooks, signal)
    return this.#encoderStream(async function* (chunk, last) {
      for await (const latents of network.push(chunk, last, signal)) yield { codes: await quantize(latents) }
    }, network)
  }

  openDecoder(options: Signal = {}): DecoderStream {
    const signal = signalOf(options)
    if (this.segment) {
      const joiner = new SegmentJoiner(this.name, this.segment)
      return this.#decoderStream(async (segments, last) => {
        const pieces: (Wave | undefined)[] = []
        for (const part of segments) pieces.push(joiner.push(await this.#decodeSegment(part, signal)))
        if (last) pieces.push(joiner.finish())
        return pieces.filter(piece => piece !== undefined)
      })
    }
    const network = new CausalStream(this.#causal('decoder', 1, this.latentDim))
    return this.#decoderStream(async (segments, last) => {
      const pieces: Wave[] = []
      const features = segments.map(part => this.#featuresOf(part))
      const input = features.length > 0 ? concat(features) : float32Tensor([], [this.latentDim, 0])
      for await (const piece of network.push(input, last, signal)) pieces.push(piece)
      return pieces
    }, network)
  }

  async *encodeStream(
    waveform: Iterable<Float32Array | Wave> | AsyncIterable<Float32Array | Wave>,
    options: EncodeOptions = {},
  ): AsyncGenerator<CodecSegment, void, undefined> {
    await using stream = this.openEncoder(options)
    const second = Math.ceil(this.frameRate) * this.samplesPerFrame
    for await (const chunk of waveform) {
      const whole = chunk instanceof Float32Array ? float32Tensor(chunk, [1, chunk.length]) : chunk
      const samples = whole.shape.at(-1)!
      // A second at a time, so that codes come out as soon as they can.
      for (let start = 0; start < samples; start += second) {
        yield* await stream.push(slice(whole, start, Math.min(samples, start + second)))
      }
    }
    yield* await stream.push(new Float32Array(0), true)
  }

  async *decodeStream(
    segments: Iterable<CodecSegment> | AsyncIterable<CodecSegment>,
    options: Signal = {},
  ): AsyncGenerator<Wave, void, undefined> {
    await using stream = this.openDecoder(options)
    for await (const segment of segments) {
      const piece = await stream.push([segment])
      if (piece.shape[1]! > 0) yield piece
    }
    const rest = await stream.push([], true)
    if (rest.shape[1]! > 0) yield rest
  }

  toFeatures(codes: Tensor<'int32'>): Wave {
    checkCodes(this, codes)
    return this.#sum(codes)
  }

  async latents(waveform: Float32Array | Wave, options: Signal = {}): Promise<Wave> {
    const whole = toChannels(this.name, waveform, this.channels)
    if (this.segment && whole.shape[1]! > this.segment.length) {
      throw new RangeError(`${this.name}: ${whole.shape[1]} samples are more than one segment (${this.segment.length})`)
    }
    return (await this.#latentsOf(whole, signalOf(options))).latents
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close()
  }

  #codebooksFor(bandwidthKbps: number | undefined): number {
    if (bandwidthKbps === undefined) return this.codebooks
    const found = findBandwidth(bandwidthKbps, this.bandwidthsKbps)
    if (found !== undefined) return this.#description.codebooksAt[found]!
    throw new RangeError(`${this.name}: bandwidthKbps is ${bandwidthKbps}, expected one of ${listBandwidths(this.bandwidthsKbps)}`)
  }

  async #encodeSegment(waveform: Wave, codebooks: number, signal: Signal): Promise<CodecSegment> {
    const { latents, ...scale } = await this.#latentsOf(waveform, signal)
    return { codes: await this.#quantize(latents, codebooks, signal), ...scale }
  }

  async #latentsOf(waveform: Wave, signal: Signal): Promise<{ readonly latents: Wave; readonly scale?: number }> {
    if (!this.normalizes) return { latents: await this.#encodeNetwork(waveform, signal) }
    const scale = loudness(waveform)
    const normal = scaled(waveform, value => value / scale)
    return { latents: await this.#encodeNetwork(normal, signal), scale }
  }

  async #decodeSegment(part: CodecSegment, options: DecodeOptions): Promise<Wave> {
    const waveform = await this.#decodeNetwork(this.#featuresOf(part), options)
    const { scale } = part
    return scale === undefined ? waveform : scaled(waveform, value => value * scale)
  }

  #featuresOf({ codes, scale = 1 }: CodecSegment): Wave {
    if (!Number.isFinite(scale)) throw new RangeError(`${this.name}: a segment's scale is ${scale}, expected a finite number`)
    return this.toFeatures(codes)
  }

  async #encodeNetwork(waveform: Wave, signal: Signal): Promise<Wave> {
    const { sampleMultiple } = this.#description.layout
    const samples = waveform.shape[1]!
    const missing = Math.ceil(samples / sampleMultiple) * sampleMultiple - samples
    const silence = float32Tensor(new Float32Array(this.channels * missing), [this.channels, missing])
    const padded = missing === 0 ? waveform : concat([waveform, silence])
    const short = Math.ceil(samples / this.samplesPerFrame) <= this.#description.shortFrames
    return this.#sessions.run(short ? 'encoder-short' : 'encoder', padded, signal)
  }

  async #quantize(latents: Wave, codebooks: number, signal: Signal): Promise<Tensor<'int32'>> {
    const model = await this.#sessions.open(quantizerOf(codebooks))
    const { codes } = await model.run({ latents: float32Tensor(latents.data, [1, ...latents.shape]) }, signal)
    return { dtype: 'int32', shape: codes!.shape, data: Int32Array.from(codes!.data as BigInt64Array, Number) }
  }

  async #decodeNetwork(features: Wave, { noise, ...options }: DecodeOptions): Promise<Wave> {
    const { layout, shortFrames, noiseFeeds } = this.#description
    const frames = features.shape[1]!
    const multiple = Math.ceil(layout.sampleMultiple / layout.samplesPerFrame)
    if (frames % multiple !== 0) throw new RangeError(`${this.name}: codes have ${frames} frames, expected a multiple of ${multiple}`)
    const feeds = noiseFeeds?.(noise, frames)
    const part = feeds ? 'decoder-noise' : frames <= shortFrames ? 'decoder-short' : 'decoder'
    return this.#sessions.run(part, features, signalOf(options), feeds)
  }

  #causal(part: 'encoder' | 'decoder', columnsPerFrame: number, height: number): CausalNetwork {
    const { firstFrames } = this.#description
    if (!firstFrames) {
      throw new TypeError(
        `${this.name}: cannot run on a stream, as each of its frames depends on later audio; use encode and decode on the whole`,
      )
    }
    const whole = part === 'encoder' ? this.#encodeNetwork : this.#decodeNetwork
    return {
      ...{ columnsPerFrame, height, firstFrames: firstFrames[part], maxFrames: Math.ceil(this.frameRate) }, // a second
      start: () => this.#sessions.start(`${part}-stream`),
      whole: (input, options) => whole.call(this, input, options),
    }
  }

  #encoderStream(
    encode: (chunk: Wave, last: boolean) => AsyncGenerator<CodecSegment, void, undefined>,
    resource?: AsyncDisposable,
  ): EncoderStream {
    let [any, ended] = [false, false]
    return {
      push: async (chunk, last = false) => {
        if (ended) throw new TypeError(`${this.name}: the stream has ended; open another one`)
        ended = last
        const empty = (chunk instanceof Float32Array ? chunk : chunk.data).length === 0
        const wave = empty ? float32Tensor([], [this.channels, 0]) : toChannels(this.name, chunk, this.channels)
        any ||= !empty
        if (last && !any) throw new RangeError(`${this.name}: the stream ended without samples`)
        const segments: CodecSegment[] = []
        for await (const segment of encode(wave, last)) segments.push(segment)
        return segments
      },
      [Symbol.asyncDispose]: async () => resource?.[Symbol.asyncDispose](),
    }
  }

  #decoderStream(
    decode: (segments: readonly CodecSegment[], last: boolean) => Promise<readonly Wave[]>,
    resource?: AsyncDisposable,
  ): DecoderStream {
    let ended = false
    return {
      push: async (segments, last = false) => {
        if (ended) throw new TypeError(`${this.name}: the stream has ended; open another one`)
        ended = last
        const pieces = await decode(segments, last)
        return pieces.length > 0 ? concat(pieces) : float32Tensor([], [this.channels, 0])
      },
      [Symbol.asyncDispose]: async () => resource?.[Symbol.asyncDispose](),
    }
  }
}

/** Options with or without a signal, as the runtime wants them. */
function signalOf({ signal }: Signal): Signal {
  return signal ? { signal } : {}
}

/** Root mean square of the channels' mean. */
function loudness({ data, shape }: Wave): number {
  const [channels, samples] = shape as [number, number]
  let sum = 0
  for (let i = 0; i < samples; i++) {
    let mono = 0
    for (let c = 0; c < channels; c++) mono += data[c * samples + i]!
    sum += (mono / channels) ** 2
  }
  return Math.fround(smallestScale + Math.sqrt(sum / samples))
}

function scaled({ data, shape }: Wave, change: (value: number) => number): Wave {
  return float32Tensor(data.map(change), shape)
}

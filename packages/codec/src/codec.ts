import { slice, type Tensor } from '@mynah/onnx'
import type { Segmentation } from './segments.ts'

/** A neural audio codec: waveform ↔ codes of a residual vector quantizer. SoundStream, arXiv:2107.03312; EnCodec, arXiv:2210.13438. */
export interface Codec extends AsyncDisposable {
  readonly name: string
  readonly sampleRate: number
  /** Frames per second. */
  readonly frameRate: number
  readonly samplesPerFrame: number
  /** K, the number of codebooks. */
  readonly codebooks: number
  /** N, the number of codewords in each. */
  readonly codebookSize: number
  /** Length of a latent vector. */
  readonly latentDim: number
  /**
   * @param waveform float32 mono at `sampleRate`, nominally [-1, 1]; zero-padded to whole frames
   * @returns int32 [K, T], T = ⌈samples / samplesPerFrame⌉
   * @throws {RangeError} if there are no samples
   */
  encode(waveform: Float32Array, options?: { signal?: AbortSignal }): Promise<Tensor<'int32'>>
  /**
   * The features that the codec's vocoder decodes: the sum of the selected codewords.
   * @param codes int32 [K', T], K' ≤ K; fewer codebooks mean a lower bit rate
   * @returns float32 [latentDim, T]
   * @throws {RangeError} if codes are out of range or there are too many codebooks
   */
  toFeatures(codes: Tensor<'int32'>): Tensor<'float32'>
}

/** Options of `AudioCodec.encode`. */
export interface EncodeOptions {
  /** Bit rate of the codes: one of the codec's `bandwidthsKbps`, to 1 %. Default: all codebooks. */
  readonly bandwidthKbps?: number
  readonly signal?: AbortSignal
}

/** Options of `AudioCodec.decode`. */
export interface DecodeOptions {
  /** Cuts the waveform to this many samples, as decoders return whole frames. */
  readonly samples?: number
  /**
   * Noise that SNAC's decoder adds: drawn from a seed, or one array of standard normal samples per block. Default: none, the expected waveform,
   * with a little less hiss than the reference's. Codecs without noise ignore it.
   */
  readonly noise?: { readonly seed: number } | readonly Float32Array[]
  readonly signal?: AbortSignal
}

/** Codes of a part of audio. */
export interface CodecSegment {
  /** int32 [K', T] */
  readonly codes: Tensor<'int32'>
  /** What the waveform was divided by before encoding, where the codec normalizes (EnCodec 48 kHz). */
  readonly scale?: number
}

/** Audio that is encoded while it arrives. All that has to be remembered in between is inside. */
export interface EncoderStream extends AsyncDisposable {
  /**
   * @param chunk the next samples, float32 [S] or [C, S] at `sampleRate`; S may be 0
   * @param last whether these are the last ones
   * @returns the codes that are complete: as `encodeStream` gives them
   * @throws {RangeError} as `encode`; if all chunks together have no samples
   * @throws {TypeError} after the last chunk
   */
  push(chunk: Float32Array | Tensor<'float32'>, last?: boolean): Promise<readonly CodecSegment[]>
}

/** Codes that are decoded while they arrive. All that has to be remembered in between is inside. */
export interface DecoderStream extends AsyncDisposable {
  /**
   * @param segments the next codes, as `EncoderStream` gives them; there may be none
   * @param last whether these are the last ones
   * @returns float32 [C, S ≥ 0], the samples that later codes cannot change
   * @throws {RangeError} as `decode`
   * @throws {TypeError} after the last segments
   */
  push(segments: readonly CodecSegment[], last?: boolean): Promise<Tensor<'float32'>>
}

/** A published codec with both halves: what `loadCodec` returns. */
export interface AudioCodec extends Codec {
  readonly channels: number
  /** Bit rates for `encode`, ascending: those the codec was trained for (EnCodec), else those of 1 … K codebooks. */
  readonly bandwidthsKbps: readonly number[]
  /** Where segments begin and how long they are, in samples; absent where a file is one segment. */
  readonly segment?: Segmentation | undefined
  /** Frames per code of each codebook: 1, but for SNAC's coarser ones. */
  readonly strides: readonly number[]
  /** Whether each segment has a scale. */
  readonly normalizes: boolean
  /**
   * The reference's tokens. Segments (EnCodec 48 kHz) follow one another along T; their scales are lost, so use `encodeSegments` there.
   * Where codebooks run at different rates (SNAC), coarse codes are repeated up to the finest rate: `toCodebooks` undoes that.
   * @param waveform float32 [S] or [C, S] at `sampleRate`; mono is copied to all channels
   * @returns int32 [K', T]
   * @throws {RangeError} without samples, with numbers that are not finite, too many channels, or a bandwidth that the codec lacks
   */
  encode(waveform: Float32Array | Tensor<'float32'>, options?: EncodeOptions): Promise<Tensor<'int32'>>
  /**
   * Waveform of codes; the inverse of `encode` with all scales 1.
   * @param codes int32 [K', T]
   * @returns float32 [C, S], S as the reference's decoder returns it: whole frames, for DAC a few samples less
   * @throws {RangeError} if codes are out of range, empty, or of too many codebooks
   */
  decode(codes: Tensor<'int32'>, options?: DecodeOptions): Promise<Tensor<'float32'>>
  /** As `encode`, one entry per segment, with its scale. One segment for most codecs. */
  encodeSegments(waveform: Float32Array | Tensor<'float32'>, options?: EncodeOptions): Promise<readonly CodecSegment[]>
  /** Waveform of segments, overlapping ones faded into each other. @throws {RangeError} as `decode`, or without segments */
  decodeSegments(segments: readonly CodecSegment[], options?: DecodeOptions): Promise<Tensor<'float32'>>
  /** Begins to encode audio that arrives bit by bit, in constant memory. Dispose of the stream. @throws {RangeError} and {TypeError} as `encodeStream` */
  openEncoder(options?: EncodeOptions): EncoderStream
  /** Begins to decode codes that arrive bit by bit, in constant memory. Dispose of the stream. @throws {TypeError} as `encodeStream` */
  openDecoder(options?: { readonly signal?: AbortSignal }): DecoderStream
  /**
   * `encodeSegments` of audio that is still arriving, in constant memory. Codecs that never look ahead (EnCodec 24 kHz, SoundStream) give codes of one
   * frame or more as soon as it is complete, which join along T into the codes of `encode`; the first ones need the frames that the first convolutions
   * reflect, 7 as published. Codecs with segments (EnCodec 48 kHz) give the entries of `encodeSegments`.
   * @param waveform chunks of any length, float32 [S] or [C, S] at `sampleRate`
   * @throws {TypeError} at the first step, if the codec looks ahead without end (DAC, SNAC); {RangeError} as `encode`
   */
  encodeStream(
    waveform: Iterable<Float32Array | Tensor<'float32'>> | AsyncIterable<Float32Array | Tensor<'float32'>>,
    options?: EncodeOptions,
  ): AsyncGenerator<CodecSegment, void, undefined>
  /**
   * `decodeSegments` of codes that are still arriving, in constant memory: chunks float32 [C, S] that join into what it returns (to rounding).
   * @param segments as `encodeStream` gives them; where that is not by segments, codes of any number of frames
   * @throws {TypeError} and {RangeError} as `encodeStream` and `decode`
   */
  decodeStream(
    segments: Iterable<CodecSegment> | AsyncIterable<CodecSegment>,
    options?: { readonly signal?: AbortSignal },
  ): AsyncGenerator<Tensor<'float32'>, void, undefined>
  /** The encoder's output before quantization, of audio no longer than one segment: float32 [latentDim, T]. */
  latents(waveform: Float32Array | Tensor<'float32'>, options?: { signal?: AbortSignal }): Promise<Tensor<'float32'>>
}

/**
 * Checks codes against a codec.
 * @returns K' and T
 * @throws {RangeError} unless they are int32 [1 … codebooks, T ≥ 1] within [0, codebookSize), and codes of strided codebooks repeat
 */
export function checkCodes(
  codec: Pick<AudioCodec, 'name' | 'codebooks' | 'codebookSize' | 'strides'>,
  codes: Tensor<'int32'>,
): [codebooks: number, frames: number] {
  const [codebooks, frames] = codes.shape
  if (codes.shape.length !== 2 || !codebooks || !frames || codebooks > codec.codebooks || codes.data.length !== codebooks * frames) {
    throw new RangeError(`${codec.name}: codes are [${codes.shape.join(', ')}], expected [1 … ${codec.codebooks}, T] with T ≥ 1`)
  }
  const wrong = codes.data.findIndex(code => !(code >= 0 && code < codec.codebookSize))
  if (wrong >= 0) {
    throw new RangeError(
      `${codec.name}: code ${codes.data[wrong]} of codebook ${Math.floor(wrong / frames)}, frame ${wrong % frames} is outside [0, ${codec.codebookSize})`,
    )
  }
  const uneven = codes.data.findIndex((code, i) => code !== codes.data[i - ((i % frames) % codec.strides[Math.floor(i / frames)]!)])
  if (uneven >= 0) {
    const k = Math.floor(uneven / frames)
    throw new RangeError(
      `${codec.name}: codebook ${k} changes at frame ${uneven % frames}, expected one code per ${codec.strides[k]} frames`,
    )
  }
  return [codebooks, frames]
}

/**
 * Brings a waveform to [C, S].
 * @throws {RangeError} without samples, with numbers that are not finite, or with channels that are neither one nor the codec's
 */
export function toChannels(name: string, waveform: Float32Array | Tensor<'float32'>, channels: number): Tensor<'float32'> {
  const given: Tensor<'float32'> =
    waveform instanceof Float32Array ? { dtype: 'float32', shape: [1, waveform.length], data: waveform } : waveform
  const [found, samples] = given.shape.length === 1 ? [1, given.shape[0]!] : (given.shape as [number, number])
  if (given.shape.length > 2 || !samples || given.data.length !== found * samples) {
    throw new RangeError(`${name}: the waveform is [${given.shape.join(', ')}], expected [S] or [${channels}, S] with S ≥ 1`)
  }
  if (found !== channels && found !== 1)
    throw new RangeError(`${name}: the waveform has ${found} channels, expected ${channels}; mix it down first`)
  const wrong = given.data.findIndex(value => !Number.isFinite(value))
  if (wrong >= 0) throw new RangeError(`${name}: sample ${wrong % samples} is ${given.data[wrong]}, expected finite numbers`)
  if (found === channels) return { dtype: 'float32', shape: [channels, samples], data: given.data }
  const data = new Float32Array(channels * samples)
  for (let c = 0; c < channels; c++) data.set(given.data, c * samples)
  return { dtype: 'float32', shape: [channels, samples], data }
}

/** The first `samples` samples of every channel. @throws {RangeError} if there are fewer */
export function trim(name: string, waveform: Tensor<'float32'>, samples: number | undefined): Tensor<'float32'> {
  const length = waveform.shape[1]!
  if (samples === undefined || samples === length) return waveform
  if (!Number.isInteger(samples) || samples < 0 || samples > length) {
    throw new RangeError(`${name}: samples is ${samples}, expected an integer up to the ${length} decoded samples`)
  }
  return slice(waveform, 0, samples)
}

import type { MelConfig } from '@mynah/audio'
import type { Tensor } from '@mynah/onnx'
import type { FeatureStream } from './features.ts'
import type { NoiseOptions } from './noise.ts'

/** Options of `Vocoder.open` and `Vocoder.decode`. */
export interface StreamOptions {
  /** Draws the noise of vocoders that take some; 0 by default. Same seed, same samples. */
  readonly seed?: number
  readonly signal?: AbortSignal
}

/** One utterance, decoded while its features arrive. All that has to be remembered in between (context, noise, phases of tones) is inside. */
export interface VocoderStream extends AsyncDisposable {
  /**
   * Takes the next frames and returns the samples that later frames cannot change, or hardly; after the last frames all that are left. What all pushes return, joined, is what
   * `decode` returns for the whole. Pushes may be made without waiting for the ones before.
   * @param features float32 [C, T ≥ 0]; the more frames at once, the less work for each
   * @param last whether these are the last frames; there may be none
   * @returns float32 [S ≥ 0], nominally [-1, 1]
   * @throws {RangeError} if the features have another shape, numbers that are not finite, or all of them too few frames
   * @throws {TypeError} after the last frames, a failure, or the stream's end
   * @throws {InferenceError} `non-finite-output`; those of ONNX Runtime
   */
  push(features: Tensor<'float32'>, last?: boolean): Promise<Float32Array>
}

/** Features → waveform. */
export interface Vocoder extends AsyncDisposable {
  readonly name: string
  readonly sampleRate: number
  /** C, the number of feature channels it decodes. */
  readonly featureDim: number
  /** Samples that `frames` frames decode to. */
  samplesFor(frames: number): number
  /**
   * @param features float32 [C, T]
   * @returns float32 [samplesFor(T)], nominally [-1, 1]
   * @throws {RangeError} if the features have another shape, too few frames, or numbers that are not finite
   */
  decode(features: Tensor<'float32'>, options?: StreamOptions): Promise<Float32Array>
  /** Begins to decode features that arrive bit by bit. Dispose of the stream. */
  open(options?: StreamOptions): VocoderStream
}

/** Options of `MelVocoder.decode`. */
export interface DecodeOptions extends NoiseOptions, StreamOptions {
  /** Index into `bandwidths` of what the features were quantized to, for vocoders that have them; the highest by default. */
  readonly bandwidthId?: number
}

/** A published vocoder, loaded from its checkpoint. */
export interface MelVocoder extends Vocoder {
  /** Samples from one frame to the next. */
  readonly hopLength: number
  /** The front-end that the checkpoint was trained on; undefined if its features are no mel spectrogram. */
  readonly melConfig: MelConfig | undefined
  /** Frames on either side that a sample depends on. */
  readonly contextFrames: number
  /** The fewest frames that it decodes. */
  readonly minFrames: number
  /** Oddities that did not prevent loading. */
  readonly warnings: readonly string[]
  /** kbps of the codec's bandwidths that it tells apart; undefined for most. */
  readonly bandwidths: readonly number[] | undefined
  /** Shape of the noise that `frames` frames take; undefined for a deterministic vocoder. */
  noiseShape(frames: number): readonly number[] | undefined
  /**
   * The checkpoint's own front-end, so that `decode(mel(waveform))` resynthesizes.
   * @param waveform float32 [S] at `sampleRate`, nominally in [-1, 1]
   * @returns float32 [C, T]
   * @throws {RangeError} if the waveform is too short for a frame or holds numbers that are not finite
   * @throws {TypeError} if the vocoder's features are no mel spectrogram
   */
  mel(waveform: Float32Array): Tensor<'float32'>
  /**
   * Features of a codec's codes: the sum of their codewords, which the checkpoint holds.
   * @param codes int32 [K, T], of the first K codebooks
   * @param options.codebookSize 1024 by default, EnCodec's
   * @returns float32 [C, T]
   * @throws {RangeError} if a code or the number of codebooks is too large
   * @throws {TypeError} if the vocoder's features are no codewords
   */
  toFeatures(codes: Tensor<'int32'>, options?: { codebookSize?: number }): Tensor<'float32'>
  /**
   * @param mel float32 [C, T] as `mel` gives
   * @returns float32 [samplesFor(T)], nominally [-1, 1]
   * @throws {RangeError} if mel or noise have another shape, too few frames, or numbers that are not finite
   * @throws {TypeError} if noise is given to a vocoder that takes none
   */
  decode(mel: Tensor<'float32'>, options?: DecodeOptions): Promise<Float32Array>
  /** @throws {TypeError} if noise is given: draw it by seed; as `decode` for the other options */
  open(options?: DecodeOptions): VocoderStream
  /**
   * Decodes in bounded memory: chunks of `chunkFrames` frames, each computed with its exact context, which join into what `decode` gives (to rounding).
   * @param mel as for `decode`, or chunks of it as they arrive, such as `createMelStream` of `@mynah/audio` gives for `melConfig`
   * @param options.chunkFrames frames decoded at once, 256 by default
   * @throws {RangeError} and {TypeError} as `decode`, when a chunk is asked for; {RangeError} if chunkFrames is no positive integer;
   *   {TypeError} if noise is given and the mel arrives in chunks: pass a seed
   */
  decodeChunks(
    mel: Tensor<'float32'> | FeatureStream,
    options?: DecodeOptions & { chunkFrames?: number },
  ): AsyncGenerator<Float32Array, void, undefined>
}

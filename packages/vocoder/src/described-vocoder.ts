import { type MelConfig, melSpectrogram } from '@mynah/audio'
import type { Model, Tensor } from '@mynah/onnx'
import type { Decoding, VocoderDescription } from './architecture.ts'
import { checkFeatures, type FeatureStream, regroup } from './features.ts'
import { ContextStream } from './stream.ts'
import type { DecodeOptions, MelVocoder, VocoderStream } from './vocoder.ts'

/** EnCodec's codebooks have so many codewords. */
const defaultCodebookSize = 1024
const defaultChunkFrames = 256
const plainDecoding: Decoding = { feeds: () => ({}) }

/** What a description says, on the session of its graph. */
export class DescribedVocoder implements MelVocoder {
  readonly name: string
  readonly #description: VocoderDescription
  readonly #model: Model
  readonly #close: () => Promise<void>

  /** @param close frees the model, and what else belongs to this vocoder */
  constructor(name: string, description: VocoderDescription, model: Model, close: () => Promise<void>) {
    this.name = name
    this.#description = description
    this.#model = model
    this.#close = close
  }

  get sampleRate(): number {
    return this.#description.sampleRate
  }
  get hopLength(): number {
    return this.#description.hopLength
  }
  get featureDim(): number {
    return this.#description.featureDim
  }
  get contextFrames(): number {
    return this.#description.contextFrames
  }
  get minFrames(): number {
    return this.#description.minFrames ?? 1
  }
  get melConfig(): MelConfig | undefined {
    return this.#description.mel
  }
  get warnings(): readonly string[] {
    return this.#description.warnings ?? []
  }
  get bandwidths(): readonly number[] | undefined {
    return this.#description.bandwidths
  }

  samplesFor(frames: number): number {
    return this.#description.samplesFor?.(frames) ?? frames * this.hopLength
  }

  noiseShape(frames: number): readonly number[] | undefined {
    return this.#description.noiseShape?.(frames)
  }

  mel(waveform: Float32Array): Tensor<'float32'> {
    if (!this.melConfig)
      throw new TypeError(`${this.name}: its features are no mel spectrogram; encode the waveform with the codec that it decodes`)
    const wrong = waveform.findIndex(value => !Number.isFinite(value))
    if (wrong >= 0) throw new RangeError(`${this.name}: waveform[${wrong}] is ${waveform[wrong]}, expected finite numbers`)
    return melSpectrogram(waveform, this.melConfig)
  }

  toFeatures(codes: Tensor<'int32'>, options: { codebookSize?: number } = {}): Tensor<'float32'> {
    if (!this.#description.toFeatures) throw new TypeError(`${this.name}: its features are no sums of codewords; use mel()`)
    return this.#description.toFeatures(codes, options.codebookSize ?? defaultCodebookSize)
  }

  async decode(mel: Tensor<'float32'>, options: DecodeOptions = {}): Promise<Float32Array> {
    checkFeatures(this.name, mel, this.featureDim)
    await using stream = this.#begin(options, mel.shape[1]!)
    return await stream.push(mel, true)
  }

  open(options: DecodeOptions = {}): VocoderStream {
    return this.#begin(options, undefined)
  }

  async *decodeChunks(
    mel: Tensor<'float32'> | FeatureStream,
    options: DecodeOptions & { chunkFrames?: number } = {},
  ): AsyncGenerator<Float32Array, void, undefined> {
    const { chunkFrames = defaultChunkFrames } = options
    if (!Number.isInteger(chunkFrames) || chunkFrames < 1) {
      throw new RangeError(`${this.name}: chunkFrames is ${chunkFrames}, expected a positive integer`)
    }
    const whole = 'dtype' in mel ? mel : undefined
    if (whole) checkFeatures(this.name, whole, this.featureDim)
    await using stream = this.#begin(options, whole?.shape[1])
    let any = false
    for await (const { chunk, last } of regroup(whole ? [whole] : (mel as FeatureStream), Math.max(chunkFrames, this.minFrames))) {
      any = true
      const samples = await stream.push(chunk, last)
      if (samples.length > 0) yield samples
    }
    if (!any) throw new RangeError(`${this.name}: no frames, expected features [${this.featureDim}, T] with T ≥ 1`)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close()
  }

  #begin(options: DecodeOptions, frames: number | undefined): VocoderStream {
    const { begin, noiseShape, bandwidths } = this.#description
    if (options.noise && !noiseShape) throw new TypeError(`${this.name}: is deterministic and takes no noise; leave it out`)
    if (options.bandwidthId !== undefined && !bandwidths) throw new TypeError(`${this.name}: knows no bandwidths; leave bandwidthId out`)
    const decoding = begin ? begin(options, frames) : plainDecoding
    return new ContextStream(this.name, this.#description, this.#model, decoding, options.signal)
  }
}

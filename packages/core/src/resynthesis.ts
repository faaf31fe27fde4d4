import { createMelStream, createResampler, joinPieces } from '@mynah/audio'
import { concat, type Tensor } from '@mynah/onnx'
import type { MelVocoder, StreamOptions, Vocoder, VocoderStream } from '@mynah/vocoder'

/** Features → the decoder's waveform → the vocoder's mel → the vocoder's waveform, of the same duration. Disposing of it disposes of the decoder; the vocoder stays the caller's. */
export class ResynthesizingVocoder implements Vocoder {
  readonly #decoder: Vocoder
  readonly #vocoder: MelVocoder

  /** @param vocoder of mel spectrograms */
  constructor(decoder: Vocoder, vocoder: MelVocoder) {
    this.#decoder = decoder
    this.#vocoder = vocoder
  }

  get name(): string {
    return this.#vocoder.name
  }
  get sampleRate(): number {
    return this.#vocoder.sampleRate
  }
  get featureDim(): number {
    return this.#decoder.featureDim
  }

  samplesFor(frames: number): number {
    return Math.round((this.#decoder.samplesFor(frames) * this.sampleRate) / this.#decoder.sampleRate)
  }

  async decode(features: Tensor<'float32'>, options: StreamOptions = {}): Promise<Float32Array> {
    await using stream = this.open(options)
    return await stream.push(features, true)
  }

  open(options: StreamOptions = {}): VocoderStream {
    return new ResynthesisStream(this, this.#decoder, this.#vocoder, options)
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#decoder[Symbol.asyncDispose]()
  }
}

class ResynthesisStream implements VocoderStream {
  readonly #samplesFor: (frames: number) => number
  readonly #vocoder: MelVocoder
  readonly #spoken: VocoderStream
  readonly #again: VocoderStream
  readonly #resampler: ReturnType<typeof createResampler>
  readonly #frontEnd: ReturnType<typeof createMelStream>
  #frames = 0
  /** Samples at the vocoder's rate that have gone into its front-end, and that have come out. */
  #heard = 0
  #given = 0
  #queue: Promise<unknown> = Promise.resolve()

  constructor(whole: Vocoder, decoder: Vocoder, vocoder: MelVocoder, options: StreamOptions) {
    this.#samplesFor = frames => whole.samplesFor(frames)
    this.#vocoder = vocoder
    this.#spoken = decoder.open(options)
    this.#again = vocoder.open(options)
    this.#resampler = createResampler(decoder.sampleRate, vocoder.sampleRate)
    this.#frontEnd = createMelStream(vocoder.melConfig!)
  }

  push(features: Tensor<'float32'>, last = false): Promise<Float32Array> {
    const pushed = this.#queue.then(() => this.#convert(features, last))
    this.#queue = pushed.catch(() => undefined)
    return pushed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue
    await this.#spoken[Symbol.asyncDispose]()
    await this.#again[Symbol.asyncDispose]()
  }

  async #convert(features: Tensor<'float32'>, last: boolean): Promise<Float32Array> {
    this.#frames += features.shape[1]!
    const spoken = this.#resampler.push(await this.#spoken.push(features, last))
    if (!last) return await this.#resynthesize([this.#frontEnd.push(this.#count(spoken))], false)
    const rest = this.#count(joinPieces([spoken, this.#resampler.finish()]))
    // Silence to whole frames, and to as many as the vocoder and its front-end need.
    const { hopLength, minFrames, melConfig } = this.#vocoder
    const frames = Math.max(Math.ceil(this.#heard / hopLength), minFrames + Math.ceil(melConfig!.nFft / hopLength))
    const silence = new Float32Array(frames * hopLength - this.#heard)
    return await this.#resynthesize([this.#frontEnd.push(joinPieces([rest, silence])), this.#frontEnd.finish()], true)
  }

  #count(samples: Float32Array): Float32Array {
    this.#heard += samples.length
    return samples
  }

  async #resynthesize(mels: readonly Tensor<'float32'>[], last: boolean): Promise<Float32Array> {
    const waveform = await this.#again.push(concat(mels), last)
    if (!last) {
      this.#given += waveform.length
      return waveform
    }
    return joinPieces([waveform], this.#samplesFor(this.#frames) - this.#given)
  }
}

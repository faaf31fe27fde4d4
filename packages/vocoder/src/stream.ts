import { InferenceError, type Model, type Tensor } from '@mynah/onnx'
import type { Decoding, VocoderDescription } from './architecture.ts'
import { checkFeatures, FrameWindow } from './features.ts'
import type { VocoderStream } from './vocoder.ts'

const nothing = new Float32Array(0)

/** One utterance through a vocoder's graph, chunk by chunk, each with its context. Chunks are decoded in the order in which they were pushed. */
export class ContextStream implements VocoderStream {
  readonly #name: string
  readonly #description: VocoderDescription
  readonly #model: Model
  readonly #decoding: Decoding
  readonly #signal: AbortSignal | undefined
  readonly #window = new FrameWindow()
  /** Frames that are decoded and returned. */
  #done = 0
  #state: 'open' | 'ended' | 'failed' | 'closed' = 'open'
  #queue: Promise<unknown> = Promise.resolve()

  constructor(name: string, description: VocoderDescription, model: Model, decoding: Decoding, signal: AbortSignal | undefined) {
    this.#name = name
    this.#description = description
    this.#model = model
    this.#decoding = decoding
    this.#signal = signal
  }

  push(features: Tensor<'float32'>, last = false): Promise<Float32Array> {
    const pushed = this.#queue.then(() => this.#decode(features, last))
    this.#queue = pushed.catch(() => {
      this.#state = 'failed'
    })
    return pushed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue
    this.#state = 'closed'
  }

  async #decode(features: Tensor<'float32'>, last: boolean): Promise<Float32Array> {
    if (this.#state !== 'open') throw new TypeError(`${this.#name}: the stream has ${this.#state}; open another one`)
    this.#take(features, last)
    const { contextFrames, minFrames = 1, hopLength } = this.#description
    const tail = last ? (this.#decoding.tail?.shape[1] ?? 0) : 0
    const start = this.#done
    const whole = this.#window.end
    // The last frame may decode to more than `hopLength` samples: one is kept back.
    const end = last ? whole - tail : whole - Math.max(contextFrames, 1)
    if (!last && (end <= start || whole < minFrames)) return nothing
    // A chunk at the very end may be too short for the graph by itself: it then takes more context.
    const from = Math.max(0, Math.min(start - contextFrames, whole - minFrames))
    const to = Math.min(whole, Math.max(end + contextFrames, from + minFrames))
    const waveform = await this.#run(from, to, start, end)
    this.#done = end
    this.#window.forget(Math.min(end - contextFrames, whole - minFrames))
    const samples = waveform.subarray((start - from) * hopLength, last && tail === 0 ? undefined : (end - from) * hopLength)
    this.#check(samples, start * hopLength)
    return samples.length === waveform.length ? waveform : samples.slice()
  }

  /** @throws {RangeError} if the features have another shape, numbers that are not finite, or all of them too few frames */
  #take(features: Tensor<'float32'>, last: boolean): void {
    const { featureDim, minFrames = 1 } = this.#description
    if (features.shape[0] !== featureDim || features.shape[1] !== 0) {
      checkFeatures(this.#name, features, featureDim)
      this.#window.append(features)
    }
    if (!last) return
    this.#state = 'ended'
    const frames = this.#window.end
    if (frames === 0) throw new RangeError(`${this.#name}: no frames, expected features [${featureDim}, T] with T ≥ 1`)
    if (this.#decoding.tail) this.#window.append(this.#decoding.tail)
    if (this.#window.end < minFrames)
      throw new RangeError(`${this.#name}: ${frames} frames, expected at least ${minFrames}; pad with silence`)
  }

  async #run(from: number, to: number, start: number, end: number): Promise<Float32Array> {
    const { input = 'mel' } = this.#description
    const { data, shape } = this.#window.slice(from, to)
    const features: Tensor<'float32'> = { dtype: 'float32', shape: [1, ...shape], data }
    const feeds = { [input]: features, ...this.#decoding.feeds(from, to, start, end) }
    const results = await this.#model.run(feeds, this.#signal ? { signal: this.#signal } : {})
    this.#decoding.carry?.(results, from)
    return results.waveform!.data as Float32Array
  }

  #check(samples: Float32Array, first: number): void {
    const wrong = samples.findIndex(sample => !Number.isFinite(sample))
    if (wrong < 0) return
    throw new InferenceError(
      `${this.#name}: sample ${first + wrong} of the waveform is ${samples[wrong]}, expected a number; are the features this vocoder's? try device: 'cpu'`,
      { code: 'non-finite-output' },
    )
  }
}

import type { Tensor } from '@mynah/onnx'
import { Columns } from './columns.ts'
import type { NetworkStream } from './sessions.ts'

/** One network of a causal codec. */
export interface CausalNetwork {
  /** Columns of its input per frame: `samplesPerFrame` for an encoder, 1 for a decoder. */
  readonly columnsPerFrame: number
  /** Height of its input. */
  readonly height: number
  /** Frames that the first chunk must have. */
  readonly firstFrames: number
  /** Frames in one run at most, which bounds memory however long the chunks are. */
  readonly maxFrames: number
  /** Opens the network for a stream. */
  start(): Promise<NetworkStream>
  /** The network on a whole input, which may be shorter than the first chunk of a stream. */
  whole(input: Tensor<'float32'>, options: { signal?: AbortSignal }): Promise<Tensor<'float32'>>
}

/** Runs a causal network on what arrives, as soon as there is a frame of it: the results join into what the network makes of the whole. */
export class CausalStream implements AsyncDisposable {
  readonly #network: CausalNetwork
  readonly #queue: Columns
  #stream: Promise<NetworkStream> | undefined

  constructor(network: CausalNetwork) {
    this.#network = network
    this.#queue = new Columns(network.height)
  }

  /** @param input float32 [height, any] */
  async *push(
    input: Tensor<'float32'>,
    last: boolean,
    options: { signal?: AbortSignal },
  ): AsyncGenerator<Tensor<'float32'>, void, undefined> {
    const { columnsPerFrame, firstFrames, maxFrames, whole } = this.#network
    const queue = this.#queue
    queue.push(input)
    for (;;) {
      const frames = Math.floor(queue.length / columnsPerFrame)
      if (frames < (this.#stream ? 1 : firstFrames)) break
      this.#stream ??= this.#network.start()
      const taken = Math.min(frames, Math.max(firstFrames, maxFrames))
      yield await (await this.#stream).run(queue.take(taken * columnsPerFrame), options)
    }
    if (!last || queue.length === 0) return
    // A last, incomplete frame is padded by the network itself, as at the end of a file.
    const rest = queue.take(queue.length)
    yield this.#stream ? await (await this.#stream).run(rest, options) : await whole(rest, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#stream)?.[Symbol.asyncDispose]()
  }
}

import type { Tensor } from '@mynah/onnx'
import type { StreamModel } from './carry.ts'
import { Columns } from './columns.ts'

/** One network of a causal codec. */
export interface CausalHalf {
  /** Columns of its input per frame: `samplesPerFrame` for an encoder, 1 for a decoder. */
  readonly columnsPerFrame: number
  /** Height of its input. */
  readonly height: number
  /** Frames that the first stretch must have. */
  readonly firstFrames: number
  /** Opens the network for streams. */
  open(): Promise<StreamModel>
  /** The network on a whole input, which may be shorter than the first stretch of a stream. */
  whole(input: Tensor<'float32'>, options: { signal?: AbortSignal }): Promise<Tensor<'float32'>>
}

/**
 * Runs a causal network on what arrives, as soon as there is a frame of it: the results join into what the network makes of the whole.
 * @param input pieces of any length, float32 [height, any]
 * @param options.maxFrames frames in one run at most, which bounds memory however long the pieces are
 */
export async function* runCausal(
  { columnsPerFrame, height, firstFrames, open, whole }: CausalHalf,
  input: AsyncIterable<Tensor<'float32'>>,
  { maxFrames, ...options }: { readonly maxFrames: number; readonly signal?: AbortSignal },
): AsyncGenerator<Tensor<'float32'>, void, undefined> {
  const queue = new Columns(height)
  const longest = Math.max(firstFrames, maxFrames)
  let started = false
  await using stream = await (await open()).start()
  for await (const piece of input) {
    queue.push(piece)
    for (;;) {
      const frames = Math.floor(queue.length / columnsPerFrame)
      if (frames < (started ? 1 : firstFrames)) break
      started = true
      yield await stream.run(queue.take(Math.min(frames, longest) * columnsPerFrame), options)
    }
  }
  // A last, incomplete frame is padded by the network itself, as at the end of a file.
  if (queue.length > 0) yield await (started ? stream : { run: whole }).run(queue.take(queue.length), options)
}

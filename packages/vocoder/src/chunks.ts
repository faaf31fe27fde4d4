import { float32Tensor, type Tensor } from '@mynah/onnx'
import type { VocoderDescription } from './architecture.ts'
import { checkFeatures, constantFrames, joinFrames, sliceFrames } from './features.ts'
import type { NoiseSource } from './noise.ts'

/** Features that arrive in pieces: float32 [C, T ≥ 0] each. */
export type FeatureStream = AsyncIterable<Tensor<'float32'>> | Iterable<Tensor<'float32'>>

/** What decoding in pieces needs to know. */
export interface ChunkPlan {
  readonly name: string
  readonly layout: Required<Pick<VocoderDescription, 'hopLength' | 'featureDim' | 'contextFrames' | 'minFrames'>>
  readonly tail: VocoderDescription['tail']
  readonly chunkFrames: number
  readonly noise: NoiseSource
  /** Runs the graph on a stretch of frames. */
  run(mel: Tensor<'float32'>, noise: Tensor<'float32'> | undefined): Promise<Float32Array>
}

/**
 * Decodes piece by piece, each with its exact context, so that the pieces join into what decoding the whole gives. Holds a few pieces and their context, however
 * long the stream is.
 * @throws {RangeError} if the features have another shape, too few frames, or numbers that are not finite
 */
export async function* decodeStream(features: FeatureStream, plan: ChunkPlan): AsyncGenerator<Float32Array, void, undefined> {
  const { name, layout, tail, noise, run } = plan
  const { hopLength, featureDim, contextFrames, minFrames } = layout
  const chunkFrames = Math.max(plan.chunkFrames, minFrames)
  const window = new FrameWindow(featureDim)
  const input = iterate(features)
  /** Frames of the features without the tail, once they have ended. */
  let kept = Number.POSITIVE_INFINITY
  const readUntil = async (end: number) => {
    while (window.end < end && kept === Number.POSITIVE_INFINITY) {
      const { done, value } = await input.next()
      if (!done) {
        if (value.shape[1] !== 0) checkFeatures(name, value, featureDim)
        window.append(value)
        continue
      }
      kept = window.end
      if (kept === 0) throw new RangeError(`${name}: no frames, expected features [${featureDim}, T] with T ≥ 1`)
      if (tail) window.append(constantFrames(featureDim, tail.frames, tail.value))
      if (window.end < minFrames) throw new RangeError(`${name}: ${kept} frames, expected at least ${minFrames}; pad with silence`)
    }
  }
  try {
    for (let start = 0; start < kept; start += chunkFrames) {
      await readUntil(start + chunkFrames + contextFrames + minFrames)
      if (start >= kept) return
      const end = Math.min(kept, start + chunkFrames)
      // A piece at the very end may be too short for the graph by itself: it then takes more context.
      const from = Math.max(0, Math.min(start - contextFrames, window.end - minFrames))
      const to = Math.min(window.end, Math.max(end + contextFrames, from + minFrames))
      const waveform = await run(window.slice(from, to), noise(from, to))
      const isLast = end === kept && end === window.end
      yield waveform.slice((start - from) * hopLength, isLast ? undefined : (end - from) * hopLength)
      window.forget(from)
    }
  } finally {
    await input.return?.()
  }
}

function iterate(features: FeatureStream): Iterator<Tensor<'float32'>> | AsyncIterator<Tensor<'float32'>> {
  return Symbol.asyncIterator in features ? features[Symbol.asyncIterator]() : features[Symbol.iterator]()
}

/** The frames of a stream that are still needed, by their numbers in the whole. */
class FrameWindow {
  #first = 0
  #mel: Tensor<'float32'>

  constructor(channels: number) {
    this.#mel = float32Tensor([], [channels, 0])
  }

  /** Number of the frame after the last. */
  get end(): number {
    return this.#first + this.#mel.shape[1]!
  }

  append(more: Tensor<'float32'>): void {
    this.#mel = joinFrames(this.#mel, more)
  }

  slice(from: number, to: number): Tensor<'float32'> {
    return sliceFrames(this.#mel, this.#mel.shape[1]!, from - this.#first, to - this.#first)
  }

  /** Drops the frames before `frame`. */
  forget(frame: number): void {
    const whole = this.slice(frame, this.end)
    this.#first = frame
    this.#mel = whole
  }
}

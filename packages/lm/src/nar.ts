import { float32Tensor, int64Tensor, type Model, type Tensor } from '@mynah/onnx'
import type { NarConfig } from './architectures/mynah.ts'

/** What the NAR model refines. */
export interface NarRequest {
  /** float32 [P, D], prompt phonemes first. */
  readonly encoding: Tensor<'float32'>
  /** The phoneme of every frame [Tp + T], a row of `encoding`. */
  readonly framePhonemes: Int32Array
  /** Sum of all codebooks of the prompt, float32 [Tp, L] row-major. */
  readonly promptLatents: Float32Array
  /** First codebook's vectors of the target, float32 [T, L] row-major. */
  readonly firstLatents: Float32Array
  readonly signal?: AbortSignal
}

/** Adds to the first codebook what all others say, as a vector. → latents of the target, float32 [T, L] row-major */
export async function refineLatents(model: Model, config: NarConfig, request: NarRequest): Promise<Float32Array> {
  const { dim, latentDim } = config
  const frames = request.framePhonemes.length
  const condition = new Float32Array(frames * dim)
  request.framePhonemes.forEach((phoneme, frame) => {
    condition.set(request.encoding.data.subarray(phoneme * dim, (phoneme + 1) * dim), frame * dim)
  })
  const known = new Float32Array(frames * latentDim)
  known.set(request.promptLatents)
  known.set(request.firstLatents, request.promptLatents.length)
  const feeds = {
    condition: float32Tensor(condition, [1, frames, dim]),
    known: float32Tensor(known, [1, frames, latentDim]),
    promptFrames: int64Tensor([request.promptLatents.length / latentDim], [1]),
  }
  const { refined } = await model.run(feeds, request.signal ? { signal: request.signal } : {})
  return refined!.data as Float32Array
}

// Until the pipeline uses `Vocoder.open` and bundles are loaded by path; then this file goes.
import { concat, float32Tensor, int64Tensor, type Runtime, slice, type Tensor, type Weights, writeModel } from '@mynah/onnx'
import { mynah } from './architectures/mynah.ts'
import { DescribedVocoder } from './described-vocoder.ts'
import type { Vocoder } from './vocoder.ts'

/** Superseded by `concat` of @mynah/onnx. */
export const joinFrames = (a: Tensor<'float32'>, b: Tensor<'float32'>): Tensor<'float32'> => concat([a, b])

/** Superseded by `slice` of @mynah/onnx. */
export const sliceFrames = (tensor: Tensor<'float32'>, _frames: number, from: number, to: number): Tensor<'float32'> =>
  slice(tensor, from, to)

/** Superseded by `loadVocoder(path, { config, runtime })`. */
export async function loadMynahDecoder(weights: Weights, config: unknown, runtime: Runtime): Promise<Vocoder> {
  const description = mynah.describe(weights, config, { checkpoint: weights.source })
  const model = await runtime.load(() => writeModel(description.build(weights, runtime).decoder()), { name: 'codec-decoder' })
  class Superseded extends DescribedVocoder {
    readonly overlapFrames = 16
    override async decode(features: Tensor<'float32'>, options: Parameters<Vocoder['decode']>[1] = {}) {
      if (!options.stretch) return super.decode(features, options)
      const { frame, joint, phases } = options.stretch
      const feeds = {
        latents: float32Tensor(features.data, [1, ...features.shape]),
        start: float32Tensor([phases[2 * joint - 1] ?? 0], [1, 1, 1]),
        joint: int64Tensor([2 * (joint - frame)], [1]),
      }
      const { waveform, periods } = await model.run(feeds, options.signal ? { signal: options.signal } : {})
      for (const [i, phase] of (periods!.data as Float32Array).entries()) phases[2 * frame + i] = phase % 1
      return waveform!.data as Float32Array
    }
  }
  return new Superseded('mynah', description, model, () => model.dispose())
}

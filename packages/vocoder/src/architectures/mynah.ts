import {
  convNextBlock,
  float32Tensor,
  GraphBuilder,
  InferenceError,
  istft,
  type LinearConfig,
  layerNorm,
  linear,
  type OnnxModel,
  type Runtime,
  vocosBackbone,
  type Weights,
} from '@mynah/onnx'
import { z } from 'zod'
import { checkFeatures } from '../features.ts'
import type { Vocoder } from '../vocoder.ts'

const schema = z.object({
  latentDim: z.int().positive(),
  decoderDim: z.int().positive(),
  decoderLayers: z.int().positive(),
  upsampledDim: z.int().positive(),
  upsampledLayers: z.int().nonnegative(),
  nFft: z.int().positive(),
  hopLength: z.int().positive(),
})

/** Sizes of the decoder half of Mynah's codec. */
export type MynahDecoderConfig = z.infer<typeof schema>

/** How the matrices of the ConvNeXt blocks are multiplied: `stored` computes in int8 what is stored in int8. */
type Precision = NonNullable<LinearConfig['dtype']>

/** The rate that Mynah's codec is trained at. */
const sampleRate = 24000
/** Vocos clips its magnitudes here, before a badly placed frame can blow up. */
const largestMagnitude = 100
/** A sample depends on some 30 frames on either side, but hardly on the farther ones: with 16, stretches join 71 dB below what the whole gives (docs/decisions/2026-11-26-stretches.md). */
const overlapFrames = 16

/**
 * Emits latents [1, L, T] → waveform [1, T · 2 · hop]: Vocos (arXiv:2306.00814) backbone at the codec's frame rate, a linear map to twice the rate, ConvNeXt blocks there,
 * then magnitude and phase and iSTFT with "same" padding. Reference: training/codec.py.
 */
export function buildMynahDecoder(weights: Weights, config: MynahDecoderConfig, precision: Precision): OnnxModel {
  const graph = new GraphBuilder('mynah-decoder')
  const latents = graph.input('latents', 'float32', [1, config.latentDim, 'T'])
  let x = vocosBackbone(graph, latents, weights.scope('decoder'), config.decoderLayers, { dtype: precision })
  x = linear(graph, graph.transpose(x, [0, 2, 1]), weights.scope('upsample')) // [1, T, 2C]
  x = graph.transpose(graph.reshape(x, [1, -1, config.upsampledDim]), [0, 2, 1]) // [1, C, 2T]
  for (let i = 0; i < config.upsampledLayers; i++) x = convNextBlock(graph, x, weights.scope(`upsampled.${i}`), { dtype: precision })
  const normal = layerNorm(graph, graph.transpose(x, [0, 2, 1]), weights.scope('head_norm'), { epsilon: 1e-6 })
  const head = graph.transpose(linear(graph, normal, weights.scope('head')), [0, 2, 1]) // [1, nFft + 2, 2T]
  const bins = config.nFft / 2 + 1
  const [logMagnitude, phase] = graph.split(head, [bins, bins], 1) as [typeof head, typeof head]
  const magnitude = graph.clip(graph.exp(logMagnitude), undefined, largestMagnitude)
  const real = graph.mul(magnitude, graph.cos(phase))
  const imaginary = graph.mul(magnitude, graph.sin(phase))
  graph.output('waveform', istft(graph, real, imaginary, { nFft: config.nFft, hopLength: config.hopLength, padding: 'same' }))
  return graph.build()
}

/**
 * Loads the decoder of Mynah's codec: latents [L, T] at 40 Hz → 24 kHz waveform. `weights` stays open as long as the decoder lives: after a crash they are read again.
 * @throws {CheckpointError} if a weight is missing or misshapen
 * @throws {InferenceError} `bad-config`
 */
export async function loadMynahDecoder(weights: Weights, config: unknown, runtime: Runtime): Promise<Vocoder> {
  const parsed = schema.safeParse(config)
  if (!parsed.success)
    throw new InferenceError(`mynah decoder config: ${z.prettifyError(parsed.error)}`, { code: 'bad-config', cause: parsed.error })
  const sizes = parsed.data
  // ONNX Runtime's int8 kernel is the CPU's; other devices compute in float32.
  const precision: Precision = runtime.device === 'cpu' ? 'stored' : 'float32'
  const model = await runtime.load(() => buildMynahDecoder(weights, sizes, precision), { name: 'codec-decoder' })
  return {
    name: 'mynah',
    sampleRate,
    featureDim: sizes.latentDim,
    samplesFor: frames => frames * 2 * sizes.hopLength,
    overlapFrames,
    async decode(features, options = {}) {
      checkFeatures('mynah decoder', features, sizes.latentDim)
      const { waveform } = await model.run(
        { latents: float32Tensor(features.data, [1, ...features.shape]) },
        options.signal ? { signal: options.signal } : {},
      )
      return waveform!.data as Float32Array
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  }
}

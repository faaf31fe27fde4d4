import { type Graph, Net, parseConfig, type Value, type Weights } from '@mynah/onnx'
import { z } from 'zod'
import type { VocoderArchitecture, VocoderDescription } from '../architecture.ts'
import {
  describeGenerator,
  firstConv,
  type GeneratorConfig,
  generatorContext,
  lastConv,
  readGeneratorConfig,
  upsamplingStage,
} from '../generator.ts'

const name = 'hifi-gan'

/**
 * HiFi-GAN V1, V2 and V3: mel → waveform. Paper: arXiv:2010.05646. Weight names: jik876/hifi-gan@4769534 models.py, or those of transformers'
 * SpeechT5HifiGan, which normalizes its mel by stored statistics. Detected by `conv_pre`, `ups.0` and a `conv_post` with one output channel.
 */
export const hifiGan: VocoderArchitecture = {
  name,
  detect: weights =>
    weights.has('conv_pre.weight') &&
    (weights.has('ups.0.weight') || weights.has(`${upsamplings.transformers}.0.weight`)) &&
    !weights.has('cond_up.0.weight') &&
    weights.has('conv_post.weight') &&
    weights.shape('conv_post.weight')[0] === 1,
  describe(weights, config) {
    if (weights.has(`${upsamplings.transformers}.0.weight`)) return describeTransformers(weights, config)
    return describeSizes(readGeneratorConfig(name, config, weights), { upsampling: upsamplings.original })
  },
}

/** Names of the transposed convolutions. */
const upsamplings = { original: 'ups', transformers: 'upsampler' } as const

interface Variant {
  readonly upsampling: string
  /** Whether the graph normalizes the mel by the checkpoint's `mean` and `scale`. */
  readonly normalizes?: boolean
}

function describeSizes(sizes: GeneratorConfig, variant: Variant): VocoderDescription {
  return {
    ...describeGenerator(sizes),
    contextFrames: generatorContext(sizes),
    build: tensors => ({ decoder: () => buildHifiGan(tensors, sizes, variant) }),
  }
}

/** SpeechT5HifiGanConfig and FastSpeech2ConformerHifiGanConfig, whose files lack the sample rate. */
const transformersSchema = z.object({
  model_in_dim: z.int().positive(),
  sampling_rate: z.int().positive().default(22050),
  upsample_rates: z.array(z.int().positive()),
  upsample_kernel_sizes: z.array(z.int().positive()),
  upsample_initial_channel: z.int().positive(),
  resblock_kernel_sizes: z.array(z.int().positive()),
  resblock_dilation_sizes: z.array(z.array(z.int().positive())),
  leaky_relu_slope: z.literal(0.1).default(0.1),
  normalize_before: z.boolean().default(true),
})

/** Both models' front-end: log10 of a Slaney mel between 80 and 7600 Hz, frames centred, four hops long. */
function describeTransformers(weights: Weights, config: unknown): VocoderDescription {
  const { model_in_dim: bands, normalize_before: normalizes, ...fields } = parseConfig(name, transformersSchema, config, weights)
  const hop = fields.upsample_rates.reduce((product, rate) => product * rate, 1)
  const audio = { num_mels: bands, n_fft: 4 * hop, win_size: 4 * hop, hop_size: hop, fmin: 80, fmax: 7600 }
  const sizes = readGeneratorConfig(name, { resblock: '1', ...fields, ...audio }, weights)
  const mel = { ...sizes.mel, magnitude: 'abs', log: 'log10', floor: 1e-10, padding: 'center' } as const
  return describeSizes({ ...sizes, mel }, { upsampling: upsamplings.transformers, normalizes })
}

/** (mel − mean) / scale, by band. Reads `mean` and `scale`, which every such checkpoint has. */
function normalize(net: Net, mel: Value, variant: Variant): Value {
  if (variant.upsampling === upsamplings.original) return mel
  const bands = mel.shape[1] as number
  const column = (statistic: string) => net.initializer(statistic, { ...net.weight(statistic, [bands]), shape: [bands, 1] })
  const [mean, scale] = [column('mean'), column('scale')]
  return variant.normalizes ? net.div(net.sub(mel, mean), scale) : mel
}

/** Emits mel [1, nMels, T] → waveform [1, 1, T · hop]. The last leaky ReLU has PyTorch's default slope, 0.01, where all others have 0.1. */
function buildHifiGan(weights: Weights, config: GeneratorConfig, variant: Variant): Graph {
  const net = new Net(name, weights)
  const mel = net.input('mel', 'float32', [1, config.mel.nMels, 'T'])
  let x = firstConv(net, normalize(net, mel, variant), config)
  for (let stage = 0; stage < config.upsampleRates.length; stage++) {
    x = upsamplingStage(net, x, config, stage, { upsampling: `${variant.upsampling}.${stage}` })
  }
  net.output('waveform', net.tanh(lastConv(net, net.leakyRelu(x, 0.01), 1)))
  return net.toGraph()
}

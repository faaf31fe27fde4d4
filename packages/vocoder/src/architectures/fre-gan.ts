import { conv1d, convTranspose1d, type Graph, GraphBuilder, type Value, type Weights } from '@mynah/onnx'
import { expectConv, type VocoderArchitecture } from '../architecture.ts'
import {
  channelsBefore,
  describeGenerator,
  firstConv,
  type GeneratorConfig,
  generatorContext,
  lastConv,
  readGeneratorConfig,
  toNarrowImage,
  upsamplingStage,
} from '../generator.ts'

const name = 'fre-gan'

/**
 * Fre-GAN: HiFi-GAN's stages, each told the mel again at its own rate, and a second path that sums the stages' outputs ("resolution-connected generator").
 * Paper: arXiv:2106.02297. Weight names: rishikksh20/Fre-GAN-pytorch@804b8e9 generator.py. Its wavelets are in the discriminators only.
 */
export const freGan: VocoderArchitecture = {
  name,
  detect: weights => weights.has('conv_pre.weight') && weights.has('ups.0.weight') && weights.has('cond_up.0.weight'),
  describe(weights, config) {
    const sizes = readGeneratorConfig(name, config, weights)
    return {
      ...describeGenerator(sizes),
      // The mel's own way up is shorter than the stages', for all but absurd kernels; one frame for each stage covers those.
      contextFrames: generatorContext(sizes) + sizes.upsampleRates.length,
      build: tensors => ({ decoder: () => buildFreGan(tensors, sizes) }),
    }
  },
}

/** Emits mel [1, nMels, T] → waveform [1, 1, T · hop]. */
function buildFreGan(weights: Weights, config: GeneratorConfig): Graph {
  const graph = new GraphBuilder(name)
  let mel = graph.input('mel', 'float32', [1, config.mel.nMels, 'T'])
  let x = firstConv(name, graph, mel, weights, config)
  let sum: Value | undefined
  for (let stage = 0; stage < config.upsampleRates.length; stage++) {
    if (stage >= 1) {
      mel = upsampleMel(graph, mel, weights, config, stage)
      x = graph.add(x, mel)
    }
    if (stage >= 2) sum = upsampleOutput(graph, sum ?? x, weights, config, stage)
    x = upsamplingStage(name, graph, x, weights, config, stage)
    if (sum) sum = graph.add(sum, x)
  }
  const last = graph.leakyRelu(sum ?? x, 0.01)
  graph.output('waveform', graph.tanh(lastConv(name, graph, last, weights, 1)))
  return graph.toGraph()
}

/** The mel at the rate of `stage`: a ConvTranspose with the rate and kernel of the stage before. Reads `cond_up.{stage − 1}`. */
function upsampleMel(graph: GraphBuilder, mel: Value, weights: Weights, config: GeneratorConfig, stage: number): Value {
  const rate = config.upsampleRates[stage - 1]!
  const kernel = config.upsampleKernelSizes[stage - 1]!
  const channels = channelsBefore(stage, config)
  const layer = `cond_up.${stage - 1}`
  expectConv(name, weights, layer, [mel.shape[1] as number, channels, kernel], channels)
  const padding = Math.floor((kernel - rate) / 2)
  const stretched = graph.scope(layer, () => convTranspose1d(graph, mel, weights.scope(layer), { stride: rate, padding }))
  return toNarrowImage(graph, stretched)
}

/** What has been summed so far, repeated to the rate that `stage` ends at, then 1×1 convolution to its channels. Reads `res_output.{stage − 2}.1`. */
function upsampleOutput(graph: GraphBuilder, sum: Value, weights: Weights, config: GeneratorConfig, stage: number): Value {
  const channels = channelsBefore(stage + 1, config)
  const layer = `res_output.${stage - 2}.1`
  expectConv(name, weights, layer, [channels, sum.shape[1] as number, 1], channels)
  // A 1×1 convolution and repetition commute: the convolution is cheaper before.
  const narrowed = graph.scope(layer, () => conv1d(graph, sum, weights.scope(layer)))
  return toNarrowImage(graph, graph.repeat(narrowed, narrowed.shape.length - 1, config.upsampleRates[stage]!))
}

import { GraphBuilder, type OnnxModel, type Weights } from '@mynah/onnx'
import type { BuildOptions, VocoderArchitecture } from '../architecture.ts'
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
 * HiFi-GAN V1, V2 and V3: mel → waveform. Paper: arXiv:2010.05646. Weight names: jik876/hifi-gan@4769534 models.py.
 * Detected by `conv_pre`, `ups.0` and a `conv_post` with one output channel.
 */
export const hifiGan: VocoderArchitecture = {
  name,
  detect: weights =>
    weights.has('conv_pre.weight') &&
    weights.has('ups.0.weight') &&
    !weights.has('cond_up.0.weight') &&
    weights.has('conv_post.weight') &&
    weights.shape('conv_post.weight')[0] === 1,
  describe(weights, config) {
    const sizes = readGeneratorConfig(name, config, weights)
    return {
      ...describeGenerator(sizes),
      contextFrames: generatorContext(sizes),
      build: (tensors, options) => buildHifiGan(tensors, sizes, options),
    }
  },
}

/** Emits mel [1, nMels, T] → waveform [1, 1, T · hop]. The last leaky ReLU has PyTorch's default slope, 0.01, where all others have 0.1. */
export function buildHifiGan(weights: Weights, config: GeneratorConfig, options: BuildOptions = {}): OnnxModel {
  const graph = new GraphBuilder(name)
  const mel = graph.input('mel', 'float32', [1, config.mel.nMels, 'T'])
  let x = firstConv(name, graph, mel, weights, config)
  for (let stage = 0; stage < config.upsampleRates.length; stage++) x = upsamplingStage(name, graph, x, weights, config, stage)
  graph.output('waveform', graph.tanh(lastConv(name, graph, graph.leakyRelu(x, 0.01), weights, 1)))
  return graph.build(options)
}

import { type Graph, Net, type Value, type Weights } from '@mynah/onnx'
import type { VocoderArchitecture } from '../architecture.ts'
import {
  channelsBefore,
  describeGenerator,
  firstConv,
  type GeneratorConfig,
  generatorContext,
  lastConv,
  readGeneratorConfig,
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
  const net = new Net(name, weights)
  let mel = net.input('mel', 'float32', [1, config.mel.nMels, 'T'])
  let x = firstConv(net, mel, config)
  let sum: Value | undefined
  for (let stage = 0; stage < config.upsampleRates.length; stage++) {
    if (stage >= 1) {
      mel = upsampleMel(net, mel, config, stage)
      x = net.add(x, mel)
    }
    if (stage >= 2) sum = upsampleOutput(net, sum ?? x, config, stage)
    x = upsamplingStage(net, x, config, stage)
    if (sum) sum = net.add(sum, x)
  }
  net.output('waveform', net.tanh(lastConv(net, net.leakyRelu(sum ?? x, 0.01), 1)))
  return net.toGraph()
}

/** The mel at the rate of `stage`: a ConvTranspose with the rate and kernel of the stage before. Reads `cond_up.{stage − 1}`. */
function upsampleMel(net: Net, mel: Value, config: GeneratorConfig, stage: number): Value {
  const [rate, kernel] = [config.upsampleRates[stage - 1]!, config.upsampleKernelSizes[stage - 1]!]
  const sizes = { out: channelsBefore(stage, config), kernel, stride: rate, padding: Math.floor((kernel - rate) / 2) }
  return net.convTranspose1d(`cond_up.${stage - 1}`, mel, sizes)
}

/** What has been summed so far, repeated to the rate that `stage` ends at, then 1×1 convolution to its channels. Reads `res_output.{stage − 2}.1`. */
function upsampleOutput(net: Net, sum: Value, config: GeneratorConfig, stage: number): Value {
  // A 1×1 convolution and repetition commute: the convolution is cheaper before.
  const narrowed = net.conv1d(`res_output.${stage - 2}.1`, sum, { out: channelsBefore(stage + 1, config), kernel: 1 })
  return net.repeat(narrowed, 2, config.upsampleRates[stage]!)
}

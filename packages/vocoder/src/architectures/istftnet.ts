import { CheckpointError, type Graph, istft, Net, parseConfig, type Weights } from '@mynah/onnx'
import { z } from 'zod'
import type { VocoderArchitecture } from '../architecture.ts'
import {
  describeGenerator,
  firstConv,
  type GeneratorConfig,
  generatorContext,
  lastConv,
  outerKernel,
  readGeneratorConfig,
  upsamplingStage,
} from '../generator.ts'

const name = 'istftnet'

const schema = z.object({ gen_istft_n_fft: z.int().positive().multipleOf(2), gen_istft_hop_size: z.int().positive() })

/** HiFi-GAN's sizes and those of the inverse STFT that replaces its last stages. */
export interface IstftNetConfig extends GeneratorConfig {
  readonly nFft: number
  readonly hopLength: number
}

/**
 * iSTFTNet: HiFi-GAN whose last upsampling stages are one inverse STFT. Paper: arXiv:2203.02395. Weight names: rishikksh20/iSTFTNet-pytorch@d10fe7d.
 * Detected by HiFi-GAN's names with a `conv_post` of more than one output channel.
 */
export const istftNet: VocoderArchitecture = {
  name,
  detect: weights =>
    weights.has('conv_pre.weight') &&
    weights.has('ups.0.weight') &&
    !weights.has('cond_up.0.weight') &&
    weights.has('conv_post.weight') &&
    weights.shape('conv_post.weight')[0]! > 1,
  describe(weights, config) {
    const generator = readGeneratorConfig(name, config, weights)
    const head = parseConfig(name, schema, config, weights)
    const sizes = { ...generator, nFft: head.gen_istft_n_fft, hopLength: head.gen_istft_hop_size }
    if (sizes.hopLength > sizes.nFft) {
      throw new CheckpointError(
        `${name}: the config for ${weights.source} has gen_istft_hop_size ${sizes.hopLength}, expected at most gen_istft_n_fft, ${sizes.nFft}`,
        { code: 'bad-config' },
      )
    }
    // A sample depends on the steps whose windows cover it, and those on conv_post's kernel, reflected by one step.
    const tail = Math.ceil(sizes.nFft / sizes.hopLength) + outerKernel
    return {
      ...describeGenerator(generator, sizes.hopLength),
      contextFrames: generatorContext(generator, { tail }),
      build: tensors => ({ decoder: () => buildIstftNet(tensors, sizes) }),
    }
  },
}

/**
 * Emits mel [1, nMels, T] → waveform [1, 1, T · hop]. After the last stage one step is reflected in front, so that `conv_post` gives as many spectra as the
 * centred inverse STFT needs; the first half of its channels is the logarithm of the magnitude, the sine of the others is the phase in radians.
 */
function buildIstftNet(weights: Weights, config: IstftNetConfig): Graph {
  const { nFft, hopLength } = config
  const net = new Net(name, weights)
  const mel = net.input('mel', 'float32', [1, config.mel.nMels, 'T'])
  let x = firstConv(net, mel, config)
  for (let stage = 0; stage < config.upsampleRates.length; stage++) x = upsamplingStage(net, x, config, stage)
  const bins = nFft / 2 + 1
  const padded = net.pad(net.leakyRelu(x, 0.01), 2, 1, 0, { mode: 'reflect' }) // [1, C, L + 1]
  const [logMagnitude, angle] = net.split(lastConv(net, padded, 2 * bins), [bins, bins], 1)
  const magnitude = net.exp(logMagnitude!)
  const phase = net.sin(angle!)
  const real = net.mul(magnitude, net.cos(phase))
  const imaginary = net.mul(magnitude, net.sin(phase))
  net.output('waveform', istft(net, real, imaginary, { nFft, hopLength, padding: 'center' }))
  return net.toGraph()
}

import { CheckpointError, float32Tensor, type Graph, Net, parseConfig, readSnakeParameters, type Value, type Weights } from '@mynah/onnx'
import { z } from 'zod'
import type { VocoderArchitecture } from '../architecture.ts'
import {
  describeGenerator,
  firstConv,
  type GeneratorConfig,
  generatorContext,
  lastConv,
  readGeneratorConfig,
  upsamplingStage,
} from '../generator.ts'

const name = 'bigvgan'

/** What BigVGAN adds to HiFi-GAN's config; v1's files lack the two about the end, which then has a bias and a tanh. */
const schema = z.object({
  activation: z.literal(['snake', 'snakebeta']),
  snake_logscale: z.boolean().default(false),
  use_bias_at_final: z.boolean().default(true),
  use_tanh_at_final: z.boolean().default(true),
})

/** HiFi-GAN's sizes and BigVGAN's activations. */
export interface BigVGanConfig extends GeneratorConfig {
  readonly activation: 'snake' | 'snakebeta'
  /** Whether the Snake parameters are stored as logarithms. */
  readonly logScale: boolean
  readonly finalBias: boolean
  /** tanh at the end; clamping to [−1, 1] otherwise. */
  readonly finalTanh: boolean
}

/**
 * BigVGAN v1 and v2: HiFi-GAN with anti-aliased Snake activations. Paper: arXiv:2206.04658. Weight names: NVIDIA/BigVGAN@7d2b454 bigvgan.py.
 * Detected by `ups.0.0` and `activation_post`.
 */
export const bigVGan: VocoderArchitecture = {
  name,
  detect: weights => weights.has('conv_pre.weight') && weights.has('ups.0.0.weight') && weights.has('activation_post.act.alpha'),
  describe(weights, config) {
    const generator = readGeneratorConfig(name, config, weights)
    const fields = parseConfig(name, schema, config, weights)
    const sizes: BigVGanConfig = {
      ...generator,
      activation: fields.activation,
      logScale: fields.snake_logscale,
      finalBias: fields.use_bias_at_final,
      finalTanh: fields.use_tanh_at_final,
    }
    return {
      ...describeGenerator(generator),
      contextFrames: generatorContext(generator, { tail: 3 + activationReach, activation: activationReach }),
      build: tensors => ({ decoder: () => buildBigVGan(tensors, sizes) }),
    }
  },
}

/** Emits mel [1, nMels, T] → waveform [1, 1, T · hop]. */
function buildBigVGan(weights: Weights, config: BigVGanConfig): Graph {
  const net = new Net(name, weights)
  const mel = net.input('mel', 'float32', [1, config.mel.nMels, 'T'])
  let x = firstConv(net, mel, config)
  for (let stage = 0; stage < config.upsampleRates.length; stage++) {
    x = upsamplingStage(net, x, config, stage, {
      upsampling: `ups.${stage}.0`,
      activateStage: value => value,
      activate: (value, block, index) => antiAliasedSnake(block.at(`activations.${index}`), value, config),
    })
  }
  x = antiAliasedSnake(net.at('activation_post'), x, config)
  x = lastConv(net, x, 1, { bias: config.finalBias })
  net.output('waveform', config.finalTanh ? net.tanh(x) : net.clip(x, -1, 1))
  return net.toGraph()
}

/** Taps of the Kaiser-windowed sinc on both sides of the activation. */
const filterTaps = 12
/** Samples on either side that the activation depends on: three for each of the two convolutions below. */
const activationReach = 6

/**
 * Twice upsampled → Snake → low-passed and decimated, so that the harmonics that Snake adds do not alias (section 3.3 of the paper).
 *
 * The reference stretches to twice the rate with a depthwise ConvTranspose and returns with a depthwise strided convolution. Here the doubled signal is held as two
 * phases, even and odd samples, one row each, which each filter reaches from the original samples by half of its taps: the same numbers, without strides or zeros.
 * Snake's factors are multiplied into the filters: the phases u come out times 2α, and x + (1 − cos(2αx))/(2β) is left as a convolution of u and one of cos u.
 * Reads `act.alpha`, `act.beta` (SnakeBeta), `upsample.filter` and `downsample.lowpass.filter` [1, 1, 12].
 * @param x float32 [B, C, L]
 * @returns float32, the shape of x
 */
export function antiAliasedSnake(net: Net, x: Value, config: Pick<BigVGanConfig, 'activation' | 'logScale'>): Value {
  const { weights } = net
  const [batch, channels] = x.shape as readonly [number, number]
  net.expect('act.alpha', [channels])
  if (config.activation === 'snakebeta') net.expect('act.beta', [channels], 'is its activation "snake", without beta?')
  else if (weights.has('act.beta')) {
    throw new CheckpointError(
      `${name}: ${weights.source} has "act.beta", which activation "snake" lacks; expected "snakebeta" in the config`,
      {
        code: 'unexpected-tensor',
      },
    )
  }
  const up = readFilter(net, 'upsample.filter')
  const down = readFilter(net, 'downsample.lowpass.filter')
  const { frequencies, divisors, hasCosineForm } = readSnakeParameters(weights.scope('act'), channels, { logScale: config.logScale })
  const tap = (filter: Float32Array, index: number) => (index < 0 || index >= filterTaps ? 0 : filter[index]!)
  const seven = [0, 1, 2, 3, 4, 5, 6]
  // The gain of 2 makes up for the zeros that upsampling puts between samples.
  const toPhase = [seven.map(i => 2 * tap(up, 11 - 2 * i)), seven.map(i => 2 * tap(up, 12 - 2 * i))] as const
  const fromPhases = [...seven.map(i => tap(down, 2 * i - 1)), ...seven.map(i => tap(down, 2 * i))]
  /** The same filter for every channel, times that channel's gain. */
  const depthwise = (input: Value, taps: readonly number[], gain: (channel: number) => number, bias?: (channel: number) => number) => {
    const kernels = Float32Array.from(
      { length: channels * taps.length },
      (_, i) => gain(Math.floor(i / taps.length)) * taps[i % taps.length]!,
    )
    const weight = net.initializer('filter', float32Tensor(kernels, [channels, 1, taps.length / 7, 7]))
    const shift =
      bias &&
      net.initializer(
        'bias',
        float32Tensor(
          Float32Array.from({ length: channels }, (_, c) => bias(c)),
          [channels],
        ),
      )
    return net.conv(input, weight, shift, { groups: channels })
  }

  const extended = net.pad(net.unsqueeze(x, [2]), 3, 3, 3, { mode: 'edge' }) // rows are phases
  const magnify = (channel: number) => (hasCosineForm ? 2 * frequencies[channel]! : 1)
  const phases = net.concat(
    toPhase.map(taps => depthwise(extended, taps, magnify)),
    2,
  ) // [B, C, 2, L]
  // The doubled signal is extended by its first and last samples, which are an even and an odd one, in both phases.
  const first = net.slice(net.slice(phases, 3, 0, 1), 2, 0, 1) // [B, C, 1, 1]
  const last = net.slice(net.slice(phases, 3, -1), 2, 1, 2)
  const before = net.expand(first, [batch, channels, 2, 3])
  const after = net.expand(last, [batch, channels, 2, 3])
  const u = net.concat([before, phases, after], 3) // [B, C, 2, L + 6]
  if (!hasCosineForm) {
    return net.squeeze(
      depthwise(net.snake('act', u, { logScale: config.logScale }), fromPhases, () => 1),
      [2],
    )
  }
  const half = (channel: number) => 0.5 / divisors[channel]!
  const gain = fromPhases.reduce((sum, value) => sum + value)
  const joined = net.add(
    depthwise(
      u,
      fromPhases,
      channel => 0.5 / frequencies[channel]!,
      channel => gain * half(channel),
    ),
    depthwise(net.cos(u), fromPhases, channel => -half(channel)),
  ) // [B, C, 1, L]
  return net.squeeze(joined, [2])
}

function readFilter(net: Net, filter: string): Float32Array {
  return net.weight(filter, [1, 1, filterTaps], 'only twofold anti-aliasing with 12 taps, as published, is supported').data
}

import { type MelConfig, melPresets } from '@mynah/audio'
import {
  conv1d,
  convTranspose1d,
  type GraphBuilder,
  inHalves,
  parseConfig,
  resBlock1,
  resBlock2,
  toImage,
  toSignal,
  type Value,
  type Weights,
} from '@mynah/onnx'
import { z } from 'zod'
import { expectConv, type VocoderDescription } from './architecture.ts'

const count = z.int().positive()

/** The fields of HiFi-GAN's config file, which its descendants kept; the rest is training's. */
const schema = z
  .object({
    resblock: z.union([z.literal(['1', '2']), z.literal([1, 2]).transform(String)]),
    upsample_rates: z.array(count).min(1),
    upsample_kernel_sizes: z.array(count).min(1),
    upsample_initial_channel: count,
    resblock_kernel_sizes: z.array(count.refine(size => size % 2 === 1, 'expected odd sizes')).min(1),
    resblock_dilation_sizes: z.array(z.array(count).min(1)).min(1),
    num_mels: count,
    n_fft: count,
    hop_size: count,
    win_size: count,
    sampling_rate: count,
    fmin: z.number().nonnegative(),
    fmax: z.number().positive().nullish(),
  })
  .refine(config => config.upsample_kernel_sizes.length === config.upsample_rates.length, 'as many upsample_kernel_sizes as upsample_rates')
  .refine(
    config => config.upsample_kernel_sizes.every((kernel, i) => kernel >= config.upsample_rates[i]!),
    'each of upsample_kernel_sizes at least its rate',
  )
  .refine(
    config => config.resblock_dilation_sizes.length === config.resblock_kernel_sizes.length,
    'as many resblock_dilation_sizes as resblock_kernel_sizes',
  )
  .refine(
    config => config.upsample_initial_channel >= 2 ** config.upsample_rates.length,
    'upsample_initial_channel large enough to be halved by each of upsample_rates',
  )

/** Sizes of HiFi-GAN's generator and its descendants'. */
export interface GeneratorConfig {
  readonly upsampleRates: readonly number[]
  readonly upsampleKernelSizes: readonly number[]
  readonly initialChannels: number
  readonly resblock: '1' | '2'
  readonly resblockKernelSizes: readonly number[]
  readonly resblockDilationSizes: readonly (readonly number[])[]
  /** The front-end: Slaney filters, √(|X|² + 1e-9), natural logarithm above 1e-5, frames not centred. */
  readonly mel: MelConfig
}

/**
 * Reads a config.json in HiFi-GAN's format.
 * @throws {CheckpointError} `missing-config`, `bad-config`
 */
export function readGeneratorConfig(architecture: string, config: unknown, weights: Weights): GeneratorConfig {
  const fields = parseConfig(architecture, schema, config, weights)
  return {
    upsampleRates: fields.upsample_rates,
    upsampleKernelSizes: fields.upsample_kernel_sizes,
    initialChannels: fields.upsample_initial_channel,
    resblock: fields.resblock as '1' | '2',
    resblockKernelSizes: fields.resblock_kernel_sizes,
    resblockDilationSizes: fields.resblock_dilation_sizes,
    mel: {
      ...melPresets.hifiGan22k, // its filterbank, magnitude, logarithm and padding; every number is the checkpoint's
      sampleRate: fields.sampling_rate,
      nFft: fields.n_fft,
      hopLength: fields.hop_size,
      winLength: fields.win_size,
      nMels: fields.num_mels,
      fMin: fields.fmin,
      fMax: fields.fmax ?? null,
    },
  }
}

/** Channels that a stage takes: halved by each stage before, rounded down. */
export function channelsBefore(stage: number, config: GeneratorConfig): number {
  return Math.floor(config.initialChannels / 2 ** stage)
}

/**
 * The widest signal that becomes an image. ONNX Runtime holds the weights of images a third time while it loads them, and at many channels they gain little: with all 768 channels of
 * BigVGAN's first stage as an image its peak is 1.5 GB instead of 1.1.
 */
const widestImage = 512

/** A signal [1, C, L] as an image [1, C, 1, L], which is faster to convolve, unless it has many channels; images stay as they are. */
export function toNarrowImage(graph: GraphBuilder, x: Value): Value {
  return x.shape.length === 3 && (x.shape[1] as number) <= widestImage ? toImage(graph, x) : x
}

/** How a descendant of HiFi-GAN differs from it inside a stage. */
export interface StageOptions {
  /** Name of the transposed convolution, `ups.{stage}` unless given. */
  readonly upsampling?: string
  /** Activation before the upsampling; leaky ReLU of slope 0.1 unless given. */
  readonly activateStage?: (x: Value) => Value
  /** Activation number `index` of the residual block whose weights are given; leaky ReLU of slope 0.1 unless given. */
  readonly activate?: (x: Value, block: Weights, index: number) => Value
  /** Elements on either side that one such activation depends on, 0 unless given. */
  readonly activationReach?: number
}

/**
 * One stage of the generator: activation, ConvTranspose that halves the channels and lengthens by the rate, mean of the parallel residual blocks
 * ("multi-receptive field fusion"). Paper: HiFi-GAN, arXiv:2010.05646, section 2.2. Reads `ups.{stage}` and `resblocks.{stage · kernels + j}`.
 * @param x float32 [1, ⌊C / 2^stage⌋, L], or an image [1, ⌊C / 2^stage⌋, 1, L]
 * @returns float32 [1, ⌊C / 2^(stage + 1)⌋, L · rate], an image unless it is wide (one more if kernel − rate is odd)
 * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`
 */
export function upsamplingStage(
  architecture: string,
  graph: GraphBuilder,
  x: Value,
  weights: Weights,
  config: GeneratorConfig,
  stage: number,
  options: StageOptions = {},
): Value {
  const rate = config.upsampleRates[stage]!
  const kernel = config.upsampleKernelSizes[stage]!
  const channels = channelsBefore(stage + 1, config)
  const name = options.upsampling ?? `ups.${stage}`
  expectConv(architecture, weights, name, [channelsBefore(stage, config), channels, kernel], channels)
  const activated = options.activateStage ? options.activateStage(x) : graph.leakyRelu(x, 0.1)
  const padding = Math.floor((kernel - rate) / 2)
  const stretched = graph.scope(name, () => convTranspose1d(graph, activated, weights.scope(name), { stride: rate, padding }))
  const up = toNarrowImage(graph, stretched)
  const kernels = config.resblockKernelSizes
  const emitBlock = (value: Value, size: number, j: number) => {
    const block = `resblocks.${stage * kernels.length + j}`
    const scoped = weights.scope(block)
    const dilations = config.resblockDilationSizes[j]!
    expectBlock(architecture, scoped, config.resblock, channels, size, dilations.length)
    const activate = options.activate && ((before: Value, index: number) => options.activate!(before, scoped, index))
    const emit = config.resblock === '1' ? resBlock1 : resBlock2
    return graph.scope(block, () => emit(graph, value, scoped, activate ? { dilations, activate } : { dilations }))
  }
  return inHalves(graph, up, blocksReach(config, options.activationReach), value => {
    const blocks = kernels.map((size, j) => emitBlock(value, size, j))
    return graph.div(
      blocks.reduce((sum, block) => graph.add(sum, block)),
      blocks.length,
    )
  })
}

function expectBlock(architecture: string, block: Weights, resblock: '1' | '2', channels: number, kernel: number, layers: number): void {
  for (const list of resblock === '1' ? ['convs1', 'convs2'] : ['convs']) {
    for (let i = 0; i < layers; i++) expectConv(architecture, block, `${list}.${i}`, [channels, channels, kernel], channels)
  }
}

/** The first convolution, mel [1, nMels, T] → [1, initialChannels, T], an image unless it is wide, zero-padded to the same length. Reads `conv_pre`. */
export function firstConv(architecture: string, graph: GraphBuilder, mel: Value, weights: Weights, config: GeneratorConfig): Value {
  const { initialChannels, mel: frontEnd } = config
  expectConv(architecture, weights, 'conv_pre', [initialChannels, frontEnd.nMels, outerKernel], initialChannels)
  const convolved = graph.scope('conv_pre', () => conv1d(graph, mel, weights.scope('conv_pre'), { padding: 'same' }))
  return toNarrowImage(graph, convolved)
}

/**
 * The last convolution, [1, C, L] or an image of it → [1, channels, L], zero-padded to the same length. Reads `conv_post`.
 * @param options.bias whether it has a bias; true unless told otherwise
 */
export function lastConv(
  architecture: string,
  graph: GraphBuilder,
  x: Value,
  weights: Weights,
  channels: number,
  options: { bias?: boolean } = {},
): Value {
  expectConv(architecture, weights, 'conv_post', [channels, x.shape[1] as number, outerKernel], options.bias === false ? false : channels)
  const convolved = graph.scope('conv_post', () => conv1d(graph, x, weights.scope('conv_post'), { padding: 'same' }))
  return toSignal(graph, convolved)
}

/** Kernel size of the first and last convolution in every paper of the family. */
export const outerKernel = 7

/** Samples that the stages make of `frames` frames. */
export function upsampledLength(frames: number, config: GeneratorConfig): number {
  return config.upsampleRates.reduce((length, rate, i) => length * rate + ((config.upsampleKernelSizes[i]! - rate) % 2), frames)
}

/**
 * Frames on either side that the generator's output depends on.
 * @param options.tail reach of what follows the last stage, in its samples; `conv_post`'s unless given
 * @param options.activation reach of one activation inside a residual block, 0 for a pointwise one
 */
export function generatorContext(config: GeneratorConfig, options: { tail?: number; activation?: number } = {}): number {
  const outer = (outerKernel - 1) / 2
  let reach = options.tail ?? outer
  for (let stage = config.upsampleRates.length - 1; stage >= 0; stage--) {
    reach += blocksReach(config, options.activation)
    reach = Math.ceil((reach + config.upsampleKernelSizes[stage]!) / config.upsampleRates[stage]!)
  }
  return reach + outer
}

/** Elements on either side that the residual blocks of a stage depend on. */
function blocksReach(config: GeneratorConfig, activation = 0): number {
  const reaches = config.resblockKernelSizes.map((kernel, j) => {
    const half = (kernel - 1) / 2
    const second = config.resblock === '1' ? half + activation : 0
    return config.resblockDilationSizes[j]!.reduce((sum, dilation) => sum + dilation * half + activation + second, 0)
  })
  return Math.max(...reaches)
}

/**
 * What all generators of the family report.
 * @param samplesPerStep samples that the head makes of one step after the last stage: 1, or the hop of an inverse STFT
 */
export function describeGenerator(
  config: GeneratorConfig,
  samplesPerStep = 1,
): Pick<VocoderDescription, 'sampleRate' | 'hopLength' | 'featureDim' | 'mel' | 'samplesFor' | 'warnings'> & { mel: MelConfig } {
  const hopLength = config.upsampleRates.reduce((product, rate) => product * rate, samplesPerStep)
  const { mel } = config
  const warnings =
    mel.hopLength === hopLength
      ? []
      : [`the config's hop_size is ${mel.hopLength}, but the generator makes ${hopLength} samples a frame: resynthesis changes the tempo`]
  return {
    sampleRate: mel.sampleRate,
    hopLength,
    featureDim: mel.nMels,
    mel,
    samplesFor: frames => upsampledLength(frames, config) * samplesPerStep,
    warnings,
  }
}

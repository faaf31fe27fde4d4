import { type MelConfig, melPresets } from '@mynah/audio'
import { type Net, parseConfig, resBlock1, resBlock2, type Value, type Weights } from '@mynah/onnx'
import { z } from 'zod'
import type { VocoderDescription } from './architecture.ts'

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

/** How a descendant of HiFi-GAN differs from it inside a stage. */
export interface StageOptions {
  /** Name of the transposed convolution, `ups.{stage}` unless given. */
  readonly upsampling?: string
  /** Activation before the upsampling; leaky ReLU of slope 0.1 unless given. */
  readonly activateStage?: (x: Value) => Value
  /** Activation number `index` of the residual block at `block`; leaky ReLU of slope 0.1 unless given. */
  readonly activate?: (x: Value, block: Net, index: number) => Value
}

/**
 * One stage of the generator: activation, ConvTranspose that halves the channels and lengthens by the rate, mean of the parallel residual blocks
 * ("multi-receptive field fusion"). Paper: HiFi-GAN, arXiv:2010.05646, section 2.2. Reads `ups.{stage}` and `resblocks.{stage · kernels + j}`.
 * @param x float32 [1, ⌊C / 2^stage⌋, L]
 * @returns float32 [1, ⌊C / 2^(stage + 1)⌋, L · rate] (one more if kernel − rate is odd)
 * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`
 */
export function upsamplingStage(net: Net, x: Value, config: GeneratorConfig, stage: number, options: StageOptions = {}): Value {
  const { upsampling = `ups.${stage}`, activateStage = value => net.leakyRelu(value, 0.1), activate } = options
  const [rate, kernel] = [config.upsampleRates[stage]!, config.upsampleKernelSizes[stage]!]
  const up = net.convTranspose1d(upsampling, activateStage(x), {
    ...{ out: channelsBefore(stage + 1, config), kernel, stride: rate },
    padding: Math.floor((kernel - rate) / 2),
  })
  const resBlock = config.resblock === '1' ? resBlock1 : resBlock2
  const blocks = config.resblockKernelSizes.map((size, j) => {
    const block = net.at(`resblocks.${stage * config.resblockKernelSizes.length + j}`)
    const sizes = { kernel: size, dilations: config.resblockDilationSizes[j]! }
    return resBlock(block, up, activate ? { ...sizes, activate: (value, index) => activate(value, block, index) } : sizes)
  })
  return net.div(
    blocks.reduce((sum, block) => net.add(sum, block)),
    blocks.length,
  )
}

/** The first convolution, mel [1, nMels, T] → [1, initialChannels, T], zero-padded to the same length. Reads `conv_pre`. */
export function firstConv(net: Net, mel: Value, config: GeneratorConfig): Value {
  return net.conv1d('conv_pre', mel, { out: config.initialChannels, kernel: outerKernel, padding: 'same' })
}

/** The last convolution, [1, C, L] → [1, channels, L], zero-padded to the same length. Reads `conv_post`. */
export function lastConv(net: Net, x: Value, channels: number, options: { bias?: boolean } = {}): Value {
  return net.conv1d('conv_post', x, { out: channels, kernel: outerKernel, padding: 'same', ...options })
}

/** Kernel size of the first and last convolution in every paper of the family. */
export const outerKernel = 7

/** Samples that the stages make of `frames` frames. */
function upsampledLength(frames: number, config: GeneratorConfig): number {
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

import { melPresets } from '@mynah/audio'
import { CheckpointError, expectEqual, type Graph, type ModelFiles, Net, parseConfig, type Value, type Weights } from '@mynah/onnx'
import { z } from 'zod'
import type { VocoderArchitecture, VocoderDescription } from '../architecture.ts'
import { recipeAudioSchema, recipeMel } from '../kan-bayashi.ts'

const name = 'melgan'

/** What the training dump `args.yml` says of the generator; `mel2wav/train.py` has a default for every field. */
const schema = z
  .looseObject({
    n_mel_channels: z.int().positive().optional(),
    ngf: z.int().positive().optional(),
    n_residual_layers: z.int().positive().optional(),
    sampling_rate: z.number().positive().optional(),
  })
  .refine(
    fields =>
      ['n_mel_channels', 'ngf', 'n_residual_layers'].some(name => name in fields) ||
      Object.keys(fields).every(name => name === 'sampling_rate'),
    'expected n_mel_channels, ngf or n_residual_layers, as args.yml has; or no config at all',
  )

/** What kan-bayashi's `config.yml` says beyond what the tensors tell. */
const recipeSchema = recipeAudioSchema.extend({
  generator_type: z.literal('MelGANGenerator'),
  generator_params: z.object({
    out_channels: z.literal(1, 'expected 1: multi-band MelGAN needs a synthesis filterbank that its checkpoint lacks').default(1),
    nonlinear_activation: z.literal('LeakyReLU').default('LeakyReLU'),
    nonlinear_activation_params: z.object({ negative_slope: z.number() }).default({ negative_slope: 0.2 }),
    pad: z.literal('ReflectionPad1d').default('ReflectionPad1d'),
    use_final_nonlinear_activation: z.boolean().default(true),
    use_causal_conv: z.literal(false).default(false),
  }),
})

/** Names inside a residual block, which are all that the two layouts differ by. */
interface Layout {
  readonly block: string
  readonly shortcut: string
}
const descript: Layout = { block: 'block', shortcut: 'shortcut' }
const kanBayashi: Layout = { block: 'stack', shortcut: 'skip_layer' }

/** Sizes of a MelGAN generator, which its tensors tell, and what they do not. */
export interface MelGanConfig {
  readonly layout: Layout
  /** Slope of every leaky ReLU. */
  readonly slope: number
  /** Whether tanh ends it. */
  readonly finalTanh: boolean
  readonly nMels: number
  /** Output channels of the first convolution; halved by each upsampling. */
  readonly initialChannels: number
  readonly upsampleRates: readonly number[]
  readonly residualLayers: number
  /** Kernel size of the first and last convolution. */
  readonly outerKernel: number
  /** Kernel size of the dilated convolutions: dilations are its powers. */
  readonly residualKernel: number
}

/**
 * MelGAN. Paper: arXiv:1910.06711. Weight names: descriptinc/melgan-neurips@6488045 mel2wav/modules.py, numbered by position (`model.1`, `model.3`, …),
 * or kan-bayashi/ParallelWaveGAN@8674037 models/melgan.py, the same with other names, a `config.yml` and mels normalized by the corpus' statistics.
 * Descript's published files come without a config: sizes are read from the tensors, and 22.05 kHz is assumed unless `args.yml` says otherwise.
 */
export const melGan: VocoderArchitecture = {
  name,
  detect: weights =>
    (weights.has('1.weight') && weights.has('4.shortcut.weight')) ||
    (weights.has('melgan.1.weight') && weights.has('melgan.4.skip_layer.weight')),
  describe(weights, config, files) {
    if (weights.has('melgan.1.weight')) return describeRecipe(weights, config, files)
    const sizes: MelGanConfig = { ...measure(weights, descript), layout: descript, slope: 0.2, finalTanh: true }
    const fields = parseConfig(name, schema, config ?? {}, weights)
    expectEqual(name, weights, 'n_mel_channels', fields.n_mel_channels, sizes.nMels)
    expectEqual(name, weights, 'n_residual_layers', fields.n_residual_layers, sizes.residualLayers)
    expectEqual(name, weights, 'ngf · 2^stages', fields.ngf && fields.ngf * 2 ** sizes.upsampleRates.length, sizes.initialChannels)
    const sampleRate = fields.sampling_rate ?? melPresets.melGan22k.sampleRate
    return {
      ...describeSizes(sizes),
      sampleRate,
      mel: { ...melPresets.melGan22k, sampleRate, nMels: sizes.nMels, fMax: null },
      facts: [
        { name: 'sample rate', value: sampleRate, from: fields.sampling_rate === undefined ? 'default' : 'config' },
        { name: 'samples a frame', value: describeSizes(sizes).hopLength, from: 'tensors' },
        { name: 'mel bands', value: sizes.nMels, from: 'tensors' },
      ],
      warnings: config === undefined ? [`no args.yml beside the checkpoint: a sample rate of ${sampleRate} Hz is assumed`] : [],
      build: tensors => ({ decoder: () => buildMelGan(tensors, sizes) }),
    }
  },
}

function describeRecipe(weights: Weights, config: unknown, files: ModelFiles): VocoderDescription {
  const recipe = parseConfig(name, recipeSchema, config, weights)
  const { nonlinear_activation_params, use_final_nonlinear_activation: finalTanh } = recipe.generator_params
  const slope = nonlinear_activation_params.negative_slope
  const sizes: MelGanConfig = { ...measure(weights.scope('melgan'), kanBayashi), layout: kanBayashi, slope, finalTanh }
  expectEqual(name, weights, 'num_mels', recipe.num_mels, sizes.nMels)
  expectEqual(name, weights, 'hop_size', recipe.hop_size, describeSizes(sizes).hopLength)
  return {
    ...describeSizes(sizes),
    sampleRate: recipe.sampling_rate,
    ...recipeMel(recipe, weights, files),
    build: tensors => ({
      decoder() {
        // Statistics that a checkpoint may hold belong to the front-end.
        for (const statistic of ['mean', 'scale']) if (tensors.has(statistic)) tensors.raw(statistic)
        return buildMelGan(tensors.scope('melgan'), sizes)
      },
    }),
  }
}

function describeSizes(sizes: MelGanConfig): Pick<VocoderDescription, 'hopLength' | 'featureDim' | 'contextFrames' | 'minFrames'> {
  return {
    hopLength: sizes.upsampleRates.reduce((product, rate) => product * rate, 1),
    featureDim: sizes.nMels,
    contextFrames: contextOf(sizes),
    minFrames: minFramesOf(sizes),
  }
}

/** Position of the transposed convolution of a stage among the numbered layers: each stage is a leaky ReLU, the convolution, and its residual blocks. */
const upsamplingAt = (stage: number, residualLayers: number) => 3 + stage * (residualLayers + 2)

function measure(weights: Weights, { block, shortcut }: Layout): Omit<MelGanConfig, 'layout' | 'slope' | 'finalTanh'> {
  const [initialChannels, nMels, outerKernel] = weights.shape('1.weight') as [number, number, number]
  let residualLayers = 0
  while (weights.has(`${4 + residualLayers}.${shortcut}.weight`)) residualLayers++
  const upsampleRates: number[] = []
  for (;;) {
    const at = upsamplingAt(upsampleRates.length, residualLayers)
    if (!weights.has(`${at + 1}.${shortcut}.weight`)) break
    const kernel = weights.shape(`${at}.weight`).at(-1)!
    if (kernel % 2 !== 0) {
      throw new CheckpointError(`${name}: "${at}.weight" of ${weights.source} has kernel size ${kernel}, expected twice a rate`, {
        code: 'shape-mismatch',
      })
    }
    upsampleRates.push(kernel / 2)
  }
  const residualKernel = weights.shape(`4.${block}.2.weight`).at(-1)!
  return { nMels, initialChannels, upsampleRates, residualLayers, outerKernel, residualKernel }
}

/** Emits mel [1, nMels, T] → waveform [1, 1, T · hop]; convolutions reflect at the edges. */
function buildMelGan(weights: Weights, config: MelGanConfig): Graph {
  const { slope, outerKernel: kernel } = config
  const net = new Net(name, weights)
  const mel = net.input('mel', 'float32', [1, config.nMels, 'T'])
  let channels = config.initialChannels
  let x = net.conv1d('1', mel, { out: channels, kernel, ...reflected })
  for (const [stage, rate] of config.upsampleRates.entries()) {
    const at = upsamplingAt(stage, config.residualLayers)
    channels /= 2
    const upsampling = { stride: rate, padding: Math.floor(rate / 2) + (rate % 2), outputPadding: rate % 2 }
    x = net.convTranspose1d(`${at}`, net.leakyRelu(x, slope), { out: channels, kernel: 2 * rate, ...upsampling })
    for (let i = 0; i < config.residualLayers; i++) x = residualBlock(net.at(`${at + 1 + i}`), x, config, i)
  }
  // After the last block: leaky ReLU, padding, convolution.
  const last = `${upsamplingAt(config.upsampleRates.length, config.residualLayers) + 1}`
  x = net.conv1d(last, net.leakyRelu(x, slope), { out: 1, kernel, ...reflected })
  net.output('waveform', config.finalTanh ? net.tanh(x) : x)
  return net.toGraph()
}

const reflected = { padding: 'same', paddingMode: 'reflect' } as const

/** 1×1 convolution of x + (leaky ReLU → dilated convolution → leaky ReLU → 1×1 convolution). Reads `shortcut`, `block.2` and `block.4`, or what they are called. */
function residualBlock(net: Net, x: Value, { layout, residualKernel: kernel, slope }: MelGanConfig, index: number): Value {
  const out = x.shape[1] as number
  const dilated = net.conv1d(`${layout.block}.2`, net.leakyRelu(x, slope), { out, kernel, dilation: kernel ** index, ...reflected })
  const narrow = net.conv1d(`${layout.block}.4`, net.leakyRelu(dilated, slope), { out, kernel: 1 })
  return net.add(net.conv1d(layout.shortcut, x, { out, kernel: 1 }), narrow)
}

/** Reach of the residual blocks in samples of their stage. */
const residualReach = ({ residualLayers, residualKernel }: Pick<MelGanConfig, 'residualLayers' | 'residualKernel'>) =>
  Array.from({ length: residualLayers }, (_, i) => (residualKernel ** i * (residualKernel - 1)) / 2)

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

function contextOf(config: MelGanConfig): number {
  const outer = (config.outerKernel - 1) / 2
  const blocks = sum(residualReach(config))
  return config.upsampleRates.toReversed().reduce((reach, rate) => Math.ceil((reach + blocks + 2 * rate) / rate), outer) + outer
}

/** Reflection needs one element more than it adds, at every stage. */
function minFramesOf(config: MelGanConfig): number {
  const widest = Math.max(...residualReach(config))
  return Math.max((config.outerKernel - 1) / 2 + 1, Math.ceil((widest + 1) / config.upsampleRates[0]!))
}

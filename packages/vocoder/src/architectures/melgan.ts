import { melPresets } from '@mynah/audio'
import { CheckpointError, conv1d, convTranspose1d, GraphBuilder, type OnnxModel, type Value, type Weights } from '@mynah/onnx'
import { z } from 'zod'
import { expectConv, parseConfig, type VocoderArchitecture } from '../architecture.ts'

const name = 'melgan'

/** What the training dump `args.yml` says of the generator; `mel2wav/train.py` has a default for every field. */
const schema = z.object({
  n_mel_channels: z.int().positive().optional(),
  ngf: z.int().positive().optional(),
  n_residual_layers: z.int().positive().optional(),
  sampling_rate: z.number().positive().optional(),
})

/** Sizes of a MelGAN generator, all of which its tensors tell. */
export interface MelGanConfig {
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
 * MelGAN. Paper: arXiv:1910.06711. Weight names: descriptinc/melgan-neurips@6488045 mel2wav/modules.py, numbered by position (`model.1`, `model.3`, …).
 * The published files come without a config: sizes are read from the tensors, and 22.05 kHz is assumed unless `args.yml` says otherwise.
 */
export const melGan: VocoderArchitecture = {
  name,
  detect: weights => weights.has('1.weight') && weights.has('3.weight') && weights.has('4.shortcut.weight'),
  describe(weights, config) {
    const sizes = measure(weights)
    const fields = parseConfig(name, schema, config ?? {}, weights)
    expectField('n_mel_channels', fields.n_mel_channels, sizes.nMels, weights)
    expectField('n_residual_layers', fields.n_residual_layers, sizes.residualLayers, weights)
    expectField('ngf · 2^stages', fields.ngf && fields.ngf * 2 ** sizes.upsampleRates.length, sizes.initialChannels, weights)
    const hopLength = sizes.upsampleRates.reduce((product, rate) => product * rate, 1)
    const sampleRate = fields.sampling_rate ?? melPresets.melGan22k.sampleRate
    return {
      sampleRate,
      hopLength,
      featureDim: sizes.nMels,
      mel: { ...melPresets.melGan22k, sampleRate, nMels: sizes.nMels, fMax: null },
      contextFrames: contextOf(sizes),
      minFrames: minFramesOf(sizes),
      warnings: config === undefined ? [`no args.yml beside the checkpoint: a sample rate of ${sampleRate} Hz is assumed`] : [],
      build: tensors => buildMelGan(tensors, sizes),
    }
  },
}

/** Position of the transposed convolution of a stage among the numbered layers: each stage is a leaky ReLU, the convolution, and its residual blocks. */
const upsamplingAt = (stage: number, residualLayers: number) => 3 + stage * (residualLayers + 2)

function measure(weights: Weights): MelGanConfig {
  const [initialChannels, nMels, outerKernel] = weights.shape('1.weight') as [number, number, number]
  let residualLayers = 0
  while (weights.has(`${4 + residualLayers}.shortcut.weight`)) residualLayers++
  const upsampleRates: number[] = []
  for (;;) {
    const at = upsamplingAt(upsampleRates.length, residualLayers)
    if (!weights.has(`${at + 1}.shortcut.weight`)) break
    const kernel = weights.shape(`${at}.weight`).at(-1)!
    if (kernel % 2 !== 0) {
      throw new CheckpointError(`${name}: "${at}.weight" of ${weights.source} has kernel size ${kernel}, expected twice a rate`, {
        code: 'shape-mismatch',
      })
    }
    upsampleRates.push(kernel / 2)
  }
  const residualKernel = weights.shape('4.block.2.weight').at(-1)!
  return { nMels, initialChannels, upsampleRates, residualLayers, outerKernel, residualKernel }
}

function expectField(field: string, found: number | undefined, expected: number, weights: Weights): void {
  if (found === undefined || found === expected) return
  throw new CheckpointError(
    `${name}: the config says ${field} = ${found}, but ${weights.source} has ${expected}; does the config belong to this checkpoint?`,
    { code: 'shape-mismatch' },
  )
}

/** Emits mel [1, nMels, T] → waveform [1, 1, T · hop]. Leaky ReLU slope 0.2; convolutions reflect at the edges. */
export function buildMelGan(weights: Weights, config: MelGanConfig): OnnxModel {
  const graph = new GraphBuilder(name)
  const mel = graph.input('mel', 'float32', [1, config.nMels, 'T'])
  let channels = config.initialChannels
  let x = reflectedConv(graph, mel, weights, '1', [channels, config.nMels, config.outerKernel])
  for (const [stage, rate] of config.upsampleRates.entries()) {
    const at = upsamplingAt(stage, config.residualLayers)
    const layer = `${at}`
    expectConv(name, weights, layer, [channels, channels / 2, 2 * rate], channels / 2)
    channels /= 2
    const activated = graph.leakyRelu(x, slope)
    const padding = Math.floor(rate / 2) + (rate % 2)
    x = graph.scope(layer, () =>
      convTranspose1d(graph, activated, weights.scope(layer), { stride: rate, padding, outputPadding: rate % 2 }),
    )
    for (let i = 0; i < config.residualLayers; i++) x = residualBlock(graph, x, weights, `${at + 1 + i}`, config.residualKernel, i)
  }
  // After the last block: leaky ReLU, padding, convolution.
  const last = `${upsamplingAt(config.upsampleRates.length, config.residualLayers) + 1}`
  x = reflectedConv(graph, graph.leakyRelu(x, slope), weights, last, [1, channels, config.outerKernel])
  graph.output('waveform', graph.tanh(x))
  return graph.build()
}

const slope = 0.2

/** 1×1 convolution of x + (leaky ReLU → dilated convolution → leaky ReLU → 1×1 convolution). Reads `{layer}.shortcut`, `{layer}.block.2` and `.block.4`. */
function residualBlock(graph: GraphBuilder, x: Value, weights: Weights, layer: string, kernel: number, index: number): Value {
  const channels = x.shape[1] as number
  const dilated = reflectedConv(
    graph,
    graph.leakyRelu(x, slope),
    weights,
    `${layer}.block.2`,
    [channels, channels, kernel],
    kernel ** index,
  )
  const out = reflectedConv(graph, graph.leakyRelu(dilated, slope), weights, `${layer}.block.4`, [channels, channels, 1])
  return graph.add(reflectedConv(graph, x, weights, `${layer}.shortcut`, [channels, channels, 1]), out)
}

function reflectedConv(graph: GraphBuilder, x: Value, weights: Weights, layer: string, shape: readonly number[], dilation = 1): Value {
  expectConv(name, weights, layer, shape, shape[0]!)
  return graph.scope(layer, () => conv1d(graph, x, weights.scope(layer), { padding: 'same', paddingMode: 'reflect', dilation }))
}

/** Reach of the residual blocks in samples of their stage. */
const residualReach = ({ residualLayers, residualKernel }: MelGanConfig) =>
  Array.from({ length: residualLayers }, (_, i) => (residualKernel ** i * (residualKernel - 1)) / 2)

function contextOf(config: MelGanConfig): number {
  const outer = (config.outerKernel - 1) / 2
  const blocks = residualReach(config).reduce((sum, reach) => sum + reach, 0)
  return config.upsampleRates.toReversed().reduce((reach, rate) => Math.ceil((reach + blocks + 2 * rate) / rate), outer) + outer
}

/** Reflection needs one element more than it adds, at every stage. */
function minFramesOf(config: MelGanConfig): number {
  const widest = Math.max(...residualReach(config))
  return Math.max((config.outerKernel - 1) / 2 + 1, Math.ceil((widest + 1) / config.upsampleRates[0]!))
}

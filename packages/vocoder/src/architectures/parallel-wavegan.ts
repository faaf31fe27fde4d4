import {
  type Conv1dConfig,
  createWeights,
  float32Tensor,
  type Graph,
  Net,
  type Operators,
  parseConfig,
  type Tensor,
  type Value,
  type Weights,
} from '@mynah/onnx'
import { z } from 'zod'
import type { VocoderArchitecture } from '../architecture.ts'
import { recipeAudioSchema, recipeMel } from '../kan-bayashi.ts'
import { createNoise } from '../noise.ts'

const name = 'parallel-wavegan'

const size = z.int().positive()
const odd = size.refine(kernel => kernel % 2 === 1, 'expected an odd size')
const generatorSchema = z.object({
  in_channels: size.default(1),
  out_channels: z.literal(1).default(1),
  kernel_size: odd.default(3),
  layers: size.default(30),
  stacks: size.default(3),
  residual_channels: size.default(64),
  gate_channels: size.refine(channels => channels % 2 === 0, 'expected an even number').default(128),
  skip_channels: size.default(64),
  aux_channels: size.default(80),
  aux_context_window: z.int().nonnegative().default(2),
  bias: z.boolean().default(true),
  use_causal_conv: z.boolean().default(false),
  upsample_conditional_features: z.literal(true).default(true),
  upsample_net: z.enum(['ConvInUpsampleNetwork', 'UpsampleNetwork']).default('ConvInUpsampleNetwork'),
  upsample_params: z.object({
    upsample_scales: z.array(size).min(1),
    nonlinear_activation: z.enum(['LeakyReLU', 'ReLU', 'Tanh', 'Sigmoid']).nullish(),
    nonlinear_activation_params: z.object({ negative_slope: z.number().default(0.01) }).prefault({}),
    interpolate_mode: z.literal('nearest').default('nearest'),
    freq_axis_kernel_size: odd.default(1),
  }),
})
const schema = recipeAudioSchema
  .extend({
    generator_type: z.literal('ParallelWaveGANGenerator').default('ParallelWaveGANGenerator'),
    generator_params: generatorSchema,
  })
  .refine(({ generator_params: g }) => g.layers % g.stacks === 0, 'generator_params: layers must be a multiple of stacks')
  .refine(({ generator_params: g, num_mels }) => g.aux_channels === num_mels, 'generator_params: aux_channels must be num_mels')
  .refine(
    ({ generator_params: g, hop_size }) => g.upsample_params.upsample_scales.reduce((a, b) => a * b) === hop_size,
    'the product of upsample_scales must be hop_size',
  )

/** A recipe's `config.yml`, as far as it concerns the generator. */
type Config = z.infer<typeof schema>
type Generator = z.infer<typeof generatorSchema>

/**
 * Parallel WaveGAN: noise under the condition of a mel → waveform. Paper: arXiv:1910.11480. Config and weight names: kan-bayashi/ParallelWaveGAN@8674037
 * models/parallel_wavegan.py and layers/upsample.py. `decode` takes the log-mel normalized by the corpus' statistics, as `mel` gives it.
 */
export const parallelWaveGan: VocoderArchitecture = {
  name,
  detect: weights => weights.has('first_conv.weight') && weights.has('conv_layers.0.conv1x1_aux.weight'),
  describe(weights, config, files) {
    const sizes = parseConfig(name, schema, config, weights)
    const { generator_params: generator, hop_size: hop } = sizes
    const noiseShape = (frames: number) => [1, generator.in_channels, frames * hop]
    return {
      sampleRate: sizes.sampling_rate,
      hopLength: hop,
      featureDim: sizes.num_mels,
      ...recipeMel(sizes, weights, files),
      contextFrames: contextFrames(generator, hop),
      noiseShape,
      begin(options, frames) {
        const { source } = createNoise(name, noiseShape, frames === undefined ? undefined : [frames], options)
        return { feeds: (from, to) => ({ noise: source(from, to) }) }
      },
      build: tensors => ({ decoder: () => buildParallelWaveGan(tensors, sizes) }),
    }
  },
}

/** Dilations double from layer to layer and start over with each stack. */
const dilationOf = (layer: number, generator: Generator) => 2 ** (layer % (generator.layers / generator.stacks))

function contextFrames(generator: Generator, hop: number): number {
  const { layers, kernel_size: kernel, use_causal_conv: causal, aux_context_window: window } = generator
  const dilations = Array.from({ length: layers }, (_, layer) => dilationOf(layer, generator)).reduce((a, b) => a + b)
  const samples = dilations * (causal ? kernel - 1 : (kernel - 1) / 2)
  // Every upsampling step reaches one of its own frames to either side, or two back; each lasts at most half as long as the one before.
  return Math.ceil(samples / hop) + window + 2 * (causal ? 2 : 1)
}

/**
 * Emits noise [1, I, T · hop] and normalized log-mel [1, M, T] → waveform [1, 1, T · hop]: the mel is upsampled to samples, then a WaveNet of dilated,
 * gated convolutions turns noise into speech under its condition; no tanh at the end.
 *
 * Every sum, gate and factor of a layer is part of a convolution, so that ONNX Runtime makes few passes over samples: sums of two convolutions and the
 * activation after them are fused, and the factors of √½ between layers are multiplied into the weights, for which the residual is held 2^(layer / 2) times as large.
 * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`
 */
function buildParallelWaveGan(weights: Weights, config: Config): Graph {
  const { generator_params: generator, hop_size: hop } = config
  const { residual_channels: residual, skip_channels: skip, layers } = generator
  const net = new Net(name, weights)
  const noise = net.input('noise', 'float32', [1, generator.in_channels, `T*${hop}`])
  const mel = net.input('mel', 'float32', [1, generator.aux_channels, 'T'])
  const condition = upsampleMel(net.at('upsample_net'), mel, generator) // [1, M, S]
  let x = pointwise(net, noise, 'first_conv', residual) // [1, R, S]
  let skips: Value | undefined
  for (let i = 0; i < layers; i++) {
    // The last layer's residual leads nowhere: onnxruntime drops it, but its weights must be right all the same.
    const output = wavenetLayer(net.at(`conv_layers.${i}`), x, condition, generator, i)
    x = output.residual
    skips = skips ? net.add(skips, output.skip) : output.skip
  }
  const mean = Math.sqrt(1 / layers)
  const hidden = net.relu(pointwise(net, net.relu(skips!), 'last_conv_layers.1', skip, { scale: mean }))
  net.output('waveform', pointwise(net, hidden, 'last_conv_layers.3', 1))
  // Statistics that a checkpoint may hold belong to the front-end.
  for (const statistic of ['mean', 'scale']) if (weights.has(statistic)) weights.raw(statistic)
  return net.toGraph()
}

/**
 * A layer of WaveNet: dilated convolution plus condition → gate → what is passed on, and what is skipped to the end.
 * @param x the residual times 2^(index / 2), [1, R, S]
 * @returns the next residual, times 2^((index + 1) / 2)
 */
function wavenetLayer(
  net: Net,
  x: Value,
  condition: Value,
  generator: Generator,
  index: number,
): { readonly residual: Value; readonly skip: Value } {
  const { residual_channels: residual, gate_channels: gate, kernel_size: kernel, bias } = generator
  const magnified = 2 ** (index / 2)
  const dilated = { kernel, dilation: dilationOf(index, generator), padding: generator.use_causal_conv ? 'causal' : 'same' } as const
  /** Half of the channels of the dilated convolution and the condition. */
  const half = (part: 0 | 1) => {
    const outputs = [(part * gate) / 2, ((part + 1) * gate) / 2] as const
    const heard = scaledConv(net, 'conv', x, gate, { ...dilated, bias, scale: 1 / magnified, outputs })
    return net.add(heard, pointwise(net, condition, 'conv1x1_aux', gate, { bias: false, outputs }))
  }
  const gated = net.mul(net.tanh(half(0)), net.sigmoid(half(1)))
  return {
    residual: net.add(pointwise(net, gated, 'conv1x1_out', residual, { bias, scale: magnified, scaleBias: true }), x),
    skip: pointwise(net, gated, 'conv1x1_skip', generator.skip_channels, { bias }),
  }
}

/** How a layer's weights are used. */
interface Scaling {
  /** Output channels [from, to) only. */
  readonly outputs?: readonly [from: number, to: number]
  readonly scaleBias?: boolean
}

/** Weight and, if told so, bias of a convolution times `factor`. */
function scaled(layer: string, weights: Weights, factor: number, { outputs, scaleBias = false }: Scaling): Weights {
  const part = (tensor: string, scale: number) => {
    const { data, shape } = weights.get(tensor)
    const row = data.length / shape[0]!
    const [from, to] = outputs ?? [0, shape[0]!]
    return float32Tensor(
      data.subarray(from * row, to * row).map(value => value * scale),
      [to - from, ...shape.slice(1)],
    )
  }
  return createWeights({
    [`${layer}.weight`]: part('weight', factor),
    ...(weights.has('bias') ? { [`${layer}.bias`]: part('bias', scaleBias ? factor : 1) } : {}),
  })
}

/** A convolution whose stored weight has `channels` outputs: `scale` multiplies it, `outputs` picks some of the channels. */
function scaledConv(
  net: Net,
  layer: string,
  x: Value,
  channels: number,
  {
    kernel,
    bias = true,
    scale = 1,
    outputs,
    scaleBias = false,
    ...config
  }: Scaling & Conv1dConfig & { readonly kernel: number; readonly bias?: boolean; readonly scale?: number },
): Value {
  const { weights } = net.at(layer)
  net.expect(`${layer}.weight`, [channels, x.shape[1] as number, kernel])
  if (bias) net.expect(`${layer}.bias`, [channels])
  const [from, to] = outputs ?? [0, channels]
  const changed = scaled(layer, weights, scale, outputs ? { outputs, scaleBias } : { scaleBias })
  return net.withWeights(changed).conv1d(layer, x, { out: to - from, kernel, bias, ...config })
}

/** A convolution of one tap, [1, C, S] → [1, channels, S]. */
function pointwise(
  net: Net,
  x: Value,
  layer: string,
  channels: number,
  config: Scaling & { readonly bias?: boolean; readonly scale?: number } = {},
): Value {
  return scaledConv(net, layer, x, channels, { kernel: 1, ...config })
}

/** Log-mel [1, M, T] → [1, M, T · hop]. */
function upsampleMel(net: Net, mel: Value, generator: Generator): Value {
  const { upsample_net: kind, upsample_params: params, aux_context_window: context, use_causal_conv: causal } = generator
  let x = mel
  let layers = net
  if (kind === 'ConvInUpsampleNetwork') {
    // Replicated frames are the context that this convolution eats.
    const padded = context === 0 ? mel : net.pad(mel, 2, context, causal ? 0 : context, { mode: 'edge' })
    x = net.conv1d('conv_in', padded, { out: generator.aux_channels, kernel: causal ? context + 1 : 2 * context + 1, bias: false })
    layers = net.at('upsample')
  }
  let image = net.unsqueeze(x, [1]) // [1, 1, M, T]
  const perScale = params.nonlinear_activation ? 3 : 2 // stretch, convolution, activation
  for (const [i, scale] of params.upsample_scales.entries()) {
    const layer = layers.at(`up_layers.${perScale * i + 1}`)
    const kernel = layer.weight('weight', [1, 1, params.freq_axis_kernel_size, 2 * scale + 1])
    image = activate(layer, stretchAndConvolve(layer, image, kernel, scale, causal), params)
  }
  return net.squeeze(image, [1])
}

function activate(net: Net, x: Value, params: Generator['upsample_params']): Value {
  switch (params.nonlinear_activation) {
    case 'LeakyReLU':
      return net.leakyRelu(x, params.nonlinear_activation_params.negative_slope)
    case 'ReLU':
      return net.relu(x)
    case 'Tanh':
      return net.tanh(x)
    case 'Sigmoid':
      return net.sigmoid(x)
    default:
      return x
  }
}

/**
 * Each frame repeated `scale` times, then a convolution over 2·scale + 1 samples. The reference does just that; here each of the `scale` phases sees
 * the three frames its kernel reaches, with the taps that fall on one frame added up: the same sums with fewer products, and nothing is stretched.
 * @param image [1, 1, M, T]
 * @param kernel [1, 1, height, 2·scale + 1]
 * @returns [1, 1, M, T · scale]
 */
export function stretchAndConvolve(net: Operators, image: Value, kernel: Tensor<'float32'>, scale: number, causal: boolean): Value {
  const height = kernel.shape[2]!
  const width = 2 * scale + 1
  const before = causal ? 2 : 1 // frames seen before the present one; the kernel begins before · scale samples back
  const phases = new Float32Array(scale * height * 3)
  for (let phase = 0; phase < scale; phase++) {
    for (let row = 0; row < height; row++) {
      for (let tap = 0; tap < width; tap++) {
        const frame = Math.floor((phase + tap) / scale) // 0 … 2, counted from the first frame seen
        phases[(phase * height + row) * 3 + frame]! += kernel.data[row * width + tap]!
      }
    }
  }
  const weight = net.initializer('phases', float32Tensor(phases, [scale, 1, height, 3]))
  const side = (height - 1) / 2
  const split = net.conv(image, weight, undefined, { pads: [side, before, side, 2 - before] }) // [1, scale, M, T]
  return net.reshape(net.transpose(split, [0, 2, 3, 1]), [1, 1, image.shape[2] as number, -1])
}

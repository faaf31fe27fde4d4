import { melPresets } from '@mynah/audio'
import { float32Tensor, type Graph, gatedTanh, Net, parseConfig, parseYaml, type Tensor, type Value, type Weights } from '@mynah/onnx'
import { z } from 'zod'
import type { Decoding, VocoderArchitecture } from '../architecture.ts'
import { createNoise } from '../noise.ts'
import type { DecodeOptions } from '../vocoder.ts'

const name = 'univnet'

const size = z.int().positive()
const schema = z
  .object({
    audio: z.object({
      n_mel_channels: size,
      filter_length: size,
      hop_length: size,
      win_length: size,
      sampling_rate: z.number().positive(),
      mel_fmin: z.number().nonnegative(),
      mel_fmax: z.number().positive().nullable(),
    }),
    gen: z.object({
      noise_dim: size,
      channel_size: size,
      dilations: z.array(size).min(1),
      strides: z.array(size).min(1),
      lReLU_slope: z.number(),
      kpnet_conv_size: size.refine(kernel => kernel % 2 === 1, 'must be odd').default(3),
    }),
  })
  .refine(({ audio, gen }) => gen.strides.reduce((a, b) => a * b, 1) === audio.hop_length, {
    error: 'the product of gen.strides must be audio.hop_length',
  })

type Config = z.infer<typeof schema>
type Gen = Config['gen']

/** transformers' UnivNetConfig, for the one shape of blocks that the paper has; the front-end is that of UnivNetFeatureExtractor. */
const transformersSchema = z
  .object({
    model_in_channels: size,
    model_hidden_channels: size,
    num_mel_bins: size,
    resblock_kernel_sizes: z.array(z.literal(3)).min(1),
    resblock_stride_sizes: z.array(size).min(1),
    resblock_dilation_sizes: z.array(z.array(size).min(1)).min(1),
    kernel_predictor_num_blocks: z.literal(3).default(3),
    kernel_predictor_conv_size: size.refine(kernel => kernel % 2 === 1, 'must be odd').default(3),
    leaky_relu_slope: z.number().default(0.2),
  })
  .refine(config => new Set(config.resblock_dilation_sizes.map(list => list.join())).size === 1, {
    error: 'resblock_dilation_sizes must be the same in every block',
  })
  .transform((config): Config => {
    const hop = config.resblock_stride_sizes.reduce((a, b) => a * b, 1)
    return {
      audio: {
        n_mel_channels: config.num_mel_bins,
        filter_length: 4 * hop,
        hop_length: hop,
        win_length: 4 * hop,
        sampling_rate: 24000,
        mel_fmin: 0,
        mel_fmax: 12000,
      },
      gen: {
        noise_dim: config.model_in_channels,
        channel_size: config.model_hidden_channels,
        dilations: config.resblock_dilation_sizes[0]!,
        strides: config.resblock_stride_sizes,
        lReLU_slope: config.leaky_relu_slope,
        kpnet_conv_size: config.kernel_predictor_conv_size,
      },
    }
  })

/** How the layers are called. */
interface Spelling {
  readonly last: string
  readonly block: (index: number) => string
  readonly upsampling: string
  readonly varying: (index: number) => string
  readonly predictorInput: string
  readonly predictorBlock: (index: number) => readonly [first: string, second: string]
}
const original: Spelling = {
  last: 'conv_post.1',
  block: index => `res_stack.${index}`,
  upsampling: 'convt_pre.1',
  varying: index => `conv_blocks.${index}.1`,
  predictorInput: 'input_conv.0',
  predictorBlock: index => [`residual_convs.${index}.1`, `residual_convs.${index}.3`],
}
const transformers: Spelling = {
  last: 'conv_post',
  block: index => `resblocks.${index}`,
  upsampling: 'convt_pre',
  varying: index => `resblocks.${index}.conv`,
  predictorInput: 'input_conv',
  predictorBlock: index => [`resblocks.${index}.conv1`, `resblocks.${index}.conv2`],
}
const spellingOf = (weights: Weights) =>
  [original, transformers].find(spelling => weights.has(`${spelling.block(0)}.kernel_predictor.kernel_conv.weight`))

/** Kernel sizes that the reference fixes: first and last convolution, the predictor's first, those between the location-variable ones, and these. */
const outerKernel = 7
const predictorKernel = 5
const blockKernel = 3
const lvcKernel = 3
const predictorBlocks = 3

/**
 * UnivNet c16 and c32: noise under the condition of a mel → waveform. Paper: arXiv:2106.07889. Config and weight names: maum-ai/univnet@9bb2b54
 * model/generator.py and model/lvcnet.py, or those of transformers' UnivNetModel. As the published inference does, `decode` appends 10 frames of silence and cuts off what they decode to;
 * given noise for just the frames of the mel, it does not.
 */
export const univNet: VocoderArchitecture = {
  name,
  configInside(root) {
    const text = typeof root === 'object' && root !== null && 'hp_str' in root ? root.hp_str : undefined
    return typeof text === 'string' ? parseYaml(text) : undefined
  },
  detect: weights => spellingOf(weights) !== undefined,
  describe(weights, config) {
    const sizes: Config = parseConfig(name, spellingOf(weights) === transformers ? transformersSchema : schema, config, weights)
    const { audio, gen } = sizes
    return {
      sampleRate: audio.sampling_rate,
      hopLength: audio.hop_length,
      featureDim: audio.n_mel_channels,
      mel: {
        ...melPresets.hifiGan22k, // its filterbank, magnitude, logarithm and padding; every number is the checkpoint's
        sampleRate: audio.sampling_rate,
        nFft: audio.filter_length,
        hopLength: audio.hop_length,
        winLength: audio.win_length,
        nMels: audio.n_mel_channels,
        fMin: audio.mel_fmin,
        fMax: audio.mel_fmax,
      },
      contextFrames: contextFrames(gen),
      minFrames: (outerKernel + 1) / 2,
      noiseShape: frames => [1, gen.noise_dim, frames + silence.frames],
      begin: (options, frames) => begin(sizes, options, frames),
      build: tensors => ({ decoder: () => buildUnivNet(tensors, sizes) }),
    }
  },
}

/** What published inference appends to the mel: frames of this value. */
const silence = { frames: 10, value: -11.5129 }

function begin({ audio, gen }: Config, options: DecodeOptions, frames: number | undefined): Decoding {
  const lengths = frames === undefined ? undefined : [frames + silence.frames, frames]
  const { source, givenFrames } = createNoise(name, count => [1, gen.noise_dim, count], lengths, options)
  const feeds = (from: number, to: number) => ({ noise: source(from, to) })
  if (givenFrames !== undefined && givenFrames === frames) return { feeds }
  const { n_mel_channels: bands } = audio
  return { feeds, tail: float32Tensor(new Float32Array(bands * silence.frames).fill(silence.value), [bands, silence.frames]) }
}

function contextFrames(gen: Gen): number {
  let samples = (outerKernel - 1) / 2
  for (const stride of gen.strides.toReversed()) {
    for (const dilation of gen.dilations) samples += (dilation * (blockKernel - 1)) / 2 + (lvcKernel - 1) / 2
    samples = Math.ceil(samples / stride) + 1
  }
  const predictor = (predictorKernel - 1) / 2 + ((2 * predictorBlocks + 1) * (gen.kpnet_conv_size - 1)) / 2
  return samples + Math.max(predictor, (outerKernel - 1) / 2)
}

/**
 * Emits noise [1, Z, T] and log-mel [1, M, T] → waveform [1, 1, T · hop]: noise is upsampled in blocks whose convolution kernels are predicted
 * from the mel, frame by frame.
 * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`
 */
function buildUnivNet(weights: Weights, { audio, gen }: Config): Graph {
  const spelling = spellingOf(weights) ?? original
  const net = new Net(name, weights)
  const noise = net.input('noise', 'float32', [1, gen.noise_dim, 'T'])
  const mel = net.input('mel', 'float32', [1, audio.n_mel_channels, 'T'])
  const outer = { kernel: outerKernel, padding: 'same', paddingMode: 'reflect' } as const
  let x = net.conv1d('conv_pre', noise, { out: gen.channel_size, ...outer }) // [1, C, T]
  let hop = 1
  for (const [b, stride] of gen.strides.entries()) {
    hop *= stride
    x = lvcBlock(net.at(spelling.block(b)), x, mel, gen, { stride, hop, spelling }) // [1, C, T · hop]
  }
  net.output('waveform', net.tanh(net.conv1d(spelling.last, net.leakyRelu(x, gen.lReLU_slope), { out: 1, ...outer })))
  return net.toGraph()
}

/** Transposed convolution, then for each dilation: convolution → location-variable convolution → gate, added to its input. */
function lvcBlock(
  net: Net,
  input: Value,
  mel: Value,
  gen: Gen,
  { stride, hop, spelling }: { readonly stride: number; readonly hop: number; readonly spelling: Spelling },
): Value {
  const out = gen.channel_size
  const odd = stride % 2
  const activate = (value: Value) => net.leakyRelu(value, gen.lReLU_slope)
  const upsampling = { kernel: 2 * stride, stride, padding: Math.floor(stride / 2) + odd, outputPadding: odd }
  let x = net.convTranspose1d(spelling.upsampling, activate(input), { out, ...upsampling })
  const kernels = predictKernels(net.at('kernel_predictor'), mel, gen, spelling)
  for (const [i, dilation] of gen.dilations.entries()) {
    const convolved = net.conv1d(spelling.varying(i), activate(x), { out, kernel: blockKernel, dilation, padding: 'same' })
    x = net.add(x, varyingConvolution(net, activate(convolved), kernels[i]!, out, hop))
  }
  return x
}

/**
 * The kernels of one block, one value per layer: [T, 2C, 3C + 1]. Row o holds the taps of output channel o, channel within tap, then its bias.
 * The reference views the output of `kernel_conv` as [layer, in, out, tap, T]; here its rows are put in the order that the batched product needs, so that
 * the largest tensor of the network is never transposed.
 */
function predictKernels(net: Net, mel: Value, gen: Gen, spelling: Spelling): Value[] {
  const { channel_size: channels, kpnet_conv_size: taps } = gen
  const hidden = net.weights.shape(`${spelling.predictorInput}.weight`)[0]! // the published files have 64, the config does not say
  const convolve = (value: Value, layer: string, kernel: number) =>
    net.leakyRelu(net.conv1d(layer, value, { out: hidden, kernel, padding: 'same' }), gen.lReLU_slope)
  let c = convolve(mel, spelling.predictorInput, predictorKernel) // [1, H, T]
  for (let i = 0; i < predictorBlocks; i++) {
    const [first, second] = spelling.predictorBlock(i)
    c = net.add(c, convolve(convolve(c, first, taps), second, taps))
  }
  const layers = gen.dilations.length
  const read = (layer: string, rows: number): Convolution => {
    const part = net.at(layer)
    return { weight: part.weight('weight', [rows, hidden, taps]), bias: part.weight('bias', [rows]) }
  }
  const kernel = read('kernel_conv', layers * channels * 2 * channels * lvcKernel)
  const bias = read('bias_conv', layers * 2 * channels)
  // The frames that a convolution over `taps` frames sees, and a one for the bias: [T, taps · H + 1]
  const frames = net.transpose(net.squeeze(c, [0]), [1, 0])
  const padded = net.pad(frames, 0, (taps - 1) / 2, (taps - 1) / 2)
  const length = net.lengthOf(mel, 2)
  const seen = Array.from({ length: taps }, (_, tap) =>
    net.assume(net.slice(padded, 0, tap, tap === taps - 1 ? undefined : tap - taps + 1), [mel.shape[2]!, hidden]),
  )
  const context = net.concat([...seen, net.fill([length, 1], 1)], 1)
  return gen.dilations.map((_, layer) => {
    const matrix = net.initializer(`kernels.${layer}`, kernelMatrix(kernel, bias, layer, channels))
    return net.reshape(net.matmul(context, matrix), [-1, 2 * channels, lvcKernel * channels + 1])
  })
}

interface Convolution {
  readonly weight: Tensor<'float32'>
  readonly bias: Tensor<'float32'>
}

/** One layer's share of `kernel_conv` and `bias_conv` as a matrix [taps · H + 1, 2C · (3C + 1)]. */
function kernelMatrix(kernel: Convolution, bias: Convolution, layer: number, channels: number): Tensor<'float32'> {
  const [, hidden, taps] = kernel.weight.shape as readonly [number, number, number]
  const rowLength = lvcKernel * channels + 1
  const width = 2 * channels * rowLength
  const matrix = new Float32Array((taps * hidden + 1) * width)
  const copyColumn = (from: Convolution, row: number, column: number) => {
    for (let h = 0; h < hidden; h++) {
      for (let tap = 0; tap < taps; tap++) matrix[(tap * hidden + h) * width + column] = from.weight.data[(row * hidden + h) * taps + tap]!
    }
    matrix[taps * hidden * width + column] = from.bias.data[row]!
  }
  for (let output = 0; output < 2 * channels; output++) {
    for (let input = 0; input < channels; input++) {
      for (let tap = 0; tap < lvcKernel; tap++) {
        const row = ((layer * channels + input) * 2 * channels + output) * lvcKernel + tap
        copyColumn(kernel, row, output * rowLength + tap * channels + input)
      }
    }
    copyColumn(bias, layer * 2 * channels + output, output * rowLength + lvcKernel * channels)
  }
  return float32Tensor(matrix, [taps * hidden + 1, width])
}

/**
 * Location-variable convolution and gate: every frame's `hop` samples are convolved by that frame's own kernel. One batched matrix product.
 * @param x [1, C, T · hop]
 * @param kernels [T, 2C, 3C + 1]
 * @returns sigmoid(first half) · tanh(second half), [1, C, T · hop]
 */
function varyingConvolution(net: Net, x: Value, kernels: Value, channels: number, hop: number): Value {
  const padded = net.pad(x, 2, 1, 1)
  const frames = kernels.shape[0]!
  const shifted = [0, 1, 2].map(tap => {
    const samples = net.assume(net.slice(padded, 2, tap, tap === 2 ? undefined : tap - 2), x.shape)
    return net.reshape(samples, [channels, -1, hop])
  })
  const ones = net.fill([1, net.lengthOf(kernels, 0), hop], 1)
  const taps = net.transpose(net.concat([...shifted.map(part => net.assume(part, [channels, frames, hop])), ones], 0), [1, 0, 2]) // [T, 3C + 1, hop]
  const gated = gatedTanh(net, net.matmul(kernels, taps), { sigmoidFirst: true }) // [T, C, hop]
  return net.assume(net.reshape(net.transpose(gated, [1, 0, 2]), [1, channels, -1]), x.shape)
}

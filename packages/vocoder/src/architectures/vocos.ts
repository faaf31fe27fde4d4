import { type MelConfig, melFilterbank } from '@mynah/audio'
import {
  type ConvNextConfig,
  float32Tensor,
  type Graph,
  int64Tensor,
  istft,
  Net,
  parseConfig,
  sumCodewords,
  type Tensor,
  type Value,
  vocosBackbone,
  type Weights,
} from '@mynah/onnx'
import { z } from 'zod'
import type { Decoding, VocoderArchitecture, VocoderDescription } from '../architecture.ts'

const name = 'vocos'

const size = z.int().positive()
const padding = z.enum(['center', 'same'])
/** A class by its last name: forks keep it in modules of their own. */
const classNamed = (name: string) => z.string().refine(path => path.split('.').at(-1) === name, `must be a ${name}`)
const section = <Name extends string, Args extends z.ZodType>(name: Name, args: Args) =>
  z.object({ class_path: classNamed(name), init_args: args })

const melFeatures = section(
  'MelSpectrogramFeatures',
  z.object({
    sample_rate: z.number().positive().default(24000),
    n_fft: size.default(1024),
    hop_length: size.default(256),
    n_mels: size.default(100),
    padding: padding.default('center'),
    // Of forks that take over HiFi-GAN's front-end.
    f_min: z.number().nonnegative().nullish(),
    f_max: z.number().positive().nullish(),
    mel_scale: z.enum(['htk', 'slaney']).default('htk'),
    norm: z.literal('slaney').nullish(),
  }),
)
const encodecFeatures = section(
  'EncodecFeatures',
  z.object({
    encodec_model: z.enum(['encodec_24khz', 'encodec_48khz']).default('encodec_24khz'),
    bandwidths: z.array(z.number().positive()).min(1).default([1.5, 3, 6, 12]),
  }),
)
const schema = z
  .object({
    feature_extractor: z.union([melFeatures, encodecFeatures]),
    backbone: section(
      'VocosBackbone',
      z.object({
        input_channels: size,
        dim: size,
        intermediate_dim: size,
        num_layers: size,
        adanorm_num_embeddings: size.nullish(),
      }),
    ),
    head: section('ISTFTHead', z.object({ dim: size, n_fft: size, hop_length: size, padding: padding.default('same') })),
  })
  .refine(({ backbone, head }) => backbone.init_args.dim === head.init_args.dim, 'backbone and head must have the same dim')
  .refine(({ head }) => head.init_args.n_fft % 2 === 0, 'head: n_fft must be even')
  .refine(({ backbone, feature_extractor: { init_args: args } }) => {
    const { adanorm_num_embeddings: conditions } = backbone.init_args
    return !conditions || ('bandwidths' in args && args.bandwidths.length === conditions)
  }, 'backbone: adanorm_num_embeddings must be the number of bandwidths of EncodecFeatures')

type Config = z.infer<typeof schema>

/** exp(magnitude) is clipped here, as in the reference, before a badly placed frame can blow up. */
const largestMagnitude = 100
const normEpsilon = 1e-6
/** Of the first convolution and of every block's, fixed in the reference. */
const kernel = 7
/** What a training checkpoint holds besides the generator: discriminators, losses, and the EnCodec that made its features. */
const trainingOnly = /^(multiperioddisc|multiresddisc|melspec_loss|feature_extractor\.encodec)\./

/**
 * Vocos: mel, or the sum of EnCodec's codewords → waveform. Paper: arXiv:2306.00814. Config and weight names: gemelo-ai/vocos@c859e3b vocos/models.py,
 * heads.py and feature_extractors.py. Vocos for EnCodec has adaptive norms: `decode` takes the bandwidth, `toFeatures` the codes.
 */
export const vocos: VocoderArchitecture = {
  name,
  detect: weights => weights.has('backbone.embed.weight') && weights.has('head.out.weight'),
  describe(weights, config) {
    const sizes = parseConfig(name, schema, config, weights)
    const { hop_length: hopLength, n_fft: nFft, padding: cut } = sizes.head.init_args
    const layers = sizes.backbone.init_args.num_layers
    return {
      ...describeFeatures(weights, sizes),
      hopLength,
      featureDim: sizes.backbone.init_args.input_channels,
      contextFrames: ((layers + 1) * (kernel - 1)) / 2 + Math.ceil(nFft / 2 / hopLength) + 1,
      ...(cut === 'center' ? { minFrames: 2, samplesFor: frames => (frames - 1) * hopLength } : {}),
      trainingOnly,
      build: tensors => ({ decoder: () => buildVocos(tensors, sizes) }),
    }
  },
}

type Features = Pick<VocoderDescription, 'sampleRate' | 'mel' | 'bandwidths' | 'begin' | 'toFeatures' | 'warnings'>

function describeFeatures(weights: Weights, { feature_extractor: extractor, backbone }: Config): Features {
  if ('bandwidths' in extractor.init_args) {
    const { encodec_model: codec, bandwidths } = extractor.init_args
    return {
      sampleRate: codec === 'encodec_24khz' ? 24000 : 48000,
      ...(backbone.init_args.adanorm_num_embeddings
        ? { bandwidths, begin: ({ bandwidthId }) => beginAt(bandwidths, bandwidthId ?? bandwidths.length - 1) }
        : {}),
      toFeatures: codewordSums(weights.get('feature_extractor.codebook_weights', [undefined, backbone.init_args.input_channels])),
    }
  }
  const args = extractor.init_args
  // torchaudio's filters and floor, or those of HiFi-GAN, which forks with Slaney's filters take over.
  const mel: MelConfig = {
    sampleRate: args.sample_rate,
    nFft: args.n_fft,
    hopLength: args.hop_length,
    winLength: args.n_fft,
    nMels: args.n_mels,
    fMin: args.f_min ?? 0,
    fMax: args.f_max ?? null,
    scale: args.mel_scale,
    norm: args.norm ?? 'none',
    magnitude: 'abs',
    log: 'ln',
    floor: args.norm === 'slaney' ? 1e-5 : 1e-7,
    padding: args.padding,
  }
  return { sampleRate: args.sample_rate, mel, warnings: checkFilterbank(weights, mel) }
}

/** Tells the adaptive norms which bandwidth the features have. */
function beginAt(bandwidths: readonly number[], index: number): Decoding {
  if (!Number.isInteger(index) || index < 0 || index >= bandwidths.length) {
    const known = bandwidths.map((kbps, i) => `${i} (${kbps} kbps)`).join(', ')
    throw new RangeError(`${name}: bandwidthId is ${index}, expected one of ${known}`)
  }
  return { feeds: () => ({ bandwidth_id: int64Tensor([index], []) }) }
}

/** @param table codewords of all codebooks, one below the other [K · N, C] */
function codewordSums({ data, shape }: Tensor<'float32'>): NonNullable<VocoderDescription['toFeatures']> {
  const [rows, width] = shape as readonly [number, number]
  return (codes, size) => {
    const codebooks = Math.floor(rows / size)
    return sumCodewords(codes, float32Tensor(data.subarray(0, codebooks * size * width), [codebooks, size, width]), name)
  }
}

const filterbank = 'feature_extractor.mel_spec.mel_scale.fb'
const melWindow = 'feature_extractor.mel_spec.spectrogram.window'
/** Largest share of the highest filter by which float32 arithmetic moves a filterbank; the wrong scale moves it by about 1. */
const filterbankTolerance = 1e-3

/** The checkpoint holds the filterbank that it was trained with: the best witness of what its config means. */
function checkFilterbank(weights: Weights, mel: MelConfig): string[] {
  if (!weights.has(filterbank)) return []
  const bins = mel.nFft / 2 + 1
  const stored = weights.get(filterbank, [bins, mel.nMels]).data
  const computed = melFilterbank(mel).data
  let difference = 0
  let height = 0
  for (let bin = 0; bin < bins; bin++) {
    for (let band = 0; band < mel.nMels; band++) {
      const value = stored[bin * mel.nMels + band]!
      difference = Math.max(difference, Math.abs(value - computed[band * bins + bin]!))
      height = Math.max(height, Math.abs(value))
    }
  }
  if (difference <= filterbankTolerance * height) return []
  return [
    `the mel filterbank in ${weights.source} is not the one of its config (off by ${((100 * difference) / height).toFixed(1)} %): mel() may not fit decode()`,
  ]
}

/**
 * Emits `mel` [1, C, T], a mel or EnCodec features → waveform [1, 1, S]: a ConvNeXt backbone at frame rate, then magnitude and phase and an inverse STFT.
 * S = (T − 1)·hop with `center`, T·hop with `same`. With adaptive norms (EnCodec features) there is a second input, int64 scalar `bandwidth_id`.
 * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`
 */
function buildVocos(weights: Weights, config: Config): Graph {
  const { n_fft: nFft, hop_length: hopLength, padding: cut } = config.head.init_args
  const { input_channels: channels, dim, intermediate_dim: hidden, num_layers: layers } = config.backbone.init_args
  const { adanorm_num_embeddings: conditions } = config.backbone.init_args
  const net = new Net(name, weights)
  const features = net.input('mel', 'float32', [1, channels, 'T'])
  const norms = conditions ? { normalize: adaptiveNorm(net.input('bandwidth_id', 'int64', []), conditions, dim) } : {}
  const x = vocosBackbone(net.at('backbone'), features, { dim, hidden, layers, ...norms }) // [1, T, D]
  const head = net.transpose(net.linear('head.out', x, { out: nFft + 2 }), [0, 2, 1])
  const [logMagnitude, phase] = net.split(head, [nFft / 2 + 1, nFft / 2 + 1], 1) as [Value, Value]
  const magnitude = net.clip(net.exp(logMagnitude), undefined, largestMagnitude)
  const real = net.mul(magnitude, net.cos(phase))
  const imaginary = net.mul(magnitude, net.sin(phase))
  const window = weights.has('head.istft.window') ? { window: net.weight('head.istft.window', [nFft]).data } : {}
  net.output('waveform', istft(net.at('head.istft'), real, imaginary, { nFft, hopLength, padding: cut, ...window }))
  // What belongs to the front-end, and has been looked at there.
  for (const tensor of [filterbank, melWindow, 'feature_extractor.codebook_weights']) if (weights.has(tensor)) weights.raw(tensor)
  return net.toGraph()
}

/** Norms whose scale and shift are rows of tables, one row for each bandwidth. */
function adaptiveNorm(bandwidth: Value, conditions: number, dim: number): NonNullable<ConvNextConfig['normalize']> {
  return (net, norm, x) => {
    const row = (part: string) => net.at(norm).embedding(part, bandwidth, [conditions, dim])
    return net.layerNormalization(x, row('scale'), row('shift'), { epsilon: normEpsilon })
  }
}

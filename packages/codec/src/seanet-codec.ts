import { concat, expectEqual, type Fact, float32Tensor, parseConfig, sumCodewords, type Tensor, toldBy, type Weights } from '@mynah/onnx'
import { z } from 'zod'
import type { CodecDescription, CodecLayout } from './architecture.ts'
import { type CodecNetworks, codecGraphs, type NetworkMode } from './networks.ts'
import { buildRvqEncoder, emitCodewordSum } from './rvq.ts'
import {
  longestPadding,
  type SeanetConfig,
  seanetChannels,
  seanetDecoder,
  seanetEncoder,
  seanetFirstFrames,
  seanetLooksAhead,
  seanetNormalizes,
  seanetShapes,
  seanetStrides,
} from './seanet.ts'

/** Constructor values of facebookresearch/encodec; sizes that the weights tell are only checked. */
const schema = z.object({
  sample_rate: z.int().positive(),
  channels: z.int().positive().optional(),
  causal: z.boolean().optional(),
  normalize: z.boolean().default(false),
  segment: z.number().positive().nullish(),
  overlap: z.number().min(0).lt(1).nullish(),
  target_bandwidths: z.array(z.number().positive()).nonempty().optional(),
  ratios: z.array(z.int().positive()).optional(),
  pad_mode: z.enum(['reflect', 'constant']).default('reflect'),
  dilation_base: z.int().positive().default(2),
  /** Share of what transposed convolutions trim that causal ones trim after. */
  trim_right_ratio: z.literal(1).optional(),
})
type Config = z.infer<typeof schema>

/** transformers' spelling (EncodecConfig) → the original's. */
const transformersNames = {
  sampling_rate: 'sample_rate',
  audio_channels: 'channels',
  use_causal_conv: 'causal',
  chunk_length_s: 'segment',
  upsampling_ratios: 'ratios',
  dilation_growth_rate: 'dilation_base',
} as const

/** Names of one spelling, without layer numbers. */
interface Spelling {
  readonly encoder: string
  readonly decoder: string
  codebook(q: number): string
}
const spellings: readonly Spelling[] = [
  { encoder: 'encoder.model', decoder: 'decoder.model', codebook: q => `quantizer.vq.layers.${q}._codebook.embed` },
  { encoder: 'encoder.layers', decoder: 'decoder.layers', codebook: q => `quantizer.layers.${q}.codebook.embed` },
]
const spellingOf = (weights: Weights) => spellings.find(({ codebook }) => weights.has(codebook(0))) ?? spellings[0]!

/** Statistics that training keeps beside each codebook. */
const trainingOnly = /codebook\.(inited|cluster_size|embed_avg)$/

/** Whether these are the weights of a SEANet with an RVQ of whole vectors, with or without LSTM. */
export function isSeanetCodec(weights: Weights): boolean {
  return spellings.some(({ codebook, encoder }) => weights.has(codebook(0)) && weights.scope(encoder).names.length > 0)
}

/** What the tensors tell of a codec. */
export interface SeanetSizes {
  readonly channels: number
  readonly strides: readonly number[]
  readonly codebooks: number
  readonly codebookSize: number
  readonly latentDim: number
  /** Whether convolutions are followed by a norm over channels and time. */
  readonly grouped: boolean
  /** Of the encoder's convolutions. */
  readonly shapes: readonly (readonly number[])[]
}

/** Reads no tensor data. */
export function seanetSizes(weights: Weights): SeanetSizes {
  const { encoder: scope, codebook } = spellingOf(weights)
  const encoder = weights.scope(scope)
  const [codebookSize, latentDim] = weights.shape(codebook(0)) as [number, number]
  let codebooks = 0
  while (weights.has(codebook(codebooks))) codebooks++
  const shapes = seanetShapes(encoder)
  const strides = seanetStrides(encoder)
  return { channels: seanetChannels(encoder), strides, codebooks, codebookSize, latentDim, grouped: seanetNormalizes(encoder), shapes }
}

/**
 * Describes SEANet with a residual vector quantizer. Papers: EnCodec arXiv:2210.13438, SoundStream arXiv:2107.03312.
 * @param config values of the original's constructor or of transformers' config.json
 * @param origin whether the config is that of a recognized model
 * @throws {CheckpointError} `missing-config`, `bad-config`, `config-mismatch`, `missing-tensor`, `shape-mismatch`
 */
export function describeSeanetCodec(
  name: string,
  weights: Weights,
  config: unknown,
  origin: 'config' | 'published model' = 'config',
): CodecDescription {
  const spelling = spellingOf(weights)
  const [encoder, decoder] = [weights.scope(spelling.encoder), weights.scope(spelling.decoder)]
  const sizes = seanetSizes(weights)
  const { channels, strides, codebooks, codebookSize, latentDim, grouped } = sizes
  const values = parseConfig(name, completeSchema(grouped), config, weights, transformersNames)
  expectEqual(name, weights, 'channels', values.channels, channels)
  expectEqual(name, weights, 'ratios', values.ratios?.join(), [...strides].reverse().join())
  const seanet = { causal: values.causal ?? false, padMode: values.pad_mode, dilationBase: values.dilation_base }
  const samplesPerFrame = strides.reduce((product, stride) => product * stride, 1)
  const frameRate = Math.ceil(values.sample_rate / samplesPerFrame)
  const kbpsOf = (count: number) => (count * Math.log2(codebookSize) * frameRate) / 1000
  const bandwidthsKbps = values.target_bandwidths ?? [kbpsOf(codebooks)]
  const layout: CodecLayout = {
    ...{ sampleRate: values.sample_rate, frameRate, samplesPerFrame, channels, codebooks, codebookSize, bandwidthsKbps },
    strides: Array.from({ length: codebooks }, () => 1),
    sampleMultiple: 1,
    normalizes: values.normalize,
    ...(values.segment ? { segment: segmentOf(values) } : {}),
  }
  const streams = seanet.causal && !grouped && !values.normalize && !seanetLooksAhead(encoder) && !seanetLooksAhead(decoder)
  const firstFrames = {
    encoder: seanetFirstFrames(encoder, 'encoder', seanet),
    decoder: seanetFirstFrames(decoder, 'decoder', seanet),
  }
  return {
    ...{ layout, latentDim, config: { ...values, causal: seanet.causal }, trainingOnly },
    facts: factsOf(values, sizes, toldBy(config, transformersNames, origin)),
    codebooksAt: bandwidthsKbps.map(kbps =>
      Math.min(codebooks, Math.max(1, Math.floor((kbps * 1000) / (Math.log2(codebookSize) * frameRate)))),
    ),
    shortFrames: Math.max(longestPadding(encoder, seanet.dilationBase), longestPadding(decoder, seanet.dilationBase)),
    ...(streams ? { firstFrames } : {}),
    readCodewords(tensors) {
      const codebook = readCodebooks(tensors, sizes)
      return codes => sumCodewords(codes, codebook, name)
    },
    build: tensors => codecGraphs(name, tensors, { layout, latentDim }, networksOf(spelling, sizes, seanet)),
  }
}

function factsOf(values: Config, sizes: SeanetSizes, told: ReturnType<typeof toldBy>): readonly Fact[] {
  const { causal, grouped } = { ...values, ...sizes }
  const configured = ['sample_rate', 'pad_mode', 'dilation_base', 'normalize'] as const
  const { channels, strides, codebooks, codebookSize, latentDim } = sizes
  return [
    ...configured.map(name => ({ name, value: values[name], from: told(name) })),
    { name: 'causal', value: causal ?? false, from: grouped && causal === undefined ? 'tensors' : told('causal') },
    { name: 'segment', value: values.segment ?? 'none', from: told('segment') },
    { name: 'target_bandwidths', value: values.target_bandwidths?.join(', ') ?? 'all codebooks', from: told('target_bandwidths') },
    ...Object.entries({ channels, strides: strides.join(', '), codebooks, codebookSize, latentDim }).map(
      ([name, value]): Fact => ({ name, value, from: 'tensors' }),
    ),
  ]
}

/** What no tensor tells has to be said: whether convolutions look ahead. Those with a norm over time do. */
function completeSchema(grouped: boolean): z.ZodType<Config> {
  return schema.refine(({ causal }) => grouped || causal !== undefined, {
    path: ['causal'],
    error: 'expected true or false (use_causal_conv in transformers’ config): no tensor tells whether the convolutions look ahead',
  })
}

function networksOf(spelling: Spelling, sizes: SeanetSizes, seanet: Omit<SeanetConfig, 'short'>): CodecNetworks {
  const configOf = ({ short = false, carry }: NetworkMode): SeanetConfig => ({ ...seanet, short, ...(carry ? { carry } : {}) })
  return {
    encode: (net, waveform, mode) => seanetEncoder(net.at(spelling.encoder), waveform, configOf(mode)),
    quantize(net, latents, codebooks) {
      const rows = net.squeeze(net.transpose(latents, [0, 2, 1]), [0]) // [T, D]
      return buildRvqEncoder(net.at('quantizer'), rows, readCodebooks(net.weights, { ...sizes, codebooks }))
    },
    sumCodewords: (net, codes) => emitCodewordSum(net.at('quantizer'), codes, readCodebooks(net.weights, sizes)),
    decode: (net, latents, mode) => seanetDecoder(net.at(spelling.decoder), latents, configOf(mode)),
  }
}

/** In samples. */
function segmentOf({ segment, overlap, sample_rate: sampleRate }: Config): { length: number; stride: number } {
  const length = Math.floor(segment! * sampleRate)
  return { length, stride: Math.max(1, Math.floor((1 - (overlap ?? 0.01)) * length)) }
}

/** float32 [K, N, D] */
function readCodebooks(weights: Weights, { codebooks, codebookSize, latentDim }: SeanetSizes): Tensor<'float32'> {
  const { codebook } = spellingOf(weights)
  const tables = Array.from({ length: codebooks }, (_, q) => weights.get(codebook(q), [codebookSize, latentDim]))
  const flat = concat(tables.map(({ data }) => float32Tensor(data, [data.length])))
  return float32Tensor(flat.data, [codebooks, codebookSize, latentDim])
}

import { float32Tensor, GraphBuilder, type OnnxModel, type Runtime, type Tensor, type Weights } from '@mynah/onnx'
import { z } from 'zod'
import { type CodecBackend, createAudioCodec, signalOf, toInt32 } from '../audio-codec.ts'
import { Carry, type StreamGraph } from '../carry.ts'
import type { AudioCodec } from '../codec.ts'
import type { CodecGraphs } from '../graphs.ts'
import { LazyModels } from '../lazy-models.ts'
import { buildRvqEncoder, decodeCodes, sumCodewords } from '../rvq.ts'
import { expectAllRead, expectEqual, parseConfig } from './config.ts'
import {
  longestPadding,
  type SeanetConfig,
  seanetDecoder,
  seanetEncoder,
  seanetFirstFrames,
  seanetHasLstm,
  seanetNormalizes,
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

/** transformers' spelling (EncodecConfig) → the original's. */
const transformersNames = {
  sampling_rate: 'sample_rate',
  audio_channels: 'channels',
  use_causal_conv: 'causal',
  chunk_length_s: 'segment',
  upsampling_ratios: 'ratios',
  dilation_growth_rate: 'dilation_base',
} as const

/** The two published models, whose `.th` files carry no config. */
const published = {
  mono: { sample_rate: 24000, causal: true, target_bandwidths: [1.5, 3, 6, 12, 24] },
  stereo: { sample_rate: 48000, causal: false, normalize: true, segment: 1, target_bandwidths: [3, 6, 12, 24] },
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

/** Statistics that training keeps beside each codebook. */
const trainingOnly = /codebook\.(inited|cluster_size|embed_avg)$/

/** Whether these are the weights of a SEANet with an RVQ of whole vectors, with or without LSTM. */
export function isSeanetCodec(weights: Weights): boolean {
  return spellings.some(({ codebook, encoder }) => weights.has(codebook(0)) && weights.scope(encoder).names.length > 0)
}

/** Whether these are the weights of EnCodec. */
export function isEncodec(weights: Weights): boolean {
  return isSeanetCodec(weights) && seanetHasLstm(weights)
}

/** Emits waveform [1, C, S] → latents [1, D, ⌈S / hop⌉]. */
export function buildSeanetEncoder(weights: Weights, channels: number, config: SeanetConfig): OnnxModel {
  const graph = new GraphBuilder('seanet-encoder')
  const waveform = graph.input('waveform', 'float32', [1, channels, 'S'])
  graph.output('latents', seanetEncoder(graph, waveform, weights, config))
  return graph.build()
}

/** Emits latents [1, D, T] → waveform [1, C, T · hop]. */
export function buildSeanetDecoder(weights: Weights, latentDim: number, config: SeanetConfig): OnnxModel {
  const graph = new GraphBuilder('seanet-decoder')
  const latents = graph.input('latents', 'float32', [1, latentDim, 'T'])
  graph.output('waveform', seanetDecoder(graph, latents, weights, config))
  return graph.build()
}

/** As `buildSeanetEncoder`, for streams: S need not be whole frames, but only the last stretch may have a part of one. */
function buildStreamEncoder(weights: Weights, channels: number, config: SeanetConfig): StreamGraph {
  const graph = new GraphBuilder('seanet-stream-encoder')
  const carry = new Carry(graph)
  const waveform = graph.input('waveform', 'float32', [1, channels, 'S'])
  graph.output('latents', seanetEncoder(graph, waveform, weights, { ...config, carry }))
  return { model: graph.build(), input: 'waveform', output: 'latents', carry }
}

/** As `buildSeanetDecoder`, for streams. */
function buildStreamDecoder(weights: Weights, latentDim: number, config: SeanetConfig): StreamGraph {
  const graph = new GraphBuilder('seanet-stream-decoder')
  const carry = new Carry(graph)
  const latents = graph.input('latents', 'float32', [1, latentDim, 'T'])
  graph.output('waveform', seanetDecoder(graph, latents, weights, { ...config, carry }))
  return { model: graph.build(), input: 'latents', output: 'waveform', carry }
}

/** Emits latents [1, D, T] → codes int64 [K, T]. */
function buildQuantizer(codebook: Tensor<'float32'>): OnnxModel {
  const graph = new GraphBuilder('rvq')
  const latents = graph.input('latents', 'float32', [1, codebook.shape[2]!, 'T'])
  const rows = graph.squeeze(graph.transpose(latents, [0, 2, 1]), [0]) // [T, D]
  graph.output('codes', buildRvqEncoder(graph, rows, codebook))
  return graph.build()
}

/** Sizes of weights and what their config adds. @throws {CheckpointError} as `loadEncodec` */
function readEncodec(weights: Weights, config: unknown, name: string) {
  const spelling = spellings.find(({ codebook }) => weights.has(codebook(0))) ?? spellings[0]!
  const [encoder, decoder] = [weights.scope(spelling.encoder), weights.scope(spelling.decoder)]
  const codebook = readCodebooks(weights, spelling)
  const [codebooks, codebookSize, latentDim] = codebook.shape as [number, number, number]
  const strides = seanetStrides(encoder)
  const samplesPerFrame = strides.reduce((product, stride) => product * stride, 1)
  const channels = inputChannels(encoder)
  const grouped = seanetNormalizes(encoder)
  const values = parseConfig(
    name,
    weights,
    schema,
    config ?? recognize({ channels, codebooks, samplesPerFrame, grouped }),
    transformersNames,
  )
  expectEqual(weights, 'channels', values.channels, channels)
  expectEqual(weights, 'ratios', values.ratios?.join(), [...strides].reverse().join())

  const seanet = { causal: values.causal ?? !grouped, padMode: values.pad_mode, dilationBase: values.dilation_base }
  const longest = Math.max(longestPadding(encoder, seanet.dilationBase), longestPadding(decoder, seanet.dilationBase))
  const { sample_rate: sampleRate } = values
  const frameRate = Math.ceil(sampleRate / samplesPerFrame)
  const levelsOf = (kbps: number) => Math.min(codebooks, Math.max(1, Math.floor((kbps * 1000) / (Math.log2(codebookSize) * frameRate))))
  const bandwidthsKbps = values.target_bandwidths ?? [(codebooks * Math.log2(codebookSize) * frameRate) / 1000]
  const segmentLength = values.segment ? Math.floor(values.segment * sampleRate) : undefined
  return {
    ...{ encoder, decoder, codebook, codebooks, codebookSize, latentDim, samplesPerFrame, channels, grouped, values },
    ...{ seanet, longest, sampleRate, frameRate, levelsOf, bandwidthsKbps, segmentLength },
  }
}

/**
 * Both halves as graphs of their own. Audio of any length becomes whole frames; where the codec normalizes or cuts segments, that is up to the caller.
 * @throws {CheckpointError} as `loadEncodec`
 */
export function buildEncodec(weights: Weights, config: unknown, name = 'encodec'): CodecGraphs {
  const sizes = readEncodec(weights, config, name)
  const { encoder, decoder, codebook, channels, codebooks, segmentLength, values } = sizes
  const seanet = { ...sizes.seanet, short: true }
  const encoding = new GraphBuilder(`${name}-encoder`)
  const waveform = encoding.input('waveform', 'float32', [1, channels, 'S'])
  const latents = seanetEncoder(encoding, waveform, encoder, seanet)
  const rows = encoding.squeeze(encoding.transpose(latents, [0, 2, 1]), [0]) // [T, D]
  encoding.output('codes', buildRvqEncoder(encoding, rows, codebook))
  const decoding = new GraphBuilder(`${name}-decoder`)
  const codes = decoding.input('codes', 'int64', [codebooks, 'T'])
  decoding.output('waveform', seanetDecoder(decoding, sumCodewords(decoding, codes, codebook), decoder, seanet))
  const graphs = { encoder: encoding.build(), decoder: decoding.build() }
  expectAllRead(name, weights, trainingOnly)
  const { sampleRate, frameRate, samplesPerFrame, codebookSize, bandwidthsKbps } = sizes
  return {
    ...graphs,
    config: values,
    trainingOnly,
    layout: {
      ...{ sampleRate, frameRate, samplesPerFrame, channels, codebooks, codebookSize, bandwidthsKbps },
      strides: Array.from({ length: codebooks }, () => 1),
      sampleMultiple: 1,
      normalizes: values.normalize,
      ...(segmentLength ? { segment: segmentOf(segmentLength, values.overlap) } : {}),
    },
  }
}

/**
 * Loads EnCodec (24 kHz mono, 48 kHz stereo, or any other size) or, without LSTM, SoundStream's SEANet, from the original's or transformers' names.
 * Papers: EnCodec arXiv:2210.13438, SoundStream arXiv:2107.03312. Reference: facebookresearch/encodec@0e2d0ae.
 * @param config values of the original's constructor or of transformers' config.json; may be left out for the two published sizes
 * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`, `config-mismatch`, `missing-config`, `bad-config`, `unexpected-tensor`
 */
export async function loadEncodec(weights: Weights, config: unknown, runtime: Runtime, name = 'encodec'): Promise<AudioCodec> {
  const {
    encoder,
    decoder,
    codebook,
    codebooks,
    codebookSize,
    latentDim,
    samplesPerFrame,
    channels,
    grouped,
    values,
    seanet,
    longest,
    sampleRate,
    frameRate,
    levelsOf,
    bandwidthsKbps,
    segmentLength,
  } = readEncodec(weights, config, name)

  const models = new LazyModels(runtime, name)
  const variant = (frames: number) => (frames > longest ? { key: '', short: false } : { key: ' (short)', short: true })
  const openEncoder = (frames: number) => {
    const { key, short } = variant(frames)
    return models.get(`encoder${key}`, () => buildSeanetEncoder(encoder, channels, { ...seanet, short }))
  }
  const openDecoder = (frames: number) => {
    const { key, short } = variant(frames)
    return models.get(`decoder${key}`, () => buildSeanetDecoder(decoder, latentDim, { ...seanet, short }))
  }
  await models.ready([openEncoder(longest + 1), openDecoder(longest + 1)], () => expectAllRead(name, weights, trainingOnly))

  const latents: CodecBackend['latents'] = async (waveform, options) => {
    const model = await openEncoder(Math.ceil(waveform.shape[1]! / samplesPerFrame))
    const results = await model.run({ waveform: float32Tensor(waveform.data, [1, ...waveform.shape]) }, options)
    return float32Tensor(results.latents!.data as Float32Array, results.latents!.shape.slice(1))
  }
  const synthesize: CodecBackend['synthesize'] = async (features, options) => {
    const model = await openDecoder(features.shape[1]!)
    const { waveform } = await model.run({ latents: float32Tensor(features.data, [1, ...features.shape]) }, signalOf(options))
    return float32Tensor(waveform!.data as Float32Array, waveform!.shape.slice(1))
  }
  const causal = {
    encoder: {
      columnsPerFrame: samplesPerFrame,
      height: channels,
      firstFrames: seanetFirstFrames(encoder, 'encoder', seanet),
      open: () => models.getStream('encoder (stream)', () => buildStreamEncoder(encoder, channels, { ...seanet, short: false })),
      whole: latents,
    },
    decoder: {
      columnsPerFrame: 1,
      height: latentDim,
      firstFrames: seanetFirstFrames(decoder, 'decoder', seanet),
      open: () => models.getStream('decoder (stream)', () => buildStreamDecoder(decoder, latentDim, { ...seanet, short: false })),
      whole: synthesize,
    },
  }

  return createAudioCodec({
    name,
    sampleRate,
    frameRate,
    samplesPerFrame,
    channels,
    codebooks,
    codebookSize,
    latentDim,
    strides: Array.from({ length: codebooks }, () => 1),
    bandwidthsKbps,
    normalizes: values.normalize,
    ...(seanet.causal && !grouped && { causal }),
    ...(segmentLength && { segment: segmentOf(segmentLength, values.overlap) }),
    levelsFor: kbps => (bandwidthsKbps.includes(kbps) ? levelsOf(kbps) : undefined),
    latents,
    async quantize(latents, levels, options) {
      const model = await models.get(`quantizer (${levels})`, () => buildQuantizer(firstLevels(codebook, levels)))
      const { codes } = await model.run({ latents: float32Tensor(latents.data, [1, ...latents.shape]) }, options)
      return toInt32(codes!)
    },
    toFeatures: codes => decodeCodes(codes, codebook),
    synthesize,
    [Symbol.asyncDispose]: () => models[Symbol.asyncDispose](),
  })
}

/** In samples. */
function segmentOf(length: number, overlap: number | null | undefined): { length: number; stride: number } {
  return { length, stride: Math.max(1, Math.floor((1 - (overlap ?? 0.01)) * length)) }
}

function readCodebooks(weights: Weights, { codebook }: Spelling): Tensor<'float32'> {
  const first = weights.get(codebook(0), [undefined, undefined])
  const [size, dim] = first.shape as [number, number]
  const tables: Float32Array[] = []
  for (let q = 0; weights.has(codebook(q)); q++) tables.push(weights.get(codebook(q), [size, dim]).data)
  const joined = new Float32Array(tables.length * size * dim)
  for (const [q, table] of tables.entries()) joined.set(table, q * size * dim)
  return float32Tensor(joined, [tables.length, size, dim])
}

function firstLevels(codebook: Tensor<'float32'>, levels: number): Tensor<'float32'> {
  const [, size, dim] = codebook.shape as [number, number, number]
  return float32Tensor(codebook.data.subarray(0, levels * size * dim), [levels, size, dim])
}

function inputChannels(encoder: Weights): number {
  const name = encoder.names.find(first => /^0\..*weight$/.test(first) && encoder.shape(first).length === 3)
  return name ? encoder.shape(name)[1]! : 1
}

/** The published config of these sizes. */
function recognize(found: { channels: number; codebooks: number; samplesPerFrame: number; grouped: boolean }): unknown {
  const { channels, codebooks, samplesPerFrame, grouped } = found
  if (samplesPerFrame === 320 && channels === 1 && codebooks === 32 && !grouped) return published.mono
  if (samplesPerFrame === 320 && channels === 2 && codebooks === 16 && grouped) return published.stereo
  return undefined
}

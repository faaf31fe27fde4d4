import { float32Tensor, GraphBuilder, type OnnxModel, type Runtime, type Weights } from '@mynah/onnx'
import { z } from 'zod'
import { createAudioCodec, signalOf } from '../audio-codec.ts'
import type { AudioCodec } from '../codec.ts'
import { type FactorizedVq, factorizedAnalysis, factorizedCodes, factorizedFeatures, readFactorizedVq } from '../factorized-vq.ts'
import type { CodecGraphs } from '../graphs.ts'
import { LazyModels } from '../lazy-models.ts'
import { expectAllRead, expectEqual, parseConfig } from './config.ts'
import { type DacNetworkConfig, dacLayers, dacNetwork, dacStrides } from './dac-network.ts'

/** Constructor values of descript-audio-codec, as `metadata.kwargs` holds them; sizes that the weights tell are only checked. */
const schema = z.object({
  sample_rate: z.int().positive(),
  encoder_rates: z.array(z.int().positive()).optional(),
  n_codebooks: z.int().positive().optional(),
})

/** transformers' spelling (DacConfig) → the original's. */
const transformersNames = { sampling_rate: 'sample_rate', downsampling_ratios: 'encoder_rates' }

/** Sample rate of the published models by hop and number of codebooks. */
const published: Readonly<Record<string, number>> = { '512:9': 44100, '512:18': 44100, '320:32': 24000, '320:12': 16000 }

const network: DacNetworkConfig = { outputPadding: false }

/** Whether these are weights with factorized quantizers, as DAC and SNAC have. */
export function hasFactorizedVq(weights: Weights): boolean {
  return weights.has('quantizer.quantizers.0.in_proj.weight') && weights.has('quantizer.quantizers.0.codebook.weight')
}

/** Whether these are the weights of DAC: its encoder ends in a Snake and a convolution, SNAC's in a convolution alone. */
export function isDac(weights: Weights): boolean {
  return hasFactorizedVq(weights) && dacLayers(weights.scope('encoder')).some(layer => layer.has('alpha'))
}

/** Emits waveform [1, 1, S] → latents [1, L, S / hop]. */
export function buildDacEncoder(weights: Weights, config: DacNetworkConfig = network): OnnxModel {
  const graph = new GraphBuilder('dac-encoder')
  const waveform = graph.input('waveform', 'float32', [1, 1, 'S'])
  graph.output('latents', dacNetwork(graph, waveform, weights.scope('encoder'), config))
  return graph.build()
}

/** Emits latents [1, L, T] → waveform [1, 1, S]; noise inputs are up to `config.noise`. */
export function buildDacDecoder(
  weights: Weights,
  latentDim: number,
  configure: (graph: GraphBuilder) => DacNetworkConfig = () => network,
): OnnxModel {
  const graph = new GraphBuilder('dac-decoder')
  const latents = graph.input('latents', 'float32', [1, latentDim, 'T'])
  graph.output('waveform', graph.tanh(dacNetwork(graph, latents, weights.scope('decoder'), configure(graph))))
  return graph.build()
}

/** Sizes of weights and what their config adds. @throws {CheckpointError} as `loadDac` */
function readDac(weights: Weights, config: unknown) {
  const vq = readFactorizedVq(weights)
  const codebooks = vq.levels.length
  const strides = dacStrides(weights.scope('encoder'))
  const samplesPerFrame = strides.reduce((product, stride) => product * stride, 1)
  const known = published[`${samplesPerFrame}:${codebooks}`]
  const values = parseConfig('dac', weights, schema, config ?? (known ? { sample_rate: known } : undefined), transformersNames)
  expectEqual(weights, 'encoder_rates', values.encoder_rates?.join(), strides.join())
  expectEqual(weights, 'n_codebooks', values.n_codebooks, codebooks)
  const frameRate = values.sample_rate / samplesPerFrame
  const levelKbps = (Math.log2(vq.codebookSize) * frameRate) / 1000
  return { vq, codebooks, samplesPerFrame, values, frameRate, levelKbps }
}

/** Both halves as graphs of their own. @throws {CheckpointError} as `loadDac` */
export function buildDac(weights: Weights, config: unknown): CodecGraphs {
  const { vq, codebooks, samplesPerFrame, values, frameRate, levelKbps } = readDac(weights, config)
  const graphs = buildFactorizedCodec('dac', weights, vq, network)
  expectAllRead('dac', weights)
  return {
    ...graphs,
    config: values,
    layout: {
      ...{ sampleRate: values.sample_rate, frameRate, samplesPerFrame, channels: 1, codebooks, codebookSize: vq.codebookSize },
      bandwidthsKbps: vq.levels.map((_, i) => (i + 1) * levelKbps),
      strides: vq.levels.map(() => 1),
      sampleMultiple: samplesPerFrame,
      normalizes: false,
    },
  }
}

/** DAC and SNAC from waveform to codes and back. */
export function buildFactorizedCodec(
  name: string,
  weights: Weights,
  vq: FactorizedVq,
  config: DacNetworkConfig,
): Pick<CodecGraphs, 'encoder' | 'decoder'> {
  const encoding = new GraphBuilder(`${name}-encoder`)
  const waveform = encoding.input('waveform', 'float32', [1, 1, 'S'])
  const latents = dacNetwork(encoding, waveform, weights.scope('encoder'), config)
  encoding.output(
    'codes',
    encoding.scope('quantizer', () => factorizedCodes(encoding, latents, vq, vq.levels.length)),
  )
  const decoding = new GraphBuilder(`${name}-decoder`)
  const codes = decoding.input('codes', 'int64', [vq.levels.length, 'T'])
  const features = decoding.scope('quantizer', () => factorizedFeatures(decoding, codes, vq))
  decoding.output('waveform', decoding.tanh(dacNetwork(decoding, features, weights.scope('decoder'), config)))
  return { encoder: encoding.build(), decoder: decoding.build() }
}

/**
 * Loads DAC (16, 24, 44.1 kHz) from the original's or transformers' names. Paper: arXiv:2306.06546. Reference: descriptinc/descript-audio-codec@c7cfc5d.
 * Audio is padded with zeros to whole frames; nothing is done about loudness, which the `dac` command line normalizes to −16 LUFS.
 * @param config `metadata.kwargs` of the checkpoint or transformers' config.json; may be left out for the published sizes
 * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`, `config-mismatch`, `missing-config`, `bad-config`, `unexpected-tensor`
 */
export async function loadDac(weights: Weights, config: unknown, runtime: Runtime): Promise<AudioCodec> {
  const { vq, codebooks, samplesPerFrame, values, frameRate, levelKbps } = readDac(weights, config)

  const models = new LazyModels(runtime, 'dac')
  const openEncoder = () => models.get('encoder', () => buildDacEncoder(weights))
  const openDecoder = () => models.get('decoder', () => buildDacDecoder(weights, vq.latentDim))
  await models.ready([openEncoder(), openDecoder()], () => expectAllRead('dac', weights))

  return createAudioCodec({
    name: 'dac',
    sampleRate: values.sample_rate,
    frameRate,
    samplesPerFrame,
    channels: 1,
    codebooks,
    codebookSize: vq.codebookSize,
    latentDim: vq.latentDim,
    strides: vq.levels.map(() => 1),
    bandwidthsKbps: vq.levels.map((_, i) => (i + 1) * levelKbps),
    normalizes: false,
    levelsFor: kbps => (kbps >= levelKbps ? Math.min(codebooks, Math.floor(kbps / levelKbps)) : undefined),
    ...factorizedAnalysis(vq, models, openEncoder, samplesPerFrame),
    async synthesize(features, options) {
      const { waveform } = await (await openDecoder()).run(
        { latents: float32Tensor(features.data, [1, ...features.shape]) },
        signalOf(options),
      )
      return float32Tensor(waveform!.data as Float32Array, waveform!.shape.slice(1))
    },
    [Symbol.asyncDispose]: () => models[Symbol.asyncDispose](),
  })
}

import { createRandom, float32Tensor, type GraphBuilder, type Runtime, toImage, type Value, type Weights } from '@mynah/onnx'
import { z } from 'zod'
import { createAudioCodec, signalOf } from '../audio-codec.ts'
import type { AudioCodec, DecodeOptions } from '../codec.ts'
import { factorizedAnalysis, readFactorizedVq } from '../factorized-vq.ts'
import type { CodecGraphs } from '../graphs.ts'
import { LazyModels } from '../lazy-models.ts'
import { expectAllRead, expectEqual, parseConfig } from './config.ts'
import { buildDacDecoder, buildDacEncoder, buildFactorizedCodec, hasFactorizedVq, isDac } from './dac.ts'
import { type DacNetworkConfig, dacAttends, dacNoiseBlocks, dacStrides } from './dac-network.ts'

/** Fields of SNAC's config.json; sizes that the weights tell are only checked. */
const schema = z.object({
  sampling_rate: z.int().positive(),
  encoder_rates: z.array(z.int().positive()).optional(),
  attn_window_size: z.int().positive().nullish(),
  vq_strides: z.array(z.int().positive()).nonempty(),
})

/** Windows of the published 32 and 44 kHz models, and the reference's default. */
const defaultWindow = 32

/** Whether these are the weights of SNAC. */
export function isSnac(weights: Weights): boolean {
  return hasFactorizedVq(weights) && !isDac(weights)
}

/** Tensors of noise blocks, which are read when noise is asked for. */
const noiseOnly = /\.linear\.weight$/

/** Sizes of weights and what their config adds. @throws {CheckpointError} as `loadSnac` */
function readSnac(weights: Weights, config: unknown) {
  const values = parseConfig('snac', weights, schema, config)
  const vq = readFactorizedVq(weights, values.vq_strides)
  const codebooks = vq.levels.length
  expectEqual(weights, 'vq_strides of length', values.vq_strides.length, codebooks)
  const encoderStrides = dacStrides(weights.scope('encoder'))
  expectEqual(weights, 'encoder_rates', values.encoder_rates?.join(), encoderStrides.join())
  const samplesPerFrame = encoderStrides.reduce((product, stride) => product * stride, 1)
  const window = dacAttends(weights.scope('encoder')) ? (values.attn_window_size ?? defaultWindow) : 1
  const wholeFrames = [...values.vq_strides, window].reduce(leastCommonMultiple)
  const network: DacNetworkConfig = { outputPadding: true, attentionWindow: window }
  const frameRate = values.sampling_rate / samplesPerFrame
  const kbps = values.vq_strides.map((_, i) =>
    values.vq_strides.slice(0, i + 1).reduce((sum, stride) => sum + (Math.log2(vq.codebookSize) * frameRate) / stride / 1000, 0),
  )
  return { values, vq, codebooks, samplesPerFrame, wholeFrames, network, frameRate, kbps }
}

/** Both halves as graphs of their own, without the decoder's noise. @throws {CheckpointError} as `loadSnac` */
export function buildSnac(weights: Weights, config: unknown): CodecGraphs {
  const { values, vq, codebooks, samplesPerFrame, wholeFrames, network, frameRate, kbps } = readSnac(weights, config)
  const graphs = buildFactorizedCodec('snac', weights, vq, network)
  expectAllRead('snac', weights, noiseOnly)
  return {
    ...graphs,
    config: values,
    layout: {
      ...{ sampleRate: values.sampling_rate, frameRate, samplesPerFrame, channels: 1, codebooks, codebookSize: vq.codebookSize },
      bandwidthsKbps: kbps,
      strides: values.vq_strides,
      sampleMultiple: samplesPerFrame * wholeFrames,
      normalizes: false,
    },
  }
}

/**
 * Loads SNAC (24, 32, 44.1 kHz). Paper: arXiv:2410.14411. Reference: hubertsiuzdak/snac@f49016a.
 * Codebook k has one code per `strides[k]` frames; in codes [K, T] it is repeated. Audio is padded with zeros until codes and attention windows are whole.
 * @param config config.json, which names the codebooks' strides
 * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`, `config-mismatch`, `missing-config`, `bad-config`, `unexpected-tensor`
 */
export async function loadSnac(weights: Weights, config: unknown, runtime: Runtime): Promise<AudioCodec> {
  const { values, vq, codebooks, samplesPerFrame, wholeFrames, network, frameRate, kbps } = readSnac(weights, config)
  const upsampling = dacStrides(weights.scope('decoder'))
  const noiseBlocks = dacNoiseBlocks(weights.scope('decoder'))

  const models = new LazyModels(runtime, 'snac')
  const openEncoder = () => models.get('encoder', () => buildDacEncoder(weights, network))
  const openDecoder = (noisy: boolean) =>
    models.get(noisy ? 'decoder with noise' : 'decoder', () =>
      buildDacDecoder(weights, vq.latentDim, graph => (noisy ? { ...network, noise: noiseInput(graph) } : network)),
    )
  await models.ready([openEncoder(), openDecoder(false)], () => expectAllRead('snac', weights, noiseOnly))

  const checkFrames = (frames: number) => {
    if (frames % wholeFrames !== 0) throw new RangeError(`snac: codes have ${frames} frames, expected a multiple of ${wholeFrames}`)
  }

  return createAudioCodec({
    name: 'snac',
    sampleRate: values.sampling_rate,
    frameRate,
    samplesPerFrame,
    channels: 1,
    codebooks,
    codebookSize: vq.codebookSize,
    latentDim: vq.latentDim,
    strides: values.vq_strides,
    bandwidthsKbps: kbps,
    normalizes: false,
    levelsFor: asked => kbps.findLastIndex(rate => rate <= asked) + 1 || undefined,
    ...factorizedAnalysis(vq, models, openEncoder, samplesPerFrame * wholeFrames),
    async synthesize(features, options) {
      const frames = features.shape[1]!
      checkFrames(frames)
      const noise = drawNoise(options, noiseLengths(frames, upsampling).slice(0, noiseBlocks))
      const feeds = Object.fromEntries((noise ?? []).map((data, i) => [`noise${i}`, float32Tensor(data, [1, 1, data.length])]))
      const model = await openDecoder(noise !== undefined)
      const { waveform } = await model.run({ latents: float32Tensor(features.data, [1, ...features.shape]), ...feeds }, signalOf(options))
      return float32Tensor(waveform!.data as Float32Array, waveform!.shape.slice(1))
    },
    [Symbol.asyncDispose]: () => models[Symbol.asyncDispose](),
  })
}

/** Makes the noise of each decoder block an input of the graph. */
function noiseInput(graph: GraphBuilder): (x: Value, index: number) => Value {
  return (x, index) => toImage(graph, graph.input(`noise${index}`, 'float32', [1, 1, x.shape[3]!]))
}

function noiseLengths(frames: number, upsampling: readonly number[]): number[] {
  let length = frames
  return upsampling.map(stride => {
    length *= stride
    return length
  })
}

function drawNoise(options: DecodeOptions, lengths: readonly number[]): readonly Float32Array[] | undefined {
  const { noise } = options
  if (noise === undefined || lengths.length === 0) return undefined
  if ('seed' in noise) {
    const random = createRandom(noise.seed)
    return lengths.map(length => Float32Array.from({ length }, () => random.normal()))
  }
  if (noise.map(({ length }) => length).join() !== lengths.join()) {
    throw new RangeError(`snac: noise has ${noise.map(({ length }) => length).join(', ')} samples, expected ${lengths.join(', ')}`)
  }
  return noise
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b]
  while (y > 0) [x, y] = [y, x % y]
  return (a / x) * b
}

import { melPresets, melSpectrogramInTurns } from '@mynah/audio'
import {
  type Architecture,
  float32Tensor,
  type Graph,
  loadModel,
  type ModelDescription,
  Net,
  parseConfig,
  type Runtime,
  sumCodewords,
  type Tensor,
  vocosBackbone,
  type Weights,
} from '@mynah/onnx'
import { z } from 'zod'
import type { Codec } from '../codec.ts'
import { buildRvqEncoder } from '../rvq.ts'
import { Sessions } from '../sessions.ts'

const name = 'mynah-codec'

const schema = z.object({
  nInput: z.int().positive(),
  encoderDim: z.int().positive(),
  encoderLayers: z.int().positive(),
  latentDim: z.int().positive(),
  codebooks: z.int().positive(),
  codebookSize: z.int().positive(),
  hopLength: z.int().positive(),
})

/** Sizes of the encoder half of Mynah's codec. */
export type MynahCodecConfig = z.infer<typeof schema>

/** Mynah's own codec, with what the language model and the aligner need of it. */
export interface MynahCodec extends Codec {
  /** float32 [K, N, L] */
  readonly codebook: Tensor<'float32'>
  /**
   * Log-mel features, two columns of hop 300 stacked per frame: float32 [160, T].
   * @throws {RangeError} if there are no samples
   */
  features(waveform: Float32Array): Promise<Tensor<'float32'>>
}

/** Mean and deviation that training/mynah/codec.py normalizes ln-mel with. */
const featureMean = -5
const featureDeviation = 3

/** Emits log-mel features [1, nInput, T] → codes int64 [K, T]: Vocos backbone (ConvNeXt), linear, RVQ. Reference: training/mynah/codec.py. */
function buildMynahEncoder(weights: Weights, config: MynahCodecConfig, codebook: Tensor<'float32'>): Graph {
  const net = new Net('mynah-encoder', weights)
  const features = net.input('features', 'float32', [1, config.nInput, 'T'])
  const normal = net.div(net.sub(features, featureMean), featureDeviation)
  const x = vocosBackbone(net.at('encoder'), normal, { dim: config.encoderDim, layers: config.encoderLayers })
  const latents = net.linear('to_latent', x, { out: config.latentDim }) // [1, T, L]
  net.output('codes', buildRvqEncoder(net, net.squeeze(latents, [0]), codebook))
  return net.toGraph()
}

interface MynahCodecDescription extends ModelDescription {
  readonly sizes: MynahCodecConfig
  readCodebook(weights: Weights): Tensor<'float32'>
}

/** The encoder half's file. */
export const mynahEncoder: Architecture<MynahCodecDescription> = {
  name,
  detect: () => true,
  describe(weights, config) {
    const sizes = parseConfig(name, schema, config, weights)
    const readCodebook = (from: Weights) => from.get('rvq.codebook', [sizes.codebooks, sizes.codebookSize, sizes.latentDim])
    return { sizes, readCodebook, build: tensors => ({ encoder: () => buildMynahEncoder(tensors, sizes, readCodebook(tensors)) }) }
  },
}

/**
 * Loads the encoder half of Mynah's codec: encoder and codebooks, which give codes their meaning. Its decoder, `mynah` of @mynah/vocoder, is a file of its own.
 * The encoder is built when something is encoded for the first time: whoever only speaks needs the codebooks alone. The file stays open as long as the codec lives.
 * @throws {CheckpointError} `missing-config`, `bad-config`, `missing-tensor`, `shape-mismatch`; all of readCheckpoint's
 */
export function loadMynahCodec(checkpoint: string, config: unknown, runtime: Runtime): Promise<MynahCodec> {
  return loadModel([mynahEncoder], checkpoint, { config, runtime }, async (opened, _, resources) => {
    const { sizes, readCodebook } = opened.description
    const sessions = resources.add(new Sessions(runtime, opened))
    return createCodec(sizes, readCodebook(opened.weights), sessions, () => resources[Symbol.asyncDispose]())
  })
}

function createCodec(sizes: MynahCodecConfig, codebook: Tensor<'float32'>, sessions: Sessions, close: () => Promise<void>): MynahCodec {
  const mel = melPresets.mynah24k
  const samplesPerFrame = (sizes.nInput / mel.nMels) * sizes.hopLength

  const features = async (waveform: Float32Array) => {
    if (waveform.length === 0) throw new RangeError('codec: the waveform has no samples')
    const frames = Math.ceil(waveform.length / samplesPerFrame)
    // The front-end reflects 450 samples at both ends, so the shortest input is two frames.
    const padded = new Float32Array(Math.max(frames, 2) * samplesPerFrame)
    padded.set(waveform)
    const columns = await melSpectrogramInTurns(padded, mel) // [80, 2T]
    const width = columns.shape[1]!
    const stacked = new Float32Array(sizes.nInput * frames)
    for (let row = 0; row < sizes.nInput; row++) {
      const [half, band] = [Math.floor(row / mel.nMels), row % mel.nMels]
      const stride = sizes.nInput / mel.nMels
      for (let t = 0; t < frames; t++) stacked[row * frames + t] = columns.data[band * width + t * stride + half]!
    }
    return float32Tensor(stacked, [sizes.nInput, frames])
  }

  return {
    name,
    sampleRate: mel.sampleRate,
    frameRate: mel.sampleRate / samplesPerFrame,
    samplesPerFrame,
    codebooks: sizes.codebooks,
    codebookSize: sizes.codebookSize,
    latentDim: sizes.latentDim,
    codebook,
    features,
    async encode(waveform, options = {}) {
      const input = await features(waveform)
      const encoder = await sessions.open('encoder')
      const { codes } = await encoder.run(
        { features: float32Tensor(input.data, [1, ...input.shape]) },
        options.signal ? { signal: options.signal } : {},
      )
      const data = Int32Array.from(codes!.data as BigInt64Array, Number)
      return { dtype: 'int32', shape: [sizes.codebooks, input.shape[1]!], data }
    },
    toFeatures: codes => sumCodewords(codes, codebook, name),
    [Symbol.asyncDispose]: close,
  }
}

import { createRandom, expectEqual, type Fact, float32Tensor, parseConfig } from '@mynah/onnx'
import { z } from 'zod'
import type { CodecArchitecture, CodecLayout } from '../architecture.ts'
import type { DecodeOptions } from '../codec.ts'
import { type DacNetworkConfig, dacAttends, dacEndsInSnake, dacNoiseBlocks, dacStrides } from '../dac-network.ts'
import { factorizedNetworks, factorizedSum, hasFactorizedVq, readFactorizedSizes } from '../factorized-vq.ts'
import { codecGraphs } from '../networks.ts'

const name = 'snac'

/** Fields of SNAC's config.json; sizes that the weights tell are only checked. */
const schema = z.object({
  sampling_rate: z.int().positive(),
  encoder_rates: z.array(z.int().positive()).optional(),
  attn_window_size: z.int().positive().nullish(),
  vq_strides: z.array(z.int().positive()).nonempty(),
})

/** Windows of the published 32 and 44 kHz models, and the reference's default. */
const defaultWindow = 32

/**
 * SNAC (24, 32, 44.1 kHz): DAC whose codebooks have rates of their own. Paper: arXiv:2410.14411. Reference: hubertsiuzdak/snac@f49016a. Its encoder ends in a convolution alone.
 * Codebook k has one code per `strides[k]` frames; in codes [K, T] it is repeated. Audio is padded with zeros until codes and attention windows are whole.
 */
export const snac: CodecArchitecture = {
  name,
  detect: weights => hasFactorizedVq(weights) && !dacEndsInSnake(weights.scope('encoder')),
  describe(weights, config) {
    const values = parseConfig(name, schema, config, weights)
    const { sampling_rate: sampleRate, vq_strides: strides } = values
    const sizes = readFactorizedSizes(weights)
    const { codebooks, codebookSize, latentDim } = sizes
    expectEqual(name, weights, 'vq_strides of length', strides.length, codebooks)
    const encoderStrides = dacStrides(weights.scope('encoder'))
    expectEqual(name, weights, 'encoder_rates', values.encoder_rates?.join(), encoderStrides.join())
    const samplesPerFrame = encoderStrides.reduce((product, stride) => product * stride, 1)
    const window = dacAttends(weights.scope('encoder')) ? (values.attn_window_size ?? defaultWindow) : 1
    const frameRate = sampleRate / samplesPerFrame
    const bandwidthsKbps = strides.map((_, i) =>
      strides.slice(0, i + 1).reduce((sum, stride) => sum + (Math.log2(codebookSize) * frameRate) / stride / 1000, 0),
    )
    const layout: CodecLayout = {
      ...{ sampleRate, frameRate, samplesPerFrame, channels: 1, codebooks, codebookSize, bandwidthsKbps, strides },
      sampleMultiple: samplesPerFrame * [...strides, window].reduce(leastCommonMultiple),
      normalizes: false,
    }
    const network: DacNetworkConfig = { outputPadding: true, attentionWindow: window }
    const upsampling = dacStrides(weights.scope('decoder'))
    const noiseBlocks = dacNoiseBlocks(weights.scope('decoder'))
    return {
      ...{ layout, latentDim, config: values, shortFrames: 0 },
      facts: [
        { name: 'sampling_rate', value: sampleRate, from: 'config' },
        { name: 'vq_strides', value: strides.join(', '), from: 'config' },
        { name: 'attention window', value: window, from: window === 1 ? 'tensors' : values.attn_window_size ? 'config' : 'default' },
        ...Object.entries({ strides: encoderStrides.join(', '), codebooks, codebookSize, latentDim }).map(
          ([fact, value]): Fact => ({ name: fact, value, from: 'tensors' }),
        ),
      ],
      readLater: /\.linear\.weight$/, // of noise blocks
      codebooksAt: strides.map((_, i) => i + 1),
      readCodewords: tensors => factorizedSum(tensors, strides),
      noiseFeeds: (noise, frames) => drawNoise(noise, noiseLengths(frames, upsampling).slice(0, noiseBlocks)),
      build: tensors =>
        codecGraphs(
          name,
          tensors,
          { layout, latentDim },
          factorizedNetworks(sizes, strides, (net, noisy) =>
            noisy ? { ...network, noise: (x, index) => net.input(`noise${index}`, 'float32', [1, 1, x.shape[2]!]) } : network,
          ),
        ),
    }
  },
}

/** Samples of noise of each decoder block. */
function noiseLengths(frames: number, upsampling: readonly number[]): number[] {
  let length = frames
  return upsampling.map(stride => {
    length *= stride
    return length
  })
}

function drawNoise(noise: DecodeOptions['noise'], lengths: readonly number[]) {
  if (noise === undefined || lengths.length === 0) return undefined
  const feeds = (of: (length: number, index: number) => Float32Array) =>
    Object.fromEntries(lengths.map((length, i) => [`noise${i}`, float32Tensor(of(length, i), [1, 1, length])]))
  if ('seed' in noise) {
    const random = createRandom(noise.seed)
    return feeds(length => Float32Array.from({ length }, () => random.normal()))
  }
  if (noise.map(({ length }) => length).join() !== lengths.join()) {
    throw new RangeError(`snac: noise has ${noise.map(({ length }) => length).join(', ')} samples, expected ${lengths.join(', ')}`)
  }
  return feeds((_, i) => noise[i]!)
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b]
  while (y > 0) [x, y] = [y, x % y]
  return (a / x) * b
}

import { expectEqual, type Fact, parseConfig, type Weights } from '@mynah/onnx'
import { z } from 'zod'
import type { CodecArchitecture, CodecLayout } from '../architecture.ts'
import { type DacNetworkConfig, dacEndsInSnake, dacStrides, dacWidths } from '../dac-network.ts'
import { type FactorizedSizes, factorizedNetworks, factorizedSum, hasFactorizedVq, readFactorizedSizes } from '../factorized-vq.ts'
import { codecGraphs } from '../networks.ts'

const name = 'dac'

/** Constructor values of descript-audio-codec, as `metadata.kwargs` holds them; sizes that the weights tell are only checked. */
const schema = z.object({
  sample_rate: z.int().positive(),
  encoder_rates: z.array(z.int().positive()).optional(),
  n_codebooks: z.int().positive().optional(),
})

/** transformers' spelling (DacConfig) → the original's. */
const transformersNames = { sampling_rate: 'sample_rate', downsampling_ratios: 'encoder_rates' }

/** Sizes of the published models, which tell their sample rates where there is no config: 64 filters in the encoder, 1536 in the decoder, codebooks of 1024 × 8. */
const published = [
  { sampleRate: 44100, strides: [2, 4, 8, 8], codebooks: 9, latentDim: 1024 },
  { sampleRate: 44100, strides: [2, 4, 8, 8], codebooks: 18, latentDim: 128 },
  { sampleRate: 24000, strides: [2, 4, 5, 8], codebooks: 32, latentDim: 1024 },
  { sampleRate: 16000, strides: [2, 4, 5, 8], codebooks: 12, latentDim: 1024 },
] as const
const publishedWidths = { encoder: 64, decoder: 1536, codebookSize: 1024, codebookDim: 8 }

const network: DacNetworkConfig = { outputPadding: false }

/**
 * DAC (16, 24, 44.1 kHz), from the original's or transformers' names. Paper: arXiv:2306.06546. Reference: descriptinc/descript-audio-codec@c7cfc5d. Its encoder ends in a Snake and a
 * convolution. Audio is padded with zeros to whole frames; nothing is done about loudness, which the `dac` command line normalizes to −16 LUFS.
 */
export const dac: CodecArchitecture = {
  name,
  configInside(root) {
    const metadata = (root as { metadata?: { kwargs?: unknown } } | null)?.metadata
    return metadata?.kwargs
  },
  detect: weights => hasFactorizedVq(weights) && dacEndsInSnake(weights.scope('encoder')),
  describe(weights, config) {
    const sizes = readFactorizedSizes(weights)
    const { codebooks, codebookSize, latentDim } = sizes
    const strides = dacStrides(weights.scope('encoder'))
    const values = parseConfig(name, schema, config ?? recognize(weights, sizes, strides), weights, transformersNames)
    expectEqual(name, weights, 'encoder_rates', values.encoder_rates?.join(), strides.join())
    expectEqual(name, weights, 'n_codebooks', values.n_codebooks, codebooks)
    const samplesPerFrame = strides.reduce((product, stride) => product * stride, 1)
    const frameRate = values.sample_rate / samplesPerFrame
    const kbps = (Math.log2(codebookSize) * frameRate) / 1000
    const ones = Array.from({ length: codebooks }, () => 1)
    const layout: CodecLayout = {
      ...{ sampleRate: values.sample_rate, frameRate, samplesPerFrame, channels: 1, codebooks, codebookSize },
      bandwidthsKbps: ones.map((_, i) => (i + 1) * kbps),
      strides: ones,
      sampleMultiple: samplesPerFrame,
      normalizes: false,
    }
    return {
      ...{ layout, latentDim, config: values, shortFrames: 0 },
      facts: [
        { name: 'sample_rate', value: values.sample_rate, from: config === undefined ? 'published model' : 'config' },
        ...Object.entries({ strides: strides.join(', '), codebooks, codebookSize, latentDim }).map(
          ([fact, value]): Fact => ({ name: fact, value, from: 'tensors' }),
        ),
      ],
      codebooksAt: ones.map((_, i) => i + 1),
      readCodewords: tensors => factorizedSum(tensors, ones),
      build: tensors =>
        codecGraphs(
          name,
          tensors,
          { layout, latentDim },
          factorizedNetworks(sizes, ones, () => network),
        ),
    }
  },
}

function recognize(weights: Weights, sizes: FactorizedSizes, strides: readonly number[]): unknown {
  const { encoder, decoder, codebookSize, codebookDim } = publishedWidths
  const [first, widest] = [dacWidths(weights.scope('encoder'))[0], dacWidths(weights.scope('decoder'))[0]]
  if (first !== encoder || widest !== decoder || sizes.codebookSize !== codebookSize || sizes.codebookDim !== codebookDim) return undefined
  const known = published.find(
    model => model.strides.join() === strides.join() && model.codebooks === sizes.codebooks && model.latentDim === sizes.latentDim,
  )
  return known && { sample_rate: known.sampleRate }
}

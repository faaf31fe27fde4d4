import type { Weights } from '@mynah/onnx'
import type { CodecArchitecture } from '../architecture.ts'
import { seanetHasLstm } from '../seanet.ts'
import { describeSeanetCodec, isSeanetCodec, type SeanetSizes, seanetSizes } from '../seanet-codec.ts'

/** A model whose files carry no config, told by all of its sizes. */
interface Published {
  readonly sizes: Omit<SeanetSizes, 'shapes'>
  readonly config: Readonly<Record<string, unknown>>
}

const common = { strides: [2, 4, 5, 8], codebookSize: 1024, latentDim: 128 } as const
const published: readonly Published[] = [
  {
    sizes: { ...common, channels: 1, codebooks: 32, grouped: false },
    config: { sample_rate: 24000, causal: true, target_bandwidths: [1.5, 3, 6, 12, 24] },
  },
  {
    sizes: { ...common, channels: 2, codebooks: 16, grouped: true },
    config: { sample_rate: 48000, causal: false, normalize: true, segment: 1, target_bandwidths: [3, 6, 12, 24] },
  },
]

/** Weights of the convolutions of Meta's encoder: 32 filters, doubled by each stride, whose residual units are half as wide. */
function publishedShapes(channels: number): string[] {
  const stages = common.strides.flatMap((stride, i) => {
    const width = 32 * 2 ** i
    const unit = [
      [width / 2, width, 3],
      [width, width / 2, 1],
      [width, width, 1],
    ]
    return [...unit, [2 * width, width, 2 * stride]]
  })
  return [[32, channels, 7], ...stages, [common.latentDim, 512, 7]].map(shape => shape.join())
}

/**
 * EnCodec (24 kHz mono, 48 kHz stereo, or any other size). Paper: arXiv:2210.13438. Reference: facebookresearch/encodec@0e2d0ae, whose names or transformers' it reads. The two published
 * models need no config: they are recognized by all of their sizes.
 */
export const encodec: CodecArchitecture = {
  name: 'encodec',
  detect: weights => isSeanetCodec(weights) && seanetHasLstm(weights),
  describe: (weights, config) =>
    config === undefined
      ? describeSeanetCodec('encodec', weights, recognize(weights), 'published model')
      : describeSeanetCodec('encodec', weights, config),
}

function recognize(weights: Weights): unknown {
  const sizesFound = seanetSizes(weights)
  const known = published.find(({ sizes }) => {
    const same = (Object.keys(sizes) as (keyof typeof sizes)[]).every(key => String(sizes[key]) === String(sizesFound[key]))
    const found = sizesFound.shapes.map(shape => shape.join())
    return same && publishedShapes(sizes.channels).sort().join(' ') === found.sort().join(' ')
  })
  return known?.config
}

import type { Architecture, Graph, ModelDescription, Tensor, Weights } from '@mynah/onnx'
import type { AudioCodec, DecodeOptions } from './codec.ts'

/** What is known of a codec without running it. */
export interface CodecLayout
  extends Pick<
    AudioCodec,
    | 'sampleRate'
    | 'frameRate'
    | 'samplesPerFrame'
    | 'channels'
    | 'codebooks'
    | 'codebookSize'
    | 'bandwidthsKbps'
    | 'strides'
    | 'normalizes'
    | 'segment'
  > {
  /** The encoder takes multiples of so many samples; pad with zeros. */
  readonly sampleMultiple: number
}

/** One codec as its checkpoint and config describe it, before its tensors are read. Its graphs are those of `codecGraphs`. */
export interface CodecDescription extends ModelDescription {
  readonly layout: CodecLayout
  /** Length of a latent vector. */
  readonly latentDim: number
  /** What was read of the config, in the original's spelling, complete: a checkpoint with this config beside it is the same codec. */
  readonly config: Readonly<Record<string, unknown>>
  /** Codebooks of each bandwidth of the layout. */
  readonly codebooksAt: readonly number[]
  /** The most frames that take the graphs `encoder-short` and `decoder-short`; 0 if there are none. */
  readonly shortFrames: number
  /** Frames that the first chunk of a stream must have, for networks that never look ahead: their graphs are `encoder-stream` and `decoder-stream`. */
  readonly firstFrames?: { readonly encoder: number; readonly decoder: number }
  /** Reads the codebooks. @returns the sum of the codewords of codes int32 [K', T], checked: float32 [latentDim, T] */
  readCodewords(weights: Weights): (codes: Tensor<'int32'>) => Tensor<'float32'>
  /** Feeds of the graph `decoder-noise`; undefined to decode without noise. @throws {RangeError} for noise of another length */
  noiseFeeds?(noise: DecodeOptions['noise'], frames: number): Readonly<Record<string, Tensor<'float32'>>> | undefined
  build(weights: Weights): Readonly<Record<string, () => Graph>>
}

/** One paper's codec: an entry of `codecArchitectures`. */
export type CodecArchitecture = Architecture<CodecDescription>

import type { OnnxModel } from '@mynah/onnx'
import type { AudioCodec } from './codec.ts'

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

/** A codec as two plain graphs. */
export interface CodecGraphs {
  /** waveform float32 [1, C, S] → codes int64 [K, T], the codes of strided codebooks repeated. The first rows are the codes of a lower bandwidth. */
  readonly encoder: OnnxModel
  /** codes int64 [K, T], −1 in the rows of codebooks that are left out → waveform float32 [1, C, S]. */
  readonly decoder: OnnxModel
  /** What was read of the config, in the original's spelling. */
  readonly config: Readonly<Record<string, unknown>>
  /** Names of tensors that only training needs. */
  readonly trainingOnly?: RegExp
  readonly layout: CodecLayout
}

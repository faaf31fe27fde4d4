import type { Tensor } from '@mynah/onnx'

/** A neural audio codec: waveform ↔ codes of a residual vector quantizer. SoundStream, arXiv:2107.03312; EnCodec, arXiv:2210.13438. */
export interface Codec extends AsyncDisposable {
  readonly name: string
  readonly sampleRate: number
  /** Frames per second. */
  readonly frameRate: number
  readonly samplesPerFrame: number
  /** K, the number of codebooks. */
  readonly codebooks: number
  /** N, the number of codewords in each. */
  readonly codebookSize: number
  /** Length of a latent vector. */
  readonly latentDim: number
  /**
   * @param waveform float32 mono at `sampleRate`, nominally [-1, 1]; zero-padded to whole frames
   * @returns int32 [K, T], T = ⌈samples / samplesPerFrame⌉
   * @throws {RangeError} if there are no samples
   */
  encode(waveform: Float32Array, options?: { signal?: AbortSignal }): Promise<Tensor<'int32'>>
  /**
   * The features that the codec's vocoder decodes: the sum of the selected codewords.
   * @param codes int32 [K', T], K' ≤ K; fewer codebooks mean a lower bit rate
   * @returns float32 [latentDim, T]
   * @throws {RangeError} if codes are out of range or there are too many codebooks
   */
  toFeatures(codes: Tensor<'int32'>): Tensor<'float32'>
}

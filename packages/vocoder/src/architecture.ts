import type { MelConfig } from '@mynah/audio'
import type { Architecture, ModelDescription, Tensor } from '@mynah/onnx'
import type { DecodeOptions } from './vocoder.ts'

/** One vocoder as its checkpoint and config describe it, before its tensors are read. Its graph is `decoder`: features float32 [1, C, T] → `waveform` float32 [1, 1, S]. */
export interface VocoderDescription extends ModelDescription<'decoder'> {
  /** Hz. */
  readonly sampleRate: number
  /** Samples from one frame to the next. */
  readonly hopLength: number
  /** C, the channels of its features: mel bands, or the width of a codec's latents. */
  readonly featureDim: number
  /** The graph's input of features; `mel` unless given. */
  readonly input?: string
  /** The front-end that the checkpoint was trained on; none if its features are no mel spectrogram. */
  readonly mel?: MelConfig
  /** Frames on either side that a sample depends on: decoding with this much context gives the same samples as decoding the whole. */
  readonly contextFrames: number
  /** The fewest frames that the graph takes; 1 unless reflection padding needs more. */
  readonly minFrames?: number
  /** Samples that `frames` frames decode to; `frames · hopLength` unless given. */
  samplesFor?(frames: number): number
  /** Shape of the noise that decoding `frames` frames takes; none for a deterministic vocoder. */
  noiseShape?(frames: number): readonly number[]
  /** Bandwidths in kbps of a codec's features that the graph tells apart. */
  readonly bandwidths?: readonly number[]
  /** Codes int32 [K, T] → features float32 [C, T], for a vocoder of a codec's codewords. @throws {RangeError} for codes that it does not have */
  toFeatures?(codes: Tensor<'int32'>, codebookSize: number): Tensor<'float32'>
  /**
   * Begins to decode, for a graph that takes more than features.
   * @param frames of the features; undefined if they arrive bit by bit
   * @throws {RangeError} and {TypeError} for options that do not fit
   */
  begin?(options: DecodeOptions, frames: number | undefined): Decoding
}

/** What one decoding, whole or in chunks, feeds and carries besides the features. */
export interface Decoding {
  /**
   * Feeds for frames `from` to `to` of the whole, of which those before `start` and from `end` on are context. Asked for in order; what is asked for may overlap, but for `start` to
   * `end`.
   */
  feeds(from: number, to: number, start: number, end: number): Readonly<Record<string, Tensor>>
  /** float32 [C, any]: decoded after the features, and cut off again. */
  readonly tail?: Tensor<'float32'>
  /** Takes up what the run of frames from `from` on gave besides the waveform. */
  carry?(results: Readonly<Record<string, Tensor>>, from: number): void
}

/** One paper's vocoder: an entry of `architectures`. */
export type VocoderArchitecture = Architecture<VocoderDescription>

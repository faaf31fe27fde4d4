import type { MelConfig } from '@mynah/audio'
import { CheckpointError, type OnnxModel, type Tensor, type Weights } from '@mynah/onnx'
import { z } from 'zod'

/** What `loadVocoder` knows besides the tensors and the config. */
export interface VocoderSources {
  /** Path of the checkpoint; statistics and the like lie beside it. */
  readonly checkpoint: string
  /** Path of feature statistics (`stats.h5`, `stats.npy`) that the caller named. */
  readonly stats?: string
}

/** How a graph is serialized. */
export interface BuildOptions {
  /** Whether weights go beside the protobuf instead of into it, which saves copies when loading; an architecture of small models may ignore it. */
  readonly externalData?: boolean
}

/** One vocoder as its checkpoint and config describe it, before its tensors are read. */
export interface VocoderDescription {
  /** Hz. */
  readonly sampleRate: number
  /** Samples from one frame to the next. */
  readonly hopLength: number
  /** C, the channels of its features: mel bands, or the width of a codec's latents. */
  readonly featureDim: number
  /** The front-end that the checkpoint was trained on; none if its features are no mel spectrogram. */
  readonly mel?: MelConfig
  /** Frames on either side that a sample depends on: decoding with this much context gives the same samples as decoding the whole. */
  readonly contextFrames: number
  /** The fewest frames that the graph takes; 1 unless reflection padding needs more. */
  readonly minFrames?: number
  /** Samples that `frames` frames decode to; `frames · hopLength` unless given. */
  samplesFor?(frames: number): number
  /** Shape of the Gaussian noise that the graph takes as its input `noise`, [1, …, a multiple of `frames`]; none for a deterministic vocoder. */
  noiseShape?(frames: number): readonly number[]
  /** Frames of one value that published inference appends to the features, and whose samples it cuts off. */
  readonly tail?: { readonly frames: number; readonly value: number }
  /** Bandwidths in kbps that the graph tells apart by its input `bandwidth_id`, an int64 scalar. */
  readonly bandwidths?: readonly number[]
  /** Codewords of all levels, one below the other, whose sums are the features of a codec's vocoder: [levels · codebookSize, C]. */
  readonly codewords?: Tensor<'float32'>
  /** Prefixes of tensors that training checkpoints hold besides the generator. */
  readonly trainingOnly?: readonly string[]
  /** Oddities that did not prevent loading. */
  readonly warnings?: readonly string[]
  /**
   * Reads every tensor and emits the graph: `mel` float32 [1, C, T] (and `noise`) → `waveform` float32 [1, 1, S].
   * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`
   */
  build(weights: Weights, options?: BuildOptions): OnnxModel
}

/** One paper's vocoder: an entry of `architectures`. */
export interface VocoderArchitecture {
  /** Kebab-case, after the paper. */
  readonly name: string
  /** Whether tensors so named (and such a config) are this architecture's. Must not read tensor data. */
  detect(weights: Weights, config: unknown): boolean
  /**
   * Reads the published config. `config` is undefined where none was found.
   * @throws {CheckpointError} `missing-config`, `bad-config`, `shape-mismatch`, `missing-tensor`
   */
  describe(weights: Weights, config: unknown, sources: VocoderSources): VocoderDescription
}

/**
 * Checks a published config against what an architecture needs of it.
 * @throws {CheckpointError} `missing-config` if there is none, `bad-config` naming each field that does not fit
 */
export function parseConfig<T>(architecture: string, schema: z.ZodType<T>, config: unknown, weights: Weights): T {
  if (config === undefined) {
    throw new CheckpointError(
      `${architecture}: found no config beside ${weights.source}; the checkpoint does not say its sizes: put the published config beside it, or pass { config }`,
      { code: 'missing-config' },
    )
  }
  const parsed = schema.safeParse(config)
  if (parsed.success) return parsed.data
  throw new CheckpointError(
    `${architecture}: the config for ${weights.source} does not fit; is it another model's? ${z.prettifyError(parsed.error)}`,
    { code: 'bad-config', cause: parsed.error },
  )
}

/**
 * Checks the shape of one stored tensor without reading its data.
 * @param hint what a mismatch most likely means
 * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`
 */
export function expectShape(architecture: string, weights: Weights, name: string, shape: readonly number[], hint?: string): void {
  const found = weights.shape(name)
  if (found.length === shape.length && shape.every((size, axis) => size === found[axis])) return
  throw new CheckpointError(
    `${architecture}: "${name}" of ${weights.source} is [${found.join(', ')}], expected [${shape.join(', ')}]; ${hint ?? 'does the config belong to this checkpoint?'}`,
    { code: 'shape-mismatch' },
  )
}

/**
 * Checks weight and bias of one convolution without reading them.
 * @param weights scoped to the convolution
 * @param shape [out, in/groups, k]; [in, out, k] for a transposed convolution
 * @param bias length of the bias, false if there must be none
 * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`
 */
export function expectConv(architecture: string, weights: Weights, name: string, shape: readonly number[], bias: number | false): void {
  expectShape(architecture, weights, `${name}.weight`, shape)
  if (bias !== false) expectShape(architecture, weights, `${name}.bias`, [bias])
}

/**
 * To be called after building: every tensor of the file must have been used.
 * @param trainingOnly prefixes of tensors that need not be
 * @throws {CheckpointError} `unexpected-tensor`
 */
export function expectAllRead(architecture: string, weights: Weights, trainingOnly: readonly string[] = []): void {
  const unread = weights.unread().filter(name => !trainingOnly.some(prefix => name.startsWith(prefix)))
  if (unread.length === 0) return
  const shown = unread.slice(0, 5).map(name => `"${name}"`)
  throw new CheckpointError(
    `${architecture}: ${weights.source} holds ${unread.length} tensors that this model has no place for: ${shown.join(', ')}${unread.length > 5 ? ', …' : ''}; ` +
      'the config has fewer layers than the checkpoint, or belongs to another model',
    { code: 'unexpected-tensor' },
  )
}

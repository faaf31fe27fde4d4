import { type MelConfig, melSpectrogram } from '@mynah/audio'
import {
  CheckpointError,
  createRuntime,
  float32Tensor,
  int64Tensor,
  loadWeights,
  type Model,
  type OnnxModel,
  type Runtime,
  readCheckpoint,
  type Tensor,
  type Weights,
} from '@mynah/onnx'
import { type BuildOptions, expectAllRead, type VocoderArchitecture, type VocoderDescription } from './architecture.ts'
import { architectures } from './architectures/index.ts'
import { decodeStream, type FeatureStream } from './chunks.ts'
import { resolveConfig } from './config-file.ts'
import { checkFeatures, constantFrames, joinFrames, splitFrames, sumCodewords } from './features.ts'
import { createNoise, type NoiseOptions } from './noise.ts'

/** Where features that are decoded in stretches lie in the whole. */
export interface Stretch {
  /** Of the whole, the frame at which these features begin. */
  readonly frame: number
  /** The frame at which the waveform is joined to that of the earlier calls, which have decoded it, too; 0 at the beginning. */
  readonly joint: number
  /** What a call leaves to later ones, so that a tone goes on in phase: one array for all of them, empty at first. */
  readonly phases: number[]
}

/** Features → waveform. */
export interface Vocoder extends AsyncDisposable {
  readonly name: string
  readonly sampleRate: number
  /** C, the number of feature channels it decodes. */
  readonly featureDim: number
  /** Samples that `frames` frames decode to. */
  samplesFor(frames: number): number
  /** Frames on either side with which stretches of features, decoded one by one, join into what decoding the whole gives; undefined where only the whole can be decoded. */
  readonly overlapFrames?: number
  /**
   * @param features float32 [C, T]
   * @param options.seed draws the noise of vocoders that take some; 0 by default
   * @param options.stretch where the features lie, if the whole is decoded in stretches
   * @returns float32 [samplesFor(T)], nominally [-1, 1]
   * @throws {RangeError} if the features have another shape, no frames, or numbers that are not finite
   */
  decode(
    features: Tensor<'float32'>,
    options?: { readonly signal?: AbortSignal; readonly seed?: number; readonly stretch?: Stretch },
  ): Promise<Float32Array>
}

/** Options of `MelVocoder.decode`. */
export interface DecodeOptions extends NoiseOptions {
  /** Index into `bandwidths` of what the features were quantized to, for vocoders that have them; the highest by default. */
  readonly bandwidthId?: number
  readonly signal?: AbortSignal
}

/** A published vocoder, loaded from its checkpoint. */
export interface MelVocoder extends Vocoder {
  /** Samples from one frame to the next. */
  readonly hopLength: number
  /** The front-end that the checkpoint was trained on; undefined if its features are no mel spectrogram. */
  readonly melConfig: MelConfig | undefined
  /** Frames on either side that a sample depends on. */
  readonly contextFrames: number
  /** The fewest frames that it decodes. */
  readonly minFrames: number
  /** Oddities that did not prevent loading. */
  readonly warnings: readonly string[]
  /** kbps of the codec's bandwidths that it tells apart; undefined for most. */
  readonly bandwidths: readonly number[] | undefined
  /** Shape of the noise that `frames` frames take; undefined for a deterministic vocoder. */
  noiseShape(frames: number): readonly number[] | undefined
  /**
   * The checkpoint's own front-end, so that `decode(mel(waveform))` resynthesizes.
   * @param waveform float32 [S] at `sampleRate`, nominally in [-1, 1]
   * @returns float32 [C, T]
   * @throws {RangeError} if the waveform is too short for a frame or holds numbers that are not finite
   * @throws {TypeError} if the vocoder's features are no mel spectrogram
   */
  mel(waveform: Float32Array): Tensor<'float32'>
  /**
   * Features of a codec's codes: the sum of their codewords, which the checkpoint holds.
   * @param codes int32 [K, T], the first K levels
   * @param options.codebookSize 1024 by default, EnCodec's
   * @returns float32 [C, T]
   * @throws {RangeError} if a code or the number of levels is too large
   * @throws {TypeError} if the vocoder's features are no codewords
   */
  toFeatures(codes: Tensor<'int32'>, options?: { codebookSize?: number }): Tensor<'float32'>
  /**
   * @param mel float32 [C, T] as `mel` gives
   * @returns float32 [samplesFor(T)], nominally [-1, 1]
   * @throws {RangeError} if mel or noise have another shape, too few frames, or numbers that are not finite
   * @throws {TypeError} if noise is given to a vocoder that takes none
   */
  decode(mel: Tensor<'float32'>, options?: DecodeOptions): Promise<Float32Array>
  /**
   * Decodes in bounded memory: pieces of `chunkFrames` frames, each computed with its exact context, which join into what `decode` gives (to rounding).
   * @param mel as for `decode`, or pieces of it as they arrive, such as `createMelStream` of `@mynah/audio` gives for `melConfig`
   * @param options.chunkFrames frames a piece, 256 by default, at least `minFrames`
   * @throws {RangeError} and {TypeError} as `decode`, when a piece is asked for; {RangeError} if chunkFrames is no positive integer;
   *   {TypeError} if noise is given and the mel arrives in pieces: pass a seed
   */
  decodeChunks(
    mel: Tensor<'float32'> | FeatureStream,
    options?: DecodeOptions & { chunkFrames?: number },
  ): AsyncGenerator<Float32Array, void, undefined>
}

/** Options of `loadVocoder`. */
export interface LoadVocoderOptions {
  /** The published config as an object, or its path; looked for beside the checkpoint unless given. */
  readonly config?: unknown
  /** Path of the feature statistics of kan-bayashi's recipes; looked for beside the checkpoint unless given. */
  readonly stats?: string
  /** The runtime to load into; a new one on the CPU, disposed of with the vocoder, unless given. */
  readonly runtime?: Runtime
}

/**
 * Loads a published vocoder: `.pt .pth .bin .pkl .ckpt .safetensors` or no ending at all, the architecture detected from tensor names and config.
 * @throws {CheckpointError} `unknown-architecture`, `missing-config`, `bad-config`, `unreadable-config`, `missing-tensor`, `shape-mismatch`, `unexpected-tensor`;
 *   all of readCheckpoint's and loadWeights'
 */
export async function loadVocoder(checkpoint: string, options: LoadVocoderOptions = {}): Promise<MelVocoder> {
  const { architecture, description } = describeVocoder(checkpoint, options)
  const runtime = options.runtime ?? (await createRuntime({ device: 'cpu' }))
  try {
    // A factory, so that the tensors are freed once they are in the worker, and read again should it crash.
    const build = () => withWeights(checkpoint, weights => buildChecked(architecture, description, weights, { externalData: true }))
    const model = await runtime.load(build, { name: architecture.name, transfer: true })
    const dispose = () => (options.runtime ? model.dispose() : runtime.dispose())
    return createMelVocoder(architecture.name, description, model, dispose)
  } catch (error) {
    if (!options.runtime) await runtime.dispose()
    throw error
  }
}

/**
 * Finds out what a checkpoint is, and which config belongs to it, without reading its tensors: what `loadVocoder` does first.
 * @throws {CheckpointError} as `loadVocoder`
 */
export function describeVocoder(
  checkpoint: string,
  options: Omit<LoadVocoderOptions, 'runtime'> = {},
): { architecture: VocoderArchitecture; description: VocoderDescription; config: unknown } {
  return withWeights(checkpoint, (weights, root) => {
    const config = resolveConfig(options.config, checkpoint, root)
    const architecture = architectures.find(candidate => candidate.detect(weights, config))
    if (!architecture) {
      const shown = weights.names.slice(0, 5).map(name => `"${name}"`)
      throw new CheckpointError(
        `loadVocoder: ${checkpoint} is none of ${architectures.map(({ name }) => name).join(', ')}; its ${weights.names.length} tensors begin with ${shown.join(', ')}`,
        { code: 'unknown-architecture' },
      )
    }
    const sources = options.stats === undefined ? { checkpoint } : { checkpoint, stats: options.stats }
    return { architecture, description: architecture.describe(weights, config, sources), config }
  })
}

/**
 * Builds the graph of a described vocoder and checks that it uses every tensor.
 * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`, `unexpected-tensor`
 */
export function buildChecked(
  architecture: VocoderArchitecture,
  description: VocoderDescription,
  weights: Weights,
  options: BuildOptions = {},
): OnnxModel {
  const model = description.build(weights, options)
  expectAllRead(architecture.name, weights, description.trainingOnly)
  return model
}

/** A published vocoder as a plain graph, and the tensors that it was built from: what `mynah convert` writes. */
export interface ExportedVocoder {
  readonly name: string
  readonly description: VocoderDescription
  /** The published config; undefined for a checkpoint that needs none. */
  readonly config: unknown
  /** `mel` float32 [1, C, T] (and `noise`, `bandwidth_id`) → `waveform` float32 [1, 1, S]. */
  readonly model: OnnxModel
  /** By the names that `loadVocoder` reads, weight norm folded; `mean` and `scale` of a recipe's statistics among them. */
  readonly tensors: Readonly<Record<string, Tensor<'float32'>>>
}

/**
 * Builds the graph of a published vocoder without running it.
 * @throws {CheckpointError} as `loadVocoder`
 */
export function exportVocoder(checkpoint: string, options: Omit<LoadVocoderOptions, 'runtime'> = {}): ExportedVocoder {
  const { architecture, description, config } = describeVocoder(checkpoint, options)
  return withWeights(checkpoint, weights => {
    const model = buildChecked(architecture, description, weights)
    const kept = weights.names.filter(name => !description.trainingOnly?.some(prefix => name.startsWith(prefix)))
    const tensors = Object.fromEntries(kept.map(name => [name, weights.get(name)]))
    const { mean, scale } = description.mel?.normalize ?? {}
    const statistics = mean && scale ? { mean: rowOf(mean), scale: rowOf(scale) } : {}
    return { name: architecture.name, description, config, model, tensors: { ...tensors, ...statistics } }
  })
}

function rowOf(values: ArrayLike<number>): Tensor<'float32'> {
  return float32Tensor(Float32Array.from(values), [values.length])
}

function withWeights<T>(path: string, use: (weights: Weights, root: unknown) => T): T {
  const checkpoint = readCheckpoint(path)
  try {
    return use(loadWeights(checkpoint), checkpoint.root)
  } finally {
    checkpoint.close()
  }
}

function createMelVocoder(name: string, description: VocoderDescription, model: Model, dispose: () => Promise<void>): MelVocoder {
  const { sampleRate, hopLength, featureDim, contextFrames, minFrames = 1 } = description
  const samplesFor = (frames: number) => description.samplesFor?.(frames) ?? frames * hopLength

  const run = async (
    mel: Tensor<'float32'>,
    noise: Tensor<'float32'> | undefined,
    { bandwidthId, signal }: Pick<DecodeOptions, 'bandwidthId' | 'signal'>,
  ) => {
    const bandwidth = bandwidthFeed(name, description.bandwidths, bandwidthId)
    const feeds = { mel: float32Tensor(mel.data, [1, ...mel.shape]), ...(noise ? { noise } : {}), ...bandwidth }
    const { waveform } = await model.run(feeds, signal ? { signal } : {})
    return waveform!.data as Float32Array
  }

  return {
    name,
    sampleRate,
    hopLength,
    featureDim,
    contextFrames,
    minFrames,
    melConfig: description.mel,
    warnings: description.warnings ?? [],
    bandwidths: description.bandwidths,
    samplesFor,
    noiseShape: frames => description.noiseShape?.(frames + (description.tail?.frames ?? 0)),
    mel(waveform) {
      if (!description.mel)
        throw new TypeError(`${name}: its features are no mel spectrogram; encode the waveform with the codec that it decodes`)
      const wrong = waveform.findIndex(value => !Number.isFinite(value))
      if (wrong >= 0) throw new RangeError(`${name}: waveform[${wrong}] is ${waveform[wrong]}, expected finite numbers`)
      return melSpectrogram(waveform, description.mel)
    },
    toFeatures(codes, options = {}) {
      if (!description.codewords) throw new TypeError(`${name}: its features are no sums of codewords; use mel()`)
      return sumCodewords(name, codes, description.codewords, options.codebookSize ?? 1024)
    },
    async decode(mel, options = {}) {
      checkFeatures(name, mel, featureDim)
      const kept = mel.shape[1]!
      const { source, tail } = createNoise(name, description, kept, options)
      const whole = tail ? joinFrames(mel, constantFrames(featureDim, tail.frames, tail.value)) : mel
      const frames = whole.shape[1]!
      if (frames < minFrames) throw new RangeError(`${name}: ${kept} frames, expected at least ${minFrames}; pad with silence`)
      const waveform = await run(whole, source(0, frames), options)
      return kept < frames ? waveform.slice(0, kept * hopLength) : waveform
    },
    async *decodeChunks(mel, options = {}) {
      const { chunkFrames = 256 } = options
      if (!Number.isInteger(chunkFrames) || chunkFrames < 1) {
        throw new RangeError(`${name}: chunkFrames is ${chunkFrames}, expected a positive integer`)
      }
      const whole = 'dtype' in mel ? mel : undefined
      if (whole) checkFeatures(name, whole, featureDim)
      const { source, tail } = createNoise(name, description, whole?.shape[1], options)
      yield* decodeStream(whole ? splitFrames(whole, chunkFrames) : (mel as FeatureStream), {
        name,
        layout: { hopLength, featureDim, contextFrames, minFrames },
        tail,
        chunkFrames,
        noise: source,
        run: (part, noise) => run(part, noise, options),
      })
    },
    [Symbol.asyncDispose]: dispose,
  }
}

function bandwidthFeed(name: string, bandwidths: readonly number[] | undefined, id: number | undefined): Record<string, Tensor> {
  if (!bandwidths) {
    if (id !== undefined) throw new TypeError(`${name}: knows no bandwidths; leave bandwidthId out`)
    return {}
  }
  const index = id ?? bandwidths.length - 1
  if (!Number.isInteger(index) || index < 0 || index >= bandwidths.length) {
    const known = bandwidths.map((kbps, i) => `${i} (${kbps} kbps)`).join(', ')
    throw new RangeError(`${name}: bandwidthId is ${id}, expected one of ${known}`)
  }
  return { bandwidth_id: int64Tensor([index], []) }
}

import { type MelConfig, melSpectrogram } from '@mynah/audio'
import {
  CheckpointError,
  createRandom,
  createRuntime,
  float32Tensor,
  int64Tensor,
  loadWeights,
  type Model,
  type OnnxModel,
  type Runtime,
  readCheckpoint,
  sizeOf,
  type Tensor,
  type Weights,
} from '@mynah/onnx'
import { type BuildOptions, expectAllRead, type VocoderArchitecture, type VocoderDescription } from './architecture.ts'
import { architectures } from './architectures/index.ts'
import { resolveConfig } from './config-file.ts'

/** Features → waveform. */
export interface Vocoder extends AsyncDisposable {
  readonly name: string
  readonly sampleRate: number
  /** C, the number of feature channels it decodes. */
  readonly featureDim: number
  /** Samples that `frames` frames decode to. */
  samplesFor(frames: number): number
  /**
   * @param features float32 [C, T]
   * @returns float32 [samplesFor(T)], nominally [-1, 1]
   * @throws {RangeError} if the features have another shape, no frames, or numbers that are not finite
   */
  decode(features: Tensor<'float32'>, options?: { signal?: AbortSignal }): Promise<Float32Array>
}

/** Options of `MelVocoder.decode`. */
export interface DecodeOptions {
  /** Gaussian noise in the shape that `noiseShape` says, for vocoders that have one. */
  readonly noise?: Tensor<'float32'>
  /** Draws the noise if none is given; 0 by default. Same seed, same samples. */
  readonly seed?: number
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
   * @param options.chunkFrames frames a piece, 256 by default
   * @throws {RangeError} and {TypeError} as `decode`; {RangeError} if chunkFrames is no positive integer
   */
  decodeChunks(mel: Tensor<'float32'>, options?: DecodeOptions & { chunkFrames?: number }): AsyncGenerator<Float32Array, void, undefined>
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
 * Finds out what a checkpoint is, without reading its tensors: what `loadVocoder` does first, and what converters need.
 * @throws {CheckpointError} as `loadVocoder`
 */
export function describeVocoder(
  checkpoint: string,
  options: Omit<LoadVocoderOptions, 'runtime'> = {},
): { architecture: VocoderArchitecture; description: VocoderDescription } {
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
    return { architecture, description: architecture.describe(weights, config, sources) }
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

  // What the graph is fed: `kept` of its frames make the output, those after them are the tail.
  const prepare = (mel: Tensor<'float32'>, options: DecodeOptions) => {
    checkFeatures(name, mel, featureDim)
    const kept = mel.shape[1]!
    const { noise, tail } = noiseFor(name, description, kept, options)
    const whole = tail ? appendFrames(mel, tail) : mel
    const frames = whole.shape[1]!
    if (frames < minFrames) {
      throw new RangeError(`${name}: ${frames} frames, expected at least ${minFrames}; pad with silence`)
    }
    const bandwidth = bandwidthFeed(name, description.bandwidths, options.bandwidthId)
    return { kept, frames, mel: whole, noise, bandwidth }
  }
  const run = async (
    { mel, noise, bandwidth }: { mel: Tensor<'float32'>; noise: Tensor<'float32'> | undefined; bandwidth: Record<string, Tensor> },
    signal: AbortSignal | undefined,
  ) => {
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
      const feeds = prepare(mel, options)
      const waveform = await run(feeds, options.signal)
      return feeds.kept < feeds.frames ? waveform.slice(0, feeds.kept * hopLength) : waveform
    },
    async *decodeChunks(mel, options = {}) {
      const { kept, frames, mel: whole, noise, bandwidth } = prepare(mel, options)
      const { chunkFrames = 256 } = options
      if (!Number.isInteger(chunkFrames) || chunkFrames < 1) {
        throw new RangeError(`${name}: chunkFrames is ${chunkFrames}, expected a positive integer`)
      }
      for (let start = 0; start < kept; start += chunkFrames) {
        const end = Math.min(kept, start + chunkFrames)
        // A piece at the very end may be too short for the graph by itself: it then takes more context.
        const from = Math.max(0, Math.min(start - contextFrames, frames - minFrames))
        const to = Math.min(frames, Math.max(end + contextFrames, minFrames))
        const part = (tensor: Tensor<'float32'>) => sliceFrames(tensor, frames, from, to)
        const waveform = await run({ mel: part(whole), noise: noise && part(noise), bandwidth }, options.signal)
        yield waveform.slice((start - from) * hopLength, end === frames ? undefined : (end - from) * hopLength)
      }
    },
    [Symbol.asyncDispose]: dispose,
  }
}

/** The noise to decode with, given or drawn, and the tail to append: none if the noise given is for the features alone. */
function noiseFor(
  name: string,
  description: VocoderDescription,
  frames: number,
  { noise, seed = 0 }: DecodeOptions,
): { noise: Tensor<'float32'> | undefined; tail: VocoderDescription['tail'] } {
  const { tail } = description
  const shape = description.noiseShape?.(frames + (tail?.frames ?? 0))
  if (!shape) {
    if (noise) throw new TypeError(`${name}: is deterministic and takes no noise; leave it out`)
    return { noise: undefined, tail }
  }
  if (!noise) {
    const random = createRandom(seed)
    const drawn = Float32Array.from({ length: sizeOf(shape) }, () => random.normal())
    return { noise: float32Tensor(drawn, shape), tail }
  }
  const wrong = noise.data.findIndex(value => !Number.isFinite(value))
  if (wrong >= 0) throw new RangeError(`${name}: noise[${wrong}] is ${noise.data[wrong]}, expected finite numbers`)
  if (noise.data.length === sizeOf(shape)) return { noise: float32Tensor(noise.data, shape), tail }
  const bare = tail && description.noiseShape!(frames)
  if (bare && noise.data.length === sizeOf(bare)) return { noise: float32Tensor(noise.data, bare), tail: undefined }
  throw new RangeError(`${name}: noise is [${noise.shape.join(', ')}], expected [${shape.join(', ')}] for this mel`)
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

/** [C, T] → [C, T + frames], the new ones filled with one value. */
function appendFrames(mel: Tensor<'float32'>, tail: { readonly frames: number; readonly value: number }): Tensor<'float32'> {
  const [channels, frames] = mel.shape as readonly [number, number]
  const width = frames + tail.frames
  const data = new Float32Array(channels * width).fill(tail.value)
  for (let channel = 0; channel < channels; channel++)
    data.set(mel.data.subarray(channel * frames, (channel + 1) * frames), channel * width)
  return float32Tensor(data, [channels, width])
}

function sumCodewords(name: string, codes: Tensor<'int32'>, codewords: Tensor<'float32'>, codebookSize: number): Tensor<'float32'> {
  const [rows, width] = codewords.shape as readonly [number, number]
  const [levels, frames] = codes.shape
  if (codes.shape.length !== 2 || !levels || !frames || !(levels * codebookSize <= rows)) {
    const most = Math.floor(rows / codebookSize)
    throw new RangeError(
      `${name}: codes are [${codes.shape.join(', ')}], expected [K, T] with 1 ≤ K ≤ ${most} levels of ${codebookSize} codes`,
    )
  }
  const sums = new Float32Array(width * frames)
  for (const [i, code] of codes.data.entries()) {
    const [level, frame] = [Math.floor(i / frames), i % frames]
    if (!(code >= 0 && code < codebookSize)) {
      throw new RangeError(`${name}: codes[${level}, ${frame}] is ${code}, expected 0 … ${codebookSize - 1}`)
    }
    const row = (level * codebookSize + code) * width
    for (let d = 0; d < width; d++) sums[d * frames + frame]! += codewords.data[row + d]!
  }
  return float32Tensor(sums, [width, frames])
}

/** Part of a tensor whose last axis holds a fixed number of elements per frame. */
function sliceFrames(tensor: Tensor<'float32'>, frames: number, from: number, to: number): Tensor<'float32'> {
  const width = tensor.shape.at(-1)!
  const [start, end] = [(from * width) / frames, (to * width) / frames]
  const rows = tensor.data.length / width
  const data = new Float32Array(rows * (end - start))
  for (let row = 0; row < rows; row++) data.set(tensor.data.subarray(row * width + start, row * width + end), row * (end - start))
  return float32Tensor(data, [...tensor.shape.slice(0, -1), end - start])
}

/** Checks features against what a vocoder decodes. @throws {RangeError} with what was found and what was expected */
export function checkFeatures(name: string, features: Tensor<'float32'>, featureDim: number): void {
  const [channels, frames] = features.shape
  if (features.shape.length !== 2 || channels !== featureDim || !frames) {
    throw new RangeError(`${name}: features are [${features.shape.join(', ')}], expected [${featureDim}, T] with T ≥ 1`)
  }
  const wrong = features.data.findIndex(value => !Number.isFinite(value))
  if (wrong >= 0) {
    throw new RangeError(
      `${name}: features[${Math.floor(wrong / frames)}, ${wrong % frames}] is ${features.data[wrong]}, expected finite numbers`,
    )
  }
}

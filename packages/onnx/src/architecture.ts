import type { Weights } from './checkpoint/weights.ts'
import { CheckpointError } from './errors.ts'
import type { Graph } from './graph/model.ts'
import type { Provider } from './runtime/protocol.ts'

/** Files that belong to a checkpoint. */
export interface ModelFiles {
  /** Path of the checkpoint; what is published with it lies beside it. */
  readonly checkpoint: string
  /** Path of feature statistics (`stats.h5`, `stats.npy`) that the caller named. */
  readonly stats?: string
}

/** What graphs are emitted for. */
export interface BuildTarget {
  /** ONNX Runtime's kernels for int8 are the CPU's: other devices compute in float32. */
  readonly device: Provider
}

/** One value of a model, and who says so: its config, its tensors, the published model that has all of these sizes, or the reference's own default. */
export interface Fact {
  readonly name: string
  readonly value: string | number | boolean
  readonly from: 'config' | 'tensors' | 'published model' | 'default'
}

/**
 * A model as its checkpoint and config describe it, before its tensors are read. Each domain (vocoder, codec, language model) adds the facts that its loader needs: sample rate, features, …
 */
export interface ModelDescription<GraphName extends string = string> {
  /** Where each value came from, for people who inspect a checkpoint. */
  readonly facts?: readonly Fact[]
  /** Oddities that did not prevent loading, in sentences. */
  readonly warnings?: readonly string[]
  /** Names of tensors that training checkpoints hold besides the model. */
  readonly trainingOnly?: RegExp
  /** Names of tensors that are read when somebody asks for what they do. */
  readonly readLater?: RegExp
  /**
   * The model's graphs by name, each emitted when it is asked for: its tensors are read then, and again should the inference thread crash.
   * @param weights stay open as long as graphs may be emitted
   * @param target where they will run; the CPU unless given
   * @throws {CheckpointError} from a graph: `missing-tensor`, `shape-mismatch`
   */
  build(weights: Weights, target?: BuildTarget): Readonly<Record<GraphName, () => Graph>>
}

/** One paper's model: an entry of a domain's list. */
export interface Architecture<Description extends ModelDescription> {
  /** Kebab-case, after the paper. */
  readonly name: string
  /** The config that this paper's checkpoints hold themselves, in what was saved; undefined in all others. */
  configInside?(root: unknown): unknown
  /** Whether tensors so named (and such a config, undefined where there is none) are this architecture's. Reads no tensor data. */
  detect(weights: Weights, config: unknown): boolean
  /**
   * Reads the published config.
   * @param config undefined where none was found
   * @throws {CheckpointError} `missing-config`, `bad-config`, `missing-tensor`, `shape-mismatch`
   */
  describe(weights: Weights, config: unknown, files: ModelFiles): Description
}

/**
 * The first architecture of a list whose checkpoint this is.
 * @throws {CheckpointError} `unknown-architecture`, naming what was found and what is known
 */
export function detectArchitecture<Description extends ModelDescription>(
  architectures: readonly Architecture<Description>[],
  weights: Weights,
  config: unknown,
): Architecture<Description> {
  const found = architectures.find(architecture => architecture.detect(weights, config))
  if (found) return found
  const shown = weights.names.slice(0, 5).map(name => `"${name}"`)
  const known = architectures.map(({ name }) => name)
  throw new CheckpointError(
    `${weights.source}: is none of ${known.join(', ')}; its ${weights.names.length} tensors begin with ${shown.join(', ')}`,
    { code: 'unknown-architecture' },
  )
}

/**
 * To be called when all graphs are emitted: every tensor of the file must have been used.
 * @throws {CheckpointError} `unexpected-tensor`
 */
export function expectAllRead(
  architecture: string,
  weights: Weights,
  { trainingOnly, readLater }: Pick<ModelDescription, 'trainingOnly' | 'readLater'> = {},
): void {
  const unread = weights.unread().filter(name => !trainingOnly?.test(name) && !readLater?.test(name))
  if (unread.length === 0) return
  const shown = unread.slice(0, 5).map(name => `"${name}"`)
  throw new CheckpointError(
    `${architecture}: ${weights.source} holds ${unread.length} tensors that this model has no place for: ${shown.join(', ')}${unread.length > 5 ? ', …' : ''}; ` +
      'the config has fewer layers than the checkpoint, or belongs to another model',
    { code: 'unexpected-tensor' },
  )
}

import { type Architecture, detectArchitecture, expectAllRead, type ModelDescription } from './architecture.ts'
import { type Checkpoint, readCheckpoint } from './checkpoint/checkpoint.ts'
import { findConfigFile, readConfigFile } from './checkpoint/config.ts'
import { joinWeights } from './checkpoint/join.ts'
import { loadWeights, type Weights } from './checkpoint/weights.ts'
import type { OnnxModel } from './graph/model.ts'
import { writeModel } from './graph/serialize.ts'
import { Resources } from './resources.ts'
import { createRuntime, type Runtime } from './runtime/runtime.ts'
import type { Tensor } from './tensor.ts'

/** Options of `openModel`. */
export interface OpenModelOptions {
  /** The published config as an object, or its path; looked for inside the checkpoint and beside it unless given. */
  readonly config?: unknown
  /** Path of the feature statistics of kan-bayashi's recipes; looked for beside the checkpoint unless given. */
  readonly stats?: string
}

/** A checkpoint whose names and config have been read. Its file stays open, as tensors are read on demand: dispose of it with the model. */
export interface OpenedModel<Description extends ModelDescription> extends Disposable {
  readonly architecture: Architecture<Description>
  readonly description: Description
  /** Undefined for a checkpoint that needs none. */
  readonly config: unknown
  readonly weights: Weights
  /** What it was opened from. */
  readonly files: string | Readonly<Record<string, string>>
  readonly options: OpenModelOptions
}

/**
 * Opens a checkpoint of a list of architectures: reads its index once, finds its config and the architecture that it belongs to, and describes it. No tensor data are read but
 * what `describe` asks for.
 * @param files the path of a checkpoint, or of the parts of one that is several files: see `joinWeights`
 * @throws {CheckpointError} `unknown-architecture`, `unreadable-config`, those of `describe`, and all of readCheckpoint's and loadWeights'
 */
export function openModel<Description extends ModelDescription>(
  architectures: readonly Architecture<Description>[],
  files: string | Readonly<Record<string, string>>,
  options: OpenModelOptions = {},
): OpenedModel<Description> {
  const checkpoints = openAll(typeof files === 'string' ? { '': files } : files)
  const [first] = Object.values(checkpoints)
  if (!first) throw new RangeError('openModel: no file, expected at least one')
  const { path } = first
  try {
    const parts = Object.entries(checkpoints).map(([part, checkpoint]) => [part, loadWeights(checkpoint, { finite: true })] as const)
    const weights = typeof files === 'string' ? parts[0]![1] : joinWeights(Object.fromEntries(parts))
    const config = findConfig(architectures, path, first.root, options.config)
    const architecture = detectArchitecture(architectures, weights, config)
    const beside = options.stats === undefined ? { checkpoint: path } : { checkpoint: path, stats: options.stats }
    const description = architecture.describe(weights, config, beside)
    return { architecture, description, config, weights, files, options, [Symbol.dispose]: () => weights.close() }
  } catch (error) {
    for (const checkpoint of Object.values(checkpoints)) checkpoint.close()
    throw error
  }
}

/** What a checkpoint is, and which config belongs to it, without loading it. @throws {CheckpointError} as `openModel` */
export function describeModel<Description extends ModelDescription>(
  architectures: readonly Architecture<Description>[],
  checkpoint: string,
  options?: OpenModelOptions,
): Pick<OpenedModel<Description>, 'architecture' | 'description' | 'config'> {
  using opened = openModel(architectures, checkpoint, options)
  const { architecture, description, config } = opened
  return { architecture, description, config }
}

/** A published model as plain graphs, and the tensors that they were built from: what `mynah convert` writes. */
export interface ExportedModel<Description extends ModelDescription, Name extends string>
  extends Pick<OpenedModel<Description>, 'description' | 'config'> {
  /** Of its architecture. */
  readonly name: string
  readonly models: Readonly<Record<Name, OnnxModel>>
  /** By the names that the loader reads, weight norm folded; without those of its training. */
  readonly tensors: Readonly<Record<string, Tensor<'float32'>>>
}

/**
 * Builds graphs of a published model without running them.
 * @param graphs names of those that make the whole model
 * @throws {CheckpointError} as `openModel`; `unexpected-tensor`
 */
export function exportModel<Description extends ModelDescription, Name extends string>(
  architectures: readonly Architecture<Description>[],
  checkpoint: string,
  graphs: readonly Name[],
  options?: OpenModelOptions,
): ExportedModel<Description, Name> {
  using opened = openModel(architectures, checkpoint, options)
  const { architecture, description, config, weights } = opened
  const emit = description.build(weights)
  const models = Object.fromEntries(graphs.map(name => [name, writeModel(emit[name]!())])) as Record<Name, OnnxModel>
  expectAllRead(architecture.name, weights, description)
  const kept = weights.names.filter(name => !description.trainingOnly?.test(name))
  const tensors = Object.fromEntries(kept.map(name => [name, weights.get(name)]))
  return { name: architecture.name, description, config, models, tensors }
}

function openAll(files: Readonly<Record<string, string>>): Readonly<Record<string, Checkpoint>> {
  const opened: Record<string, Checkpoint> = {}
  try {
    for (const [part, path] of Object.entries(files)) opened[part] = readCheckpoint(path)
    return opened
  } catch (error) {
    for (const checkpoint of Object.values(opened)) checkpoint.close()
    throw error
  }
}

function findConfig(architectures: readonly Architecture<ModelDescription>[], path: string, root: unknown, given: unknown): unknown {
  if (typeof given === 'string') return readConfigFile(given)
  if (given !== undefined) return given
  for (const { configInside } of architectures) {
    const inside = configInside?.(root)
    if (inside !== undefined) return inside
  }
  const beside = findConfigFile(path)
  return beside === undefined ? undefined : readConfigFile(beside)
}

/** Options of a domain's loader. */
export interface LoadModelOptions extends OpenModelOptions {
  /** Where to run; a shared runtime stays open. A new one on the CPU, disposed of with the model, unless given. */
  readonly runtime?: Runtime
}

/**
 * What the loaders of all domains have in common: opens the checkpoint and, unless one is given, a runtime.
 * @param create makes the model of what was opened; disposing of `resources` is disposing of the model. It adds its sessions to them
 * @throws {CheckpointError} as `openModel`; what `create` throws, after everything has been closed
 */
export async function loadModel<Description extends ModelDescription, Loaded>(
  architectures: readonly Architecture<Description>[],
  files: string | Readonly<Record<string, string>>,
  { runtime: given, ...source }: LoadModelOptions,
  create: (opened: OpenedModel<Description>, runtime: Runtime, resources: Resources) => Promise<Loaded>,
): Promise<Loaded> {
  const resources = new Resources()
  try {
    const opened = resources.add(openModel(architectures, files, source))
    const runtime = given ?? resources.add(await createRuntime({ device: 'cpu' }))
    return await create(opened, runtime, resources)
  } catch (error) {
    await resources[Symbol.asyncDispose]()
    throw error
  }
}

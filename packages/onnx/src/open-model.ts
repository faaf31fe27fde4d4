import { type Architecture, detectArchitecture, type ModelDescription } from './architecture.ts'
import { readCheckpoint } from './checkpoint/checkpoint.ts'
import { findConfigFile, readConfigFile } from './checkpoint/config.ts'
import { loadWeights, type Weights } from './checkpoint/weights.ts'
import { Resources } from './resources.ts'
import { createRuntime, type Runtime } from './runtime/runtime.ts'

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
}

/**
 * Opens a checkpoint of a list of architectures: reads its index once, finds its config and the architecture that it belongs to, and describes it. No tensor data are read but
 * what `describe` asks for.
 * @throws {CheckpointError} `unknown-architecture`, `unreadable-config`, those of `describe`, and all of readCheckpoint's and loadWeights'
 */
export function openModel<Description extends ModelDescription>(
  architectures: readonly Architecture<Description>[],
  path: string,
  options: OpenModelOptions = {},
): OpenedModel<Description> {
  const checkpoint = readCheckpoint(path)
  try {
    const weights = loadWeights(checkpoint, { finite: true })
    const config = findConfig(architectures, path, checkpoint.root, options.config)
    const architecture = detectArchitecture(architectures, weights, config)
    const files = options.stats === undefined ? { checkpoint: path } : { checkpoint: path, stats: options.stats }
    const description = architecture.describe(weights, config, files)
    return { architecture, description, config, weights, [Symbol.dispose]: () => weights.close() }
  } catch (error) {
    checkpoint.close()
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
  path: string,
  { runtime: given, ...source }: LoadModelOptions,
  create: (opened: OpenedModel<Description>, runtime: Runtime, resources: Resources) => Promise<Loaded>,
): Promise<Loaded> {
  const resources = new Resources()
  try {
    const opened = resources.add(openModel(architectures, path, source))
    const runtime = given ?? resources.add(await createRuntime({ device: 'cpu' }))
    return await create(opened, runtime, resources)
  } catch (error) {
    await resources[Symbol.asyncDispose]()
    throw error
  }
}

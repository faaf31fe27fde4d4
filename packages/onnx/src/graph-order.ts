import type { Architecture, BuildTarget, ModelDescription } from './architecture.ts'
import { writeModel } from './graph/serialize.ts'
import { type OpenedModel, type OpenModelOptions, openModel } from './open-model.ts'
import type { BuiltModel } from './runtime/order.ts'
import { deviceFor, type LoadOptions, type Model, type Runtime } from './runtime/runtime.ts'

/** Which graph of a checkpoint the inference thread is to build: what a `ModelOrder` of a domain's builder asks for. */
export interface GraphOrder {
  /** Its name in the domain's list. */
  readonly architecture: string
  readonly files: string | Readonly<Record<string, string>>
  readonly options: OpenModelOptions
  readonly graph: string
  readonly target: BuildTarget
  readonly externalData: boolean
}

/**
 * Builds a graph that was ordered.
 * @param architectures the domain's list
 * @returns `told`: the names of the tensors that were read
 * @throws {CheckpointError} as `openModel`, and those of the graph
 */
export function buildGraph(architectures: readonly Architecture<ModelDescription>[], order: GraphOrder): BuiltModel {
  const { architecture, files, options, graph, target, externalData } = order
  const known = architectures.filter(({ name }) => name === architecture)
  using opened = openModel(known, files, options)
  const model = writeModel(opened.description.build(opened.weights, target)[graph]!(), { externalData })
  const unread = new Set(opened.weights.unread())
  return { model, told: opened.weights.names.filter(name => !unread.has(name)) }
}

/** Where graphs are built and run. */
export interface GraphPlace {
  readonly runtime: Runtime
  /** The domain's builder: a module whose `build` is `buildGraph` with its list. */
  readonly builder: URL
  /** What the graphs are emitted for; the device that the runtime runs them on by default. */
  readonly target?: BuildTarget
  /** Whether weights are handed over beside the graph, which saves copies of large ones. */
  readonly externalData?: boolean
}

/**
 * Has the inference thread build a graph of a checkpoint and open it, and counts what it read there as read.
 * @param opened stays open
 * @param options `name` is that of the architecture and the graph by default
 * @throws {CheckpointError} those of the graph; {InferenceError} if ONNX Runtime refuses it
 */
export async function loadGraph<Description extends ModelDescription>(
  { architecture, files, options: source, weights }: OpenedModel<Description>,
  graph: string,
  { runtime, builder, target, externalData = false }: GraphPlace,
  options: LoadOptions = {},
): Promise<Model> {
  const order: GraphOrder = {
    architecture: architecture.name,
    files,
    options: source,
    graph,
    target: target ?? { device: deviceFor(runtime, options.state) },
    externalData,
  }
  const model = await runtime.load({ module: builder, order }, { name: `${architecture.name} ${graph}`, ...options })
  weights.markRead(model.told as readonly string[])
  return model
}

import type { OnnxModel } from '../graph/model.ts'

/**
 * A model that the inference thread or process builds itself, so that neither reading its weights nor emitting its graph holds up the main thread. It is built again should that
 * thread crash.
 */
export interface ModelOrder {
  /** A `ModelBuilder`: a module that is a file of its own, in the source as well as built. */
  readonly module: URL
  /** What it is given: anything that can be sent to another thread. */
  readonly order: unknown
}

/** What is asked of the modules of `ModelOrder`. */
export interface ModelBuilder {
  /** What it throws is what `Runtime.load` throws. */
  build(order: unknown): BuiltModel | Promise<BuiltModel>
}

/** A model, and what its builder tells besides: `Model.told`. */
export interface BuiltModel {
  readonly model: OnnxModel
  readonly told?: unknown
}

/** Whether a model is to be built elsewhere. */
export function isOrder(source: object): source is ModelOrder {
  return 'module' in source
}

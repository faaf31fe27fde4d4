const brand = Symbol.for('mynah.error')

/**
 * Base of every error that Mynah throws for something other than a wrong argument (those are `TypeError` and `RangeError`).
 * The message says where, what was found, what was expected, and what to do; `code` is stable and meant for programs.
 */
export class MynahError extends Error {
  readonly code: string
  readonly [brand] = true

  constructor(message: string, options: { code: string; cause?: unknown }) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = new.target.name
    this.code = options.code
  }

  /** True for any MynahError (on a subclass: that class by name), even one from another installed copy of Mynah. */
  static isInstance(error: unknown): error is MynahError {
    if (!(error instanceof Error) || !(brand in error)) return false
    for (let type = Object.getPrototypeOf(error); type; type = Object.getPrototypeOf(type)) {
      if (type.constructor.name === this.name) return true
    }
    return false
  }
}

/** A checkpoint is unreadable, hostile, or does not match the architecture. */
export class CheckpointError extends MynahError {}

/** A model bundle is missing, corrupted, or of an unknown version. */
export class BundleError extends MynahError {}

/** Audio bytes are not a format that Mynah reads, or are truncated. */
export class AudioFormatError extends MynahError {}

/** ONNX Runtime refused or failed to run a model, the worker died, or the model was disposed of. */
export class InferenceError extends MynahError {}

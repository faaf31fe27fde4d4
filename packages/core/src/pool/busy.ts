import { MynahError } from '@mynah/onnx'

/**
 * There is more to speak than can wait: try again after `retryAfterSeconds`. What was accepted before goes on.
 * Codes: `busy` beyond `maxQueue`, `draining` once `drain` was called.
 */
export class BusyError extends MynahError {
  /** When there is likely to be room: whole seconds, at least 1, as in an HTTP `Retry-After`. */
  readonly retryAfterSeconds: number

  constructor(message: string, options: { code: 'busy' | 'draining'; retryAfterSeconds: number }) {
    super(message, options)
    this.retryAfterSeconds = options.retryAfterSeconds
  }

  /** True for any BusyError, even one from another installed copy of Mynah. */
  static override isInstance(error: unknown): error is BusyError {
    return super.isInstance(error)
  }
}

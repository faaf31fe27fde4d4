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
}

/** What a synthesizer does and has done. */
export interface SynthesizerStats {
  /** Inference workers. */
  readonly workers: number
  /** Requests that are being spoken. */
  readonly running: number
  /** Requests that wait for their turn. */
  readonly queued: number
  /** How many may wait; more are refused with `BusyError`. */
  readonly maxQueue: number
  /** Requests that were spoken to their end, that failed (aborted ones included), and that were refused with `BusyError`. */
  readonly finished: number
  readonly failed: number
  readonly refused: number
  /** Seconds of speech that were made. */
  readonly audioSeconds: number
  /** Seconds of one worker's time per second of speech, over the last requests; undefined before the first. Below 1 is faster than real time. */
  readonly realTimeFactor: number | undefined
  /** How often a worker died and was replaced, and how many requests were spoken anew because of it. */
  readonly restarts: number
  readonly retried: number
}

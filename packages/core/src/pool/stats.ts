/** What a synthesizer does and has done. */
export interface SynthesizerStats {
  /** Inference workers. */
  readonly workers: number
  /** Requests that are being spoken: at most one for each worker. */
  readonly running: number
  /** Requests that wait for their turn. */
  readonly queued: number
  /** Requests that wait for their reader to take what was spoken, or for more text. They take no place in the queue. */
  readonly paused: number
  /** How many may wait; more are refused with `BusyError`. */
  readonly maxQueue: number
  /** Requests that were spoken to their end, that failed or were aborted, and that were refused with `BusyError`. */
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

/** Finished requests that the real-time factor is taken over. */
const recentRequests = 32

/** Counts what a synthesizer has done. */
export class Tally {
  finished = 0
  failed = 0
  refused = 0
  retried = 0
  audioSeconds = 0
  readonly #recent: { readonly workSeconds: number; readonly audioSeconds: number }[] = []

  /** Remembers a request that was spoken to its end. */
  finish(workSeconds: number, audioSeconds: number): void {
    this.finished++
    this.audioSeconds += audioSeconds
    this.#recent.push({ workSeconds, audioSeconds })
    if (this.#recent.length > recentRequests) this.#recent.shift()
  }

  get realTimeFactor(): number | undefined {
    const total = (name: 'workSeconds' | 'audioSeconds') => this.#recent.reduce((sum, each) => sum + each[name], 0)
    const audio = total('audioSeconds')
    return audio > 0 ? total('workSeconds') / audio : undefined
  }
}

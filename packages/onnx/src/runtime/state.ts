import { InferenceError } from '../errors.ts'
import { disposedError, type Host } from './host.ts'

/** Tensors kept in the worker between runs (KV caches). They never travel, and do not survive a crash of the worker (`state-lost`). */
export interface State extends AsyncDisposable {
  /** Another state that begins with the tensors this one holds after the runs before, without a copy of them: each then goes its own way. */
  fork(): Promise<State>
  /** Frees the tensors once the runs before have ended. Idempotent. */
  dispose(): Promise<void>
}

let states = 0

/** A state as the main thread knows it. */
export class WorkerState implements State {
  readonly host: Host
  readonly id = ++states
  /** Inputs this state feeds once the runs that are queued have ended. */
  readonly filled: Set<string>
  readonly #generation: number
  #disposed = false

  /** To be made when the worker is told to, since it belongs to the host's generation of that moment. */
  constructor(host: Host, filled: Iterable<string>) {
    this.host = host
    this.filled = new Set(filled)
    this.#generation = host.generation
  }

  /** @throws {InferenceError} `disposed`; `state-lost` if the worker crashed since */
  assertUsable(): void {
    if (this.#disposed) throw disposedError('this state')
    if (this.#generation === this.host.generation) return
    throw new InferenceError('this state was lost when the inference thread died; create another and start over', { code: 'state-lost' })
  }

  async fork(): Promise<State> {
    this.assertUsable()
    const fork = new WorkerState(this.host, this.filled)
    this.host.tell({ kind: 'forkState', state: fork.id, from: this.id }, 'fork of a state')
    return fork
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    if (!this.host.disposed && this.#generation === this.host.generation)
      this.host.tell({ kind: 'releaseState', state: this.id }, 'release of a state')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

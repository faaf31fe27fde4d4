import type { Model, OnnxModel, Runtime } from '@mynah/onnx'
import { loadStreamModel, type StreamGraph, type StreamModel } from './carry.ts'

/** Sessions opened when first needed, one per key. */
export class LazyModels implements AsyncDisposable {
  readonly #runtime: Runtime
  readonly #name: string
  readonly #models = new Map<string, Promise<AsyncDisposable>>()

  constructor(runtime: Runtime, name: string) {
    this.#runtime = runtime
    this.#name = name
  }

  /** The session of `key`; a failed one is tried again next time. */
  get(key: string, build: () => OnnxModel): Promise<Model> {
    return this.#open(key, name => this.#runtime.load(build, { name }))
  }

  /** As `get`, for a graph that runs on streams. */
  getStream(key: string, build: () => StreamGraph): Promise<StreamModel> {
    return this.#open(key, name => loadStreamModel(this.#runtime, name, build))
  }

  /** Waits for sessions and checks what was read for them; if anything fails, closes all. */
  async ready(opened: readonly Promise<Model>[], check: () => void): Promise<void> {
    try {
      await Promise.all(opened)
      check()
    } catch (error) {
      await this[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Closes all sessions. */
  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#models.values())
    this.#models.clear()
    await Promise.all(opened.map(result => (result.status === 'fulfilled' ? result.value[Symbol.asyncDispose]() : undefined)))
  }

  #open<M extends AsyncDisposable>(key: string, load: (name: string) => Promise<M>): Promise<M> {
    const known = this.#models.get(key) as Promise<M> | undefined
    if (known) return known
    const opened = load(`${this.#name} ${key}`)
    this.#models.set(key, opened)
    opened.catch(() => this.#models.delete(key))
    return opened
  }
}

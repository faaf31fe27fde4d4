import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { InferenceError } from '../errors.ts'
import type { OnnxModel } from '../graph/model.ts'
import type { Tensor } from '../tensor.ts'
import type { Request, Response } from './protocol.ts'
import { candidates, chooseDevice, type Device, type DeviceReport, probeModel } from './providers.ts'

/** One worker thread that owns ONNX Runtime sessions. Everything is asynchronous; the caller's event loop never waits for an inference. */
export interface Runtime extends AsyncDisposable {
  /** What really runs. */
  readonly device: Exclude<Device, 'auto'>
  /** Threads each inference may use. */
  readonly threads: number
  /**
   * Opens a session. Give a function if the model is large: it is then called again should the worker crash, and nothing is kept meanwhile; a model given as it is, is kept.
   * @param options.state input → output whose value becomes that input of the next run with the same `State`
   * @throws {InferenceError} `load-failed` if ONNX Runtime refuses the model; `disposed`
   */
  load(model: OnnxModel | (() => OnnxModel), options?: { name?: string; state?: Readonly<Record<string, string>> }): Promise<Model>
}

/** A loaded model. */
export interface Model extends AsyncDisposable {
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /**
   * Runs the model. Runs of one runtime are queued in order.
   * @param options.fetch outputs to return; all of them otherwise
   * @param options.transfer gives the feeds' memory away instead of copying it: they are unusable afterwards
   * @throws {InferenceError} `run-failed` (feeds that do not fit), `worker-crashed` (the next run starts a new worker), `disposed`
   * @throws the signal's reason, at once, if aborted; a run that has begun finishes in the worker unheard
   */
  run(feeds: Readonly<Record<string, Tensor>>, options?: { signal?: AbortSignal; state?: State; fetch?: readonly string[]; transfer?: boolean }): Promise<Record<string, Tensor>>
  /** Tensors kept in the worker from run to run (key-value caches). `initial` names an input and its first value. */
  createState(initial: Readonly<Record<string, Tensor>>): Promise<State>
}

/** Tensors that live in the worker; see `Model.createState`. */
export interface State extends AsyncDisposable {
  /** @internal */
  readonly handle: { readonly id: number; readonly generation: number }
}

/** More threads than this do not make models of this size faster. */
const mostThreads = 4

interface Pending {
  resolve(result: unknown): void
  reject(error: Error): void
}

/** One worker and the questions that wait for its answer. */
class Thread {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  #next = 0
  dead = false

  constructor() {
    // From source there is no dist/worker.js: tsx, a development dependency, runs the TypeScript.
    const source = import.meta.url.endsWith('.ts')
    const url = new URL(source ? './worker.ts' : './worker.js', import.meta.url)
    const fromSource = `import('tsx/esm/api').then(tsx => { tsx.register(); return import(${JSON.stringify(url.href)}) })`
    this.#worker = source ? new Worker(fromSource, { eval: true }) : new Worker(url)
    this.#worker.unref()
    this.#worker.on('message', (response: Response) => this.#settle(response))
    this.#worker.on('error', error => this.#fail(`the inference worker failed: ${error.message}`, error))
    this.#worker.on('exit', code => this.#fail(`the inference worker exited with code ${code}`))
  }

  ask(request: DistributiveOmit<Request, 'id'>, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    if (this.dead) return Promise.reject(new InferenceError('the inference worker has ended', { code: 'worker-crashed' }))
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      this.#worker.ref() // an answer is due: keep the process alive until it comes
      this.#worker.postMessage({ ...request, id }, transfer as ArrayBuffer[])
    })
  }

  #settle(response: Response): void {
    const pending = this.#pending.get(response.id)
    this.#pending.delete(response.id)
    if (this.#pending.size === 0) this.#worker.unref()
    if (response.ok) pending?.resolve(response.result)
    else pending?.reject(new Error(response.message))
  }

  #fail(reason: string, cause?: unknown): void {
    this.dead = true
    const error = new InferenceError(`${reason}; the next run starts a new one`, { code: 'worker-crashed', cause })
    for (const pending of this.#pending.values()) pending.reject(error)
    this.#pending.clear()
  }

  async end(): Promise<void> {
    this.dead = true
    await this.#worker.terminate()
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/**
 * Starts a worker thread and finds out what it can run on.
 * @param options.threads threads per inference; by default all processors, at most 4
 * @throws {TypeError} for an unknown device; {RangeError} for a thread count that is no positive integer
 * @throws {InferenceError} `device-unavailable` if the device that was asked for does not work; `auto` always finds one
 */
export async function createRuntime(options: { device?: Device; threads?: number } = {}): Promise<Runtime> {
  const threads = options.threads ?? Math.min(mostThreads, availableParallelism())
  if (!Number.isInteger(threads) || threads < 1) throw new RangeError(`threads is ${threads}, expected a positive integer`)
  let thread = new Thread()
  let generation = 0
  let disposed = false
  let counter = 0
  let device: Exclude<Device, 'auto'>
  try {
    device = await chooseDevice(options.device ?? 'auto', provider => thread.ask({ type: 'probe', provider, onnx: probeModel() }) as Promise<never>)
  } catch (error) {
    await thread.end()
    throw error
  }

  /** The living worker; a dead one is replaced. */
  const alive = (): Thread => {
    if (disposed) throw new InferenceError('this runtime has been disposed of', { code: 'disposed' })
    if (thread.dead) {
      thread = new Thread()
      generation++
    }
    return thread
  }

  const load: Runtime['load'] = async (model, { name = 'model', state: feedback = {} } = {}) => {
    let loadedIn = -1
    let gone = false
    let id = -1
    let loading: Promise<unknown> | undefined
    /** Loads into the living worker, again if it is a new one. */
    const ready = async (): Promise<Thread> => {
      if (gone) throw new InferenceError(`${name} has been disposed of`, { code: 'disposed' })
      const worker = alive()
      if (loadedIn !== generation) {
        loadedIn = generation
        id = counter++
        const onnx = typeof model === 'function' ? model() : model
        loading = worker.ask({ type: 'load', model: id, onnx, provider: device, threads, feedback })
      }
      try {
        await loading
      } catch (error) {
        loadedIn = -1
        throw asInferenceError(error, `${name}: ONNX Runtime refused the model`, 'load-failed')
      }
      return worker
    }
    await ready()
    const { inputs, outputs } = (await loading) as { inputs: readonly string[]; outputs: readonly string[] }

    return {
      name,
      inputs,
      outputs,
      async run(feeds, { signal, state, fetch, transfer } = {}) {
        signal?.throwIfAborted()
        const worker = await ready()
        if (state && state.handle.generation !== generation) {
          throw new InferenceError(`${name}: the state was lost when the worker crashed; begin anew with createState`, { code: 'state-lost' })
        }
        signal?.throwIfAborted()
        const buffers = transfer ? [...new Set(Object.values(feeds).map(tensor => tensor.data.buffer as ArrayBuffer))] : []
        const request = { type: 'run', model: id, feeds, ...(fetch ? { fetch } : {}), ...(state ? { state: state.handle.id } : {}) } as const
        const answer = worker.ask(request, buffers).catch(error => {
          throw asInferenceError(error, `${name}: the run failed`, 'run-failed')
        })
        return (await untilAborted(answer, signal)) as Record<string, Tensor>
      },
      async createState(initial) {
        const worker = await ready()
        const handle = { id: counter++, generation }
        await worker.ask({ type: 'createState', model: id, state: handle.id, initial })
        return {
          handle,
          async [Symbol.asyncDispose]() {
            if (!disposed && !thread.dead && handle.generation === generation) await thread.ask({ type: 'disposeState', state: handle.id })
          },
        }
      },
      async [Symbol.asyncDispose]() {
        if (gone) return
        gone = true
        if (!disposed && !thread.dead && loadedIn === generation) await thread.ask({ type: 'disposeModel', model: id })
      },
    }
  }

  return {
    device,
    threads,
    load,
    async [Symbol.asyncDispose]() {
      if (disposed) return
      disposed = true
      await thread.end()
    },
  }
}

/** Tries every device of this platform, each in a worker of its own. For `mynah doctor`. */
export async function probeDevices(): Promise<DeviceReport[]> {
  const reports: DeviceReport[] = []
  for (const device of candidates()) {
    const thread = new Thread()
    try {
      await thread.ask({ type: 'probe', provider: device, onnx: probeModel() })
      reports.push({ device, works: true })
    } catch (error) {
      reports.push({ device, works: false, reason: (error as Error).message })
    } finally {
      await thread.end()
    }
  }
  return reports
}

function asInferenceError(error: unknown, where: string, code: string): InferenceError {
  if (error instanceof InferenceError) return error
  return new InferenceError(`${where}: ${(error as Error).message}`, { code, cause: error })
}

/** The promise, unless the signal aborts first. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
  })
  promise.catch(() => {}) // heard by nobody once aborted
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop!)
  }
}

import type { InferenceError } from '../errors.ts'
import type { OnnxModel } from '../graph/model.ts'
import type { Tensor } from '../tensor.ts'
import type { Isolation } from './channel.ts'
import { disposedError, Host } from './host.ts'
import { isOrder, type ModelOrder } from './order.ts'
import { type Answers, checkTensor, type ModelBytes, type OrderedModel, type Provider, packArray, packTensors } from './protocol.ts'
import { createProber, type Device, type DeviceReport, defaultThreads, type Selected, selectDevice } from './providers.ts'
import { type State, WorkerState } from './state.ts'

/** Options of `createRuntime`. */
export interface RuntimeOptions {
  /** Execution provider, `auto` by default (see `autoOrder`). A named one is used or refused, never replaced. */
  readonly device?: Device
  /** Threads that one operator may use. Default: the physical cores (half of the logical ones but on ARM), at most 4. */
  readonly threads?: number
  /** Where it runs, `thread` by default. In a thread other than the main one it is always `process`: ending that thread would otherwise abort the whole process. */
  readonly isolation?: Isolation
}

/** Options of `Runtime.load`. */
export interface LoadOptions {
  /** Names the model in error messages. */
  readonly name?: string
  /** Which output replaces which slot of a `State` after each run: `{ pastKey: 'presentKey' }`. A slot feeds the input of the same name. */
  readonly state?: Readonly<Record<string, string>>
  /** Feeds of one run made before `load` resolves, so that the first real run is not the slow one. Results are dropped. */
  readonly warmUp?: Readonly<Record<string, Tensor>>
  /** Whether ONNX Runtime keeps freed CPU memory for later runs: faster, but holds the peak. Default true. */
  readonly cpuMemArena?: boolean
  /**
   * Gives the external weights of a factory's model away too, which saves a copy of them: only if nobody else holds these arrays, which are empty
   * afterwards. Weights that are views of a larger buffer are copied anyway.
   */
  readonly transfer?: boolean
}

/** Options of `Model.run`. */
export interface RunOptions {
  /** Rejects with `signal.reason`. A run that waits is dropped; one in native code ends unseen, and its state still advances. */
  readonly signal?: AbortSignal
  /** Feeds what `feeds` leaves out and takes up the outputs named by the model's `state` option, all inside the worker. */
  readonly state?: State
  /** Outputs to return. Default: all; with a state, all but those that go into it. */
  readonly fetch?: readonly string[]
  /** Gives the arrays of `feeds` away instead of copying them: they are empty afterwards. Views of larger buffers are copied anyway. */
  readonly transfer?: boolean
}

/** One worker thread or process that owns ONNX Runtime sessions, so that inference never blocks the event loop. Runs of all its models queue in order. */
export interface Runtime extends AsyncDisposable {
  /** What really runs. */
  readonly device: Provider
  /** What runs models loaded with `state`, those that take many small steps: `device`, or the CPU where `auto` measured it to be faster at these. */
  readonly stepDevice: Provider
  /** Threads per operator. */
  readonly threads: number
  readonly isolation: Isolation
  /** How often the worker died; another starts with the next call. */
  readonly restarts: number
  /** Every device that was tried until one worked, with the reasons of those that did not. */
  readonly attempts: readonly DeviceReport[]
  /**
   * Opens a session. Pass a factory for large models: its bytes move to the worker and are freed, and after a crash of the worker it is called again, to build them anew.
   * A model passed as it is stays referenced for that purpose, and its bytes are copied.
   * An order has the worker build it.
   * @throws {InferenceError} `invalid-model`, `worker-crashed`, `disposed`; what the factory or the builder throws
   */
  load(model: OnnxModel | (() => OnnxModel | Promise<OnnxModel>) | ModelOrder, options?: LoadOptions): Promise<Model>
  /** Ends the thread; pending calls reject with `disposed`. Resolves when the memory is free. Idempotent. */
  dispose(): Promise<void>
}

/** A session in the worker. */
export interface Model extends AsyncDisposable {
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** What the builder of a `ModelOrder` told. */
  readonly told: unknown
  /**
   * Runs the graph on `feeds`, which are copied (or given away with `transfer`) at the time of the call. After a crash of the worker the model is
   * first loaded again.
   * @throws {TypeError} for unknown or missing names and wrong element types
   * @throws {RangeError} for shapes that the model does not take
   * @throws {InferenceError} `run-failed`, `worker-crashed`, `state-lost`, `disposed`
   */
  run(feeds: Readonly<Record<string, Tensor>>, options?: RunOptions): Promise<Record<string, Tensor>>
  /**
   * Makes a set of tensors that stays in the worker. `initial` fills slots named by the `state` option or inputs that stay constant; a slot
   * left out must be fed by the first run or filled by its outputs. Other models of this runtime may use the state too (prefill, then steps).
   */
  createState(initial?: Readonly<Record<string, Tensor>>): Promise<State>
  /** Frees the session once the runs before have ended. Idempotent. */
  dispose(): Promise<void>
}

/**
 * Starts a worker and settles on a device.
 * @throws {TypeError} for an unknown device or isolation; {RangeError} for a thread count that is no positive integer
 * @throws {InferenceError} `device-unavailable` if a named device does not work here; `runtime-unavailable` if onnxruntime-node does not load
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  return createRuntimeOn(new Host(checkIsolation(options.isolation)), options)
}

/** `createRuntime` on a given host: for tests that crash it. */
export async function createRuntimeOn(host: Host, { device = 'auto', threads = defaultThreads() }: RuntimeOptions): Promise<Runtime> {
  if (!Number.isInteger(threads) || threads < 1) throw new RangeError(`createRuntime: threads is ${threads}, expected a positive integer`)
  try {
    return new WorkerRuntime(host, threads, await selectDevice(device, createProber(host, threads)))
  } catch (error) {
    await host.dispose()
    throw error
  }
}

function checkIsolation(isolation: Isolation | undefined): Isolation | undefined {
  if (isolation === undefined || isolation === 'thread' || isolation === 'process') return isolation
  throw new TypeError(`createRuntime: isolation is ${JSON.stringify(isolation)}, expected "thread" or "process"`)
}

/** Which device of a runtime runs a model that is loaded with these `state` slots. */
export function deviceFor({ device, stepDevice }: Pick<Runtime, 'device' | 'stepDevice'>, state: LoadOptions['state'] = {}): Provider {
  return Object.keys(state).length > 0 ? stepDevice : device
}

type Source = OnnxModel | (() => OnnxModel | Promise<OnnxModel>) | ModelOrder

class WorkerRuntime implements Runtime {
  readonly device: Provider
  readonly stepDevice: Provider
  readonly threads: number
  readonly attempts: readonly DeviceReport[]
  readonly host: Host
  #lastId = 0

  constructor(host: Host, threads: number, selected: Selected) {
    this.host = host
    this.threads = threads
    this.device = selected.device
    this.stepDevice = selected.stepDevice
    this.attempts = selected.attempts
  }

  get isolation(): Isolation {
    return this.host.isolation
  }

  get restarts(): number {
    return this.host.generation
  }

  async load(source: Source, options: LoadOptions = {}): Promise<Model> {
    const model = new WorkerModel(this, source, options)
    await model.ensureLoaded()
    return model
  }

  dispose(): Promise<void> {
    return this.host.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  /** A number for a model or state. */
  newId(): number {
    return ++this.#lastId
  }

  /** Frees a model in the worker, unless it went with an earlier thread. */
  async release(model: number, generation: number): Promise<void> {
    if (this.host.disposed || generation !== this.host.generation) return
    await this.host.call({ kind: 'releaseModel', model }, { where: 'release of a model' }).catch((error: unknown) => {
      if (!lostAnyway.has((error as InferenceError).code)) throw error
    })
  }
}

/** Failures of a release that mean its aim is reached: the thread is gone, and with it all its memory. */
const lostAnyway = new Set(['disposed', 'worker-crashed'])

class WorkerModel implements Model {
  readonly name: string
  inputs: readonly string[] = []
  outputs: readonly string[] = []
  readonly #runtime: WorkerRuntime
  readonly #source: Source
  readonly #options: LoadOptions
  readonly #slots: Readonly<Record<string, string>>
  readonly #id: number
  readonly #where: string
  #declared: Answers['load'] = { inputs: [], outputs: [], told: undefined }
  #generation = -1
  #loading: Promise<void> | undefined
  #disposal: Promise<void> | undefined

  constructor(runtime: WorkerRuntime, source: Source, options: LoadOptions) {
    this.#runtime = runtime
    this.#source = source
    this.#options = options
    this.#slots = options.state ?? {}
    this.#id = runtime.newId()
    this.name = options.name ?? `model ${this.#id}`
    this.#where = `model "${this.name}"`
  }

  get told(): unknown {
    return this.#declared.told
  }

  /** Loads the model unless the present thread holds it; concurrent callers share one load. */
  async ensureLoaded(): Promise<void> {
    if (this.#generation === this.#runtime.host.generation) return
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined
    })
    await this.#loading
  }

  async #load(): Promise<void> {
    const { host, threads } = this.#runtime
    const device = deviceFor(this.#runtime, this.#slots)
    const { warmUp, cpuMemArena = true } = this.#options
    const moved = new Set<ArrayBuffer>()
    const source = await this.#pack(moved)
    const request = {
      kind: 'load' as const,
      model: this.#id,
      source,
      options: { device, threads, cpuMemArena },
      warmUp: warmUp && packTensors(warmUp, () => false, moved),
    }
    const generation = host.generation
    this.#declared = await host.call(request, { where: this.#where, moved })
    this.#generation = generation
    this.inputs = this.#declared.inputs.map(input => input.name)
    this.outputs = this.#declared.outputs.map(output => output.name)
    for (const [slot, output] of Object.entries(this.#slots)) {
      if (this.outputs.includes(output)) continue
      await this.dispose()
      throw new TypeError(`${this.#where}: state.${slot} is the output "${output}", expected one of ${this.outputs.join(', ')}`)
    }
  }

  /** The source as it can be sent. */
  async #pack(moved: Set<ArrayBuffer>): Promise<ModelBytes | OrderedModel> {
    const given = typeof this.#source === 'function' ? await this.#source() : this.#source
    if (isOrder(given)) return { module: given.module.href, order: given.order }
    const made = given !== this.#source
    const { bytes, externalData } = given
    if (bytes.length === 0) {
      throw new RangeError(
        `${this.#where}: its bytes are empty; a factory must build the model anew each time, as its bytes are given away`,
      )
    }
    const external = externalData?.map(({ path, data }) => ({
      path,
      data: packArray(data, made && this.#options.transfer === true, moved),
    }))
    return { bytes: packArray(bytes, made, moved), ...(external ? { externalData: external } : {}) }
  }

  async run(feeds: Readonly<Record<string, Tensor>>, options: RunOptions = {}): Promise<Record<string, Tensor>> {
    const { signal, state: given, transfer = false } = options
    signal?.throwIfAborted()
    this.#assertUsable()
    const state = given && this.#stateOf(given)
    this.#checkFeeds(feeds, state)
    const fetch = this.#fetchOf(options.fetch, state)
    const moved = new Set<ArrayBuffer>()
    const packed = packTensors(feeds, () => transfer, moved)
    if (this.#generation !== this.#runtime.host.generation) {
      await this.ensureLoaded()
      this.#assertUsable()
      state?.assertUsable()
    }
    if (state) for (const slot of Object.keys(this.#slots)) state.filled.add(slot)
    const use = state && { id: state.id, slots: this.#slots }
    const request = { kind: 'run' as const, model: this.#id, feeds: packed, fetch, state: use }
    return this.#runtime.host.call(request, { where: this.#where, moved, signal })
  }

  async createState(initial: Readonly<Record<string, Tensor>> = {}): Promise<State> {
    this.#assertUsable()
    for (const [name, tensor] of Object.entries(initial)) {
      const input = this.#declared.inputs.find(input => input.name === name)
      if (!input && !Object.hasOwn(this.#slots, name)) {
        const known = [...new Set([...Object.keys(this.#slots), ...this.inputs])].join(', ')
        throw new TypeError(`${this.#where}: createState was given "${name}", expected state slots or inputs: ${known}`)
      }
      checkTensor(`${this.#where}: state "${name}"`, tensor, input)
    }
    const moved = new Set<ArrayBuffer>()
    const tensors = packTensors(initial, () => false, moved)
    const { host } = this.#runtime
    const state = new WorkerState(host, Object.keys(initial))
    host.tell({ kind: 'createState', state: state.id, tensors }, this.#where, moved)
    return state
  }

  dispose(): Promise<void> {
    this.#disposal ??= this.#runtime.release(this.#id, this.#generation)
    return this.#disposal
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  #assertUsable(): void {
    if (this.#disposal) throw disposedError(this.#where)
    if (this.#runtime.host.disposed) throw disposedError(`the runtime of ${this.#where}`)
  }

  #stateOf(state: State): WorkerState {
    if (!(state instanceof WorkerState) || state.host !== this.#runtime.host) {
      throw new TypeError(`${this.#where}: this state was made by another runtime; use one from createState of a model of the same runtime`)
    }
    state.assertUsable()
    return state
  }

  #checkFeeds(feeds: Readonly<Record<string, Tensor>>, state: WorkerState | undefined): void {
    for (const name of Object.keys(feeds)) {
      const input = this.#declared.inputs.find(input => input.name === name)
      if (!input) throw new TypeError(`${this.#where}: there is no input "${name}", expected ${this.inputs.join(', ')}`)
      checkTensor(`${this.#where}: input "${name}"`, feeds[name]!, input)
    }
    const missing = this.inputs.filter(name => !Object.hasOwn(feeds, name) && !state?.filled.has(name))
    if (missing.length)
      throw new TypeError(`${this.#where}: no tensor for input ${missing.join(', ')}; its inputs are ${this.inputs.join(', ')}`)
  }

  #fetchOf(fetch: readonly string[] | undefined, state: WorkerState | undefined): readonly string[] {
    if (!fetch) {
      const kept = state ? Object.values(this.#slots) : []
      return this.outputs.filter(name => !kept.includes(name))
    }
    const unknown = fetch.find(name => !this.outputs.includes(name))
    if (unknown !== undefined) throw new TypeError(`${this.#where}: there is no output "${unknown}", expected ${this.outputs.join(', ')}`)
    return [...new Set(fetch)]
  }
}

import { setMaxListeners } from 'node:events'
import { CheckpointError, InferenceError } from '../errors.ts'
import { type Channel, type Isolation, openChannel, settleIsolation, workerUrl } from './channel.ts'
import type { Answers, Reply, Request, StateRequest } from './protocol.ts'

/** How long an exit of the process waits for a running request; no run of a speech model takes longer. */
const exitPatienceMs = 60_000

/** Hosts that have a request in their worker. */
const busyHosts = new Set<Host>()

/**
 * When a thread is ended inside native code, onnxruntime-node aborts the whole process (exit code 134). So an exit (`process.exit()`, an
 * uncaught exception) first waits for the running request, as Node would wait for its thread anyway. This is Mynah's only process-wide
 * listener, there only while a request is in a worker, and it neither prevents nor changes the exit.
 */
function finishBeforeExit(): void {
  for (const host of busyHosts) host.finish()
}

/** What needs no answer, with the buffers that it takes along. */
interface Errand {
  readonly request: StateRequest
  readonly moved: Iterable<ArrayBuffer>
}

interface Job {
  /** Done before it: what was told since the job before. */
  before: readonly Errand[]
  readonly request: Request
  readonly moved: Iterable<ArrayBuffer>
  /** What runs, for messages: `model "ar"`. */
  readonly where: string
  readonly resolve: (value: Answers[keyof Answers]) => void
  readonly reject: (reason: unknown) => void
}

/**
 * The main thread's end of one worker: a thread or a process. Requests are answered in order, one in the worker at a time, so an abort removes a waiting one
 * without trace. A worker that dies rejects what was pending; the next request starts another. It keeps the process alive only while a request
 * is pending.
 */
export class Host {
  readonly isolation: Isolation
  #channel: Channel | undefined
  #replied = false
  #current: Job | undefined
  #queue: Job[] = []
  /** What was told since the last job. */
  #errands: Errand[] = []
  #disposal: Promise<void> | undefined
  #generation = 0
  #whenIdle: (() => void)[] = []
  /** 1 while the worker has a request; the worker clears it. */
  readonly #busy = new Int32Array(new SharedArrayBuffer(4))

  /** @param isolation `thread` by default; outside of the main thread always `process` */
  constructor(isolation: Isolation = 'thread') {
    this.isolation = settleIsolation(isolation)
  }

  /** Changes when the worker is replaced: what was loaded under another generation is gone. */
  get generation(): number {
    return this.#generation
  }

  get disposed(): boolean {
    return this.#disposal !== undefined
  }

  /**
   * Queues a request. Buffers in `moved` leave this thread when it is sent.
   * An abort rejects at once; a run already in native code goes on unseen, and the next request waits for it.
   * @throws {InferenceError} `disposed`; `worker-crashed`; else the code the worker gave
   */
  call<R extends Request>(
    request: R,
    options: { where: string; moved?: Iterable<ArrayBuffer>; signal?: AbortSignal | undefined },
  ): Promise<Answers[R['kind']]> {
    const { where, moved = [], signal } = options
    return new Promise((resolve, reject) => {
      if (this.#disposal) return reject(disposedError(where))
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = () => {
        this.#drop(job)
        reject(signal!.reason)
      }
      const job: Job = {
        before: this.#errands.splice(0),
        request,
        moved,
        where,
        resolve: value => {
          signal?.removeEventListener('abort', onAbort)
          resolve(value as Answers[R['kind']])
        },
        reject: reason => {
          signal?.removeEventListener('abort', onAbort)
          reject(reason)
        },
      }
      if (signal) {
        setMaxListeners(0, signal) // many queued runs may share a signal; each removes its listener
        signal.addEventListener('abort', onAbort, { once: true })
      }
      this.#queue.push(job)
      this.#sendNext()
    })
  }

  /**
   * Tells what needs no answer: it is done before the next request, with which it travels, or alone once this thread has nothing else to do.
   * @throws {InferenceError} `disposed`
   */
  tell(request: StateRequest, where: string, moved: Iterable<ArrayBuffer> = []): void {
    if (this.#disposal) throw disposedError(where)
    this.#errands.push({ request, moved })
    if (this.#errands.length > 1) return
    setImmediate(() => {
      if (this.#errands.length > 0) this.call({ kind: 'nothing' }, { where }).catch(() => undefined) // with the worker go its states
    })
  }

  /** Takes a waiting job back, but not what is to be done before it. */
  #drop(job: Job): void {
    const at = this.#queue.indexOf(job)
    if (at < 0) return
    const next = this.#queue[at + 1]
    if (next) next.before = [...job.before, ...next.before]
    else this.#errands.unshift(...job.before)
    this.#queue.splice(at, 1)
  }

  /** Rejects what is pending with `disposed` and ends the worker. Resolves once its memory is free, which for a thread is after a run in native code. */
  dispose(): Promise<void> {
    this.#disposal ??= (async () => {
      this.#rejectAll(disposedError)
      if (this.#current && this.#channel?.mustFinish) await new Promise<void>(resolve => this.#whenIdle.push(resolve))
      const channel = this.#channel
      this.#channel = undefined
      this.#current = undefined
      await channel?.terminate()
    })()
    return this.#disposal
  }

  /** Blocks this thread until the request in the worker is answered: for the very end of the process. */
  finish(): void {
    Atomics.wait(this.#busy, 0, 1, exitPatienceMs)
  }

  /** Makes the worker die as of a fatal error, once it is idle: for tests. */
  crash(): void {
    this.#channel?.post({ before: [], request: { kind: 'crash' } }, [])
  }

  #sendNext(): void {
    if (this.#current) return
    const job = this.#queue.shift()
    if (!job) {
      this.#channel?.keepAlive(false)
      if (busyHosts.delete(this) && busyHosts.size === 0) process.off('exit', finishBeforeExit)
      for (const resolve of this.#whenIdle.splice(0)) resolve()
      return
    }
    this.#current = job
    try {
      this.#channel ??= this.#start()
      this.#channel.keepAlive(true)
      if (this.#channel.mustFinish) Atomics.store(this.#busy, 0, 1)
      const moved = [...job.moved, ...job.before.flatMap(errand => [...errand.moved])]
      this.#channel.post({ before: job.before.map(errand => errand.request), request: job.request }, moved)
      if (!this.#channel.mustFinish) return
      if (busyHosts.size === 0) process.on('exit', finishBeforeExit)
      busyHosts.add(this)
    } catch (cause) {
      Atomics.store(this.#busy, 0, 0)
      this.#current = undefined
      job.reject(cause)
      this.#sendNext()
    }
  }

  #start(): Channel {
    this.#replied = false
    const channel = openChannel(this.isolation, this.#busy, {
      message: reply => {
        if (channel === this.#channel) this.#settle(reply)
      },
      exit: (detail, cause) => {
        if (channel === this.#channel) this.#recover(detail, cause)
      },
    })
    return channel
  }

  #settle(reply: Reply): void {
    const job = this.#current
    if (!job) return
    this.#replied = true
    this.#current = undefined
    if (reply.ok) job.resolve(reply.value)
    else job.reject(toError(job.where, reply))
    this.#sendNext()
  }

  #recover(detail: string, cause: unknown): void {
    this.#channel = undefined
    this.#generation++
    Atomics.store(this.#busy, 0, 0)
    const advice = this.#replied
      ? `The next call starts a new ${this.isolation} and reloads its models; states are lost, create them again`
      : `It never answered: is ${workerUrl.pathname} there? When bundling Mynah, keep @mynah/onnx external`
    this.#rejectAll(
      where =>
        new InferenceError(`${where}: the inference ${this.isolation} died (${detail}). ${advice}`, { code: 'worker-crashed', cause }),
    )
    this.#current = undefined
    this.#sendNext()
  }

  /** Rejects the request in the worker, which goes on there, and those that wait. */
  #rejectAll(toError: (where: string) => InferenceError): void {
    const pending = [this.#current, ...this.#queue]
    this.#queue = []
    this.#errands = []
    for (const job of pending) job?.reject(toError(job.where))
  }
}

/** What was thrown while a model was built is thrown again, as far as it can be sent. */
function toError(where: string, { type, message, code }: Extract<Reply, { ok: false }>): Error {
  if (type === 'CheckpointError') return new CheckpointError(message, { code })
  if (type === 'RangeError') return new RangeError(message)
  if (type === 'TypeError') return new TypeError(message)
  return new InferenceError(`${where}: ${message}`, { code })
}

/** The error of every use after disposal. */
export function disposedError(where: string): InferenceError {
  return new InferenceError(`${where} was disposed of; create or load it again`, { code: 'disposed' })
}

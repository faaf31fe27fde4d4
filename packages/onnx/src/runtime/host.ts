import { setMaxListeners } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { InferenceError } from '../errors.ts'
import type { Answers, Reply, Request } from './protocol.ts'
import { startThread, threadUrl } from './thread.ts'

/** The code of the inference thread, and of the processes that probe devices. */
export const workerUrl = threadUrl('worker', import.meta.url)

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

interface Job {
  readonly request: Request
  readonly moved: Iterable<ArrayBuffer>
  /** What runs, for messages: `model "ar"`. */
  readonly where: string
  readonly resolve: (value: Answers[keyof Answers]) => void
  readonly reject: (reason: unknown) => void
}

/**
 * The main thread's end of one worker thread. Requests are answered in order, one in the worker at a time, so an abort removes a waiting one
 * without trace. A thread that dies rejects what was pending; the next request starts another. It keeps the process alive only while a request
 * is pending.
 */
export class Host {
  #thread: Worker | undefined
  #replied = false
  #cause: unknown
  #current: Job | undefined
  #queue: Job[] = []
  #disposal: Promise<void> | undefined
  #generation = 0
  #whenIdle: (() => void)[] = []
  /** 1 while the worker has a request; the worker clears it. */
  readonly #busy = new Int32Array(new SharedArrayBuffer(4))

  /** Changes when the thread is replaced: what was loaded under another generation is gone. */
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
        this.#queue = this.#queue.filter(other => other !== job)
        reject(signal!.reason)
      }
      const job: Job = {
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

  /** Rejects what is pending with `disposed` and ends the thread. Resolves once its memory is free, which is after a run in native code. */
  dispose(): Promise<void> {
    this.#disposal ??= (async () => {
      this.#rejectAll(disposedError)
      if (this.#current) await new Promise<void>(resolve => this.#whenIdle.push(resolve))
      const thread = this.#thread
      this.#thread = undefined
      await thread?.terminate()
    })()
    return this.#disposal
  }

  /** Blocks this thread until the request in the worker is answered: for the very end of the process. */
  finish(): void {
    Atomics.wait(this.#busy, 0, 1, exitPatienceMs)
  }

  /** Makes the worker die as of a fatal error, once it is idle: for tests. */
  crash(): void {
    this.#thread?.postMessage({ kind: 'crash' } satisfies Request)
  }

  #sendNext(): void {
    if (this.#current) return
    const job = this.#queue.shift()
    if (!job) {
      this.#thread?.unref()
      if (busyHosts.delete(this) && busyHosts.size === 0) process.off('exit', finishBeforeExit)
      for (const resolve of this.#whenIdle.splice(0)) resolve()
      return
    }
    this.#current = job
    try {
      this.#thread ??= this.#start()
      this.#thread.ref()
      Atomics.store(this.#busy, 0, 1)
      this.#thread.postMessage(job.request, [...job.moved])
      if (busyHosts.size === 0) process.on('exit', finishBeforeExit)
      busyHosts.add(this)
    } catch (cause) {
      Atomics.store(this.#busy, 0, 0)
      this.#current = undefined
      job.reject(cause)
      this.#sendNext()
    }
  }

  #start(): Worker {
    const thread = startThread(workerUrl, { name: 'mynah-onnx', workerData: { busy: this.#busy } })
    this.#replied = false
    this.#cause = undefined
    thread.on('message', (reply: Reply) => {
      const job = this.#current
      if (thread !== this.#thread || !job) return
      this.#replied = true
      this.#current = undefined
      if (reply.ok) job.resolve(reply.value)
      else job.reject(new InferenceError(`${job.where}: ${reply.message}`, { code: reply.code }))
      this.#sendNext()
    })
    thread.on('error', error => {
      this.#cause = error
    })
    thread.on('exit', code => {
      if (thread !== this.#thread) return
      this.#thread = undefined
      this.#generation++
      Atomics.store(this.#busy, 0, 0)
      const detail = this.#cause instanceof Error ? this.#cause.message : `exit code ${code}`
      const advice = this.#replied
        ? 'The next call starts a new thread and reloads its models; states are lost, create them again'
        : `It never answered: is ${workerUrl.pathname} there? When bundling Mynah, keep @mynah/onnx external`
      const cause = this.#cause
      this.#rejectAll(
        where => new InferenceError(`${where}: the inference thread died (${detail}). ${advice}`, { code: 'worker-crashed', cause }),
      )
      this.#current = undefined
      this.#sendNext()
    })
    return thread
  }

  /** Rejects the request in the worker, which goes on there, and those that wait. */
  #rejectAll(toError: (where: string) => InferenceError): void {
    const pending = [this.#current, ...this.#queue]
    this.#queue = []
    for (const job of pending) job?.reject(toError(job.where))
  }
}

/** The error of every use after disposal. */
export function disposedError(where: string): InferenceError {
  return new InferenceError(`${where} was disposed of; create or load it again`, { code: 'disposed' })
}

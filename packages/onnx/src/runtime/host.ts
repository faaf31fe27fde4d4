import { Worker } from 'node:worker_threads'
import { InferenceError } from '../errors.ts'
import type { Answers, Reply, Request } from './protocol.ts'

const fromSource = import.meta.url.endsWith('.ts')

/** The worker's code: `worker.js` beside the built file that holds this line, or `worker.ts` beside this one. */
export const workerUrl = new URL(fromSource ? './worker.ts' : './worker.js', import.meta.url)

/** Node flags to run the worker's code as a process: tsx when Mynah runs from source, where it is a development dependency. */
export const processFlags: readonly string[] = fromSource ? ['--import', import.meta.resolve('tsx')] : []

/** Starts the worker's code as a thread. Flags of this process are not handed down: some, like --input-type, would keep it from starting. */
function startThread(): Worker {
  const options = { execArgv: [], name: 'mynah-onnx' }
  if (!fromSource) return new Worker(workerUrl, options)
  // tsx ignores --import in threads of Node 20, so it is registered by hand.
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const code = `import(${tsx}).then(tsx => { tsx.register(); return import(${JSON.stringify(workerUrl.href)}) })`
  return new Worker(code, { ...options, eval: true })
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
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#queue.push(job)
      this.#sendNext()
    })
  }

  /** Ends the thread and rejects what is pending with `disposed`. Resolves once its memory is free, which is after a run in native code. */
  dispose(): Promise<void> {
    this.#disposal ??= (async () => {
      this.#rejectAll(disposedError)
      const thread = this.#thread
      this.#thread = undefined
      await thread?.terminate()
    })()
    return this.#disposal
  }

  /** Ends the thread as a crash would: for tests. */
  async crash(): Promise<void> {
    await this.#thread?.terminate()
  }

  #sendNext(): void {
    if (this.#current) return
    const job = this.#queue.shift()
    if (!job) {
      this.#thread?.unref()
      return
    }
    this.#current = job
    try {
      this.#thread ??= this.#start()
      this.#thread.ref()
      this.#thread.postMessage(job.request, [...job.moved])
    } catch (cause) {
      this.#current = undefined
      job.reject(cause)
      this.#sendNext()
    }
  }

  #start(): Worker {
    const thread = startThread()
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
      const detail = this.#cause instanceof Error ? this.#cause.message : `exit code ${code}`
      const advice = this.#replied
        ? 'The next call starts a new thread and reloads its models; states are lost, create them again'
        : `It never answered: is ${workerUrl.pathname} there? When bundling Mynah, keep @mynah/onnx external`
      const cause = this.#cause
      this.#rejectAll(
        where => new InferenceError(`${where}: the inference thread died (${detail}). ${advice}`, { code: 'worker-crashed', cause }),
      )
    })
    return thread
  }

  #rejectAll(toError: (where: string) => InferenceError): void {
    const pending = [this.#current, ...this.#queue]
    this.#current = undefined
    this.#queue = []
    for (const job of pending) job?.reject(toError(job.where))
  }
}

/** The error of every use after disposal. */
export function disposedError(where: string): InferenceError {
  return new InferenceError(`${where} was disposed of; create or load it again`, { code: 'disposed' })
}

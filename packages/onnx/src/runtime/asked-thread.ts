import type { MessagePort, Worker } from 'node:worker_threads'
import type { MynahError } from '../errors.ts'

/** What the thread is sent. Without an `id` nobody waits for an answer. */
interface Question<Request> {
  readonly id?: number
  readonly request: Request
}

/** What it answers. */
type Reply<Answer> = { readonly id: number; readonly answer: Answer } | { readonly id: number; readonly error: string }

interface Pending<Answer> {
  resolve(answer: Answer): void
  reject(error: MynahError): void
}

/** How a thread is started, and how its failures are told. */
export interface AskedThreadOptions {
  /** The thread answers as `answerRequests` does. */
  start(): Worker
  /**
   * The error that a failed request is rejected with.
   * @param problem what the request failed of
   * @param cause known where the thread itself failed
   */
  failed(problem: string, cause?: unknown): MynahError
  /** The error of everything that is asked after disposal. */
  disposed(): MynahError
}

/** A thread that starts with the first request, does not keep the process alive while nothing is asked of it, and is replaced at the next request after it failed. */
export class AskedThread<Request, Answer> implements AsyncDisposable {
  readonly #options: AskedThreadOptions
  readonly #pending = new Map<number, Pending<Answer>>()
  #thread: Worker | undefined
  #asked = 0
  #disposed = false

  constructor(options: AskedThreadOptions) {
    this.#options = options
  }

  /** @param moved buffers that leave this thread @throws {MynahError} `failed`, if the thread says so or ends; `disposed` */
  ask(request: Request, moved: readonly ArrayBuffer[] = []): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#disposed) throw this.#options.disposed()
      this.#thread ??= this.#start()
      this.#thread.ref()
      const id = ++this.#asked
      this.#thread.postMessage({ id, request } satisfies Question<Request>, moved)
      this.#pending.set(id, { resolve, reject })
    })
  }

  /** Sends what needs no answer, to a thread that runs. */
  tell(request: Request): void {
    this.#thread?.postMessage({ request } satisfies Question<Request>)
  }

  /** Ends the thread; what is asked of it fails with `disposed`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    const running = this.#thread
    if (!running) return
    this.#drop(running, this.#options.disposed())
    await running.terminate()
  }

  #start(): Worker {
    const started = this.#options.start()
    started.unref()
    started.on('message', (reply: Reply<Answer>) => {
      const call = this.#pending.get(reply.id)
      this.#pending.delete(reply.id)
      if (this.#pending.size === 0) started.unref()
      if ('answer' in reply) call?.resolve(reply.answer)
      else call?.reject(this.#options.failed(reply.error))
    })
    const ended = (problem: string, cause?: unknown) =>
      this.#drop(started, this.#options.failed(`its thread ${problem}; call again to restart it`, cause))
    started.on('error', error => ended(`failed (${error.message})`, error))
    started.on('exit', code => ended(`ended with code ${code}`))
    return started
  }

  #drop(thread: Worker, error: MynahError): void {
    if (this.#thread !== thread) return
    this.#thread = undefined
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }
}

/**
 * The other end, in the thread: answers requests as they come, several at once if `answer` waits.
 * @param moved buffers of an answer that leave the thread with it
 */
export function answerRequests<Request, Answer>(
  port: MessagePort,
  answer: (request: Request) => Promise<Answer>,
  moved: (answer: Answer) => readonly ArrayBuffer[] = () => [],
): void {
  port.on('message', async ({ id, request }: Question<Request>) => {
    try {
      const result = await answer(request)
      if (id !== undefined) port.postMessage({ id, answer: result } satisfies Reply<Answer>, moved(result))
    } catch (error) {
      if (id !== undefined) port.postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies Reply<Answer>)
    }
  })
}

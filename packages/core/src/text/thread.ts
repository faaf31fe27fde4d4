import { Worker } from 'node:worker_threads'
import { InferenceError } from '@mynah/onnx'

/** Asks a script in a thread of its own, one request after another. */
export interface TextThread<Request, Answer> extends AsyncDisposable {
  /** @throws {InferenceError} `phonemizer-failed` if the script throws, or the thread ends; `disposed` */
  ask(request: Request): Promise<Answer>
}

/** Prefix of the scripts: calls the function `answer`, which each defines, for every request. */
const LOOP = `
const { parentPort, workerData } = require('node:worker_threads')
parentPort.on('message', async ({ id, request }) => {
  try {
    parentPort.postMessage({ id, answer: await answer(request) })
  } catch (error) {
    parentPort.postMessage({ id, error: String(error?.message ?? error) })
  }
})
`

interface Pending<Answer> {
  resolve(answer: Answer): void
  reject(error: InferenceError): void
}

/**
 * A thread that starts with the first request, does not keep the process alive when idle, and is replaced at the next request after it failed.
 * @param name of what it runs, for messages
 * @param script CommonJS that defines `answer(request)`, with `workerData` in scope
 */
export function createTextThread<Request, Answer>(name: string, script: string, workerData: unknown): TextThread<Request, Answer> {
  let worker: Worker | undefined
  let count = 0
  let disposed = false
  const pending = new Map<number, Pending<Answer>>()

  const disposedError = () => new InferenceError(`${name}: was disposed of; create another`, { code: 'disposed' })
  const fail = (failed: Worker, error: InferenceError) => {
    if (worker !== failed) return
    worker = undefined
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
  }
  const start = (): Worker => {
    const started = new Worker(LOOP + script, { eval: true, workerData })
    started.unref()
    started.on('message', ({ id, answer, error }: { id: number; answer: Answer; error?: string }) => {
      const request = pending.get(id)
      pending.delete(id)
      if (pending.size === 0) started.unref()
      if (error === undefined) request?.resolve(answer)
      else request?.reject(new InferenceError(`${name}: ${error}`, { code: 'phonemizer-failed' }))
    })
    const ended = (message: string, cause?: unknown) =>
      fail(started, new InferenceError(`${name}: ${message}; call again to restart it`, { code: 'phonemizer-failed', cause }))
    started.on('error', error => ended(`its thread failed (${error})`, error))
    started.on('exit', code => ended(`its thread ended with code ${code}`))
    return started
  }
  return {
    ask(request) {
      return new Promise((resolve, reject) => {
        if (disposed) throw disposedError()
        worker ??= start()
        worker.ref()
        pending.set(++count, { resolve, reject })
        worker.postMessage({ id: count, request })
      })
    },
    async [Symbol.asyncDispose]() {
      disposed = true
      const running = worker
      if (!running) return
      fail(running, disposedError())
      await running.terminate()
    },
  }
}

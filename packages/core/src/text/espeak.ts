import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { InferenceError } from '@mynah/onnx'

/** Turns clauses (words without punctuation) into IPA; groups of phonemes are separated by spaces. */
export interface Pronouncer extends AsyncDisposable {
  pronounce(clauses: readonly string[]): Promise<string[]>
}

/**
 * What the thread runs. espeak-ng (WebAssembly, in the package `phonemizer`) blocks for some milliseconds a clause, and registers `uncaughtException`
 * and `unhandledRejection` listeners on the `process` of the thread that imports it: both stay away from the user's event loop and process.
 */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
const { phonemize } = require(workerData)
parentPort.on('message', async ({ id, clauses }) => {
  try {
    const ipa = []
    for (const clause of clauses) ipa.push((await phonemize(clause, 'en-us')).join(' '))
    parentPort.postMessage({ id, ipa })
  } catch (error) {
    parentPort.postMessage({ id, error: String(error?.message ?? error) })
  }
})
`
/** Differences between the espeak-ng of `phonemizer` 1.2.1 and the newer one that wrote the training corpus. */
const STYLE: readonly (readonly [RegExp, string])[] = [
  [/\([a-z-]{2,8}\)/g, ''],
  [/[\u0300-\u036f\u200d]/g, ''],
  [/oːɹ/g, 'ɔːɹ'],
]

interface Pending {
  resolve(ipa: string[]): void
  reject(error: InferenceError): void
}

/** US English by espeak-ng, on a thread of its own that starts with the first clause and does not keep the process alive. */
export function createEspeak(): Pronouncer {
  let worker: Worker | undefined
  let count = 0
  const pending = new Map<number, Pending>()

  const fail = (failed: Worker, message: string, cause?: unknown) => {
    if (worker !== failed) return
    worker = undefined
    const error = new InferenceError(`espeak-ng: ${message}; call again to restart it`, { code: 'phonemizer-failed', cause })
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
  }
  const start = (): Worker => {
    const started = new Worker(THREAD, { eval: true, workerData: createRequire(import.meta.url).resolve('phonemizer') })
    started.unref()
    started.on('message', ({ id, ipa, error }: { id: number; ipa?: string[]; error?: string }) => {
      const request = pending.get(id)
      pending.delete(id)
      if (pending.size === 0) started.unref()
      if (ipa) request?.resolve(ipa.map(toCorpusStyle))
      else request?.reject(new InferenceError(`espeak-ng: ${error}`, { code: 'phonemizer-failed' }))
    })
    started.on('error', error => fail(started, `its thread failed (${error})`, error))
    started.on('exit', code => fail(started, `its thread ended with code ${code}`))
    return started
  }
  return {
    pronounce(clauses) {
      if (clauses.length === 0) return Promise.resolve([])
      return new Promise((resolve, reject) => {
        worker ??= start()
        worker.ref()
        pending.set(++count, { resolve, reject })
        worker.postMessage({ id: count, clauses })
      })
    },
    async [Symbol.asyncDispose]() {
      const running = worker
      if (!running) return
      fail(running, 'was disposed of')
      await running.terminate()
    },
  }
}

function toCorpusStyle(ipa: string): string {
  return STYLE.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), ipa).trim()
}

import { Worker } from 'node:worker_threads'
import { AskedThread, InferenceError } from '@mynah/onnx'

/** Prefix of the scripts: answers each request with the function `answer`, which each script defines, as `answerRequests` of @mynah/onnx does. */
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

/**
 * Asks a script in a thread of its own. `ask` throws {InferenceError} `phonemizer-failed` if the script throws, or the thread ends; `disposed`.
 * @param name of what it runs, for messages
 * @param script CommonJS that defines `answer(request)`, with `workerData` in scope
 */
export function createTextThread<Request, Answer>(name: string, script: string, workerData: unknown): AskedThread<Request, Answer> {
  return new AskedThread({
    start: () => new Worker(LOOP + script, { eval: true, workerData }),
    failed: (problem, cause) => new InferenceError(`${name}: ${problem}`, { code: 'phonemizer-failed', cause }),
    disposed: () => new InferenceError(`${name}: was disposed of; create another`, { code: 'disposed' }),
  })
}

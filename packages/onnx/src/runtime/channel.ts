import { type ChildProcess, fork } from 'node:child_process'
import type { Worker } from 'node:worker_threads'
import { isMainThread } from 'node:worker_threads'
import type { Message, Reply } from './protocol.ts'
import { processFlags, startThread, threadUrl } from './thread.ts'

/**
 * Where inference runs.
 * - `thread`: a worker thread of this process: requests and results are moved, not copied
 * - `process`: a child process: whatever happens in native code (a bug of a driver, too little memory) ends the child, and never this process. Requests and results are
 *   copied through a pipe.
 */
export type Isolation = 'thread' | 'process'

/** The code of the inference thread or process, and of the processes that probe devices. */
export const workerUrl = threadUrl('worker', import.meta.url)

/** What a channel tells its owner. */
export interface ChannelListener {
  message(reply: Reply): void
  /** Once, whatever ended it. @param detail what is known of the reason */
  exit(detail: string, cause: unknown): void
}

/** A line to the thread or process that runs inference. */
export interface Channel {
  post(message: Message, moved: Iterable<ArrayBuffer>): void
  /** Whether it keeps this process alive. */
  keepAlive(alive: boolean): void
  /** Whether `terminate` would abort this whole process during a run: onnxruntime-node does not survive the end of its thread. */
  readonly mustFinish: boolean
  /** Resolves when it has ended and its memory is free. */
  terminate(): Promise<void>
}

/**
 * Outside of the main thread inference always has a process of its own: whoever ends a thread (`worker.terminate()`) ends the threads that it started, and if one of
 * these is inside of onnxruntime-node at that moment, the whole process aborts.
 */
export function settleIsolation(asked: Isolation): Isolation {
  return isMainThread ? asked : 'process'
}

/** @param busy shared with a thread, which sets it to 0 when a request is answered or it ends */
export function openChannel(isolation: Isolation, busy: Int32Array, listener: ChannelListener): Channel {
  return isolation === 'thread' ? openThread(busy, listener) : openProcess(listener)
}

function openThread(busy: Int32Array, listener: ChannelListener): Channel {
  const thread: Worker = startThread(workerUrl, { name: 'mynah-onnx', workerData: { busy } })
  let cause: unknown
  thread.on('message', (reply: Reply) => listener.message(reply))
  thread.on('error', error => {
    cause = error
  })
  thread.on('exit', code => listener.exit(cause instanceof Error ? cause.message : `exit code ${code}`, cause))
  return {
    post: (message, moved) => thread.postMessage(message, [...moved]),
    keepAlive: alive => (alive ? thread.ref() : thread.unref()),
    mustFinish: true,
    terminate: async () => void (await thread.terminate()),
  }
}

function openProcess(listener: ChannelListener): Channel {
  const child: ChildProcess = fork(workerUrl, ['serve'], {
    execArgv: [...processFlags],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  let over = false
  const ended = new Promise<void>(resolve => {
    const end = (detail: string, cause?: unknown) => {
      if (over) return
      over = true
      resolve()
      listener.exit(detail, cause)
    }
    child.on('error', error => {
      if (child.pid === undefined) end(`it does not start: ${error.message}`, error)
    })
    child.on('exit', (code, signal) => end(signal === null ? `exit code ${code}` : `signal ${signal}`))
  })
  child.on('message', reply => listener.message(reply as Reply))
  return {
    post(message) {
      child.send(message, error => {
        if (error) child.kill('SIGKILL') // its exit tells
      })
    },
    keepAlive(alive) {
      if (alive) {
        child.ref()
        child.channel?.ref()
      } else {
        child.unref()
        child.channel?.unref()
      }
    },
    mustFinish: false,
    async terminate() {
      child.ref()
      child.kill('SIGKILL') // not a clean exit: some drivers crash in their exit handlers
      await ended
    },
  }
}

import { hostname } from 'node:os'
import { UsageError } from '../arguments.ts'
import type { BatchJob, BatchResult } from './jobs.ts'

/** How the queue is reached. */
export interface QueueOptions {
  /** `redis://host:port`. */
  readonly url: string
  /** Batches of one name share their jobs. */
  readonly name: string
  readonly atATime: number
  readonly signal: AbortSignal
  /** A worker that says nothing for so long is taken for dead, and its job is given to another; 30,000 by default. */
  readonly lockMs?: number
}

/** What a job becomes; called for those that this machine spoke. */
export type SpeakJob = (job: BatchJob) => Promise<BatchResult>

const defaultLockMs = 30_000
/** How often a job is tried that failed or whose worker died. */
const attempts = 3
/** How often is looked whether others have finished the rest. */
const pollMs = 500

/** BullMQ is an optional peer: who needs no queue installs none. */
async function loadBullMq() {
  try {
    const [{ Queue, Worker }, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')])
    return { Queue, Worker, Redis }
  } catch (error) {
    throw new UsageError(`--redis needs the packages bullmq and ioredis; npm install bullmq ioredis (${(error as Error).message})`)
  }
}

/**
 * Puts jobs on a queue that many machines share, and works on it until it is empty. A job that is on it already is not put there again, and one
 * whose machine dies is given to another.
 * @returns how many failed for good, whichever machine tried
 */
export async function workOnQueue(
  jobs: readonly BatchJob[],
  hashOf: (job: BatchJob) => string,
  speak: SpeakJob,
  options: QueueOptions,
): Promise<number> {
  const { lockMs = defaultLockMs } = options
  const { Queue, Worker, Redis } = await loadBullMq()
  const connect = () => new Redis(options.url, { maxRetriesPerRequest: null })
  const [forQueue, forWorker] = [connect(), connect()]
  const queue = new Queue<BatchJob, BatchResult>(options.name, { connection: forQueue })
  const worker = new Worker<BatchJob, BatchResult>(options.name, async ({ data }) => speak(data), {
    connection: forWorker,
    concurrency: options.atATime,
    lockDuration: lockMs,
    stalledInterval: lockMs,
    maxStalledCount: attempts,
    autorun: false,
    name: `${hostname()}-${process.pid}`,
  })
  worker.on('error', () => undefined) // a connection that comes and goes; what matters fails the job
  try {
    const failedBefore = await queue.getFailedCount()
    await queue.addBulk(jobs.map(job => ({ name: 'speak', data: job, opts: { jobId: hashOf(job), attempts, removeOnComplete: true } })))
    const working = worker.run()
    while (!options.signal.aborted && (await countOpen(queue)) > 0) await new Promise(resolve => setTimeout(resolve, pollMs))
    await worker.close(options.signal.aborted)
    await working.catch(() => undefined)
    options.signal.throwIfAborted()
    return (await queue.getFailedCount()) - failedBefore
  } finally {
    await worker.close(true)
    await queue.close()
    forQueue.disconnect()
    forWorker.disconnect()
  }
}

async function countOpen(queue: { getJobCounts(...types: never[]): Promise<Record<string, number>> }): Promise<number> {
  const { waiting = 0, active = 0, delayed = 0, prioritized = 0 } = await queue.getJobCounts()
  return waiting + active + delayed + prioritized
}

import { InferenceError } from '@mynah/onnx'
import type { Models } from '../contracts.ts'
import type { SpeechChunks } from '../speak-text.ts'
import type { Speech } from '../speech.ts'
import type { TextSource } from '../text/stream.ts'
import { BusyError } from './busy.ts'
import { type Gated, gateModels, type Lane } from './gate.ts'
import { ReplayableText } from './replay.ts'
import { type Job, Scheduler } from './scheduler.ts'
import { type SynthesizerStats, Tally } from './stats.ts'

/** A text that is to be spoken. */
export interface PoolRequest {
  readonly text: TextSource
  /** Higher goes first. */
  readonly priority: number
  readonly signal: AbortSignal
  /** Whether the caller takes all chunks at once, at the end. */
  readonly whole: boolean
}

/** Speaks a text on models. */
export type Work = (models: Models, text: TextSource) => SpeechChunks

interface Admitted extends Job {
  /** An estimate of the work, seconds. */
  readonly seconds: number
  /** Whether its reader is still busy with what was spoken. */
  unread: boolean
  text: ReplayableText
}

/** To foresee how long a request takes: English is spoken at 15 characters a second, and a slow machine speaks this much faster than real time. */
const charactersPerSecond = 15
const assumedRealTimeFactor = 0.3
/** What is foreseen of a text that is still being written. */
const assumedCharacters = 60
/** How often a request is begun whose worker died. One that kills its worker must not go on for ever. */
const mostAttempts = 3
/** Nobody is sent away for longer, seconds. */
const longestRetryAfter = 60

/** Admits requests, lets them take turns on the lanes, and begins again what a dead worker took down before anything of it was heard. */
export class Pool {
  readonly #lanes: readonly Lane[]
  readonly #maxQueue: number
  readonly #scheduler: Scheduler<Lane>
  readonly #jobs = new Set<Admitted>()
  readonly #others = new Set<Promise<unknown>>()
  readonly #tally = new Tally()
  #draining = false
  #drained: (() => void)[] = []

  constructor(lanes: readonly Lane[], maxQueue: number) {
    this.#lanes = lanes
    this.#maxQueue = maxQueue
    this.#scheduler = new Scheduler(lanes)
  }

  /**
   * Speaks a text; it is admitted when the first chunk is asked for.
   * @throws {BusyError} if no more can wait, or `drain` was called; what `work` throws
   */
  async *speak({ text, priority, signal, whole }: PoolRequest, work: Work): SpeechChunks {
    const job = this.#admit(text, priority, signal)
    let finished = false
    try {
      for (let attempt = 1; ; attempt++) {
        const gated = gateModels(this.#lanes, this.#scheduler, job, signal)
        try {
          if (whole) yield* await this.#collect(job, gated, work)
          else yield* this.#pass(job, gated, work)
          finished = true
          return
        } catch (error) {
          if (attempt === mostAttempts || !isCrash(error) || (job.heard && !whole)) throw error
          this.#tally.retried++
        }
      }
    } finally {
      if (!finished) this.#tally.failed++
      job.text.close()
      this.#jobs.delete(job)
      this.#settle()
    }
  }

  /** All chunks. */
  async #collect(job: Admitted, gated: Gated, work: Work): Promise<Speech[]> {
    const chunks: Speech[] = []
    for await (const chunk of work(gated.models, job.text.open())) {
      job.heard = true
      chunks.push(chunk)
    }
    const seconds = chunks.reduce((sum, { durationSeconds }) => sum + durationSeconds, 0)
    this.#tally.finish(gated.workSeconds(), seconds)
    return chunks
  }

  /** Chunk by chunk, each as soon as it is asked for. */
  async *#pass(job: Admitted, gated: Gated, work: Work): SpeechChunks {
    let seconds = 0
    for await (const chunk of work(gated.models, job.text.open())) {
      job.heard = true
      job.text.forget()
      seconds += chunk.durationSeconds
      job.unread = true
      yield chunk
      job.unread = false
    }
    this.#tally.finish(gated.workSeconds(), seconds)
  }

  /** Speaks on every lane at once, before all requests, and drops it. */
  async warmUp(text: string, signal: AbortSignal, work: Work): Promise<void> {
    const job: Job = { priority: Number.POSITIVE_INFINITY, due: 0, heard: false }
    await Promise.all(
      this.#lanes.map(async lane => {
        for await (const _ of work(gateModels(this.#lanes, this.#scheduler, { ...job }, signal, lane).models, text));
      }),
    )
  }

  /** Has `drain` wait for other work, too. @throws {BusyError} `draining` */
  track<T>(work: () => Promise<T>): Promise<T> {
    if (this.#draining) throw this.#refuse('draining')
    const running = work()
    this.#others.add(running)
    const done = () => {
      this.#others.delete(running)
      this.#settle()
    }
    running.then(done, done)
    return running
  }

  /** Admits nothing any more. Resolves when what was admitted has ended. */
  drain(): Promise<void> {
    this.#draining = true
    return new Promise(resolve => {
      this.#drained.push(resolve)
      this.#settle()
    })
  }

  stats(): SynthesizerStats {
    const workers = this.#lanes.length
    const wanting = this.#wanting().length
    const { finished, failed, refused, retried, audioSeconds, realTimeFactor } = this.#tally
    return {
      workers,
      running: Math.min(wanting, workers),
      queued: Math.max(0, wanting - workers),
      paused: this.#jobs.size - wanting,
      maxQueue: this.#maxQueue,
      finished,
      failed,
      refused,
      audioSeconds,
      realTimeFactor,
      restarts: this.#lanes.reduce((sum, { runtime }) => sum + runtime.restarts, 0),
      retried,
    }
  }

  #admit(text: TextSource, priority: number, signal: AbortSignal): Admitted {
    if (this.#draining) throw this.#refuse('draining')
    if (this.#wanting().length >= this.#lanes.length + this.#maxQueue) throw this.#refuse('busy')
    const characters = typeof text === 'string' ? text.length : assumedCharacters
    const seconds = (characters / charactersPerSecond) * (this.#tally.realTimeFactor ?? assumedRealTimeFactor)
    const due = performance.now() / 1000 + seconds
    const job = { priority, due, seconds, heard: false, unread: false, text: new ReplayableText(text, signal) }
    this.#jobs.add(job)
    return job
  }

  /** Requests that are spoken, or would be. */
  #wanting(): Admitted[] {
    return [...this.#jobs].filter(job => this.#scheduler.wants(job) || !(job.unread || job.text.waiting))
  }

  #refuse(code: 'busy' | 'draining'): BusyError {
    this.#tally.refused++
    const wanting = this.#wanting()
    const mean = wanting.reduce((sum, { seconds }) => sum + seconds, 0) / Math.max(1, wanting.length)
    const retryAfterSeconds = Math.min(longestRetryAfter, Math.max(1, Math.ceil(mean / this.#lanes.length)))
    const message =
      code === 'draining'
        ? 'synthesizer: it is being drained and takes no more requests; use another, or create one'
        : `synthesizer: ${wanting.length} requests are spoken or wait, expected at most ${this.#lanes.length} and ${this.#maxQueue} (workers and maxQueue); try again in ${retryAfterSeconds} s`
    return new BusyError(message, { code, retryAfterSeconds })
  }

  #settle(): void {
    if (this.#jobs.size === 0 && this.#others.size === 0) for (const resolve of this.#drained.splice(0)) resolve()
  }
}

/** Whether the worker died, so that the same work can succeed on the next one. */
function isCrash(error: unknown): boolean {
  return InferenceError.isInstance(error) && (error.code === 'worker-crashed' || error.code === 'state-lost')
}

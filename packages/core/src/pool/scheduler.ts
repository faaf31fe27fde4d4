/**
 * Among so many jobs for each lane as are due first, one that has not been heard yet goes before those that have: so its listener waits little longer than on an idle machine.
 * After a step before its time comes one of a job that is due, and neither is interrupted for another: so no job that is due is held up by more than a step for each of its own.
 */
const eagerPerLane = 2

/** What takes turns: a request. */
export interface Job {
  /** Higher goes first, whatever else. */
  readonly priority: number
  /**
   * When it would be done if it were alone, seconds: earlier goes first. So equal requests are finished in the order in which they came, a short one overtakes a long one, and
   * nothing is overtaken for longer than it takes itself.
   */
  readonly due: number
  /** Whether something of it was heard. */
  heard: boolean
}

/** A lane in use. */
export interface Hold<Lane> {
  readonly lane: Lane
  /** Lets jobs go first that should, and comes back when it is this one's turn again. @throws the signal's reason */
  turn(): Promise<void>
  /** Gives the lane back. Idempotent. @returns seconds for which it was held, without turns of others */
  leave(): number
}

interface Waiting<Lane> {
  readonly job: Job
  readonly lane: Lane | undefined
  readonly order: number
  grant(turn: Turn<Lane>): void
}

/** A lane, for a step. */
interface Turn<Lane> {
  readonly lane: Lane
  /** Whether the step is finished before anyone of the same priority has the lane. */
  readonly steady: boolean
}

/**
 * Lends lanes to jobs, a step of theirs at a time. When a lane is given back, the next one is chosen in the next turn of the event loop: whoever just had it can have asked
 * again by then, so that a job is not interrupted by those behind it.
 */
export class Scheduler<Lane> {
  readonly #lanes: readonly Lane[]
  readonly #holders = new Map<Lane, Job>()
  /** Lanes whose last step went to a job before it was due. */
  readonly #favoured = new Set<Lane>()
  #waiting: Waiting<Lane>[] = []
  #order = 0
  #choosing = false

  constructor(lanes: readonly Lane[]) {
    this.#lanes = lanes
  }

  /**
   * Waits for a lane.
   * @param lane the one that it must be; any by default
   * @throws the signal's reason
   */
  async enter(job: Job, signal: AbortSignal, lane?: Lane): Promise<Hold<Lane>> {
    let turn = await this.#wait(job, signal, lane)
    let since: number | undefined = performance.now() // undefined while the lane is with others
    let seconds = 0
    const leave = () => {
      if (since === undefined) return seconds
      seconds += (performance.now() - since) / 1000
      since = undefined
      this.#holders.delete(turn.lane)
      this.#choose()
      return seconds
    }
    return {
      lane: turn.lane,
      leave,
      turn: async () => {
        signal.throwIfAborted()
        if (since === undefined || !this.#shouldYield(job, turn)) return
        leave()
        turn = await this.#wait(job, signal, turn.lane)
        since = performance.now()
      },
    }
  }

  #wait(job: Job, signal: AbortSignal, lane: Lane | undefined): Promise<Turn<Lane>> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const onAbort = () => {
        this.#waiting = this.#waiting.filter(other => other !== waiting)
        reject(signal.reason)
      }
      const waiting: Waiting<Lane> = {
        job,
        lane,
        order: this.#order++,
        grant: turn => {
          signal.removeEventListener('abort', onAbort)
          resolve(turn)
        },
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.push(waiting)
      this.#choose()
    })
  }

  #shouldYield(job: Job, { lane, steady }: Turn<Lane>): boolean {
    const others = this.#waiting.filter(waiting => waiting.lane === undefined || waiting.lane === lane)
    if (others.length === 0) return false
    if (steady) return others.some(waiting => waiting.job.priority > job.priority)
    const rank = this.#ranking(lane)
    return others.some(waiting => rank(waiting.job) < rank(job))
  }

  /** Whether a job has a lane or waits for one. */
  wants(job: Job): boolean {
    return [...this.#holders.values()].includes(job) || this.#waiting.some(waiting => waiting.job === job)
  }

  #choose(): void {
    if (this.#choosing) return
    this.#choosing = true
    setImmediate(() => {
      this.#choosing = false
      for (const lane of this.#lanes) {
        if (this.#holders.has(lane)) continue
        const rank = this.#ranking(lane)
        const [next, ...others] = this.#waiting
          .filter(waiting => waiting.lane === undefined || waiting.lane === lane)
          .sort((a, b) => rank(a.job) - rank(b.job) || a.order - b.order)
        if (!next) continue
        const owed = this.#favoured.delete(lane)
        const favoured = others.some(({ job }) => isBefore(job, next.job))
        if (favoured) this.#favoured.add(lane)
        this.#waiting = this.#waiting.filter(waiting => waiting !== next)
        this.#holders.set(lane, next.job)
        next.grant({ lane, steady: owed || favoured })
      }
    })
  }

  /** The place of every job that has or wants a lane, for the next step of `lane`. */
  #ranking(lane: Lane): (job: Job) => number {
    const jobs = [...new Set([...this.#holders.values(), ...this.#waiting.map(({ job }) => job)])]
    jobs.sort((a, b) => b.priority - a.priority || a.due - b.due)
    const eager = this.#favoured.has(lane) ? [] : jobs.slice(0, eagerPerLane * this.#lanes.length)
    eager.sort((a, b) => b.priority - a.priority || Number(a.heard) - Number(b.heard) || a.due - b.due)
    const places = new Map([...eager, ...jobs.slice(eager.length)].map((job, place) => [job, place]))
    return job => places.get(job) ?? Number.POSITIVE_INFINITY
  }
}

/** Whether a job comes first, heard or not. */
function isBefore(a: Job, b: Job): boolean {
  return a.priority > b.priority || (a.priority === b.priority && a.due < b.due)
}

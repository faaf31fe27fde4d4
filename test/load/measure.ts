import { closeSync, openSync, readSync } from 'node:fs'

/** The value that `percent` of the values do not exceed; NaN of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN
}

/** Prints names and values. */
export function report(values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values)) process.stdout.write(`${name.padEnd(48)} ${show(value)}\n`)
}

function show(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toFixed(3)
  if (Array.isArray(value)) return value.map(show).join('  ')
  return JSON.stringify(value)
}

/** What was measured against a bar. */
export interface Row {
  readonly what: string
  readonly found: number
  readonly bar: number
  /** Whether the bar is the least, not the most. */
  readonly atLeast: boolean
}

/** @param bar the most by default */
export function row(what: string, found: number, bar: number, atLeast = false): Row {
  return { what, found, bar, atLeast }
}

/** Prints rows. @returns whether all are as they should be */
export function printTable(rows: readonly Row[]): boolean {
  const holds = ({ found, bar, atLeast }: Row) => (atLeast ? found >= bar : found <= bar)
  process.stdout.write('\n| what | found | bar | |\n| --- | --- | --- | --- |\n')
  for (const each of rows)
    process.stdout.write(
      `| ${each.what} | ${show(each.found)} | ${each.atLeast ? '≥' : '≤'} ${show(each.bar)} | ${holds(each) ? '✓' : '✗'} |\n`,
    )
  return rows.every(holds)
}

/** How often the event loop should turn, ms. */
const tickMs = 2

/** Watches for the longest time in which the event loop does not turn. */
export class LoopWatch implements Disposable {
  /** By the clock. On a busy machine that includes the time in which this thread had no processor. */
  longestMs = 0
  /** Of the processor, that this thread took between two turns: where the system tells (Linux), else NaN. */
  longestCpuMs = Number.NaN
  readonly #timer: NodeJS.Timeout
  readonly #clock = new ThreadClock()

  constructor() {
    let last = performance.now()
    let lastCpu = this.#clock.milliseconds()
    this.#timer = setInterval(() => {
      const [now, cpu] = [performance.now(), this.#clock.milliseconds()]
      this.longestMs = Math.max(this.longestMs, now - last - tickMs)
      this.longestCpuMs = Math.max(cpu - lastCpu, this.longestCpuMs || 0)
      last = now
      lastCpu = cpu
    }, tickMs)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#clock[Symbol.dispose]()
  }
}

/** Processor time of this thread alone, which Node 20 does not tell. */
class ThreadClock implements Disposable {
  readonly #file: number | undefined
  readonly #bytes = Buffer.alloc(64)

  constructor() {
    try {
      this.#file = openSync('/proc/thread-self/schedstat', 'r')
    } catch {
      // another system
    }
  }

  milliseconds(): number {
    if (this.#file === undefined) return Number.NaN
    const length = readSync(this.#file, this.#bytes, 0, this.#bytes.length, 0)
    return Number(this.#bytes.toString('latin1', 0, length).split(' ')[0]) / 1e6
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file)
  }
}

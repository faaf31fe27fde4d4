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

/** How often the event loop should turn, ms. */
const tickMs = 5

/** Watches for the longest time in which the event loop does not turn. */
export class LoopWatch implements Disposable {
  longestMs = 0
  readonly #timer: NodeJS.Timeout

  constructor() {
    let last = performance.now()
    this.#timer = setInterval(() => {
      const now = performance.now()
      this.longestMs = Math.max(this.longestMs, now - last - tickMs)
      last = now
    }, tickMs)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

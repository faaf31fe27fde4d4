/** All that a command touches of the outside, so that a test sees what a user would. */
export interface Terminal {
  readonly stdin: AsyncIterable<string | Uint8Array>
  /** Results only: what a script reads. */
  readonly stdout: NodeJS.WritableStream
  /** Everything for people: summaries, progress, warnings, errors. */
  readonly stderr: NodeJS.WritableStream
  /** True where somebody watches stderr: progress may be drawn. */
  readonly isInteractive: boolean
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal
}

/** Redraws at most this often: every frame would flicker. */
const redrawMs = 100
const eraseLine = '\r\x1b[2K'

/** Writes and waits until the stream has taken it. */
export function write(stream: NodeJS.WritableStream, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, error => (error ? reject(error) : resolve()))
  })
}

/** Writes lines of text. */
export function writeLines(stream: NodeJS.WritableStream, lines: readonly string[]): Promise<void> {
  return lines.length === 0 ? Promise.resolve() : write(stream, `${lines.join('\n')}\n`)
}

/** Writes a value as indented JSON. */
export function writeJson(stream: NodeJS.WritableStream, value: unknown): Promise<void> {
  return write(stream, `${JSON.stringify(value, null, 2)}\n`)
}

/** One line of progress that is redrawn in place, or nothing where nobody watches. Disposing of it erases the line. */
export function createProgress({ stderr, isInteractive }: Terminal): { show(text: string): void } & Disposable {
  let drawn = Number.NEGATIVE_INFINITY
  return {
    show(text) {
      const now = performance.now()
      if (!isInteractive || now - drawn < redrawMs) return
      drawn = now
      stderr.write(`${eraseLine}${text}`)
    },
    [Symbol.dispose]() {
      if (isInteractive) stderr.write(eraseLine)
    },
  }
}

/** Lays rows out in columns, two spaces apart; the last column is not padded. */
export function toColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  return rows.map(row =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
}

/** A number of bytes in MB of 10⁶, as disks and downloads are measured. */
export function toMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

/** @param start what `performance.now()` was */
export function secondsSince(start: number): number {
  return (performance.now() - start) / 1000
}

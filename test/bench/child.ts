import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** Flags that run a TypeScript file of this folder from source, as `pnpm bench` itself runs. */
export const sourceFlags: readonly string[] = ['--conditions=@mynah/source', '--import', import.meta.resolve('tsx')]

/** A process that answers each line on its standard input with one line of JSON, after a first line when it is ready. */
export interface Child {
  /** The first line. */
  readonly ready: unknown
  ask(line: string): Promise<unknown>
  /** Ends its input, and waits until it has ended. */
  end(): Promise<void>
}

/** Starts a process and waits until it is ready. @throws {Error} with what it printed last, if it ends before it answers */
export async function startChild(command: string, args: readonly string[]): Promise<Child> {
  const process_ = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let complaints = ''
  process_.stderr.on('data', chunk => {
    complaints = (complaints + chunk).slice(-2000)
  })
  const ended = new Promise<void>((resolve, reject) => {
    process_.on('error', reject)
    process_.on('close', code =>
      code === 0 ? resolve() : reject(new Error(`${command} ${args.slice(-4).join(' ')}: exit code ${code}\n${complaints}`)),
    )
  })
  const lines = createInterface({ input: process_.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => {
    const line = await lines.next()
    if (!line.done) return JSON.parse(line.value)
    await ended
    throw new Error(`${command} ${args.slice(-4).join(' ')}: ended without an answer\n${complaints}`)
  }
  ended.catch(() => {}) // reported by whoever waits for an answer
  const ready = await next()
  return {
    ready,
    ask(line) {
      process_.stdin.write(`${line}\n`)
      return next()
    },
    async end() {
      process_.stdin.end()
      await ended
    },
  }
}

/** Answers the lines on this process's standard input, in order, until it ends. */
export async function answerLines(answer: (line: string) => Promise<unknown>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) process.stdout.write(`${JSON.stringify(await answer(line))}\n`)
}

/** Wall-clock and processor seconds of all threads that `body` takes. */
export async function timed(body: () => Promise<unknown>): Promise<{ wall: number; cpu: number }> {
  const began = process.cpuUsage()
  const start = performance.now()
  await body()
  const wall = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(began)
  return { wall, cpu: (user + system) / 1e6 }
}

/** Most memory that this process has held, in megabytes. Linux counts its parent's in maxRSS, too, but not in VmHWM. */
export function peakMegabytes(): number {
  const own = process.platform === 'linux' && /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return Number(own || process.resourceUsage().maxRSS) / 1024
}

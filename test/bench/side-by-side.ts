import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Child, sourceFlags, startChild } from './child.ts'
import { type Case, writeRandomCase } from './layouts.ts'
import type { BenchModel } from './models.ts'

/** Times of one contestant, as medians over the rounds, per second of sound. */
export interface Speed {
  /** Wall-clock seconds per second of sound. */
  readonly realTimeFactor: number
  /** Processor seconds per second of sound, all threads together. */
  readonly cpuFactor: number
  readonly peakMegabytes: number
}

/** One model on one number of threads. */
export interface SideBySide {
  readonly model: BenchModel
  readonly threads: number
  readonly mynah: Speed
  /** Absent without PyTorch. */
  readonly torch?: Reference
}

/** PyTorch's side of a row. */
export interface Reference extends Speed {
  readonly version: string
  /** Medians over the rounds of PyTorch's time by Mynah's, of runs that stood next to each other. */
  readonly speedup: { readonly wall: number; readonly cpu: number }
  /** Largest difference of the outputs by the reference's peak; of codes, the share that differs. */
  readonly error: number
}

interface Times {
  readonly wall: number
  readonly cpu: number
  readonly peakMegabytes: number
}

/** A row whose outputs differ by more than this measures two different things. */
export const largestError = 1e-3

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/**
 * Runs one model in Mynah and, given a Python with torch, in PyTorch eager, on the same random weights and input, in turns.
 * @throws {Error} if their outputs differ by more than `largestError`
 */
export async function measureModel(
  model: BenchModel,
  { python, threads, rounds }: { python?: string; threads: readonly number[]; rounds: number },
): Promise<SideBySide[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mynah-bench-'))
  try {
    const torch =
      python === undefined ? undefined : await startChild(python, [here('torch_models.py'), folder, model.id, `${model.frames}`])
    const facts = torch ? (torch.ready as Case) : writeRandomCase(model, folder)
    if (torch) await writeFile(join(folder, 'case.json'), JSON.stringify(facts))
    const rows: SideBySide[] = []
    for (const count of threads) rows.push(await race(model, folder, facts, { torch, threads: count, rounds }))
    await torch?.end()
    return rows
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function race(
  model: BenchModel,
  folder: string,
  { seconds, torch: version = '' }: Case,
  { torch, threads, rounds }: { torch: Child | undefined; threads: number; rounds: number },
): Promise<SideBySide> {
  const mynah = await startChild(process.execPath, [...sourceFlags, here('mynah-child.ts'), folder, model.id, `${threads}`])
  const { error = 0 } = mynah.ready as { error?: number }
  if (!(error <= largestError))
    throw new Error(`${model.title}: Mynah's output differs from PyTorch's by ${error}, at most ${largestError}`)
  await torch?.ask(`run ${threads}`) // the first with another number of threads starts them
  const theirs: Times[] = []
  const ours: Times[] = []
  for (let round = 0; round < rounds; round++) {
    if (torch) theirs.push(await takeTurn(torch, `run ${threads}`))
    ours.push(await takeTurn(mynah, 'run'))
  }
  await mynah.end()
  const speed = (times: readonly Times[]): Speed => ({
    realTimeFactor: median(times.map(({ wall }) => wall)) / seconds,
    cpuFactor: median(times.map(({ cpu }) => cpu)) / seconds,
    peakMegabytes: Math.max(...times.map(time => time.peakMegabytes)),
  })
  const row = { model, threads, mynah: speed(ours) }
  if (!torch) return row
  const ratio = (of: (times: Times) => number) => median(theirs.map((times, round) => of(times) / of(ours[round]!)))
  const speedup = { wall: ratio(({ wall }) => wall), cpu: ratio(({ cpu }) => cpu) }
  return { ...row, torch: { ...speed(theirs), version, speedup, error } }
}

/** The second of two runs, once the other side's threads sleep: the first one fills caches with what the other side has driven out, and wakes threads. */
async function takeTurn(child: Child, line: string): Promise<Times> {
  await setTimeout(100)
  await child.ask(line)
  return (await child.ask(line)) as Times
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

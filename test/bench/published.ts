import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { type BenchModel, codecs, vocoders } from './models.ts'
import { measureModel, type Reference, type SideBySide } from './side-by-side.ts'

/** Command line of `pnpm bench vocoders` and `pnpm bench codecs`. */
export interface PublishedOptions {
  readonly json: boolean
  readonly save: boolean
  readonly threads: string
  readonly rounds: string
  readonly python?: string
  /** Regular expression on the models' titles. */
  readonly only?: string
}

const document = new URL('../../docs/history/bench.md', import.meta.url)
const head = [
  'model',
  'threads',
  'RTF PyTorch',
  'RTF Mynah',
  'faster',
  'CPU s/s PyTorch',
  'CPU s/s Mynah',
  'less CPU',
  'peak MB PyTorch',
  'peak MB Mynah',
  'error',
]

/** Runs every model, next to PyTorch where `python` has it, prints a row for each as it comes, and with `save` replaces the table in docs/history/bench.md. */
export async function benchPublished(what: 'vocoders' | 'codecs', options: PublishedOptions): Promise<void> {
  const { json, save, python, only = '' } = options
  const models = { vocoders, codecs }[what].filter(({ title }) => new RegExp(only, 'i').test(title))
  const threads = options.threads.split(',').map(Number)
  const rows: SideBySide[] = []
  const lines: string[] = []
  const emit = (line: string) => {
    lines.push(line)
    if (!json) process.stdout.write(`${line}\n`)
  }
  emit(toLine(head))
  emit(toLine(head.map(() => '---')))
  const failures: unknown[] = []
  for (const model of models) {
    try {
      const found = await measureModel(model, { ...(python && { python }), threads, rounds: Number(options.rounds) })
      for (const row of found) emit(toLine(toCells(row)))
      rows.push(...found)
    } catch (error) {
      process.stderr.write(`${error}\n`) // one model must not cost the hour that the others take
      failures.push(error)
    }
    if (save) await saveTable(what, `${describeRun(rows, options)}\n\n${lines.join('\n')}`)
  }
  process.stdout.write(json ? `${JSON.stringify(rows, null, 2)}\n` : `\n${describeRun(rows, options)}\n`)
  if (failures.length > 0) throw new AggregateError(failures, `bench: ${failures.length} of ${models.length} models failed`)
}

function toLine(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function toCells({ model, threads, torch, mynah }: SideBySide): string[] {
  const theirs = (show: (torch: Reference) => string) => (torch ? show(torch) : '–')
  return [
    model.title,
    `${threads}`,
    theirs(({ realTimeFactor }) => realTimeFactor.toFixed(3)),
    mynah.realTimeFactor.toFixed(3),
    theirs(({ speedup }) => `${speedup.wall.toFixed(2)}×${goalMark(model, threads, speedup.wall)}`),
    theirs(({ cpuFactor }) => cpuFactor.toFixed(3)),
    mynah.cpuFactor.toFixed(3),
    theirs(({ speedup }) => `${speedup.cpu.toFixed(2)}×`),
    theirs(({ peakMegabytes }) => peakMegabytes.toFixed(0)),
    mynah.peakMegabytes.toFixed(0),
    theirs(({ error }) => error.toExponential(1)),
  ]
}

/** Goals are for two threads. */
function goalMark({ goal }: BenchModel, threads: number, speedup: number): string {
  if (goal === undefined || threads !== 2) return ''
  return speedup >= goal ? ' ✓' : ` (goal ${goal}×)`
}

function describeRun(rows: readonly SideBySide[], { rounds }: PublishedOptions): string {
  const version = (name: string) => createRequire(import.meta.resolve('@mynah/onnx'))(`${name}/package.json`).version
  const processor = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)}`
  const versions = `Node ${process.version}, onnxruntime-node ${version('onnxruntime-node')}${rows[0]?.torch ? `, PyTorch ${rows[0].torch.version}` : ''}`
  const waiting = process.env.OMP_WAIT_POLICY ? `, OMP_WAIT_POLICY=${process.env.OMP_WAIT_POLICY}` : ''
  return `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC; ${processor}; ${versions}${waiting}; medians of ${rounds} rounds.`
}

async function saveTable(what: string, table: string): Promise<void> {
  const text = await readFile(document, 'utf8')
  const section = new RegExp(`(<!-- ${what} -->\n)[^]*?(<!-- /${what} -->)`)
  if (!section.test(text)) throw new Error(`${document.pathname} has no <!-- ${what} --> … <!-- /${what} -->`)
  await writeFile(
    document,
    text.replace(section, (_, begin: string, end: string) => `${begin}${table}\n${end}`),
  )
}

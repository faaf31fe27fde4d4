/**
 * VALL-E X at full size on random weights, next to PyTorch with a key-value cache on the same weights and one thread each, turn by turn in one run, in
 * processor time, which a busy machine hardly changes:
 * `pnpm bench:lm --python PYTHON [--cached 200,800,1600] [--frames 190] [--dtypes float32,int8,int4] [--folder FOLDER]`. PYTHON needs torch and safetensors. The 1.5 GB file of weights is
 * written to FOLDER (a temporary one by default) and deleted. Docs: docs/decisions/2026-11-23-ar-decoding.md.
 * `pnpm bench:lm --memory [--built]` measures instead what loading and speaking takes, in a process for each dtype (Linux), from source or of the built packages.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import {
  createRandom,
  createRuntime,
  float32Tensor,
  int64Tensor,
  loadWeights,
  multipliesInt8Exactly,
  type Runtime,
  sizeOf,
  type Tensor,
  writeModel,
  writeSafetensors,
} from '@mynah/onnx'
import type { WeightType } from '../src/architecture.ts'
import { expectedShapes, readVallEConfig } from '../src/architectures/vall-e/config.ts'
import { blockFrames } from '../src/architectures/vall-e/decoding.ts'
import { buildAr, buildNar } from '../src/architectures/vall-e/graphs.ts'
import { precisionsOf } from '../src/architectures/vall-e/load.ts'
import { buildCacheMerge, mergeSlots, stepSlots } from '../src/block-cache.ts'

const heads = 16
const size = { dim: 1024, heads, layers: 12 }
const config = {
  name: 'vall-e-x',
  ar: size,
  nar: size,
  textTokens: 2048,
  audioTokens: 1024,
  codebooks: 8,
  languages: 3,
  prependBos: true,
  normFirst: true,
  prenet: false,
  prefixMode: 1,
} as const
/** Times each thing is measured in a turn, and turns. */
const [steps, turns] = [4, 2] as const

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    python: { type: 'string' },
    frames: { type: 'string', default: '190' },
    dtypes: { type: 'string', default: 'float32,int8,int4' },
    cached: { type: 'string', default: '200,800,1600' },
    folder: { type: 'string' },
    memory: { type: 'boolean', default: false },
    built: { type: 'boolean', default: false },
  },
})
type Dtype = WeightType
const folder = await mkdtemp(join(values.folder ?? tmpdir(), 'mynah-bench-lm-'))
const checkpoint = join(folder, 'vall-e-x.safetensors')
const threads = 1
/** Text ids, and frames of prompt and target; no NAR stage is run for 0 frames. */
const [texts, frames, prefix] = [60, Number(values.frames), Math.floor(Number(values.frames) / 3)] as const
/** Milliseconds by what was measured, then by system. */
const results = new Map<string, Map<string, number[]>>()
const add = (what: string, system: string, milliseconds: readonly number[]) => {
  const row = results.get(what) ?? new Map<string, number[]>()
  results.set(what, row)
  row.set(system, [...(row.get(system) ?? []), ...milliseconds])
  process.stderr.write(`${what}, ${system}: ${milliseconds.map(time => time.toFixed(1)).join(' ')}\n`)
}

try {
  writeRandomWeights(checkpoint)
  if (values.memory) for (const dtype of values.dtypes.split(',')) process.stdout.write(measureMemory(dtype))
  else await measureSpeed()
} finally {
  await rm(folder, { recursive: true })
}

function measureMemory(dtype: string): string {
  const flags = [...(values.built ? [] : ['--conditions=@mynah/source']), '--import', import.meta.resolve('tsx')]
  const script = new URL('./memory.ts', import.meta.url).pathname
  const [loaded, spoken] = execFileSync(process.execPath, [...flags, script, checkpoint, dtype], { encoding: 'utf8' })
    .trim()
    .split(' ')
  return `${dtype}: peak of ${loaded} MB until loaded, ${spoken} MB until it has spoken\n`
}

async function measureSpeed(): Promise<void> {
  const python = values.python === undefined ? undefined : await startPython(values.python)
  await using runtime = await createRuntime({ device: 'cpu', threads })
  for (const dtype of values.dtypes.split(',') as Dtype[]) {
    const measures = await openAr(runtime, dtype)
    for (let turn = 0; turn < turns; turn++) {
      for (const cached of values.cached.split(',').map(Number)) {
        add(`AR step, ${cached} cached`, dtype, await measures.step(cached))
        if (python) add(`AR step, ${cached} cached`, 'PyTorch', await python.ask(`ar ${cached} ${steps}`))
      }
    }
    await measures.dispose()
    if (frames === 0 || dtype === 'int4') continue // its NAR model is int8's
    const nar = await openNar(runtime, dtype)
    for (let turn = 0; turn < turns; turn++) {
      add(`NAR stage, ${texts} + ${frames}`, dtype, await nar.stages())
      if (python) add(`NAR stage, ${texts} + ${frames}`, 'PyTorch', await python.ask(`nar ${texts} ${frames} 1`))
    }
    await nar.dispose()
  }
  python?.end()
  print()
}

/** One 16 MB array serves every tensor: speed does not depend on values. */
function writeRandomWeights(path: string): void {
  const random = createRandom(0)
  const shapes = expectedShapes(config)
  const largest = Math.max(...[...shapes.values()].map(sizeOf))
  const values = Float32Array.from({ length: largest }, () => 0.04 * (random.uniform() - 0.5))
  const tensors: Record<string, Tensor> = {}
  for (const [name, shape] of shapes) tensors[name] = float32Tensor(values.subarray(0, sizeOf(shape)), shape)
  writeSafetensors(path, tensors)
}

const choosePrecisions = async (weightType: WeightType, runtime: Runtime) =>
  precisionsOf({ weightType, exactInt8: await multipliesInt8Exactly(runtime) })

async function openAr(runtime: Runtime, dtype: Dtype) {
  using weights = loadWeights(checkpoint)
  readVallEConfig(weights, { nhead: heads })
  const { ar } = await choosePrecisions(dtype, runtime)
  const step = await runtime.load(() => writeModel(buildAr(weights, config, ar), { externalData: true }), {
    name: 'ar',
    state: stepSlots(config.ar),
    transfer: true,
  })
  const merge = await runtime.load(() => writeModel(buildCacheMerge(config.ar)), { name: 'cache', state: mergeSlots(config.ar) })
  const noText = float32Tensor([], [1, 0, size.dim])
  return {
    /** One step with half a block of recent frames, and its part of a merge. */
    async step(cached: number): Promise<number[]> {
      const block = (length: number) => float32Tensor(new Float32Array(size.dim * length).fill(0.1), [1, heads, length, size.dim / heads])
      const recent = block(blockFrames / 2)
      const past = block(cached - blockFrames / 2)
      await using state = await merge.createState(
        Object.fromEntries(Object.keys(mergeSlots(config.ar)).map(slot => [slot, slot.startsWith('past') ? past : recent])),
      )
      const run = () =>
        step.run({ text: noText, audio: int64Tensor([5], [1, 1]), position: int64Tensor([cached], []) }, { state, fetch: ['logits'] })
      await run()
      const times = await repeat(steps, run)
      const [merged] = await repeat(1, () => merge.run({}, { state, fetch: [] }))
      return times.map(time => time + merged! / blockFrames)
    },
    async dispose() {
      await step.dispose()
      await merge.dispose()
    },
  }
}

async function openNar(runtime: Runtime, dtype: Dtype) {
  using weights = loadWeights(checkpoint)
  const { nar } = await choosePrecisions(dtype, runtime)
  const model = await runtime.load(() => writeModel(buildNar(weights, config, nar), { externalData: true }), {
    name: 'nar',
    transfer: true,
  })
  const codes = int64Tensor(new Int32Array(config.codebooks * frames).fill(7), [config.codebooks, frames])
  const run = () =>
    model.run(
      {
        text: float32Tensor(new Float32Array(texts * size.dim).fill(0.1), [1, texts, size.dim]),
        codes,
        known: int64Tensor(new Int32Array(frames).fill(3), [frames]),
        prefix: int64Tensor([prefix], []),
        stage: int64Tensor([2], []),
      },
      { fetch: ['chosen'] },
    )
  return {
    async stages() {
      return repeat(1, run)
    },
    dispose: () => model.dispose(),
  }
}

async function repeat(count: number, run: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const began = process.cpuUsage()
    await run()
    const { user, system } = process.cpuUsage(began)
    times.push((user + system) / 1000)
  }
  return times
}

async function startPython(python: string) {
  const script = new URL('./vall_e.py', import.meta.url).pathname
  const child = spawn(python, [script, checkpoint, `${heads}`, `${threads}`], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const line = await lines.next()
    if (line.done) throw new Error('vall_e.py ended early')
    return line.value
  }
  await next()
  return {
    async ask(command: string): Promise<number[]> {
      child.stdin.write(`${command}\n`)
      return (await next()).split(' ').map(Number)
    },
    end: () => child.stdin.end(),
  }
}

function print(): void {
  const systems = ['PyTorch', ...values.dtypes.split(',')]
  const median = (list: readonly number[] | undefined) => list?.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]
  const lines = [
    `| processor ms, median (best) | ${systems.join(' | ')} | ${systems.slice(1).join(' is | ')} is |`,
    `|---|${'---|'.repeat(2 * systems.length - 1)}`,
  ]
  for (const [what, row] of results) {
    const cells = systems.map(system => {
      const list = row.get(system)
      return list ? `${median(list)!.toFixed(1)} (${Math.min(...list).toFixed(1)})` : '–'
    })
    const factors = systems
      .slice(1)
      .map(system =>
        row.has('PyTorch') && row.has(system) ? `${(median(row.get('PyTorch'))! / median(row.get(system))!).toFixed(1)}×` : '–',
      )
    lines.push(`| ${what} | ${cells.join(' | ')} | ${factors.join(' | ')} |`)
  }
  process.stdout.write(`${lines.join('\n')}\none thread; load of the machine ${loadavg()[0]!.toFixed(1)}\n`)
}

/**
 * Load on one synthesizer, in this process and nowhere else: `pnpm load` says how it holds up, and fails where it does not. Without PARTS all of them, with a table at the end.
 *
 *   pnpm load [PART…]
 *     overload     requests for --seconds 60 arrive --factor 4 times as fast as --workers 1 can speak them, with --queue 1 waiting
 *     throughput   1 worker and --many 2, in turns, --rounds 3
 *     memory       --requests 1000, one after the other
 *     stalls       for how long each call holds the main thread
 *   --isolation process   inference in processes
 *
 * On a busy machine wall-clock times mean nothing; the processor time that is printed beside them does. 20 minutes on an idle machine.
 */
import { parseArgs } from 'node:util'
import { type BusyError, createSynthesizer, type Synthesizer } from '@mynah/core'
import { LoopWatch, percentile, printTable, type Row, report, row } from './measure.ts'
import { stalls } from './stalls.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    workers: { type: 'string', default: '1' },
    queue: { type: 'string', default: '1' },
    factor: { type: 'string', default: '4' },
    many: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    requests: { type: 'string', default: '1000' },
    isolation: { type: 'string', default: 'thread' },
  },
})
const isolation = values.isolation as 'thread' | 'process'
/** The bars of issue 21: first byte under load by idle, first byte idle in seconds, throughput of two workers, the longest gap of the event loop. */
const bars = { firstByte: 2, idleFirstByteSeconds: 0.4, throughput: 1.7, gapMs: 50, refusalSeconds: 0.05, memoryGrowth: 1.1 } as const
/** 12 words. */
const sentence = 'The quick brown fox jumps over the lazy dog near the river.'
const problems: string[] = []
process.on('warning', warning => problems.push(`a warning was printed: ${warning.name}: ${warning.message}`))
process.on('unhandledRejection', reason => problems.push(`an unhandled rejection: ${String(reason)}`))

interface Outcome {
  readonly firstSeconds: number
  readonly seconds: number
  readonly bytes: number
}

/** Reads a stream to its end, and checks that it is audio of a likely length. */
async function request(mynah: Synthesizer, seed: number): Promise<Outcome> {
  const asked = performance.now()
  let first: number | undefined
  let bytes = 0
  for await (const piece of mynah.streamAudio(sentence, { seed, format: 'wav' })) {
    first ??= performance.now()
    bytes += piece.length
  }
  const audioSeconds = (bytes - 44) / 2 / mynah.sampleRate
  if (!(audioSeconds > 1.5 && audioSeconds < 12)) problems.push(`seed ${seed}: ${audioSeconds.toFixed(1)} s of audio`)
  return { firstSeconds: (first! - asked) / 1000, seconds: (performance.now() - asked) / 1000, bytes }
}

async function idle(mynah: Synthesizer, count: number): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (let seed = 0; seed < count; seed++) outcomes.push(await request(mynah, seed))
  return outcomes
}

async function overload(): Promise<Row[]> {
  const [seconds, workers, maxQueue, factor] = [values.seconds, values.workers, values.queue, values.factor].map(Number) as [
    number,
    number,
    number,
    number,
  ]
  await using mynah = await createSynthesizer({ workers, maxQueue, isolation })
  await mynah.warmUp()
  const alone = await idle(mynah, 20)
  const mean = alone.reduce((sum, { seconds }) => sum + seconds, 0) / alone.length
  const everyMs = (1000 * mean) / workers / factor
  using watch = new LoopWatch()
  const before = process.memoryUsage().rss
  const accepted: Promise<Outcome>[] = []
  const refusedSeconds: number[] = []
  const until = performance.now() + 1000 * seconds
  for (let seed = 0; performance.now() < until; seed++) {
    const asked = performance.now()
    accepted.push(
      request(mynah, seed).catch((error: BusyError) => {
        if (error.code !== 'busy') problems.push(`seed ${seed}: ${error.message}`)
        refusedSeconds.push((performance.now() - asked) / 1000)
        return { firstSeconds: Number.NaN, seconds: Number.NaN, bytes: 0 }
      }),
    )
    await new Promise(resolve => setTimeout(resolve, everyMs))
  }
  const outcomes = (await Promise.all(accepted)).filter(({ bytes }) => bytes > 0)
  const firsts = outcomes.map(({ firstSeconds }) => firstSeconds)
  const idleFirsts = alone.map(({ firstSeconds }) => firstSeconds)
  report({
    workers,
    maxQueue,
    'requests a second': (factor / mean) * workers,
    accepted: outcomes.length,
    refused: refusedSeconds.length,
    'idle, first byte, median s': percentile(idleFirsts, 50),
    'idle, first byte, 95 % s': percentile(idleFirsts, 95),
    'first byte, median s': percentile(firsts, 50),
    'first byte, 95 % s': percentile(firsts, 95),
    'refusal, 95 % s': percentile(refusedSeconds, 95),
    'longest gap of the event loop, ms': watch.longestMs,
    'longest turn of the event loop, processor ms': watch.longestCpuMs,
    'memory, MB': [before / 1e6, process.memoryUsage().rss / 1e6],
    stats: mynah.stats(),
  })
  return [
    row('first byte of 12 words, idle, median s', percentile(idleFirsts, 50), bars.idleFirstByteSeconds),
    row(`first byte, 95 %, ${factor}× overload by idle`, percentile(firsts, 95) / percentile(idleFirsts, 95), bars.firstByte),
    row('refusal, 95 %, s', percentile(refusedSeconds, 95), bars.refusalSeconds),
    row('accepted requests', outcomes.length, 1, true),
    row('longest gap of the event loop under overload, ms', watch.longestMs, bars.gapMs),
  ]
}

/** As many requests at once as keep all workers busy, on one worker and on many, in turns. */
async function throughput(workers: number): Promise<Row[]> {
  const rounds = Number(values.rounds)
  await using one = await createSynthesizer({ workers: 1, threads: 1, isolation })
  await using many = await createSynthesizer({ workers, threads: 1, isolation })
  await Promise.all([one.warmUp(), many.warmUp()])
  const count = 4 * workers
  const measure = async (mynah: Synthesizer) => {
    const [started, cpu] = [performance.now(), process.cpuUsage()]
    await Promise.all(Array.from({ length: count }, (_, seed) => request(mynah, seed)))
    const { user, system } = process.cpuUsage(cpu)
    return { seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 }
  }
  const ratios: number[] = []
  for (let round = 0; round < rounds; round++) {
    const [single, several] = [await measure(one), await measure(many)]
    ratios.push(single.seconds / several.seconds)
    report({
      round,
      '1 worker, s': single.seconds,
      [`${workers} workers, s`]: several.seconds,
      'processor s': [single.cpuSeconds, several.cpuSeconds],
    })
  }
  return [row(`throughput of ${workers} workers by that of one, median`, percentile(ratios, 50), bars.throughput, true)]
}

async function memory(count: number): Promise<Row[]> {
  await using mynah = await createSynthesizer({ isolation })
  await mynah.warmUp()
  await idle(mynah, 20)
  using watch = new LoopWatch()
  const marks: number[] = []
  for (let done = 0; done < count; done += 20) {
    await idle(mynah, 20)
    marks.push(process.memoryUsage().rss / 1e6)
  }
  report({
    requests: count,
    'memory along the way, MB': marks.filter((_, i) => i % Math.ceil(marks.length / 10) === 0),
    'longest gap, ms': watch.longestMs,
  })
  const part = Math.ceil(marks.length / 5)
  const [early, late] = [percentile(marks.slice(0, part), 50), percentile(marks.slice(-part), 50)]
  return [
    row(`memory, last fifth of ${count} requests by the first`, late / early, bars.memoryGrowth),
    row('longest gap of the event loop along the way, ms', watch.longestMs, bars.gapMs),
  ]
}

const parts: Readonly<Record<string, () => Promise<Row[]>>> = {
  stalls,
  overload,
  throughput: () => throughput(Number(values.many)),
  memory: () => memory(Number(values.requests)),
}
const rows: Row[] = []
for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) {
  const part = parts[name]
  if (!part) throw new Error(`there is no part "${name}", expected ${Object.keys(parts).join(', ')}`)
  process.stdout.write(`\n${name}\n`)
  rows.push(...(await part()))
}
const holds = printTable(rows)
for (const problem of new Set(problems)) process.stdout.write(`PROBLEM: ${problem}\n`)
process.exitCode = holds && problems.length === 0 ? 0 : 1

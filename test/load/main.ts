/**
 * Load on one synthesizer, in this process and nowhere else: `pnpm load` says how it holds up, and fails where it does not.
 *
 *   pnpm load --seconds 60 --workers 2 --queue 2 --factor 4    requests arrive `factor` times as fast as they can be spoken
 *   pnpm load --throughput 2 --rounds 3                        1 worker and 2, in turns
 *   pnpm load --memory 1000                                    so many requests, one after the other
 *
 * On a busy machine wall-clock times mean nothing; the processor time that is printed beside them does.
 */
import { parseArgs } from 'node:util'
import { type BusyError, createSynthesizer, type Synthesizer } from '@mynah/core'
import { LoopWatch, percentile, report } from './measure.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    workers: { type: 'string', default: '1' },
    queue: { type: 'string', default: '1' },
    factor: { type: 'string', default: '4' },
    throughput: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    memory: { type: 'string' },
    isolation: { type: 'string', default: 'thread' },
  },
})
const isolation = values.isolation as 'thread' | 'process'
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

async function overload(): Promise<void> {
  const [seconds, workers, maxQueue, factor] = [values.seconds, values.workers, values.queue, values.factor].map(Number) as [
    number,
    number,
    number,
    number,
  ]
  await using mynah = await createSynthesizer({ workers, maxQueue, isolation })
  await mynah.warmUp()
  const alone = await idle(mynah, 5)
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
  report({
    workers,
    maxQueue,
    'requests a second': (factor / mean) * workers,
    accepted: outcomes.length,
    refused: refusedSeconds.length,
    'idle, first byte, median s': percentile(
      alone.map(({ firstSeconds }) => firstSeconds),
      50,
    ),
    'first byte, median s': percentile(firsts, 50),
    'first byte, 95 % s': percentile(firsts, 95),
    'refusal, 95 % s': percentile(refusedSeconds, 95),
    'longest gap of the event loop, ms': watch.longestMs,
    'memory, MB': [before / 1e6, process.memoryUsage().rss / 1e6],
    stats: mynah.stats(),
  })
}

/** As many requests at once as keep all workers busy, on one worker and on many, in turns. */
async function throughput(workers: number): Promise<void> {
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
  report({ [`throughput of ${workers} workers by that of one, median`]: percentile(ratios, 50) })
}

async function memory(count: number): Promise<void> {
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
}

if (values.throughput) await throughput(Number(values.throughput))
else if (values.memory) await memory(Number(values.memory))
else await overload()
for (const problem of problems) process.stdout.write(`PROBLEM: ${problem}\n`)
process.exitCode = problems.length > 0 ? 1 : 0

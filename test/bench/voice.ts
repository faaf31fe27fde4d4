/**
 * How fast Mynah is, next to other systems in the same run: `pnpm bench [--json] [--kokoro MODEL.onnx --python PYTHON]`.
 * One thread each. Kokoro needs the model and the packages of ../shared/tools/corpus; espeak-ng is measured where it is installed.
 * The table of the README comes from here; say on which machine, and how busy it was.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { decodeAudio, durationSeconds } from '@mynah/audio'
import { createSynthesizer } from '@mynah/core'

interface Row {
  readonly system: string
  /** Until it can speak. */
  readonly loadSeconds?: number
  /** From the text to the first sample that could be played, once loaded. */
  readonly firstAudioSeconds?: number
  /** Wall-clock seconds per second of speech; below 1 is faster than speaking. */
  readonly realTimeFactor: number
  /** Processor seconds per second of speech, all threads together: what it costs. */
  readonly cpuFactor?: number
  readonly peakRssMegabytes?: number
  /** Longest time in which the event loop answered nothing while speaking. */
  readonly longestGapMs?: number
  readonly speechSeconds: number
  /** To the threads of inference and text, for a sentence of 4 s. */
  readonly messages?: number
}

const sentences = [
  'The birch canoe slid on the smooth planks.',
  'Glue the sheet to the dark blue background, and wait until it has dried.',
  'It is easy to tell the depth of a well.',
  'These days a chicken leg is a rare dish, but rice is often served in round bowls.',
  'The juice of lemons makes fine punch!',
  'Four hours of steady work faced us, and nobody had brought anything to drink.',
  'Would a large size in stockings be hard to sell?',
  'The boy was there when the sun rose, and he stayed until the evening.',
]
const text = sentences.join(' ')
const secondsSince = (start: number) => (performance.now() - start) / 1000

/** Counts what is posted to any thread while `body` runs. */
async function countMessages(body: () => Promise<unknown>): Promise<number> {
  const { postMessage } = Worker.prototype
  let count = 0
  Worker.prototype.postMessage = function (this: Worker, ...message: Parameters<Worker['postMessage']>) {
    count++
    return postMessage.apply(this, message)
  }
  try {
    await body()
    return count
  } finally {
    Worker.prototype.postMessage = postMessage
  }
}

async function measureMynah(): Promise<Row> {
  const began = performance.now()
  await using mynah = await createSynthesizer({ device: 'cpu', threads: 1 })
  const loadSeconds = secondsSince(began)
  await mynah.synthesize('Ready.') // the first run of a session allocates

  let firstAudioSeconds: number | undefined
  const asked = performance.now()
  for await (const _chunk of mynah.stream(text)) {
    firstAudioSeconds = secondsSince(asked)
    break
  }

  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const cpu = process.cpuUsage()
  const started = performance.now()
  const speech = await mynah.synthesize(text)
  const seconds = secondsSince(started)
  const { user, system } = process.cpuUsage(cpu)
  delay.disable()
  return {
    system: `mynah (${mynah.bundle.name})`,
    loadSeconds,
    ...(firstAudioSeconds === undefined ? {} : { firstAudioSeconds }),
    realTimeFactor: seconds / speech.durationSeconds,
    cpuFactor: (user + system) / 1e6 / speech.durationSeconds,
    peakRssMegabytes: process.resourceUsage().maxRSS / 1024,
    longestGapMs: delay.max / 1e6,
    speechSeconds: speech.durationSeconds,
    messages: await countMessages(() => mynah.synthesize(sentences[1]!)),
  }
}

/** espeak-ng, a formant synthesizer: the floor of what speech costs. Its time includes starting the process. */
async function measureEspeak(): Promise<Row | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'mynah-bench-'))
  try {
    const wav = join(folder, 'espeak.wav')
    const started = performance.now()
    await promisify(execFile)('espeak-ng', ['-v', 'en-us', '-w', wav, text])
    const seconds = secondsSince(started)
    const speechSeconds = durationSeconds(await decodeAudio(await readFile(wav)))
    return { system: 'espeak-ng', firstAudioSeconds: await timeToFirstByte(), realTimeFactor: seconds / speechSeconds, speechSeconds }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined // not installed
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function timeToFirstByte(): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn('espeak-ng', ['-v', 'en-us', '--stdout', text], { stdio: ['ignore', 'pipe', 'inherit'] })
    child.on('error', reject)
    child.stdout.once('data', () => {
      resolve(secondsSince(started))
      child.kill()
    })
  })
}

/** Kokoro-82M (Apache-2.0) in ONNX Runtime's Python package: see kokoro.py. */
async function measureKokoro(model: string, python: string): Promise<Row> {
  const script = fileURLToPath(new URL('kokoro.py', import.meta.url))
  const voices = fileURLToPath(new URL('../../../shared/data/kokoro-voices', import.meta.url))
  const { stdout } = await promisify(execFile)(python, [script, model, voices, ...sentences])
  return JSON.parse(stdout)
}

function show(rows: readonly Row[]): string {
  const cell = (value: number | undefined, digits: number) => (value === undefined ? '–' : value.toFixed(digits))
  const lines = rows.map(row => [
    row.system,
    cell(row.loadSeconds, 2),
    cell(row.firstAudioSeconds, 3),
    cell(row.realTimeFactor, 3),
    cell(row.cpuFactor, 3),
    cell(row.peakRssMegabytes, 0),
    cell(row.longestGapMs, 1),
    cell(row.speechSeconds, 1),
    cell(row.messages, 0),
  ])
  const head = [
    'system',
    'load s',
    'first audio s',
    'real-time factor',
    'CPU s per s',
    'peak MB',
    'longest gap ms',
    'speech s',
    'messages for 4 s',
  ]
  const table = [head, head.map(() => '---'), ...lines].map(line => `| ${line.join(' | ')} |`)
  const [processor] = cpus()
  const machine = `${processor?.model.trim()}, ${availableParallelism()} threads, load ${loadavg()[0]!.toFixed(1)}, Node ${process.version}`
  return `${machine}; one thread each\n\n${table.join('\n')}\n`
}

/** Prints the table, or the rows as JSON. */
export async function benchVoice({ json, kokoro, python = 'python3' }: { json: boolean; kokoro?: string; python?: string }): Promise<void> {
  const rows = [await measureMynah(), await measureEspeak(), kokoro && (await measureKokoro(kokoro, python))].filter(
    row => typeof row === 'object',
  )
  process.stdout.write(json ? `${JSON.stringify(rows, null, 2)}\n` : show(rows))
}

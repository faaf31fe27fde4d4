import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Synthesizer } from '@mynah/core'
import { type Arguments, type Command, sharedOptions, UsageError } from '../arguments.ts'
import { type BatchJob, type BatchResult, findResult, hashJob, readJobs } from '../batch/jobs.ts'
import { workOnQueue } from '../batch/redis.ts'
import { forEachOf, speakJob } from '../batch/speak.ts'
import { openSynthesizer } from '../downloads.ts'
import { replaceFile } from '../outputs.ts'
import { createProgress, secondsSince, type Terminal, writeJson, writeLines } from '../terminal.ts'

/** `mynah batch`: a file of jobs → a folder of audio files and a manifest. */
export const batch: Command = {
  name: 'batch',
  operands: 'JOBS.jsonl',
  summary: 'Speak many texts into a folder: resumable, with a manifest of word times',
  details: [
    'Each line is a job: {"id":"a","text":"Hello.","voice":"wren","seed":0,"speed":1,"format":"mp3"}; only text is needed.',
    'Each gives ID.wav (or its format) and ID.json; manifest.jsonl lists them all. Run it again, and only what is not done is spoken.',
    'With --redis, machines that name the same queue share its jobs; one without JOBS.jsonl only helps. Give them one folder, or collect theirs.',
  ],
  options: {
    out: { value: 'DIR', short: 'o', help: 'folder of the results (required)' },
    workers: { value: 'N', help: 'workers, and so jobs at a time (default: 1)' },
    redis: { value: 'URL', help: 'put the jobs on a queue of BullMQ, and work on it (needs the packages bullmq and ioredis)' },
    queue: { value: 'NAME', help: 'name of that queue (default: mynah)' },
    bundle: sharedOptions.bundle,
    device: sharedOptions.device,
    threads: sharedOptions.threads,
    json: sharedOptions.json,
  },
  examples: [
    ['mynah batch jobs.jsonl --out spoken', 'speaks every line that is not spoken yet'],
    ['mynah batch jobs.jsonl --out spoken --redis redis://127.0.0.1:6379', 'shares the jobs with other machines'],
  ],

  async run(args, terminal) {
    const out = args.required('out', 'the folder of the results')
    const redis = args.text('redis')
    const file = redis !== undefined && args.operands.length === 0 ? undefined : args.operand('JOBS.jsonl')
    if (args.text('queue') !== undefined && redis === undefined) throw new UsageError('--queue needs --redis URL')
    const workers = args.number('workers', { least: 1, most: 64, integer: true }) ?? 1
    const jobs = file === undefined ? [] : await readJobs(file)
    await mkdir(out, { recursive: true })
    await using mynah = await openSynthesizer(terminal, { ...args.modelOptions(), workers })
    return await speakAll(jobs, { mynah, out, workers, redis, queue: args.text('queue') ?? 'mynah' }, args, terminal)
  },
}

interface Run {
  readonly mynah: Synthesizer
  readonly out: string
  readonly workers: number
  readonly redis: string | undefined
  readonly queue: string
}

async function speakAll(
  jobs: readonly BatchJob[],
  { mynah, out, workers, redis, queue }: Run,
  args: Arguments,
  terminal: Terminal,
): Promise<boolean> {
  const began = performance.now()
  const counts = { new: 0, before: 0, failed: 0, seconds: 0 }
  const failures: string[] = []
  using progress = createProgress(terminal)
  const speak = async (job: BatchJob): Promise<BatchResult> => {
    const { result, isNew } = await speakJob(job, { synthesizer: mynah, out, signal: terminal.signal })
    counts[isNew ? 'new' : 'before']++
    if (isNew) counts.seconds += result.durationSeconds
    progress.show(
      `${counts.new + counts.before} of ${jobs.length || '?'} jobs, ${counts.seconds.toFixed(0)} s spoken in ${secondsSince(began).toFixed(0)} s`,
    )
    return result
  }
  if (redis === undefined) {
    await forEachOf(jobs, workers, async job => {
      await speak(job).catch(error => {
        terminal.signal.throwIfAborted()
        failures.push(`${job.id}: ${(error as Error).message}`)
      })
    })
    counts.failed = failures.length
  } else {
    const hashOf = (job: BatchJob) => hashJob(job, mynah.bundle.name)
    counts.failed = await workOnQueue(jobs, hashOf, speak, { url: redis, name: queue, atATime: workers, signal: terminal.signal })
  }
  const listed = await writeManifest(jobs, out, mynah.bundle.name)
  const report = {
    out,
    jobs: jobs.length,
    spoken: counts.new,
    spokenBefore: counts.before,
    failed: counts.failed,
    listed,
    audioSeconds: counts.seconds,
    seconds: secondsSince(began),
  }
  if (args.flag('json')) await writeJson(terminal.stdout, report)
  await writeLines(terminal.stderr, [
    ...failures,
    `${out}: ${counts.new} spoken (${counts.seconds.toFixed(1)} s), ${counts.before} there before, ${counts.failed} failed, in ${report.seconds.toFixed(1)} s`,
  ])
  return counts.failed === 0
}

/** Lists what is there of the jobs, in their order. @returns how many */
async function writeManifest(jobs: readonly BatchJob[], out: string, model: string): Promise<number> {
  if (jobs.length === 0) return 0
  const lines: string[] = []
  for (const job of jobs) {
    const result = await findResult(out, job, hashJob(job, model))
    if (result) lines.push(JSON.stringify(result))
  }
  await replaceFile(join(out, 'manifest.jsonl'), path => writeFile(path, lines.map(line => `${line}\n`).join('')))
  return lines.length
}

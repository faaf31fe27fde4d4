import { createHash } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { speedRange } from '@mynah/core'
import { z } from 'zod'
import { replaceFile } from '../outputs.ts'

/** Formats that a job may ask for. */
export const jobFormats = ['wav', 'mp3', 'opus', 'flac', 'pcm'] as const
/** A name for files on every system. */
const idPattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?$/
/** More is a file given by mistake. */
const maxFileBytes = 2 ** 30

const Job = z.strictObject({
  id: z.string().regex(idPattern, 'expected letters, digits, dots, dashes and underscores, at most 128').optional(),
  text: z.string().refine(text => text.trim() !== '', 'is empty, expected what is to be spoken'),
  voice: z.string().min(1).optional(),
  seed: z.number().int().min(0).optional(),
  speed: z.number().min(speedRange[0]).max(speedRange[1]).optional(),
  format: z.enum(jobFormats).optional(),
})

/** A line of the jobs file: what is spoken, and the name of its file. */
export interface BatchJob extends Omit<z.infer<typeof Job>, 'id'> {
  readonly id: string
}

/** What is known of a job that is done: a line of the manifest. */
export interface BatchResult {
  readonly id: string
  /** Name of the audio file. */
  readonly file: string
  readonly bytes: number
  /** Of the job: another text under the same id is another job. */
  readonly job: string
  readonly durationSeconds: number
  readonly sampleRate: number
  readonly words: readonly { readonly text: string; readonly startSeconds: number; readonly endSeconds: number }[]
  readonly warnings: readonly string[]
}

/**
 * Reads a jobs file: a JSON object a line.
 * @throws {RangeError} that names the line, for one that is no job, or an id that comes twice
 */
export async function readJobs(path: string): Promise<BatchJob[]> {
  const { size } = await stat(path)
  if (size > maxFileBytes) throw new RangeError(`${path}: ${size} bytes, expected at most ${maxFileBytes}; split it`)
  const lines = (await readFile(path, 'utf8')).split(/\r?\n/)
  const jobs: BatchJob[] = []
  const places = new Map<string, number>()
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue
    const job = readJob(line, `${path}:${index + 1}`, String(index + 1).padStart(6, '0'))
    const twin = places.get(job.id.toLowerCase()) // one file on systems that do not tell cases apart
    if (twin !== undefined) throw new RangeError(`${path}:${index + 1}: id "${job.id}" is that of line ${twin}, expected another one`)
    places.set(job.id.toLowerCase(), index + 1)
    jobs.push(job)
  }
  if (jobs.length === 0) throw new RangeError(`${path}: no jobs, expected a line such as {"id":"a","text":"Hello."}`)
  return jobs
}

function readJob(line: string, where: string, id: string): BatchJob {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new RangeError(`${where}: no JSON, expected a line such as {"id":"a","text":"Hello."}`)
  }
  const parsed = Job.safeParse(value)
  if (parsed.success) return { id, ...parsed.data, ...(parsed.data.id === undefined ? { id } : {}) } as BatchJob
  const [issue] = parsed.error.issues
  throw new RangeError(`${where}: ${issue!.path.join('.') || 'job'}: ${issue!.message}`)
}

/** What stands for a job and the model that speaks it: if one of them changes, it is spoken anew. */
export function hashJob({ id, ...job }: BatchJob, model: string): string {
  const fields = Object.entries({ ...job, model }).filter(([, value]) => value !== undefined)
  return createHash('sha256')
    .update(JSON.stringify([id, fields.sort(([a], [b]) => (a < b ? -1 : 1))]))
    .digest('hex')
    .slice(0, 32)
}

/** The result of a job, if it was done before as it is now, and its file is whole. */
export async function findResult(out: string, job: BatchJob, hash: string): Promise<BatchResult | undefined> {
  try {
    const result = JSON.parse(await readFile(sidecarOf(out, job.id), 'utf8')) as BatchResult
    const { size } = await stat(join(out, result.file))
    return result.job === hash && result.bytes === size ? result : undefined
  } catch {
    return undefined // never done, or not to its end
  }
}

/** Writes the audio, and then that it is done; a reader sees each whole or not at all. */
export async function writeResult(out: string, result: Omit<BatchResult, 'bytes'>, audio: Uint8Array): Promise<BatchResult> {
  await replaceFile(join(out, result.file), path => writeFile(path, audio))
  const whole = { ...result, bytes: audio.length }
  await replaceFile(sidecarOf(out, result.id), path => writeFile(path, `${JSON.stringify(whole)}\n`))
  return whole
}

const sidecarOf = (out: string, id: string) => join(out, `${id}.json`)

import { encodeAudio, encodedFormats } from '@mynah/audio'
import { type Synthesizer, Voice } from '@mynah/core'
import { defined } from '../arguments.ts'
import { type BatchJob, type BatchResult, findResult, hashJob, writeResult } from './jobs.ts'

/** What speaks the jobs of a batch. */
export interface BatchSpeaker {
  readonly synthesizer: Pick<Synthesizer, 'bundle' | 'synthesize'>
  /** The folder of the results. */
  readonly out: string
  readonly signal: AbortSignal
}

/** Speaks a job and writes its files, or gives what an earlier run wrote. */
export async function speakJob(
  job: BatchJob,
  { synthesizer, out, signal }: BatchSpeaker,
): Promise<{ result: BatchResult; isNew: boolean }> {
  const hash = hashJob(job, synthesizer.bundle.name)
  const found = await findResult(out, job, hash)
  if (found) return { result: found, isNew: false }
  const { id, text, format = 'wav', voice, seed, speed } = job
  const chosen = voice?.endsWith('.safetensors') ? await Voice.load(voice) : voice
  const { audio, sampleRate, durationSeconds, words, warnings } = await synthesizer.synthesize(text, {
    ...defined({ voice: chosen, seed, speed }),
    signal,
  })
  const file = `${id}${encodedFormats[format].ending}`
  const bytes = await encodeAudio(audio, sampleRate, { format })
  return { result: await writeResult(out, { id, file, job: hash, durationSeconds, sampleRate, words, warnings }, bytes), isNew: true }
}

/** Does something with each, a few at a time. The first failure that `work` throws ends it, once those that run have ended. */
export async function forEachOf<T>(values: readonly T[], atATime: number, work: (value: T) => Promise<void>): Promise<void> {
  const waiting = values[Symbol.iterator]()
  const failures: unknown[] = []
  await Promise.all(
    Array.from({ length: atATime }, async () => {
      for (const value of waiting) {
        if (failures.length > 0) return
        await work(value).catch(error => failures.push(error))
      }
    }),
  )
  if (failures.length > 0) throw failures[0]
}

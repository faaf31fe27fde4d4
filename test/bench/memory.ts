import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sourceFlags, startChild } from './child.ts'
import { writeRandomCase } from './layouts.ts'

/** What opening a checkpoint takes. */
export interface MemoryOfLoading {
  readonly checkpointMegabytes: number
  /** Most memory before: Node, tsx and Mynah's code. */
  readonly processMegabytes: number
  readonly peakMegabytes: number
}

/** What decoding in chunks takes. */
export interface MemoryOfStreaming {
  readonly minutes: number
  /** Most memory after the first chunks. */
  readonly warmMegabytes: number
  /** Most memory at the end. */
  readonly peakMegabytes: number
}

/** The largest published vocoder: 450 MB. */
const largest = 'vocoder:bigvgan:24khz_100band'
/** A vocoder that decodes minutes in seconds. */
const quickest = 'vocoder:vocos:mel-24khz'
/** Peak memory by the checkpoint's size, at most. */
const loadingGoal = 2.5
const streamedMinutes = 10

/** Measures both and prints them. @returns a table in Markdown */
export async function benchMemory({ json }: { json: boolean }): Promise<string> {
  const loading = (await measure('load', largest)) as MemoryOfLoading
  const streaming = (await measure('stream', quickest)) as MemoryOfStreaming
  if (json) return `${JSON.stringify({ loading, streaming }, null, 2)}\n`
  const ratio = loading.peakMegabytes / loading.checkpointMegabytes
  const growth = streaming.peakMegabytes - streaming.warmMegabytes
  const goal = ratio <= loadingGoal ? '✓' : `(goal ${loadingGoal}×)`
  return [
    '| what | MB |',
    '| --- | --- |',
    `| process before loading | ${loading.processMegabytes.toFixed(0)} |`,
    `| peak while a checkpoint of ${loading.checkpointMegabytes.toFixed(0)} MB is loaded | ${loading.peakMegabytes.toFixed(0)}: ${ratio.toFixed(2)}× ${goal} |`,
    `| peak after the first chunks of ${streaming.minutes.toFixed(1)} minutes | ${streaming.warmMegabytes.toFixed(0)} |`,
    `| growth of the peak until the last | ${growth.toFixed(0)} |`,
    '',
  ].join('\n')
}

async function measure(what: 'load' | 'stream', id: string): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'mynah-bench-'))
  try {
    writeRandomCase({ id }, folder)
    const script = fileURLToPath(new URL('memory-child.ts', import.meta.url))
    const child = await startChild(process.execPath, [...sourceFlags, script, what, folder, `${streamedMinutes}`])
    await child.end()
    return child.ready
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

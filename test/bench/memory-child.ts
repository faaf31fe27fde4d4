/**
 * Memory of one thing, in a process of its own: `memory-child.ts load|stream FOLDER`. Prints one JSON line.
 * `load`: the most memory that opening the checkpoint takes. `stream`: how far memory grows while minutes of mel are decoded in chunks.
 */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createRuntime, float32Tensor } from '@mynah/onnx'
import { loadVocoder } from '@mynah/vocoder'
import { peakMegabytes } from './child.ts'
import type { Case } from './layouts.ts'
import type { MemoryOfLoading, MemoryOfStreaming } from './memory.ts'

const [what, folder, minutes] = process.argv.slice(2) as ['load' | 'stream', string, string]
const checkpoint = join(folder, 'checkpoint.safetensors')
const { config }: Case = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'))
const before = peakMegabytes()
await using runtime = await createRuntime({ device: 'cpu', threads: 1 })
await using vocoder = await loadVocoder(checkpoint, { config, runtime })

/** Chunks after which whatever grows only once has grown. */
const warmUpChunks = 20

async function stream(): Promise<MemoryOfStreaming> {
  const frames = Math.round((Number(minutes) * 60 * vocoder.sampleRate) / vocoder.hopLength)
  const mel = float32Tensor(new Float32Array(vocoder.featureDim * frames).fill(-3), [vocoder.featureDim, frames])
  let [chunks, samples, warm] = [0, 0, 0]
  for await (const chunk of vocoder.decodeChunks(mel)) {
    samples += chunk.length
    if (++chunks === warmUpChunks) warm = peakMegabytes()
  }
  return { minutes: samples / vocoder.sampleRate / 60, warmMegabytes: warm, peakMegabytes: peakMegabytes() }
}

const loaded = (): MemoryOfLoading => ({
  checkpointMegabytes: statSync(checkpoint).size / 2 ** 20,
  processMegabytes: before,
  peakMegabytes: peakMegabytes(),
})
process.stdout.write(`${JSON.stringify(what === 'load' ? loaded() : await stream())}\n`)

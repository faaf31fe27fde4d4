/**
 * Mynah's side of the side-by-side benchmarks, a process of its own so that its peak memory means something: `mynah-child.ts FOLDER ID THREADS`.
 * Loads the checkpoint in FOLDER, holds its output against the reference's, then runs once for each line on standard input.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AudioCodec, loadCodec } from '@mynah/codec'
import { createRuntime, float32Tensor, type Runtime, type Tensor } from '@mynah/onnx'
import { loadVocoder } from '@mynah/vocoder'
import { countDifferent, largestDifference, withoutBatch } from '../parity/case.ts'
import { answerLines, peakMegabytes, timed } from './child.ts'
import type { Case } from './layouts.ts'

const [folder, id, threads] = process.argv.slice(2) as [string, string, string]
const { config, shapes }: Case = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8'))
const checkpoint = ['checkpoint.pt', 'checkpoint.safetensors'].map(name => join(folder, name)).find(existsSync)!

function bytesOf(name: string): ArrayBuffer {
  const bytes = readFileSync(join(folder, `${name}.raw`))
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
}
const floats = (name: string): Tensor<'float32'> => float32Tensor(new Float32Array(bytesOf(name)), shapes[name]!)
const integers = (name: string): Tensor<'int32'> => ({ dtype: 'int32', shape: shapes[name]!, data: new Int32Array(bytesOf(name)) })

/** One run through the public API, as flat numbers. */
type Run = () => Promise<ArrayLike<number>>

async function openVocoder(runtime: Runtime): Promise<Run> {
  const vocoder = await loadVocoder(checkpoint, { config, runtime })
  const mel = withoutBatch(floats('mel'))
  const options = shapes.noise ? { noise: floats('noise') } : {}
  return () => vocoder.decode(mel, options)
}

async function openCodec(runtime: Runtime, direction: string): Promise<Run> {
  const codec: AudioCodec = await loadCodec(checkpoint, { runtime, ...(config ? { config } : {}) })
  if (direction === 'encode') {
    const wave = floats('wave').data
    const options = codec.name === 'encodec' ? { bandwidthKbps: 6 } : {}
    return async () => (await codec.encode(wave, options)).data
  }
  const codes = integers('codes')
  const noise = Object.keys(shapes).filter(name => name.startsWith('noise'))
  const options = noise.length > 0 ? { noise: noise.map(name => floats(name).data) } : {}
  return async () => (await codec.decode(codes, options)).data
}

await using runtime = await createRuntime({ device: 'cpu', threads: Number(threads) })
const [kind, , variant] = id.split(':')
let run: Run | undefined
const { wall: loadSeconds } = await timed(async () => {
  run = await (kind === 'vocoder' ? openVocoder(runtime) : openCodec(runtime, variant!))
})
/** How far from the reference's: of its peak for audio, of all codes for codes. None where there is no reference. */
function errorOf(output: ArrayLike<number>): number | undefined {
  if (!shapes.output) return undefined
  if (kind === 'codec' && variant === 'encode') return countDifferent(output, integers('output').data) / output.length
  const expected = floats('output').data
  return largestDifference(output, expected) / expected.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0)
}

process.stdout.write(`${JSON.stringify({ error: errorOf(await run!()), loadSeconds })}\n`)
await answerLines(async () => ({ ...(await timed(run!)), peakMegabytes: peakMegabytes() }))

/** One process of `pnpm bench:lm --memory`: `memory.ts CHECKPOINT DTYPE` loads VALL-E X and speaks 40 frames after a prompt of 1 s. Prints the most memory it held, in MB. */
import { readFileSync } from 'node:fs'
import { loadVallE } from '@mynah/lm'
import { createRuntime } from '@mynah/onnx'

const [checkpoint, dtype] = process.argv.slice(2) as [string, 'float32' | 'int8' | 'int4']
const peak = () => (Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024) / 1e6
await using runtime = await createRuntime({ device: 'cpu', threads: 1 })
await using model = await loadVallE(checkpoint, { dtype, runtime })
const loaded = peak()
const prompt = { dtype: 'int32', shape: [8, 75], data: new Int32Array(600).fill(7) } as const
const sampling = { temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1, repetitionAware: false, seed: 0, maxFrames: 40 }
await model.generate({ text: new Int32Array(60).fill(5), promptTextLength: 20, prompt }, sampling)
process.stdout.write(`${loaded.toFixed(0)} ${peak().toFixed(0)}\n`)

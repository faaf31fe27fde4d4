/**
 * Every back-end that training/eval/back_ends.py names, on the same latents: `back-ends.ts FOLDER`. Reads models.json, `{ name: { checkpoint, config? } }`, and latents.safetensors;
 * writes NAME/CLIP.wav and speeds.json.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeWav } from '@mynah/audio'
import { createRuntime, loadWeights, sizeOf, slice, type Tensor } from '@mynah/onnx'
import { exportVocoder, loadVocoder, type MelVocoder } from '@mynah/vocoder'

const [folder] = process.argv.slice(2) as [string]
const models: Record<string, { checkpoint: string; config?: unknown }> = JSON.parse(readFileSync(join(folder, 'models.json'), 'utf8'))
using latents = loadWeights(join(folder, 'latents.safetensors'))
const longest = latents.names.map(name => latents.get(name)).reduce((a, b) => (b.shape[1]! > a.shape[1]! ? b : a))
const rounds = 5
/** Frames of the first chunk that is heard, 0.1 s. */
const firstFrames = 4

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

/** Median milliseconds of a run, after one that warms up. */
async function milliseconds(run: () => Promise<unknown>): Promise<number> {
  await run()
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    await run()
    times.push(performance.now() - began)
  }
  return median(times)
}

async function speeds(vocoder: MelVocoder, features: Tensor<'float32'>) {
  const seconds = vocoder.samplesFor(features.shape[1]!) / vocoder.sampleRate
  const first = slice(features, 0, Math.min(features.shape[1]!, vocoder.contextFrames + firstFrames))
  const beginning = async () => {
    await using stream = vocoder.open()
    if ((await stream.push(first)).length === 0) throw new Error(`${vocoder.name}: no samples of ${first.shape[1]} frames`)
  }
  return {
    realTimeFactor: (await milliseconds(() => vocoder.decode(features))) / 1000 / seconds,
    firstChunk: await milliseconds(beginning),
  }
}

const report: Record<string, object> = {}
for (const [name, { checkpoint, config }] of Object.entries(models)) {
  const options = config === undefined ? {} : { config }
  const { tensors } = exportVocoder(checkpoint, options)
  const megabytes = (2 * Object.values(tensors).reduce((sum, { shape }) => sum + sizeOf(shape), 0)) / 1e6
  const measured: Record<string, unknown> = { megabytes }
  for (const threads of [1, 2]) {
    await using runtime = await createRuntime({ device: 'cpu', threads })
    await using vocoder = await loadVocoder(checkpoint, { ...options, runtime })
    measured[`threads${threads}`] = await speeds(vocoder, slice(longest, 0, Math.min(160, longest.shape[1]!)))
    measured.lookahead = (vocoder.contextFrames * vocoder.hopLength) / vocoder.sampleRate
    if (threads > 1) continue
    mkdirSync(join(folder, name), { recursive: true })
    for (const clip of latents.names) {
      const waveform = await vocoder.decode(latents.get(clip))
      writeFileSync(join(folder, name, `${clip}.wav`), encodeWav([waveform], vocoder.sampleRate, { format: 'float32' }))
    }
  }
  report[name] = measured
}
writeFileSync(join(folder, 'speeds.json'), JSON.stringify(report, null, 1))

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadCodec } from '@mynah/codec'
import { createRuntime, InferenceError, loadWeights, type Provider, type Runtime, type Tensor } from '@mynah/onnx'
import { loadVocoder } from '@mynah/vocoder'
import type { Comparison, Found } from './compared.ts'

/**
 * Runs golden models on the device of `argv[2]` and on the CPU, and prints how far they are apart, as JSON. A process of its own, since the Vulkan driver is named by
 * the environment, and a driver may crash.
 */
const golden = fileURLToPath(new URL('../fixtures/golden/', import.meta.url))
const vocoders = ['hifi-gan/v2', 'bigvgan/v2', 'istftnet/c8c8i', 'vocos-mel/mel-24khz', 'univnet/c4']
const codecs = ['encodec/24khz', 'dac/24khz-like', 'snac/24khz-like']
const notWeights = new Set(['case.json', 'config.json', 'config.yaml', 'config.yml', 'io.safetensors', 'stats.h5'])

const device = process.argv[2] as Provider
process.stdout.write(JSON.stringify(await compare()))

async function compare(): Promise<Found> {
  try {
    await using runtime = await createRuntime({ device, threads: 1 })
    await using cpu = await createRuntime({ device: 'cpu', threads: 1 })
    const comparisons: Comparison[] = []
    for (const folder of vocoders) comparisons.push(...(await compareVocoder(folder, runtime, cpu)))
    for (const folder of codecs) comparisons.push(...(await compareCodec(folder, runtime, cpu)))
    return { comparisons }
  } catch (error) {
    if (error instanceof InferenceError && error.code === 'device-unavailable') return { unavailable: error.message }
    throw error
  }
}

async function compareVocoder(folder: string, runtime: Runtime, cpu: Runtime): Promise<Comparison[]> {
  using io = loadWeights(join(golden, folder, 'io.safetensors'))
  const given = io.get('mel_2')
  const mel = { ...given, shape: given.shape.slice(-2) }
  const options = io.has('noise_2') ? { noise: io.get('noise_2') } : {}
  const [found, expected] = await Promise.all(
    [runtime, cpu].map(async where => {
      await using vocoder = await loadVocoder(checkpointOf(folder), { runtime: where })
      return await vocoder.decode(mel, options)
    }),
  )
  return [difference(`${folder}: audio`, found!, expected!)]
}

/** Both decode the codes that the CPU found: a near tie may fall either way, and is no error. */
async function compareCodec(folder: string, runtime: Runtime, cpu: Runtime): Promise<Comparison[]> {
  using io = loadWeights(join(golden, folder, 'io.safetensors'))
  const given = io.get('audio_in_2')
  const audio: Tensor<'float32'> = { ...given, shape: given.shape.slice(-2) }
  await using codec = await loadCodec(checkpointOf(folder), { runtime })
  await using reference = await loadCodec(checkpointOf(folder), { runtime: cpu })
  const codes = await reference.encode(audio)
  return [
    difference(`${folder}: latents`, (await codec.latents(audio)).data, (await reference.latents(audio)).data),
    difference(`${folder}: audio`, (await codec.decode(codes)).data, (await reference.decode(codes)).data),
  ]
}

function checkpointOf(folder: string): string {
  const path = join(golden, folder)
  return join(path, readdirSync(path).find(name => !notWeights.has(name))!)
}

function difference(what: string, found: ArrayLike<number>, expected: ArrayLike<number>): Comparison {
  let largest = 0
  let peak = 0
  for (let i = 0; i < expected.length; i++) {
    const distance = Math.abs(found[i]! - expected[i]!)
    largest = Math.max(largest, distance) // NaN comes through, and JSON makes null of it
    peak = Math.max(peak, Math.abs(expected[i]!))
  }
  return { what, lengths: [found.length, expected.length], largest, peak }
}

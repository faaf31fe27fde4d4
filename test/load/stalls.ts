/**
 * For how long each call keeps the main thread from everything else. Each call is made three times; the first one also loads and compiles code.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createSynthesizer, type EncodedFormat, encodedFormats, type Synthesizer } from '@mynah/core'
import { LoopWatch, type Row, report, row } from './measure.ts'

/** What no call may exceed, ms of processor time. */
const longestStallMs = 50

const paragraph =
  'Speech is made of small pieces, and each of them is easy. What is hard is to join them so that nobody hears where one ends. The old machines could not; ' +
  'they spoke like beads on a string, and nobody took them for a person. It took twenty years, three kinds of models, and much patience until that changed.'

/** Measures `times` runs of `work`, and prints them. @returns the most processor time between two turns of the event loop, ms */
async function measure(name: string, work: () => unknown, times = 3): Promise<number> {
  const runs: { readonly cpu: number; readonly wall: number }[] = []
  for (let i = 0; i < times; i++) {
    await new Promise(resolve => setTimeout(resolve, 50))
    using watch = new LoopWatch()
    await work()
    await new Promise(resolve => setTimeout(resolve, 20)) // for the last turn to be seen
    runs.push({ cpu: watch.longestCpuMs, wall: watch.longestMs })
  }
  report({ [name]: [runs.map(({ cpu }) => Math.round(cpu)), runs.map(({ wall }) => Math.round(wall))].map(each => each.join(' / ')) })
  return Math.max(...runs.map(({ cpu, wall }) => (Number.isNaN(cpu) ? wall : cpu)))
}

async function read(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

/** Measures every call. @returns a row for the longest */
export async function stalls(): Promise<Row[]> {
  const found: [string, number][] = []
  const add = async (name: string, work: () => unknown, times?: number) => found.push([name, await measure(name, work, times)])
  process.stdout.write('longest turn of the event loop, ms: of the processor, by the clock\n')
  await add('createSynthesizer, dispose', async () => (await createSynthesizer()).dispose())
  await add('createSynthesizer, 2 workers', async () => (await createSynthesizer({ workers: 2 })).dispose())
  await using mynah = await createSynthesizer()
  await add('warmUp', () => mynah.warmUp())
  await callsOf(mynah, add)
  const [name, ms] = found.reduce((worst, each) => (each[1] > worst[1] ? each : worst))
  return [row(`longest stall of a call (${name}), ms`, ms, longestStallMs)]
}

type Add = (name: string, work: () => unknown) => Promise<unknown>

async function callsOf(mynah: Synthesizer, add: Add): Promise<void> {
  const recording = readFileSync(fileURLToPath(new URL('../../examples/recording.opus', import.meta.url)))
  const transcript = 'Only, it is so wonderful, so almost impossible to believe.'
  await add('createVoice', () => mynah.createVoice({ audio: recording, transcript }))
  await add('loadVoice', () => mynah.loadVoice('wren'))
  await add('synthesize, a sentence', () => mynah.synthesize('The quick brown fox jumps over the lazy dog near the river.'))
  await add('synthesize, a paragraph', () => mynah.synthesize(paragraph))
  await add('stream, a paragraph', () => read(mynah.stream(paragraph)))
  const formats = Object.keys(encodedFormats) as EncodedFormat[]
  for (const format of formats) await add(`streamAudio, ${format}`, () => read(mynah.streamAudio(paragraph, { format })))
  const long = await mynah.synthesize(paragraph.repeat(6))
  await add('toWav of 2 minutes', () => long.toWav())
  await add('toPcm16', () => long.toPcm16())
  await add('toMp3', () => long.toMp3())
  for (const format of formats) await add(`speech.stream, ${format}, 48 kHz`, () => read(long.stream({ format, sampleRate: 48000 })))
  const minute = await mynah.synthesize(paragraph.repeat(2))
  const audio = await minute.toMp3()
  await add('createVoice of 45 s, mp3', () => mynah.createVoice({ audio, transcript: paragraph.repeat(2) }))
}

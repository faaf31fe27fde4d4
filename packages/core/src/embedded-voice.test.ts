import { existsSync, readFileSync } from 'node:fs'
import { decodeAudio, resample, toMono } from '@mynah/audio'
import { createRuntime, type Runtime } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadModels } from './bundle/load.ts'
import { openBundle } from './bundle/open.ts'
import type { Models } from './contracts.ts'
import { assembleSynthesizer, type Synthesizer } from './synthesizer.ts'
import { createVocabulary } from './text/vocabulary.ts'
import { timeWords } from './word-times.ts'

/** Clips with the exact duration of each phoneme, in frames of 25 ms; phonemes map one to one to durations, with a boundary at both ends. */
interface Clip {
  readonly audio: string
  readonly phonemes: string
  readonly durations: readonly number[]
  readonly speaker: number
}

const corpus = new URL('../../../../shared/data/synthetic/', import.meta.url)
const isHeldOut = ({ speaker }: Clip) => speaker % 20 === 7 // training/data/corpus.py never trains on these
const clipCount = 12
const sentences = ['The birch canoe slid on the smooth planks.', 'Glue the sheet to the dark blue background, and wait.']

let models: Models
let runtime: Runtime
let mynah: Synthesizer
let symbols: readonly string[]

beforeAll(async () => {
  const bundle = await openBundle()
  if (!('phonemes' in bundle.manifest)) throw new Error('the embedded bundle is of published checkpoints')
  symbols = bundle.manifest.phonemes
  runtime = await createRuntime({ device: 'cpu', threads: 1 })
  models = await loadModels(bundle, runtime)
  mynah = assembleSynthesizer(bundle, [{ models, runtime }])
}, 120_000)

afterAll(() => mynah.dispose())

/** Frames per phoneme, as the aligner of voice creation hears them. */
async function alignWith(samples: Float32Array, phonemes: Int32Array): Promise<Int32Array> {
  const frames = Math.ceil(samples.length / models.codec.samplesPerFrame)
  const padded = new Float32Array(frames * models.codec.samplesPerFrame)
  padded.set(samples)
  const { load, features } = models.aligner!
  return (await (await load()).align(await features(padded), phonemes)).durations
}

/** Runs of symbols that are no space, boundary or punctuation: [start, end) in `phonemes`. */
function wordsIn(phonemes: Int32Array): { text: string; start: number; end: number }[] {
  const isSpoken = (id: number) => !'_;:,.!?"() '.includes(symbols[id]!)
  const words: { text: string; start: number; end: number }[] = []
  phonemes.forEach((id, i) => {
    if (!isSpoken(id)) return
    const last = words.at(-1)
    if (last?.end === i) last.end++
    else words.push({ text: '', start: i, end: i + 1 })
  })
  return words
}

/** Milliseconds between starts and between ends of the same words. */
function errors(found: readonly Times[], expected: readonly Times[]): number[] {
  expect(found.length).toBe(expected.length)
  return found.flatMap((word, i) => [
    1000 * Math.abs(word.startSeconds - expected[i]!.startSeconds),
    1000 * Math.abs(word.endSeconds - expected[i]!.endSeconds),
  ])
}

type Times = { readonly startSeconds: number; readonly endSeconds: number }
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!

describe('word times', () => {
  it.skipIf(!existsSync(corpus))(
    'of held-out speakers are within 40 ms of the exact ones, in the median (skipped without ../shared/data/synthetic)',
    { timeout: 300_000 },
    async () => {
      const lines = readFileSync(new URL('manifest.jsonl', corpus), 'utf8').trim().split('\n')
      const clips = lines.map((line): Clip => JSON.parse(line)).filter(isHeldOut)
      const step = Math.floor(clips.length / clipCount)
      const all: number[] = []
      for (let i = 0; i < clipCount; i++) {
        const clip = clips[i * step]!
        const audio = await decodeAudio(readFileSync(new URL(clip.audio, corpus)))
        const samples = resample(toMono(audio), audio.sampleRate, models.codec.sampleRate)
        const phonemes = Int32Array.of(0, ...createVocabulary(symbols).toIds(clip.phonemes).ids, 0)
        expect(phonemes.length).toBe(clip.durations.length)
        const times = (durations: Int32Array) => timeWords({ words: wordsIn(phonemes) }, durations, frame => frame / models.codec.frameRate)
        all.push(...errors(times(await alignWith(samples, phonemes)), times(Int32Array.from(clip.durations))))
      }
      expect(all.length).toBeGreaterThan(100)
      expect(median(all)).toBeLessThanOrEqual(40)
    },
  )

  it('of synthesized speech are where the aligner hears the words, within 40 ms in the median', { timeout: 300_000 }, async () => {
    const all: number[] = []
    for (const text of sentences) {
      const speech = await mynah.synthesize(text)
      const { phonemes, words } = await models.frontEnd.readTranscript(text)
      const heard = timeWords({ words }, await alignWith(speech.audio, phonemes), frame => frame / models.codec.frameRate)
      all.push(...errors(speech.words, heard))
    }
    expect(median(all)).toBeLessThanOrEqual(40)
  })
})

describe('texts of any length', () => {
  it('speaks one word, and sixty without punctuation, each word once and none longer than people take', { timeout: 300_000 }, async () => {
    const sixty = Array.from({ length: 60 }, (_, i) => ['red', 'boats', 'carry', 'seven', 'heavy', 'stones'][i % 6]!)
    for (const words of [['Yes'], sixty]) {
      const speech = await mynah.synthesize(words.join(' '))
      expect(speech.words.map(word => word.text)).toEqual(words)
      expect(speech.warnings).toEqual([])
      for (const { startSeconds, endSeconds } of speech.words) {
        expect(endSeconds - startSeconds).toBeGreaterThan(0.05)
        expect(endSeconds - startSeconds).toBeLessThan(2)
      }
      expect(speech.durationSeconds).toBeGreaterThan(0.2 * words.length)
      expect(speech.durationSeconds).toBeLessThan(1 + words.length)
    }
  })
})

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { decodeAudio, resample, toMono } from '@mynah/audio'
import type { Expected, Heard } from '@mynah/lm'
import { createRuntime, type Runtime } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadModels } from './bundle/load.ts'
import { openBundle } from './bundle/open.ts'
import type { Models } from './contracts.ts'
import { assembleSynthesizer, type Synthesizer } from './synthesizer.ts'
import { createVocabulary } from './text/vocabulary.ts'
import { Voice } from './voice/voice.ts'
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

/** What the aligner of voice creation hears, and when: of a text that is said for certain, only when. */
async function hearWith(samples: Float32Array, expected?: Expected): Promise<Heard> {
  const frames = Math.ceil(samples.length / models.codec.samplesPerFrame)
  const padded = new Float32Array(frames * models.codec.samplesPerFrame)
  padded.set(samples)
  const { load, features } = models.aligner!
  return (await load()).hear(await features(padded), expected, { exact: true })
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
        const times = (words: ReturnType<typeof wordsIn>, durations: Int32Array) =>
          timeWords({ words }, durations, frame => frame / models.codec.frameRate)
        const heard = await hearWith(samples, { phonemes, words: wordsIn(phonemes) })
        all.push(...errors(times(wordsIn(heard.phonemes), heard.durations), times(wordsIn(phonemes), Int32Array.from(clip.durations))))
      }
      expect(all.length).toBeGreaterThan(100)
      expect(median(all)).toBeLessThanOrEqual(40)
    },
  )

  it('of synthesized speech are where the aligner hears the words, within 40 ms in the median', { timeout: 300_000 }, async () => {
    const all: number[] = []
    for (const text of sentences) {
      const speech = await mynah.synthesize(text)
      const { words, durations } = await hearWith(speech.audio, await models.frontEnd.readTranscript(text))
      const heard = timeWords({ words: words.map(word => ({ ...word, text: '' })) }, durations, frame => frame / models.codec.frameRate)
      all.push(...errors(speech.words, heard))
    }
    expect(median(all)).toBeLessThanOrEqual(40)
  })
})

describe('a voice of a recording', () => {
  const audio = fileURLToPath(new URL('../../../examples/recording.opus', import.meta.url))
  const transcript = 'Only, it is so wonderful, so almost impossible to believe.'
  const speaks = async (voice: Voice) => {
    const { words, durationSeconds } = await mynah.synthesize('I can say anything.', { voice: await Voice.load(voice.toSafetensors()) })
    expect(words.map(word => word.text)).toEqual(['I', 'can', 'say', 'anything'])
    expect(durationSeconds).toBeGreaterThan(0.7)
    expect(durationSeconds).toBeLessThan(4)
  }

  it('alone has most of the sounds of its transcript, and speaks', { timeout: 300_000 }, async () => {
    const voice = await mynah.createVoice({ audio })
    expect(voice.transcription).toBe('heard')
    const { phonemes } = await models.frontEnd.readTranscript(transcript)
    const sounds = (ids: Int32Array) => [...ids].filter(id => !' ,._ˈˌː'.includes(symbols[id]!))
    const [heard, expected] = [sounds(voice.phonemes), sounds(phonemes)]
    expect(commonSubsequence(heard, expected) / expected.length).toBeGreaterThan(0.6)
    expect(heard.length).toBeLessThan(1.3 * expected.length)
    await speaks(voice)
  })

  it('and a transcript with two wrong words and a text that goes on keeps the words that are said', { timeout: 300_000 }, async () => {
    const wrong =
      'Only, it was so banana wonderful, so almost impossible to believe. She left the house at seven and never came back to it.'
    const voice = await mynah.createVoice({ audio, transcript: wrong })
    expect(voice.transcription).toBe('corrected')
    expect(voice.transcript).toMatch(/^Only .*so wonderful so almost impossible to believe$/)
    expect(voice.warnings.join()).toMatch(/corrected by what was heard: .*banana/)
    await speaks(voice)
  })

  it('and the right transcript is as it was given; that of another sentence is refused', { timeout: 300_000 }, async () => {
    expect(await mynah.createVoice({ audio, transcript })).toMatchObject({ transcript, transcription: 'given', warnings: [] })
    const other = 'The quick brown fox jumps over the lazy dog near the river bank.'
    await expect(mynah.createVoice({ audio, transcript: other })).rejects.toMatchObject({ code: 'transcript-mismatch' })
  })
})

/** Length of the longest common subsequence. */
function commonSubsequence(a: readonly number[], b: readonly number[]): number {
  let before: number[] = new Array(b.length + 1).fill(0)
  for (const each of a) {
    const row = [0]
    for (const [j, other] of b.entries()) row.push(each === other ? before[j]! + 1 : Math.max(before[j + 1]!, row[j]!))
    before = row
  }
  return before.at(-1)!
}

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

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createRuntime, loadWeights, type Model, type Runtime, type Tensor, writeModel } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ArFrame } from './ar.ts'
import { schema } from './config.ts'
import { buildClassifier } from './graphs.ts'
import { scorePassage } from './scorer.ts'

// A tiny random scorer and what PyTorch makes of it: training/export/fixtures.py.
const file = (name: string) => fileURLToPath(new URL(`../../../../../test/fixtures/mynah/${name}`, import.meta.url))
const { ar, nar, listener } = JSON.parse(readFileSync(file('config.json'), 'utf8'))
const config = schema.parse({ ar, nar, scorer: listener }).scorer!
const io = loadWeights(file('io.safetensors'))
const codebook = loadWeights(file('codec.safetensors')).get('rvq.codebook', [3, 16, config.nInput]).data
const codes = Array.from((io.raw('first_codes') as Tensor<'int32'>).data)
const phonemes = (io.raw('target_ids') as Tensor<'int32'>).data
const durations = Array.from((io.raw('lasted') as Tensor<'int32'>).data)
const logProbability = (frame: number, phoneme: number) => Math.max(io.get('heard').data[frame * config.symbols + phonemes[phoneme]!]!, -8)

let runtime: Runtime
let model: Model

beforeAll(async () => {
  runtime = await createRuntime({ device: 'cpu', threads: 1 })
  model = await runtime.load(() => writeModel(buildClassifier(loadWeights(file('listener.safetensors')), config)))
})

afterAll(() => runtime.dispose())

const ends = durations.map((_, i) => durations.slice(0, i + 1).reduce((a, b) => a + b))
const frames: ArFrame[] = codes.map((code, t) => ({ code, phoneme: ends.findIndex(end => t < end), endsPhoneme: ends.includes(t + 1) }))
const meanOf = (values: number[]) => values.reduce((a, b) => a + b) / values.length
const perPhoneme = ends.map((end, i) => meanOf(Array.from({ length: durations[i]! }, (_, t) => logProbability(end - durations[i]! + t, i))))
const worst = (from: number) => {
  const ended = perPhoneme.filter((_, i) => ends[i]! > from).sort((a, b) => a - b)
  return meanOf(ended.slice(0, Math.min(3, Math.ceil(ended.length / 3))))
}

describe('scorePassage', () => {
  it('is the mean of the worst third of the phonemes, as PyTorch hears them, and of three at most', async () => {
    expect(new Set(perPhoneme).size).toBe(phonemes.length)
    expect(await scorePassage(model, config, codebook, phonemes, frames, 0)).toBeCloseTo(worst(0), 4)
  })

  it('leaves out phonemes that ended before the passage, and one that has not ended', async () => {
    const from = ends[1]!
    expect(await scorePassage(model, config, codebook, phonemes, frames, from)).toBeCloseTo(worst(from), 4)
    const going = frames.map(frame => ({ ...frame, endsPhoneme: false, phoneme: 2 }))
    const expected = meanOf(going.map((_, t) => logProbability(t, 2)))
    expect(await scorePassage(model, config, codebook, phonemes, going, 0)).toBeCloseTo(expected, 4)
  })
})

import { float32Tensor, type Model, type State } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { generateFirstCodes } from './ar.ts'

const config = { symbols: 8, dim: 4, heads: 1, encoderLayers: 1, layers: 1, latentDim: 2, codebookSize: 16, maxAge: 32 }
const targetPhonemes = 5

/** An AR model that always predicts the same code, and the same logit for moving on to the next phoneme. */
function createConstantModel(advance: number): Model {
  const nothing = async () => undefined
  const state: State = { dispose: nothing, [Symbol.asyncDispose]: nothing }
  return {
    name: 'constant',
    inputs: [],
    outputs: [],
    run: async () => ({
      logits: float32Tensor(new Float32Array(config.codebookSize).fill(1, 3, 4), [config.codebookSize]),
      advance: float32Tensor([advance], [1]),
    }),
    createState: async () => state,
    dispose: nothing,
    [Symbol.asyncDispose]: nothing,
  }
}

async function generate(advance: number, options: { speed?: number; maxFrames?: number } = {}) {
  const promptDurations = Int32Array.of(3, 2)
  const frames = generateFirstCodes(createConstantModel(advance), config, {
    encoding: float32Tensor(new Float32Array((promptDurations.length + targetPhonemes) * config.dim), [7, config.dim]),
    promptDurations,
    promptLatents: new Float32Array(5 * config.latentDim),
    codebook: new Float32Array(config.codebookSize * config.latentDim),
    sampling: { temperature: 0, topK: 0, topP: 1, repetitionPenalty: 1 },
    seed: 0,
    speed: options.speed ?? 1,
    maxFrames: options.maxFrames ?? 1600,
  })
  const codes: number[] = []
  const ends: number[] = []
  for await (const { code, endsPhoneme } of frames) {
    codes.push(code)
    if (endsPhoneme) ends.push(codes.length)
  }
  return { codes, durations: ends.map((end, i) => end - (ends[i - 1] ?? 0)) }
}

describe('generateFirstCodes', () => {
  it('ends even if the model never moves on: each phoneme after 60 frames', async () => {
    const { codes, durations } = await generate(-100)
    expect(durations).toEqual(Array(targetPhonemes).fill(60))
    expect(codes).toEqual(Array(targetPhonemes * 60).fill(3))
  })

  it('speaks every phoneme once, for a frame at least, even if the model always moves on', async () => {
    const { codes, durations } = await generate(100)
    expect(durations).toEqual(Array(targetPhonemes).fill(1))
    expect(codes.length).toBe(targetPhonemes)
  })

  it('ends a phoneme at the median of its predicted duration, earlier at a higher speed', async () => {
    const hazard = 0.1 // of every frame: half of the phonemes last 7 frames or more
    const logit = Math.log(hazard / (1 - hazard))
    expect((await generate(logit)).durations[0]).toBe(Math.ceil(Math.log(0.5) / Math.log(1 - hazard)))
    expect((await generate(logit, { speed: 2 })).durations[0]).toBe(Math.ceil(Math.log(0.5) / Math.log(1 - hazard) / 2))
  })

  it('stops at maxFrames, within a phoneme if need be', async () => {
    const { codes, durations } = await generate(-100, { maxFrames: 70 })
    expect(durations).toEqual([60])
    expect(codes.length).toBe(70)
  })
})

import {
  createRandom,
  createRuntime,
  createWeights,
  float32Tensor,
  type Model,
  type Runtime,
  type State,
  sizeOf,
  writeModel,
} from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sample } from '../../sampling.ts'
import { type ArModels, type ArRequest, generateFirstCodes } from './ar.ts'
import { buildArPassage, buildArPrefill, passageSlots, prefillSlots } from './ar-graphs.ts'

const config = { symbols: 8, dim: 4, heads: 1, encoderLayers: 1, layers: 1, latentDim: 2, codebookSize: 16, maxAge: 32 }
const targetPhonemes = 5
const { dim, latentDim, codebookSize } = config

let runtime: Runtime

beforeAll(async () => {
  runtime = await createRuntime({ device: 'cpu', threads: 1 })
})

afterAll(() => runtime.dispose())

interface ConstantModels extends ArModels {
  /** States that are not disposed of. */
  states: number
}

/** An AR model that always predicts these logits (code 3 by default), and the same logit for moving on to the next phoneme. */
async function createConstantModel(
  advance: number,
  logits = Float32Array.from({ length: codebookSize }, (_, i) => (i === 3 ? 1 : 0)),
): Promise<ConstantModels> {
  const shapes: Record<string, number[]> = {
    'from_code.weight': [dim, latentDim],
    'kind.weight': [3, dim],
    'age.weight': [config.maxAge, dim],
    'blocks.0.qkv.weight': [3 * dim, dim],
    'blocks.0.out.weight': [dim, dim],
    'blocks.0.linear1.weight': [4 * dim, dim],
    'blocks.0.linear2.weight': [dim, 4 * dim],
    'to_vector.weight': [latentDim, dim],
    'to_advance.weight': [1, dim],
    'scorer.log_scale': [1],
  }
  for (const layer of Object.keys(shapes).filter(name => name.startsWith('blocks.') || /^(from_code|to_vector)/.test(name))) {
    shapes[layer.replace('weight', 'bias')] = [shapes[layer]![0]!]
  }
  for (const norm of ['blocks.0.norm1', 'blocks.0.norm2', 'norm']) for (const part of ['weight', 'bias']) shapes[`${norm}.${part}`] = [dim]
  const zeros = Object.entries(shapes).map(([name, shape]) => [name, float32Tensor(new Float32Array(sizeOf(shape)), shape)])
  const weights = createWeights({
    ...Object.fromEntries(zeros),
    'to_advance.bias': float32Tensor([advance], [1]),
    'scorer.bias': float32Tensor(logits, [1, codebookSize]),
  })
  const codebook = new Float32Array(codebookSize * latentDim)
  const passage = await runtime.load(() => writeModel(buildArPassage(weights, config, codebook, 'float32')), {
    state: passageSlots(config),
  })
  const models: ConstantModels = {
    states: 0,
    prefill: await runtime.load(() => writeModel(buildArPrefill(weights, config, codebook, 'float32')), {
      state: prefillSlots(config),
    }),
    passage: Object.assign(Object.create(passage) as Model, {
      run: passage.run.bind(passage),
      createState: async (...given: Parameters<Model['createState']>) => counted(await passage.createState(...given)),
    }),
  }
  function counted(state: State): State {
    models.states++
    const { fork, dispose } = state
    return Object.assign(state, {
      fork: async () => counted(await fork.call(state)),
      dispose: async () => {
        models.states--
        await dispose.call(state)
      },
    })
  }
  return models
}

async function generate(models: ArModels, options: Partial<ArRequest> = {}, target = targetPhonemes) {
  const promptDurations = Int32Array.of(3, 2)
  const frames = generateFirstCodes(models, config, {
    encoding: float32Tensor(new Float32Array((promptDurations.length + target) * dim), [promptDurations.length + target, dim]),
    promptDurations,
    promptLatents: new Float32Array(5 * latentDim),
    sampling: { temperature: 0, topK: 0, topP: 1, repetitionPenalty: 1 },
    seed: 0,
    maxFrames: 1600,
    ...options,
  })
  const codes: number[] = []
  const phonemes: number[] = []
  const ends: number[] = []
  for await (const { code, phoneme, endsPhoneme } of frames) {
    codes.push(code)
    phonemes.push(phoneme)
    if (endsPhoneme) ends.push(codes.length)
  }
  return { codes, phonemes, durations: ends.map((end, i) => end - (ends[i - 1] ?? 0)) }
}

const anything = { temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1 }

describe('generateFirstCodes', () => {
  it('ends even if the model never moves on: each phoneme after 60 frames', async () => {
    const { codes, phonemes, durations } = await generate(await createConstantModel(-100))
    expect(durations).toEqual(Array(targetPhonemes).fill(60))
    expect(codes).toEqual(Array(targetPhonemes * 60).fill(3))
    expect(phonemes).toEqual(Array.from({ length: targetPhonemes * 60 }, (_, i) => Math.floor(i / 60)))
  })

  it('speaks every phoneme once, for a frame at least, even if the model always moves on', async () => {
    const { codes, durations } = await generate(await createConstantModel(100))
    expect(durations).toEqual(Array(targetPhonemes).fill(1))
    expect(codes.length).toBe(targetPhonemes)
  })

  it('ends a phoneme at the median of its predicted duration', async () => {
    const hazard = 0.1 // of every frame: half of the phonemes last 7 frames or more
    const models = await createConstantModel(Math.log(hazard / (1 - hazard)))
    const median = Math.log(0.5) / Math.log(1 - hazard)
    expect((await generate(models)).durations[0]).toBe(Math.ceil(median))
  })

  it('stops at maxFrames, within a phoneme if need be', async () => {
    const { codes, durations } = await generate(await createConstantModel(-100), { maxFrames: 70 })
    expect(durations).toEqual([60])
    expect(codes.length).toBe(70)
  })

  it.each([
    { temperature: 0, topK: 0, topP: 1, repetitionPenalty: 4 },
    anything,
    { temperature: 0.7, topK: 5, topP: 1, repetitionPenalty: 1 },
    { temperature: 1.5, topK: 30, topP: 0.6, repetitionPenalty: 1.3 },
  ])('draws as `sample` does: %o', async sampling => {
    const random = createRandom(5)
    const logits = Float32Array.from({ length: codebookSize }, () => 4 * random.uniform() - 2)
    const { codes } = await generate(await createConstantModel(-100, logits), { seed: 7, sampling })
    const draws = createRandom(7)
    const expected: number[] = []
    // greedy decoding draws no number
    while (expected.length < codes.length) expected.push(sample(logits, sampling, draws, expected.slice(-10)))
    expect(codes).toEqual(expected)
    expect(new Set(codes).size).toBeGreaterThan(1)
  })

  it('keeps the best candidate of every passage, and no state', async () => {
    const models = await createConstantModel(-100, new Float32Array(codebookSize))
    const tried: { from: number; codes: number[]; score: number }[] = []
    const score = async (frames: readonly { code: number }[], from: number) => {
      const codes = frames.slice(from).map(({ code }) => code)
      tried.push({ from, codes, score: -codes[0]! - 1 })
      return tried.at(-1)!.score
    }
    const { codes } = await generate(models, { sampling: anything, scoring: { candidates: 5, clear: 0, score } })
    expect(models.states).toBe(0)
    const starts = [...new Set(tried.map(({ from }) => from))]
    expect(starts.slice(0, 3)).toEqual([0, 10, 26])
    expect(tried.length).toBe(10 * starts.length)
    for (const start of starts) {
      const candidates = tried.filter(({ from }) => from === start)
      const best = candidates.reduce((a, b) => (b.score > a.score ? b : a))
      expect(codes.slice(start, start + best.codes.length)).toEqual(best.codes)
      expect(new Set(candidates.map(each => each.codes.join())).size).toBe(10)
    }
  })

  it('is content with a clear candidate, and speaks the same as without scoring', async () => {
    let asked = 0
    const score = async () => {
      asked++
      return 1
    }
    const models = await createConstantModel(-100, new Float32Array(codebookSize))
    const scored = await generate(models, { sampling: anything, scoring: { candidates: 5, clear: 0.5, score } })
    expect(scored).toEqual(await generate(models, { sampling: anything }))
    expect(asked).toBe(Math.ceil(scored.codes.length / 26) + 1)
  })

  it('tries twice as many candidates of a short text', async () => {
    const models = await createConstantModel(-100, new Float32Array(codebookSize))
    const candidatesOf = async (target: number) => {
      const tried = new Map<number, number>()
      const score = async (_: unknown, from: number) => {
        tried.set(from, (tried.get(from) ?? 0) + 1)
        return -1
      }
      const scoring = { candidates: 3, clear: 0, score }
      await generate(models, { sampling: anything, maxFrames: 80, scoring }, target)
      return [...tried]
    }
    expect(await candidatesOf(40)).toEqual([
      [0, 3],
      [10, 3],
      [26, 3],
      [52, 3],
      [78, 3],
    ])
    expect(await candidatesOf(20)).toEqual([
      [0, 6],
      [10, 6],
      [26, 6],
      [52, 6],
      [78, 6],
    ])
  })

  it('draws each further candidate at a higher temperature', async () => {
    const models = await createConstantModel(-100)
    const first: number[] = []
    const score = async (frames: readonly { code: number }[], from: number) => {
      if (from === 26) first.push(frames.slice(from).filter(({ code }) => code === 3).length)
      return -1
    }
    const sampling = { temperature: 0.12, topK: 0, topP: 1, repetitionPenalty: 1 }
    await generate(models, { sampling, maxFrames: 52, scoring: { candidates: 8, clear: 0, score } })
    expect(first.length).toBe(16)
    expect(first[0]).toBeGreaterThan(20) // of 26: the likeliest code, as it is at that temperature
    expect(first.at(-1)).toBeLessThan(13)
  })

  it('stops at maxFrames and after the last phoneme in every candidate', async () => {
    const scoring = { candidates: 3, clear: 0, score: async () => -1 }
    expect((await generate(await createConstantModel(-100), { maxFrames: 70, scoring })).codes.length).toBe(70)
    expect((await generate(await createConstantModel(100), { scoring })).durations).toEqual(Array(targetPhonemes).fill(1))
  })

  it('leaves no state when scoring fails', async () => {
    const models = await createConstantModel(-100)
    const score = async () => {
      throw new Error('no score')
    }
    await expect(generate(models, { scoring: { candidates: 2, clear: 0, score } })).rejects.toThrow('no score')
    expect(models.states).toBe(0)
  })
})

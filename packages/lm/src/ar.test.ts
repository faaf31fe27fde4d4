import { float32Tensor, type Model, type State } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { generateFirstCodes, type Listening } from './ar.ts'

const config = { symbols: 8, dim: 4, heads: 1, encoderLayers: 1, layers: 1, latentDim: 2, codebookSize: 16, maxAge: 32 }
const targetPhonemes = 5

/** An AR model that always predicts the same code (or all alike), and the same logit for moving on to the next phoneme. Counts its states. */
function createConstantModel(advance: number, { certain = true } = {}): Model & { states: number } {
  const nothing = async () => undefined
  const createState = async (): Promise<State> => {
    model.states++
    const dispose = async () => {
      model.states--
    }
    return { fork: createState, dispose, [Symbol.asyncDispose]: dispose }
  }
  const model = {
    states: 0,
    name: 'constant',
    inputs: [],
    outputs: [],
    run: async () => ({
      logits: float32Tensor(new Float32Array(config.codebookSize).fill(certain ? 1 : 0, 3, 4), [config.codebookSize]),
      advance: float32Tensor([advance], [1]),
    }),
    createState,
    dispose: nothing,
    [Symbol.asyncDispose]: nothing,
  }
  return model
}

async function generate(
  advance: number,
  options: { speed?: number; maxFrames?: number; listening?: Listening; model?: Model; temperature?: number } = {},
) {
  const promptDurations = Int32Array.of(3, 2)
  const model = options.model ?? createConstantModel(advance)
  const frames = generateFirstCodes({ step: model, merge: model }, config, {
    encoding: float32Tensor(new Float32Array((promptDurations.length + targetPhonemes) * config.dim), [7, config.dim]),
    promptDurations,
    promptLatents: new Float32Array(5 * config.latentDim),
    codebook: new Float32Array(config.codebookSize * config.latentDim),
    sampling: { temperature: options.temperature ?? 0, topK: 0, topP: 1, repetitionPenalty: 1 },
    seed: 0,
    speed: options.speed ?? 1,
    maxFrames: options.maxFrames ?? 1600,
    ...(options.listening ? { listening: options.listening } : {}),
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

  const always = (value: number) => ({ clear: 0, score: async () => value })

  it('keeps the best take of every passage, and no state', async () => {
    const model = createConstantModel(-100, { certain: false })
    const heard: { from: number; codes: number[]; score: number }[] = []
    const score: Listening['score'] = async (frames, from) => {
      const codes = frames.slice(from).map(({ code }) => code)
      heard.push({ from, codes, score: -codes[0]! - 1 })
      return heard.at(-1)!.score
    }
    const { codes } = await generate(-100, { model, temperature: 1, listening: { takes: 5, clear: 0, score } })
    expect(model.states).toBe(0)
    const starts = [...new Set(heard.map(({ from }) => from))]
    expect(heard.length).toBe(5 * starts.length)
    for (const start of starts) {
      const takes = heard.filter(({ from }) => from === start)
      const best = takes.reduce((a, b) => (b.score > a.score ? b : a))
      expect(codes.slice(start, start + best.codes.length)).toEqual(best.codes)
      expect(new Set(takes.map(take => take.codes.join())).size).toBe(5)
    }
  })

  it('is content with a clear take, and speaks the same as without listening', async () => {
    let asked = 0
    const score = async () => {
      asked++
      return 1
    }
    const model = () => createConstantModel(-100, { certain: false })
    const listened = await generate(-100, { model: model(), temperature: 1, listening: { takes: 5, clear: 0.5, score } })
    expect(listened).toEqual(await generate(-100, { model: model(), temperature: 1 }))
    expect(asked).toBe(Math.ceil(listened.codes.length / 26))
  })

  it('stops at maxFrames and after the last phoneme in every take', async () => {
    expect((await generate(-100, { maxFrames: 70, listening: { takes: 3, ...always(-1) } })).codes.length).toBe(70)
    expect((await generate(100, { listening: { takes: 3, ...always(-1) } })).durations).toEqual(Array(targetPhonemes).fill(1))
  })

  it('leaves no state when listening fails', async () => {
    const model = createConstantModel(-100)
    const score = async () => {
      throw new Error('deaf')
    }
    await expect(generate(-100, { model, listening: { takes: 2, clear: 0, score } })).rejects.toThrow('deaf')
    expect(model.states).toBe(0)
  })
})

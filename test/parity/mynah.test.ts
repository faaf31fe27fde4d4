import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadMynahCodec, type MynahCodec } from '@mynah/codec'
import { exactCosts, type Generated, hear, loadAligner, loadLanguageModel, withSilence } from '@mynah/lm'
import { concat, createRuntime, loadWeights, type Runtime, slice, type Tensor, type Weights } from '@mynah/onnx'
import { loadVocoder } from '@mynah/vocoder'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { largestDifference } from './case.ts'

// Tiny random models and what PyTorch makes of them: training/export/fixtures.py.
const file = (name: string) => fileURLToPath(new URL(`../fixtures/mynah/${name}`, import.meta.url))
const { listener: scorer, ...others } = JSON.parse(readFileSync(file('config.json'), 'utf8'))
const config = { ...others, scorer }
const parts = {
  ar: file('ar.safetensors'),
  nar: file('nar.safetensors'),
  codec: file('codec.safetensors'),
  scorer: file('listener.safetensors'),
}

let runtime: Runtime
let io: Weights
let codec: MynahCodec

const int32 = (name: string) => io.raw(name) as Tensor<'int32'>
const collect = async (generated: AsyncIterable<Generated>) => {
  const chunks: Generated[] = []
  for await (const chunk of generated) chunks.push(chunk)
  return chunks
}

beforeAll(async () => {
  runtime = await createRuntime({ device: 'cpu', threads: 1 })
  io = loadWeights(file('io.safetensors'))
  codec = await loadMynahCodec(file('codec.safetensors'), config.codec, runtime)
})

afterAll(() => runtime[Symbol.asyncDispose]())

describe("Mynah's models against PyTorch", async () => {
  it('computes the features of training/data/corpus.py', async () => {
    const features = await codec.features(io.get('wave').data)
    expect(features.shape).toEqual(io.shape('features'))
    expect(largestDifference(features.data, io.get('features').data)).toBeLessThan(1e-3) // ln near the floor amplifies the FFT's rounding
  })

  it('encodes the reference codes and sums their codewords', async () => {
    const codes = await codec.encode(io.get('wave').data)
    expect(Array.from(codes.data)).toEqual(Array.from(int32('codes').data))
    expect(largestDifference(codec.toFeatures(codes).data, io.get('latents').data)).toBeLessThan(1e-5)
  })

  it('decodes latents to the reference waveform', async () => {
    await using decoder = await loadVocoder(file('vocoder.safetensors'), { config: config.vocoder, runtime })
    const waveform = await decoder.decode(io.get('latents'))
    expect(waveform.length).toBe(decoder.samplesFor(io.shape('latents')[1]!))
    expect(largestDifference(waveform, io.get('waveform').data)).toBeLessThan(1e-4)
  })

  it('decodes chunks that join in phase', async () => {
    await using decoder = await loadVocoder(file('vocoder.safetensors'), { config: config.vocoder, runtime })
    const [latents, frames] = [io.get('latents'), io.shape('latents')[1]!]
    const whole = await decoder.decode(latents)
    await using stream = decoder.open()
    const joined: number[] = []
    for (const [from, to] of [
      [0, 18],
      [18, 19],
      [19, frames],
    ] as const)
      joined.push(...(await stream.push(slice(latents, from, to), to === frames)))
    expect(joined).toHaveLength(whole.length)
    expect(largestDifference(Float32Array.from(joined), whole)).toBeLessThan(1e-4)
    const anew = (await decoder.decode(slice(latents, 1, frames))).slice(decoder.samplesFor(11))
    expect(largestDifference(anew, whole.slice(decoder.samplesFor(12)))).toBeGreaterThan(1e-2) // without what the earlier chunks left
  })

  it('generates the reference codes, durations and latents greedily', async () => {
    await using lm = await loadLanguageModel(parts, { config, runtime })
    const prompt = { phonemes: int32('prompt_ids').data, durations: int32('prompt_durations').data, codes: int32('codes') }
    const chunks = await collect(lm.generate(int32('target_ids').data, { prompt, temperature: 0 }))
    const last = chunks.at(-1)!
    expect(last.stopped).toBe('end')
    expect(Array.from(last.durations)).toEqual(Array.from(int32('lasted').data))
    expect(largestDifference(concat(chunks.map(chunk => chunk.latents)).data, io.get('refined').data)).toBeLessThan(1e-4)
  })

  it('draws the same latents for the same seed, others for another', async () => {
    await using lm = await loadLanguageModel(parts, { config, runtime })
    const prompt = { phonemes: int32('prompt_ids').data, durations: int32('prompt_durations').data, codes: int32('codes') }
    const speak = (seed: number) => collect(lm.generate(int32('target_ids').data, { prompt, temperature: 2, topK: 0, candidates: 3, seed }))
    const [a, b, c] = [await speak(1), await speak(1), await speak(2)]
    expect(a).toEqual(b)
    expect(a).not.toEqual(c)
  })

  it('classifies frames as the reference aligner does', async () => {
    const pauses = { silent: [0, 1], space: 1, comma: 2 }
    await using aligner = await loadAligner(file('aligner.safetensors'), config.aligner, runtime, pauses)
    const phonemes = int32('target_ids').data
    const expected = { phonemes, words: [{ start: 1, end: phonemes.length - 1 }] }
    const { symbols } = config.aligner
    const reference = withSilence(io.get('log_probs').data, symbols, io.get('features'), pauses)
    const heard = hear(reference, new Float32Array(symbols ** 2), pauses, expected, exactCosts)
    const { words, ...path } = await aligner.hear(io.get('features'), expected, { exact: true })
    expect(path).toEqual({ phonemes: heard.phonemes, durations: heard.durations })
    expect(words[0]!.certainty).toBeCloseTo(heard.words[0]!.certainty, 4)
  })
})

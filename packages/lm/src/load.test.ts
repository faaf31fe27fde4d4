import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRuntime, float32Tensor, type Runtime, type Tensor, threadUrl, writeSafetensors } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { architectures } from './architectures/index.ts'
import type { Generated } from './language-model.ts'
import { loadLanguageModel, loadLanguageModelOf } from './load.ts'
import { toy } from './toy.fixture.ts'

const toyBuilder = threadUrl('toy.fixture', import.meta.url)

const prompt = {
  phonemes: Int32Array.of(0),
  durations: Int32Array.of(1),
  codes: { dtype: 'int32', shape: [1, 1], data: Int32Array.of(0) },
} as const

let runtime: Runtime
let folder: string
let checkpoint: string

beforeAll(async () => {
  runtime = await createRuntime({ device: 'cpu', threads: 1 })
  folder = mkdtempSync(join(tmpdir(), 'mynah-lm-'))
  checkpoint = join(folder, 'toy.safetensors')
  writeSafetensors(checkpoint, { 'toy.weight': float32Tensor([0, 1, 10, 11, 20, 21], [3, 2]) })
})
afterAll(async () => {
  await runtime.dispose()
  rmSync(folder, { recursive: true })
})

describe('a language model that is added to the list', () => {
  it('is recognized, and speaks through the contract', async () => {
    await using lm = await loadLanguageModelOf([...architectures, toy], toyBuilder, checkpoint, { config: { frames: 2 }, runtime })
    expect(lm).toMatchObject({ name: 'toy', codebooks: 1, codebookSize: 3, symbols: 3 })
    const chunks: Generated[] = []
    for await (const chunk of lm.generate(Int32Array.of(2, 1), { prompt })) chunks.push(chunk)
    expect(chunks).toEqual([
      { latents: float32Tensor([20, 20, 10, 10, 21, 21, 11, 11], [2, 4]), durations: Int32Array.of(2, 2), stopped: 'end' },
    ])
  })

  it('gets its errors from the contract: a config that is missing, a tensor that it does not read', async () => {
    const load = (path: string, config?: unknown) => loadLanguageModelOf([...architectures, toy], toyBuilder, path, { config, runtime })
    await expect(load(checkpoint)).rejects.toMatchObject({ code: 'missing-config' })
    const other = join(folder, 'other.safetensors')
    writeSafetensors(other, { 'toy.weight': float32Tensor([0], [1, 1]), extra: float32Tensor([0], [1]) })
    await expect(load(other, { frames: 1 })).rejects.toMatchObject({ code: 'unexpected-tensor' })
  })
})

describe('loadLanguageModel', () => {
  it('names the models that it knows, for a checkpoint of another', async () => {
    await expect(loadLanguageModel(checkpoint, { runtime })).rejects.toThrow(/none of mynah, vall-e/)
  })

  it('reads a model of several files, and says which file lacks a tensor', async () => {
    const path = (name: string, tensors: Record<string, Tensor>) => {
      writeSafetensors(join(folder, name), tensors)
      return join(folder, name)
    }
    const table = float32Tensor([1, 2], [2, 1])
    const part = path('part.safetensors', { weight: table })
    await using lm = await loadLanguageModelOf([toy], toyBuilder, { toy: part }, { config: { frames: 1 }, runtime })
    expect(lm.symbols).toBe(2)
    await expect(loadLanguageModelOf([toy], toyBuilder, { toys: part }, { config: { frames: 1 }, runtime })).rejects.toThrow(/none of toy/)
  })
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CheckpointError, createRuntime, loadWeights, type Runtime, type Tensor, writeSafetensors } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadVallE } from './load.ts'
import type { VallE, VallERequest } from './model.ts'

const golden = fileURLToPath(new URL('../../../../../test/fixtures/golden/vall-e', import.meta.url))
const checkpoint = join(golden, 'prenet-bos/epoch-1.pt')
const prompt = (frames: number): Tensor<'int32'> => ({ dtype: 'int32', shape: [4, frames], data: new Int32Array(4 * frames).fill(3) })
const request: VallERequest = { text: Int32Array.of(1, 5, 6, 7, 2), promptTextLength: 2, prompt: prompt(3) }
const options = { temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1, seed: 1 }

let runtime: Runtime
let model: VallE
let folder: string

beforeAll(async () => {
  runtime = await createRuntime({ device: 'cpu', threads: 1 })
  model = await loadVallE(checkpoint, { runtime })
  folder = mkdtempSync(join(tmpdir(), 'mynah-vall-e-'))
})
afterAll(async () => {
  await runtime.dispose()
  rmSync(folder, { recursive: true })
})

/** A copy of the checkpoint with other tensors, and with a config beside it. */
function change(name: string, edit: (tensors: Record<string, Tensor>) => void): string {
  const tensors: Record<string, Tensor> = {}
  using weights = loadWeights(checkpoint)
  for (const each of weights.names) tensors[each] = weights.raw(each)
  edit(tensors)
  const path = join(folder, `${name}.safetensors`)
  writeSafetensors(path, tensors)
  return path
}

describe('loadVallE', () => {
  it('reads sizes from shapes, and the rest from what the trainer kept beside the weights', () => {
    expect(model.config).toEqual({
      name: 'vall-e',
      ar: { dim: 16, heads: 4, layers: 2 },
      nar: { dim: 16, heads: 4, layers: 2 },
      textTokens: 24,
      audioTokens: 20,
      codebooks: 4,
      languages: 0,
      prependBos: true,
      normFirst: true,
      prenet: true,
      prefixMode: 0,
    })
  })

  it.each([
    ['missing-tensor', (tensors: Record<string, Tensor>) => delete tensors['nar_decoder.layers.1.linear2.bias']],
    [
      'shape-mismatch',
      (tensors: Record<string, Tensor>) => Object.assign(tensors, { 'ar_decoder.norm.weight': tensors['ar_text_position.alpha'] }),
    ],
    [
      'unexpected-tensor',
      (tensors: Record<string, Tensor>) =>
        Object.assign(tensors, { 'ar_decoder.layers.0.multihead_attn.bias': tensors['ar_text_position.alpha'] }),
    ],
    ['unknown-architecture', (tensors: Record<string, Tensor>) => delete tensors['ar_audio_embedding.word_embeddings.weight']],
  ])('refuses a checkpoint with %s', async (code, edit) => {
    const path = change(code, edit)
    await expect(loadVallE(path, { runtime, config: { nhead: 4 } })).rejects.toMatchObject({ name: 'CheckpointError', code })
  })

  it('needs the number of heads, and checks a config against the weights', async () => {
    const path = change('bare', () => undefined)
    await expect(loadVallE(path, { runtime })).rejects.toMatchObject({ code: 'missing-config' })
    await expect(loadVallE(path, { runtime, config: { nhead: 4, d_model: 32 } })).rejects.toMatchObject({ code: 'config-mismatch' })
    await expect(loadVallE(path, { runtime, config: { nhead: 5 } })).rejects.toMatchObject({ code: 'config-mismatch' })
    await expect(loadVallE(path, { runtime, config: { nhead: 'four' } })).rejects.toBeInstanceOf(CheckpointError)
    await using found = await loadVallE(path, { runtime, config: { nhead: 2, prefix_mode: 4 } })
    expect(found.config).toMatchObject({ prefixMode: 4, ar: { heads: 2 } })
  })

  it('reads config.json beside the checkpoint', async () => {
    const path = change('beside', () => undefined)
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ nhead: 8, prefix_mode: 1 }))
    await using found = await loadVallE(path, { runtime })
    expect(found.config).toMatchObject({ prefixMode: 1, ar: { heads: 8 } })
    rmSync(join(folder, 'config.json'))
  })
})

describe('VallE', () => {
  it('draws the same codes for the same seed, others for another, within the codebooks', async () => {
    const speak = async (seed: number) => (await model.generate(request, { ...options, seed, maxFrames: 12 })).codes
    const [a, b, c] = [await speak(1), await speak(1), await speak(2)]
    expect(a).toEqual(b)
    expect(a.data).not.toEqual(c.data)
    expect(a.shape[0]).toBe(4)
    expect(a.data.every(code => code >= 0 && code < 20)).toBe(true)
  })

  it('gives every frame to the caller, and stops at maxFrames', async () => {
    const seen: number[] = []
    const { codes, stopped } = await model.generate(request, { ...options, maxFrames: 4, onFrame: frames => seen.push(frames) })
    expect(seen).toEqual(Array.from({ length: codes.shape[1]! }, (_, i) => i + 1))
    expect(codes.shape[1]).toBeGreaterThan(0)
    expect(stopped).toBe(codes.shape[1] === 4 ? 'length' : 'end')
  })

  it('computes the same logits with the prompt in chunks, and in 8 bits nearly the same', async () => {
    const logits = async (each: VallE, chunkFrames?: number) => {
      await using decoding = await each.prefill({ ...request, prompt: prompt(7) }, chunkFrames === undefined ? {} : { chunkFrames })
      await decoding.advance(5)
      return decoding.logits
    }
    const [whole, chunked] = [await logits(model), await logits(model, 3)]
    for (const [i, value] of whole.entries()) expect(chunked[i]).toBeCloseTo(value, 4)
    await using small = await loadVallE(checkpoint, { runtime, dtype: 'int8' })
    const quantized = await logits(small)
    const spread = Math.max(...whole) - Math.min(...whole)
    const error = Math.max(...whole.map((value, i) => Math.abs(value - quantized[i]!)))
    expect(error).toBeGreaterThan(0)
    expect(error / spread).toBeLessThan(0.1)
  })

  it('speaks without a prompt where the checkpoint has a beginning code, and says so where it has none', async () => {
    const alone: VallERequest = { text: Int32Array.of(1, 5, 2), promptTextLength: 0, prompt: prompt(0) }
    expect((await model.generate(alone, { ...options, maxFrames: 2 })).codes.shape[0]).toBe(4)
    await using other = await loadVallE(join(golden, 'one-codebook/epoch-1.pt'), { runtime })
    const none = { ...alone, prompt: { dtype: 'int32' as const, shape: [1, 0], data: new Int32Array(0) } }
    await expect(other.generate(none, options)).rejects.toThrow(/no frames/)
  })

  it.each([
    ['no text', { ...request, text: new Int32Array(0), promptTextLength: 0 }, /no text/],
    ['an id outside the table', { ...request, text: Int32Array.of(24), promptTextLength: 0 }, /text id 24/],
    ['a transcript longer than the text', { ...request, promptTextLength: 6 }, /promptTextLength is 6/],
    [
      'another number of codebooks',
      { ...request, prompt: { dtype: 'int32', shape: [3, 4], data: new Int32Array(12) } },
      /\[3, 4\], expected \[4, T\]/,
    ],
    ['a code outside the codebook', { ...request, prompt: { ...prompt(3), data: new Int32Array(12).fill(20) } }, /code 20/],
    ['languages for a model without', { ...request, languages: Int32Array.of(0, 0, 0, 0, 1) }, /languages/],
  ])('refuses %s', async (_, wrong, message) => {
    await expect(model.generate(wrong as VallERequest, options)).rejects.toThrow(RangeError)
    await expect(model.generate(wrong as VallERequest, options)).rejects.toThrow(message)
  })
})

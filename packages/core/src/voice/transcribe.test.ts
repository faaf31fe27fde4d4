import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { InferenceError } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { transcribe, transcribeWith } from './transcribe.ts'

const audio = {
  samples: Float32Array.from({ length: 48000 }, (_, i) => 0.2 * Math.sin(i / 20) * Math.abs(Math.sin(i / 2000))),
  sampleRate: 24000,
}
const codeOf = (error: unknown) => (InferenceError.isInstance(error) ? error.code : error)
const says = (result: unknown) => ({ pipeline: async () => async () => result })

describe('transcribe', () => {
  it('is an optional peer, so that nothing of it is installed unless asked for', () => {
    const read = (path: string) => JSON.parse(readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8'))
    const { dependencies, peerDependencies, peerDependenciesMeta } = read('../../package.json')
    expect(peerDependencies['@huggingface/transformers']).toBeDefined()
    expect(peerDependenciesMeta['@huggingface/transformers']).toEqual({ optional: true })
    expect(dependencies['@huggingface/transformers']).toBeUndefined()
    const lock = readFileSync(fileURLToPath(new URL('../../../../pnpm-lock.yaml', import.meta.url)), 'utf8')
    expect(lock).not.toMatch(/^ {2}'?(sharp|@huggingface\/transformers)@/m)
  })

  it('names the package to install where it is missing', async () => {
    const error = await transcribe(audio).catch(error => error)
    expect(codeOf(error)).toBe('missing-package')
    expect(error.message).toContain('npm install @huggingface/transformers')
  })

  it('gives the model 16 kHz and returns its text', async () => {
    const seen: unknown[] = []
    const pipeline = async (...args: unknown[]) => {
      seen.push(...args)
      const recognize = async (samples: Float32Array, options: unknown) => {
        seen.push(samples.length, options)
        return { text: ' hello there ' }
      }
      return Object.assign(recognize, { dispose: async () => seen.push('disposed') })
    }
    expect(await transcribeWith({ pipeline }, audio, { model: 'some/model' })).toBe('hello there')
    expect(seen).toEqual(['automatic-speech-recognition', 'some/model', expect.closeTo(32000, -3), { chunk_length_s: 30 }, 'disposed'])
  })

  it('reports a model that fails or hears nothing', async () => {
    const broken = { pipeline: () => Promise.reject(new Error('401')) }
    for (const transformers of [broken, says({ text: ' ' }), says(undefined), says([])]) {
      expect(codeOf(await transcribeWith(transformers, audio, {}).catch(error => error))).toBe('transcription-failed')
    }
  })
})

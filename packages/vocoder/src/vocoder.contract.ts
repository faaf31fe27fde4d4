import { fileURLToPath } from 'node:url'
import { concat, createRuntime, loadWeights, type Runtime, slice, type Tensor, type Weights } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LoadVocoderOptions, loadVocoder } from './load.ts'
import type { MelVocoder } from './vocoder.ts'

/** One golden case, run through every law of `MelVocoder`. */
export interface VocoderCase {
  /** Architecture that must be detected. */
  readonly name: string
  /** Folder below test/fixtures/golden. */
  readonly golden: string
  /** Checkpoint in that folder. */
  readonly checkpoint: string
  /** Largest absolute error on audio. */
  readonly tolerance: number
  /** Name in io.safetensors of what `mel` is called elsewhere, e.g. `features`. */
  readonly input?: string
  /** Options of `loadVocoder`. */
  readonly options?: Omit<LoadVocoderOptions, 'runtime'>
}

/** Path of a file below test/fixtures/golden. */
export function goldenFile(path: string): string {
  return fileURLToPath(new URL(`../../../test/fixtures/golden/${path}`, import.meta.url))
}

/** Largest absolute difference; infinite if the lengths differ. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!)
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
  }
  return largest
}

/** [1, C, T] → [C, T]. */
export function withoutBatch(tensor: Tensor<'float32'>): Tensor<'float32'> {
  return tensor.shape[0] === 1 && tensor.shape.length === 3 ? { ...tensor, shape: tensor.shape.slice(1) } : tensor
}

/** Everything that holds for a vocoder loaded from a published checkpoint. */
export function describeVocoderCase({ name, golden, checkpoint, tolerance, input = 'mel', options = {} }: VocoderCase): void {
  describe(`${name} (${golden})`, () => {
    let runtime: Runtime
    let vocoder: MelVocoder
    let io: Weights
    const inputs = (suffix: string) => {
      const noise = ['noise', 'z'].map(key => `${key}${suffix}`).find(key => io.has(key))
      return { mel: withoutBatch(io.get(`${input}${suffix}`)), decodeOptions: noise ? { noise: io.get(noise) } : {} }
    }

    beforeAll(async () => {
      runtime = await createRuntime({ device: 'cpu', threads: 1 })
      io = loadWeights(goldenFile(`${golden}/io.safetensors`))
      vocoder = await loadVocoder(goldenFile(`${golden}/${checkpoint}`), { ...options, runtime })
    })
    afterAll(async () => {
      io.close()
      await runtime.dispose()
    })

    it('is detected from its checkpoint and config', () => {
      expect(vocoder.name).toBe(name)
    })

    it(`decodes every input to the reference audio within ${tolerance}`, async () => {
      const suffixes = io.names.filter(key => /^audio(_\d+)?$/.test(key)).map(key => key.slice('audio'.length))
      expect(suffixes.length).toBeGreaterThan(0)
      for (const suffix of suffixes) {
        const { mel, decodeOptions } = inputs(suffix)
        const audio = await vocoder.decode(mel, decodeOptions)
        expect(largestDifference(audio, io.get(`audio${suffix}`).data)).toBeLessThanOrEqual(tolerance)
      }
    })

    it('makes samplesFor(T) samples of T frames', async () => {
      const { mel, decodeOptions } = inputs('')
      const audio = await vocoder.decode(mel, decodeOptions)
      expect(audio.length).toBe(vocoder.samplesFor(mel.shape[1]!))
    })

    it('decodes chunks that join into the whole', async () => {
      const { mel } = inputs('')
      const repeats = Math.ceil((2 * vocoder.contextFrames + 9) / mel.shape[1]!)
      const long = repeat(mel, repeats)
      const whole = await vocoder.decode(long, { seed: 3 })
      const pieces: number[] = []
      for await (const piece of vocoder.decodeChunks(long, { seed: 3, chunkFrames: 7 })) pieces.push(...piece)
      expect(largestDifference(pieces, whole)).toBeLessThanOrEqual(1e-4)
    })

    it('decodes a stream into what it decodes the whole, whatever arrives at once, without waiting for it', async () => {
      const { mel } = inputs('')
      const frames = 2 * vocoder.contextFrames + 9
      const long = slice(repeat(mel, Math.ceil(frames / mel.shape[1]!)), 0, frames)
      const whole = await vocoder.decode(long, { seed: 3 })
      for (const cuts of [
        [0, frames],
        [0, 1, 1, vocoder.contextFrames + 3, frames - 1, frames],
        [0, frames, frames],
      ]) {
        await using stream = vocoder.open({ seed: 3 })
        const pushes = cuts.slice(1).map((end, i) => stream.push(slice(long, cuts[i]!, end), i === cuts.length - 2))
        const chunks = await Promise.all(pushes)
        expect(
          largestDifference(
            chunks.flatMap(chunk => [...chunk]),
            whole,
          ),
        ).toBeLessThanOrEqual(1e-4)
        await expect(stream.push(long)).rejects.toThrow(/has ended/)
      }
      await expect(vocoder.open().push(slice(long, 0, 0), true)).rejects.toThrow(/no frames/)
      const stream = vocoder.open({ signal: AbortSignal.abort(new Error('enough')) })
      await expect(stream.push(long, true)).rejects.toThrow('enough')
    })

    it('decodes a mel that arrives in pieces, empty ones and all, as it decodes the whole', async () => {
      const { mel } = inputs('')
      const frames = mel.shape[1]!
      const pieces: number[] = []
      const arriving = (async function* () {
        for (const [from, to] of [
          [0, 0],
          [0, 3],
          [3, frames - 1],
          [frames - 1, frames],
        ] as const)
          yield slice(mel, from, to)
      })()
      for await (const piece of vocoder.decodeChunks(arriving, { seed: 5, chunkFrames: 4 })) pieces.push(...piece)
      expect(largestDifference(pieces, await vocoder.decode(mel, { seed: 5 }))).toBeLessThanOrEqual(1e-4)
      await expect(vocoder.decodeChunks([]).next()).rejects.toThrow(/no frames/)
    })

    it('reports a front-end whose mel it decodes', async () => {
      if (!vocoder.melConfig) {
        expect(() => vocoder.mel(new Float32Array(20000))).toThrow(TypeError)
        return
      }
      expect(vocoder.melConfig.sampleRate).toBe(vocoder.sampleRate)
      const wave = Float32Array.from({ length: vocoder.sampleRate / 4 }, (_, i) => 0.3 * Math.sin(i * 0.05))
      const mel = vocoder.mel(wave)
      expect(mel.shape[0]).toBe(vocoder.featureDim)
      const audio = await vocoder.decode(mel)
      expect(audio.every(value => Number.isFinite(value))).toBe(true)
    })

    it('refuses a wrong channel count, no frames, numbers that are not finite, and noise of a wrong size', async () => {
      const { mel } = inputs('')
      const [channels, frames] = mel.shape as [number, number]
      const wider = { ...mel, shape: [channels + 1, frames], data: new Float32Array((channels + 1) * frames) }
      await expect(vocoder.decode(wider)).rejects.toThrow(/expected \[\d+, T\]/)
      await expect(vocoder.decode({ ...mel, shape: [channels, 0], data: new Float32Array(0) })).rejects.toThrow(RangeError)
      for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const data = mel.data.slice()
        data[1] = wrong
        await expect(vocoder.decode({ ...mel, data })).rejects.toThrow(/finite/)
      }
      const noise = { ...mel, shape: [1, 1, 3], data: new Float32Array(3) }
      await expect(vocoder.decode(mel, { noise })).rejects.toThrow(vocoder.noiseShape(frames) ? RangeError : TypeError)
    })

    it('stops when the signal is aborted', async () => {
      const { mel } = inputs('')
      await expect(vocoder.decode(mel, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
    })
  })
}

function repeat(mel: Tensor<'float32'>, times: number): Tensor<'float32'> {
  return concat(Array.from({ length: times }, () => mel))
}

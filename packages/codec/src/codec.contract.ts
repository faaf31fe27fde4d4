import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRuntime, loadWeights, type Runtime, type Tensor, type Weights } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AudioCodec } from './codec.ts'
import { loadCodec } from './load.ts'

/** What a golden case is and how its tensors map onto runs of the codec. */
export interface GoldenCase {
  /** Folder below `test/fixtures/golden` (or, outside the repository, `shared/golden`). */
  readonly folder: string
  /** Input tensor → the runs that start from it. */
  readonly runs: readonly GoldenRun[]
}

/** One encode and decode. */
export interface GoldenRun {
  readonly input: string
  readonly latents?: string
  readonly bandwidthKbps?: number
  /** Keeps the codes of the first codebooks, where the reference was asked for a number of codebooks. */
  readonly codebooks?: number
  /** One tensor, or one per codebook where they have their own rates. */
  readonly codes: string | readonly string[]
  readonly audio: string
}

/** Max absolute error of audio and latents against PyTorch: float32 summation order; the references' own float32 error is below 1e-5. */
export const tolerance = 1e-4

/** Starting a worker from source compiles it, which on a busy machine outlasts vitest's default. */
export const startPatienceMs = 300_000

/** Largest absolute difference; infinite if lengths differ. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!)
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
  }
  return largest
}

/** Path of a case, in the repository or beside it; undefined if neither has it. */
export function goldenFolder(folder: string): string | undefined {
  const places = ['../../../test/fixtures/golden', '../../../../shared/golden'].map(place => fileURLToPath(new URL(place, import.meta.url)))
  return places.map(place => join(place, folder)).find(path => existsSync(path))
}

/** The one file of a case that holds weights. */
export function checkpointOf(folder: string): string {
  return join(folder, readdirSync(folder).find(name => /\.(th|pth|bin|pt)$/.test(name) || name === 'model.safetensors')!)
}

/** What every codec must do, on a golden case of its reference implementation. */
export function describeCodec({ folder, runs }: GoldenCase): void {
  const path = goldenFolder(folder)
  describe.skipIf(!path)(`codec ${folder}${path ? '' : ' (not in this clone, and ../shared/golden is absent)'}`, () => {
    let runtime: Runtime
    let codec: AudioCodec
    let io: Weights
    beforeAll(async () => {
      runtime = await createRuntime({ device: 'cpu', threads: 1 })
      codec = await loadCodec(checkpointOf(path!), { runtime })
      io = loadWeights(join(path!, 'io.safetensors'))
    }, startPatienceMs)
    afterAll(async () => {
      await codec?.[Symbol.asyncDispose]()
      await runtime?.dispose()
    })
    const audio = (name: string): Tensor<'float32'> => {
      const tensor = io.get(name)
      return { ...tensor, shape: tensor.shape.slice(-2) }
    }

    it.each(runs)('gives the reference tokens and waveform: $input → $codes → $audio', async run => {
      const all = await codec.encode(audio(run.input), run.bandwidthKbps === undefined ? {} : { bandwidthKbps: run.bandwidthKbps })
      const frames = all.shape[1]!
      const codes: Tensor<'int32'> = run.codebooks
        ? { dtype: 'int32', shape: [run.codebooks, frames], data: all.data.subarray(0, run.codebooks * frames) }
        : all
      if (run.latents)
        expect(largestDifference((await codec.latents(audio(run.input))).data, io.get(run.latents).data)).toBeLessThan(tolerance)
      const expected = typeof run.codes === 'string' ? Array.from(io.raw(run.codes).data, Number) : repeated(io, run.codes, frames)
      expect(Array.from(codes.data)).toEqual(expected)
      const decoded = await codec.decode(codes)
      expect(decoded.shape).toEqual(io.shape(run.audio).slice(-2))
      expect(largestDifference(decoded.data, io.get(run.audio).data)).toBeLessThan(tolerance)
    })

    it('decodes fewer codebooks than it has, and features add up over codebooks', async () => {
      const codes = await codec.encode(audio(runs[0]!.input))
      const frames = codes.shape[1]!
      const one: Tensor<'int32'> = { dtype: 'int32', shape: [1, frames], data: codes.data.slice(0, frames) }
      expect(codec.toFeatures(one).shape).toEqual([codec.latentDim, frames])
      // What one codebook adds does not depend on the others.
      const silent = new Int32Array(codec.codebooks * frames)
      const featuresOf = (data: Int32Array) => codec.toFeatures({ dtype: 'int32', shape: [codec.codebooks, frames], data }).data
      const base = featuresOf(silent)
      const sum = base.slice()
      for (let k = 0; k < codec.codebooks; k++) {
        const alone = silent.slice()
        alone.set(codes.data.subarray(k * frames, (k + 1) * frames), k * frames)
        for (const [i, value] of featuresOf(alone).entries()) sum[i]! += value - base[i]!
      }
      const whole = codec.toFeatures(codes).data
      expect(largestDifference(sum, whole)).toBeLessThan(1e-5 * Math.max(1, ...whole.map(Math.abs)))
      expect(largestDifference(base, whole)).toBeGreaterThan(1e-3)
      expect((await codec.decode(one, { samples: 100 })).shape).toEqual([codec.channels, 100])
    })

    it('refuses codes that it cannot decode', async () => {
      const codes = (data: number[], shape: number[]): Tensor<'int32'> => ({ dtype: 'int32', shape, data: Int32Array.from(data) })
      await expect(codec.decode(codes([codec.codebookSize], [1, 1]))).rejects.toThrow(/outside \[0, \d+\)/)
      await expect(codec.decode(codes([-1], [1, 1]))).rejects.toThrow(RangeError)
      await expect(codec.decode(codes([], [1, 0]))).rejects.toThrow(RangeError)
      await expect(codec.decode(codes([0, 0, 0], [2, 2]))).rejects.toThrow(/codes are \[2, 2\]/) // codebooks of unequal length
      await expect(codec.decode(codes([0, 0], [2]))).rejects.toThrow(RangeError)
      await expect(codec.decodeSegments([])).rejects.toThrow(RangeError)
      await expect(codec.decode(codes(Array(codec.codebooks + 1).fill(0), [codec.codebooks + 1, 1]))).rejects.toThrow(
        /expected \[1 … \d+, T\]/,
      )
      expect(() => codec.toFeatures(codes([codec.codebookSize], [1, 1]))).toThrow(RangeError)
    })

    it('refuses audio that it cannot encode', async () => {
      await expect(codec.encode(new Float32Array(0))).rejects.toThrow(RangeError)
      await expect(codec.encode(Float32Array.of(0, Number.NaN))).rejects.toThrow(/sample 1 is NaN/)
      await expect(codec.encode(new Float32Array(4000), { bandwidthKbps: 0.0001 })).rejects.toThrow(
        /bandwidthKbps is 0.0001, expected one of/,
      )
      await expect(codec.encode({ dtype: 'float32', shape: [5, 1000], data: new Float32Array(5000) })).rejects.toThrow(/5 channels/)
    })

    it('stops when the signal is aborted', async () => {
      await expect(codec.encode(audio(runs[0]!.input), { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
    })
  })
}

/** Codes of codebooks with their own rates, repeated to the finest. */
function repeated(io: Weights, names: readonly string[], frames: number): number[] {
  return names.flatMap(name => {
    const codes = Array.from(io.raw(name).data, Number)
    return Array.from({ length: frames }, (_, t) => codes[Math.floor((t * codes.length) / frames)]!)
  })
}

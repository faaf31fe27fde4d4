import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom, createRuntime, float32Tensor, GraphBuilder, readConfigFile, readHdf5 } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readStatistics } from '../kan-bayashi.ts'
import { describeVocoder } from '../load.ts'
import { describeVocoderCase, goldenFile, largestDifference } from '../vocoder.contract.ts'
import { stretchAndConvolve } from './parallel-wavegan.ts'

describeVocoderCase({
  name: 'parallel-wavegan',
  golden: 'parallel-wavegan/v1',
  checkpoint: 'checkpoint-400000steps.pkl',
  input: 'mel_normalized',
  tolerance: 2.9e-5,
})

describe('parallel-wavegan', () => {
  const stats = goldenFile('parallel-wavegan/v1/stats.h5')
  const config = readConfigFile(goldenFile('parallel-wavegan/v1/config.yml')) as Record<string, unknown>
  let folder: string
  let checkpoint: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mynah-pwg-'))
    checkpoint = join(folder, 'checkpoint.pkl')
    copyFileSync(goldenFile('parallel-wavegan/v1/checkpoint-400000steps.pkl'), checkpoint)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('normalizes its mel by the statistics beside the checkpoint, or those that are named', () => {
    const { mean, scale } = readHdf5(stats)
    const beside = describeVocoder(goldenFile('parallel-wavegan/v1/checkpoint-400000steps.pkl')).description.mel!.normalize!
    expect(Array.from(beside.mean)).toEqual(Array.from(mean!.data))
    expect(Array.from(beside.scale)).toEqual(Array.from(scale!.data))
    expect(describeVocoder(checkpoint, { config, stats }).description.mel!.normalize).toEqual(beside)
  })

  it('warns where there are no statistics', () => {
    const { mel, warnings } = describeVocoder(checkpoint, { config }).description
    expect(mel!.normalize).toBeUndefined()
    expect(warnings![0]).toMatch(/stats\.h5/)
  })

  it('reads statistics from a .npy of two rows, and refuses another number of bands or a scale of zero', () => {
    const npy = (rows: readonly (readonly number[])[]) => {
      const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows.length}, ${rows[0]!.length}), }`.padEnd(117).concat('\n')
      const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0])
      const path = join(folder, 'other.npy')
      writeFileSync(path, Buffer.concat([prefix, Buffer.from(header), Buffer.from(Float32Array.from(rows.flat()).buffer)]))
      return path
    }
    expect(
      readStatistics(
        npy([
          [1, 2, 3],
          [4, 5, 6],
        ]),
        3,
      ),
    ).toEqual({ mean: Float64Array.of(1, 2, 3), scale: Float64Array.of(4, 5, 6) })
    expect(() =>
      readStatistics(
        npy([
          [1, 2, 3],
          [4, 5, 6],
        ]),
        4,
      ),
    ).toThrow(/3 means and 3 scales, expected 4/)
    expect(() => readStatistics(npy([[1, 2, 3]]), 3)).toThrow(/no means/)
    expect(() =>
      readStatistics(
        npy([
          [1, 2],
          [4, 0],
        ]),
        2,
      ),
    ).toThrow(/band 1 has mean 2 and scale 0/)
  })

  it('refuses a config that contradicts itself or the tensors', () => {
    const generator = config.generator_params as Record<string, unknown>
    const withGenerator = (fields: Record<string, unknown>) => ({ ...config, generator_params: { ...generator, ...fields } })
    expect(() => describeVocoder(checkpoint, { config: { ...config, hop_size: 300 } })).toThrow(/upsample_scales must be hop_size/)
    expect(() => describeVocoder(checkpoint, { config: withGenerator({ aux_channels: 80 }) })).toThrow(/aux_channels/)
    expect(() => describeVocoder(checkpoint, { config: { ...config, generator_type: 'StyleMelGANGenerator' } })).toThrow(/generator_type/)
  })

  it('upsamples as stretching and then convolving does, for any scale, kernel height, and causality', async () => {
    await using runtime = await createRuntime({ device: 'cpu', threads: 1 })
    const random = createRandom(5)
    const [bands, frames] = [6, 7]
    for (const [scale, height, causal] of [
      [4, 1, false],
      [3, 1, true],
      [5, 3, false],
      [2, 5, true],
      [1, 1, false],
    ] as const) {
      const width = 2 * scale + 1
      const draw = (shape: number[]) =>
        float32Tensor(
          Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
          shape,
        )
      const [image, kernel] = [draw([1, 1, bands, frames]), draw([1, 1, height, width])]
      const graph = new GraphBuilder('upsampling')
      const x = graph.input('x', 'float32', [1, 1, bands, 'T'])
      graph.output('y', stretchAndConvolve(graph, x, kernel, scale, causal))
      const model = await runtime.load(graph.build())
      const { y } = await model.run({ x: image })
      const stretched = (band: number, sample: number) =>
        band < 0 || band >= bands || sample < 0 || sample >= frames * scale ? 0 : image.data[band * frames + Math.floor(sample / scale)]!
      const expected = Array.from({ length: bands * frames * scale }, (_, i) => {
        const [band, sample] = [Math.floor(i / (frames * scale)), i % (frames * scale)]
        const first = sample - (causal ? 2 * scale : scale)
        return kernel.data.reduce((sum, weight, at) => {
          const [row, tap] = [Math.floor(at / width), at % width]
          return sum + weight * stretched(band + row - (height - 1) / 2, first + tap)
        }, 0)
      })
      expect(y!.shape).toEqual([1, 1, bands, frames * scale])
      expect(largestDifference(y!.data as Float32Array, expected)).toBeLessThan(1e-5)
    }
  })
})

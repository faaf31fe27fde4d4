import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { float32Tensor, loadWeights, type Tensor, writeSafetensors } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeVocoder, loadVocoder } from '../load.ts'
import { describeVocoderCase, goldenFile, largestDifference, withoutBatch } from '../vocoder.contract.ts'

describeVocoderCase({ name: 'melgan', golden: 'melgan/descript', checkpoint: 'multi_speaker.pt', tolerance: 1e-5 })
describeVocoderCase({ name: 'melgan', golden: 'melgan/kan-bayashi', checkpoint: 'checkpoint-4000steps.pkl', tolerance: 1e-5 })

const published = goldenFile('melgan/descript/multi_speaker.pt')
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mynah-melgan-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function tensorsOf(rename: (name: string) => string): Record<string, Tensor> {
  using weights = loadWeights(published)
  return Object.fromEntries(weights.names.map(name => [rename(name), weights.get(name)]))
}

describe('MelGAN', () => {
  it('needs no config, as the published files have none, and says what it assumes', () => {
    const path = join(folder, 'alone.safetensors')
    writeSafetensors(
      path,
      tensorsOf(name => `model.${name}`),
    )
    const { description } = describeVocoder(path)
    expect(description).toMatchObject({ sampleRate: 22050, hopLength: 256, featureDim: 80 })
    expect(description.warnings).toEqual([expect.stringContaining('22050 Hz')])
  })

  it('asks for the four frames that its reflection padding needs', async () => {
    await using vocoder = await loadVocoder(published)
    expect(vocoder.minFrames).toBe(4)
    await expect(vocoder.decode(float32Tensor(new Float32Array(80 * 3), [80, 3]))).rejects.toThrow(/at least 4/)
    expect(await vocoder.decode(float32Tensor(new Float32Array(80 * 4), [80, 4]))).toHaveLength(1024)
  })

  it('refuses an args.yml that contradicts the tensors', () => {
    expect(() => describeVocoder(published, { config: { n_mel_channels: 100 } })).toThrow(/n_mel_channels 100.* has 80/)
  })

  // The two layouts are the same network under other names: the reference of one is the reference of the other.
  it("decodes kan-bayashi's layout, with its statistics in the front-end", async () => {
    const path = join(folder, 'checkpoint-400000steps.safetensors')
    const mean = float32Tensor(new Float32Array(80).fill(-2), [80])
    const scale = float32Tensor(new Float32Array(80).fill(0.5), [80])
    const renamed = tensorsOf(name => `melgan.${name.replace('.block.', '.stack.').replace('.shortcut.', '.skip_layer.')}`)
    writeSafetensors(path, { ...renamed, mean, scale })
    const config = {
      sampling_rate: 22050,
      fft_size: 1024,
      hop_size: 256,
      win_length: null,
      window: 'hann',
      num_mels: 80,
      fmin: 80,
      fmax: 7600,
      generator_type: 'MelGANGenerator',
      generator_params: { upsample_scales: [8, 8, 2, 2], stacks: 3, use_final_nonlinear_activation: true },
    }
    await using vocoder = await loadVocoder(path, { config })
    expect(vocoder.melConfig).toMatchObject({ fMin: 80, fMax: 7600, log: 'log10', floor: 1e-10, padding: 'center' })
    expect(Array.from(vocoder.melConfig!.normalize!.mean)).toEqual(Array(80).fill(-2))
    using io = loadWeights(goldenFile('melgan/descript/io.safetensors'))
    expect(largestDifference(await vocoder.decode(withoutBatch(io.get('mel'))), io.get('audio').data)).toBeLessThan(1e-5)
    const multiBand = { ...config, generator_params: { out_channels: 4 } }
    expect(() => describeVocoder(path, { config: multiBand })).toThrow(/filterbank/)
  })
})

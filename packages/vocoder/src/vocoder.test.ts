import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CheckpointError, createRandom, float32Tensor, loadWeights, sizeOf, type Tensor, writeSafetensors } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeVocoder, exportVocoder, loadVocoder } from './load.ts'
import { goldenFile } from './vocoder.contract.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mynah-vocoder-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const v1 = goldenFile('hifi-gan/v1/g_00001000')
const v1Config = () => JSON.parse(readFileSync(goldenFile('hifi-gan/v1/config.json'), 'utf8')) as Record<string, unknown>

/** One published layout of each architecture. */
const published = [
  { checkpoint: 'melgan/descript/multi_speaker.pt', config: 'melgan/descript/args.yml' },
  { checkpoint: 'hifi-gan/v1/g_00001000', config: 'hifi-gan/v1/config.json' },
  { checkpoint: 'fre-gan/v1/g_00001000', config: 'fre-gan/v1/config.json' },
  { checkpoint: 'bigvgan/v2/bigvgan_generator.pt', config: 'bigvgan/v2/config.json' },
  { checkpoint: 'istftnet/c8c8i/g_00001000', config: 'istftnet/c8c8i/config.json' },
  { checkpoint: 'parallel-wavegan/v1/checkpoint-400000steps.pkl', config: 'parallel-wavegan/v1/config.yml' },
  { checkpoint: 'univnet/c4/univ_c4_0003.pt', config: 'univnet/c4/config.yaml' },
  { checkpoint: 'vocos-mel/mel-24khz/pytorch_model.bin', config: 'vocos-mel/mel-24khz/config.yaml' },
  { checkpoint: 'vocos-encodec/encodec-24khz/pytorch_model.bin', config: 'vocos-encodec/encodec-24khz/config.yaml' },
  { checkpoint: 'wavenet/tiny/wavenet_00000000.pt', config: 'wavenet/tiny/config.json' },
]

/** Everything that loading does before ONNX Runtime sees the graph. */
function build(checkpoint: string, config?: unknown) {
  return exportVocoder(checkpoint, { config }).model
}

function failure(run: () => unknown): CheckpointError {
  try {
    run()
  } catch (error) {
    if (error instanceof CheckpointError) return error
    throw error
  }
  throw new Error('expected a CheckpointError')
}

/** Writes tensors of V1 with changes as safetensors; undefined leaves one out. */
function changed(name: string, changes: Record<string, Tensor | undefined>): string {
  using weights = loadWeights(v1)
  const tensors = { ...Object.fromEntries(weights.names.map(key => [key, weights.get(key)])), ...changes }
  const path = join(folder, name)
  writeSafetensors(path, Object.fromEntries(Object.entries(tensors).filter((entry): entry is [string, Tensor] => entry[1] !== undefined)))
  return path
}

const zeros = (shape: readonly number[]) => float32Tensor(new Float32Array(sizeOf(shape)), shape)

describe('loadVocoder', () => {
  it('reports what the published config says', () => {
    const { architecture, description } = describeVocoder(v1)
    expect(architecture.name).toBe('hifi-gan')
    expect(description).toMatchObject({ sampleRate: 22050, hopLength: 256, featureDim: 80, warnings: [] })
    expect(description.mel).toMatchObject({ nFft: 1024, winLength: 1024, fMin: 0, fMax: 8000, scale: 'slaney', log: 'ln', padding: 'same' })
    expect(description.samplesFor?.(7)).toBe(7 * 256)
  })

  it('names the missing config and how to pass one', () => {
    const alone = join(folder, 'alone')
    copyFileSync(v1, alone)
    const error = failure(() => build(alone))
    expect(error.code).toBe('missing-config')
    expect(error.message).toContain('{ config }')
    expect(build(alone, v1Config()).inputs[0]?.shape).toEqual([1, 80, 'T'])
    expect(build(alone, goldenFile('hifi-gan/v1/config.json')).outputs[0]?.name).toBe('waveform')
  })

  it('names the field of a config that does not fit', () => {
    const error = failure(() => build(v1, { ...v1Config(), upsample_rates: 'fast' }))
    expect(error.code).toBe('bad-config')
    expect(error.message).toContain('upsample_rates')
  })

  it.each(published)("refuses another model's config for $checkpoint, and asks whether it is one", ({ checkpoint, config }) => {
    expect(() => build(goldenFile(checkpoint), goldenFile(config))).not.toThrow()
    for (const other of published.filter(each => each.config !== config)) {
      const { code, message } = failure(() => build(goldenFile(checkpoint), goldenFile(other.config)))
      expect(['bad-config', 'config-mismatch', 'shape-mismatch', 'missing-tensor', 'unexpected-tensor']).toContain(code)
      if (code !== 'missing-tensor') expect(message).toMatch(/another model|belong|is num_mels|filterbank/)
    }
  })

  it('asks about num_mels when the first convolution takes another number of bands', () => {
    const error = failure(() => build(v1, { ...v1Config(), num_mels: 100 }))
    expect(error.code).toBe('shape-mismatch')
    expect(error.message).toMatch(/conv_pre\.weight.* is \[48, 80, 7\], expected \[48, 100, 7\]/)
  })

  it('names a tensor that is missing, misshapen or left over', () => {
    const missing = failure(() => build(changed('missing.safetensors', { 'resblocks.5.convs2.1.bias': undefined }), v1Config()))
    expect([missing.code, missing.message]).toEqual(['missing-tensor', expect.stringContaining('resblocks.5.convs2.1.bias')])
    const misshapen = failure(() => build(changed('misshapen.safetensors', { 'ups.1.weight': zeros([24, 12, 15]) }), v1Config()))
    expect([misshapen.code, misshapen.message]).toEqual(['shape-mismatch', expect.stringContaining('"ups.1.weight"')])
    const extra = failure(() => build(changed('extra.safetensors', { 'resblocks.12.convs1.0.bias': zeros([3]) }), v1Config()))
    expect([extra.code, extra.message]).toEqual(['unexpected-tensor', expect.stringContaining('resblocks.12.convs1.0.bias')])
  })

  it('says which vocoders it knows when a checkpoint is none of them', () => {
    const path = join(folder, 'unknown.safetensors')
    writeSafetensors(path, { 'encoder.weight': zeros([2, 2]) })
    const error = failure(() => build(path, {}))
    expect(error.code).toBe('unknown-architecture')
    expect(error.message).toMatch(/hifi-gan.*"encoder\.weight"/)
  })

  it('refuses a discriminator, or an optimizer alone, and says which file to pass instead', () => {
    const path = join(folder, 'do_00001000')
    writeSafetensors(path, { 'mpd.discriminators.0.convs.0.weight': zeros([2, 2]) })
    const others = ['discriminator.pt', 'do_00000001.pt', 'optimizer.pt'].map(name => goldenFile(`../checkpoint/${name}`))
    for (const file of [path, ...others]) {
      const { code, message } = failure(() => build(file, v1Config()))
      expect([file, code]).toEqual([file, 'no-weights'])
      expect(message).toMatch(/pass|load|generator/)
    }
  })

  it('warns where hop_size is not what the generator makes', () => {
    const { description } = describeVocoder(v1, { config: { ...v1Config(), hop_size: 200 } })
    expect(description.warnings).toEqual([expect.stringMatching(/hop_size is 200.*256/)])
  })

  it('rejects a file that is no checkpoint', async () => {
    await expect(loadVocoder(goldenFile('hifi-gan/v1/config.json'))).rejects.toBeInstanceOf(CheckpointError)
  })
})

describe('HiFi-GAN V3', () => {
  it('takes one convolution per dilation, odd channel counts, and kernels whose excess over the rate is odd', async () => {
    const config = {
      ...v1Config(),
      resblock: '2',
      num_mels: 6,
      upsample_rates: [3, 2],
      upsample_kernel_sizes: [6, 4],
      upsample_initial_channel: 9,
      resblock_kernel_sizes: [3, 5],
      resblock_dilation_sizes: [
        [1, 2],
        [2, 6],
      ],
      hop_size: 6,
    }
    const random = createRandom(5)
    const tensors: Record<string, Tensor> = {}
    const conv = (name: string, shape: readonly number[], bias: number) => {
      for (const [part, size] of [
        ['weight', shape],
        ['bias', [bias]],
      ] as const) {
        tensors[`${name}.${part}`] = float32Tensor(
          Float32Array.from({ length: sizeOf(size) }, () => random.normal() * 0.3),
          size,
        )
      }
    }
    conv('conv_pre', [9, 6, 7], 9)
    for (const [stage, kernel] of [6, 4].entries()) {
      const channels = [4, 2][stage]!
      conv(`ups.${stage}`, [[9, 4][stage]!, channels, kernel], channels)
      for (const [j, size] of [3, 5].entries()) {
        for (const i of [0, 1]) conv(`resblocks.${2 * stage + j}.convs.${i}`, [channels, channels, size], channels)
      }
    }
    conv('conv_post', [1, 2, 7], 1)
    const path = join(folder, 'v3.safetensors')
    writeSafetensors(path, tensors)
    await using vocoder = await loadVocoder(path, { config })
    expect(vocoder.hopLength).toBe(6)
    const audio = await vocoder.decode(
      float32Tensor(
        Float32Array.from({ length: 60 }, () => random.normal()),
        [6, 10],
      ),
    )
    // (10 − 1)·3 + 6 − 2·⌊3/2⌋ = 31, then 31·2.
    expect(audio.length).toBe(62)
    expect(vocoder.samplesFor(10)).toBe(62)
    expect(new Set(audio).size).toBeGreaterThan(50)
  })
})

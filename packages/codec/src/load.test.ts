import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRuntime, loadWeights, type Runtime, type Tensor, writeSafetensors } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkpointOf, goldenFolder, startPatienceMs } from './codec.contract.ts'
import { loadCodec } from './load.ts'

type Rename = readonly (readonly [RegExp, string | ((...groups: string[]) => string)])[]

/** EncodecModel of transformers. */
const encodecNames: Rename = [
  [/^(encoder|decoder)\.model\./, '$1.layers.'],
  [/\.(conv\.conv|convtr\.convtr)\./, '.conv.'],
  [/\.(conv|convtr)\.norm\./, '.norm.'],
  [/^quantizer\.vq\.layers\.(\d+)\._codebook\./, 'quantizer.layers.$1.codebook.'],
]

const less = (number: string) => `${Number(number) - 1}`
const unit = (_: string, head: string, index: string, inner: string) =>
  `${head}res_unit${index}.${['snake1', 'conv1', 'snake2', 'conv2'][Number(inner)]}.`

/** DacModel of transformers. */
const dacNames: Rename = [
  [/^encoder\.block\.0\./, 'encoder.conv1.'],
  [/^encoder\.block\.5\./, 'encoder.snake1.'],
  [/^encoder\.block\.6\./, 'encoder.conv2.'],
  [/^(encoder\.block\.)(\d)\.block\./, (_, head, index) => `${head}${less(index!)}:`],
  [/^(encoder\.block\.\d):3\./, '$1.snake1.'],
  [/^(encoder\.block\.\d):4\./, '$1.conv1.'],
  [/^(encoder\.block\.\d):(\d)\.block\.(\d)\./, (_, head, index, inner) => unit('', `${head}.`, `${Number(index) + 1}`, inner!)],
  [/^decoder\.model\.0\./, 'decoder.conv1.'],
  [/^decoder\.model\.5\./, 'decoder.snake1.'],
  [/^decoder\.model\.6\./, 'decoder.conv2.'],
  [/^decoder\.model\.(\d)\.block\./, (_, index) => `decoder.block.${less(index!)}:`],
  [/^(decoder\.block\.\d):0\./, '$1.snake1.'],
  [/^(decoder\.block\.\d):1\./, '$1.conv_t1.'],
  [/^(decoder\.block\.\d):(\d)\.block\.(\d)\./, (_, head, index, inner) => unit('', `${head}.`, less(index!), inner!)],
]

const rename = (name: string, table: Rename) =>
  table.reduce((result, [pattern, to]) => (typeof to === 'string' ? result.replace(pattern, to) : result.replace(pattern, to)), name)

describe('loadCodec', () => {
  let runtime: Runtime
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mynah-codec-'))
    runtime = await createRuntime({ device: 'cpu', threads: 1 })
  }, startPatienceMs)
  afterAll(async () => {
    await runtime?.dispose()
    rmSync(folder, { recursive: true, force: true })
  })

  /** The checkpoint of a case as safetensors, under other names. */
  const rewrite = (golden: string, table: Rename, change: (tensors: Record<string, Tensor>) => void = () => {}) => {
    using weights = loadWeights(checkpointOf(goldenFolder(golden)!))
    const tensors: Record<string, Tensor> = Object.fromEntries(weights.names.map(name => [rename(name, table), weights.raw(name)]))
    change(tensors)
    const path = join(folder, `${golden.replace('/', '-')}-${Object.keys(tensors).length}.safetensors`)
    writeSafetensors(path, tensors)
    return path
  }
  const wave = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i / 20) * 0.5)

  it.each([
    {
      golden: 'encodec/24khz',
      names: encodecNames,
      config: { sampling_rate: 24000, audio_channels: 1, use_causal_conv: true, upsampling_ratios: [8, 5, 4, 2] },
      first: 'encoder.layers.1.block.1.conv.weight',
    },
    {
      golden: 'encodec/48khz-stereo',
      names: encodecNames,
      config: { sampling_rate: 48000, use_causal_conv: false, normalize: true, chunk_length_s: 0.08, overlap: 0.01 },
      first: 'encoder.layers.0.norm.weight',
    },
    {
      golden: 'dac/24khz-like',
      names: dacNames,
      config: { sampling_rate: 24000, downsampling_ratios: [2, 4, 5, 8] },
      first: 'decoder.block.3.res_unit3.snake2.alpha',
    },
  ])("reads transformers' names and config: $golden", async ({ golden, names, config, first }) => {
    const path = rewrite(golden, names)
    using renamed = loadWeights(path)
    expect(renamed.has(first)).toBe(true)
    await using original = await loadCodec(checkpointOf(goldenFolder(golden)!), { runtime })
    await using other = await loadCodec(path, { runtime, config })
    const segments = await original.encodeSegments(wave)
    expect(await other.encodeSegments(wave)).toEqual(segments)
    expect(await other.decodeSegments(segments)).toEqual(await original.decodeSegments(segments))
  })

  it('reads a config file, beside the checkpoint or named', async () => {
    const path = rewrite('dac/24khz-like', [])
    await expect(loadCodec(path, { runtime })).rejects.toMatchObject({ code: 'missing-config' })
    const config = join(folder, 'config.json')
    writeFileSync(config, '{"sample_rate": 32000}')
    for (const options of [{}, { config }]) {
      await using codec = await loadCodec(path, { runtime, ...options })
      expect([codec.sampleRate, codec.frameRate, codec.bandwidthsKbps[0]]).toEqual([32000, 100, 0.6])
    }
    writeFileSync(config, 'sample_rate: 32000')
    await expect(loadCodec(path, { runtime })).rejects.toMatchObject({ code: 'bad-config' })
    await expect(loadCodec(path, { runtime, config: join(folder, 'absent.json') })).rejects.toMatchObject({ code: 'bad-config' })
    rmSync(config)
  })

  it('says which weights are missing, unexpected or no codec at all', async () => {
    const config = { sample_rate: 24000 }
    const without = rewrite('dac/24khz-like', [], tensors => delete tensors['decoder.model.1.block.2.block.1.weight'])
    await expect(loadCodec(without, { runtime, config })).rejects.toMatchObject({ name: 'CheckpointError' })
    const extra = rewrite('dac/24khz-like', [], tensors => {
      tensors['decoder.extra.weight'] = { dtype: 'float32', shape: [1], data: Float32Array.of(1) }
    })
    await expect(loadCodec(extra, { runtime, config })).rejects.toMatchObject({ code: 'unexpected-tensor' })
    const nothing = join(folder, 'nothing.safetensors')
    writeSafetensors(nothing, { 'conv_pre.weight': { dtype: 'float32', shape: [1], data: Float32Array.of(1) } })
    await expect(loadCodec(nothing, { runtime })).rejects.toMatchObject({ code: 'unknown-architecture' })
  })
})

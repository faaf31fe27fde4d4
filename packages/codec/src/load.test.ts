import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createRuntime, loadWeights, type Runtime, type Tensor, writeSafetensors } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkpointOf, goldenFolder, startPatienceMs } from './codec.contract.ts'
import { loadCodec } from './load.ts'

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

  /** The checkpoint of a case as safetensors, changed. */
  const rewrite = (golden: string, change: (tensors: Record<string, Tensor>) => void = () => {}) => {
    using weights = loadWeights(checkpointOf(goldenFolder(golden)!))
    const tensors: Record<string, Tensor> = Object.fromEntries(weights.names.map(name => [name, weights.raw(name)]))
    change(tensors)
    const path = join(folder, `${golden.replace('/', '-')}-${Object.keys(tensors).length}.safetensors`)
    writeSafetensors(path, tensors)
    return path
  }
  it('reads a config file, beside the checkpoint or named', async () => {
    const path = rewrite('dac/24khz-like')
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

  it('refuses what it would run wrongly', async () => {
    const path = checkpointOf(goldenFolder('encodec/transformers-24khz')!)
    const published = JSON.parse(readFileSync(join(dirname(path), 'config.json'), 'utf8'))
    await expect(loadCodec(path, { runtime, config: { ...published, trim_right_ratio: 0.5 } })).rejects.toMatchObject({
      code: 'bad-config',
    })
    await expect(loadCodec(path, { runtime, config: { ...published, upsampling_ratios: [2, 5] } })).rejects.toMatchObject({
      code: 'config-mismatch',
    })
  })

  it('says which weights are missing, unexpected or no codec at all', async () => {
    const config = { sample_rate: 24000 }
    const without = rewrite('dac/24khz-like', tensors => delete tensors['decoder.model.1.block.2.block.1.weight'])
    await expect(loadCodec(without, { runtime, config })).rejects.toMatchObject({ name: 'CheckpointError' })
    const extra = rewrite('dac/24khz-like', tensors => {
      tensors['decoder.extra.weight'] = { dtype: 'float32', shape: [1], data: Float32Array.of(1) }
    })
    await expect(loadCodec(extra, { runtime, config })).rejects.toMatchObject({ code: 'unexpected-tensor' })
    const nothing = join(folder, 'nothing.safetensors')
    writeSafetensors(nothing, { 'conv_pre.weight': { dtype: 'float32', shape: [1], data: Float32Array.of(1) } })
    await expect(loadCodec(nothing, { runtime })).rejects.toMatchObject({ code: 'unknown-architecture' })
  })
})

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createRuntime, loadWeights, type Runtime, type Tensor, type Weights, writeSafetensors } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodec } from './architectures/encodec.ts'
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
    await expect(loadCodec(path, { runtime })).rejects.toMatchObject({ code: 'unreadable-config' })
    await expect(loadCodec(path, { runtime, config: join(folder, 'absent.json') })).rejects.toMatchObject({ code: 'unreadable-config' })
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

  it('asks for what no tensor tells: whether convolutions look ahead', async () => {
    const path = checkpointOf(goldenFolder('encodec/24khz')!)
    await expect(loadCodec(path, { runtime, config: { sample_rate: 24000 } })).rejects.toMatchObject({
      code: 'bad-config',
      message: expect.stringMatching(/causal.*no tensor tells/s),
    })
    for (const causal of [true, false]) {
      await using codec = await loadCodec(path, { runtime, config: { sample_rate: 24000, causal } })
      const streams = codec.openEncoder.bind(codec)
      if (causal) await streams()[Symbol.asyncDispose]()
      else expect(() => streams()).toThrow(TypeError)
    }
    // A norm over time looks ahead by itself.
    const stereo = checkpointOf(goldenFolder('encodec/48khz-stereo')!)
    await using codec = await loadCodec(stereo, { runtime, config: { sample_rate: 48000 } })
    expect(codec.channels).toBe(2)
  })

  it("recognizes Meta's models by all of their sizes, and no other of the same hop and codebooks", () => {
    const shapes = encodecShapes({ filters: 32, channels: 1, codebooks: 32, grouped: false })
    const { layout, config } = encodec.describe(shaped(shapes), undefined, { checkpoint: 'meta.th' })
    expect([layout.sampleRate, layout.bandwidthsKbps, config.causal]).toEqual([24000, [1.5, 3, 6, 12, 24], true])
    const stereo = encodec.describe(shaped(encodecShapes({ filters: 32, channels: 2, codebooks: 16, grouped: true })), undefined, {
      checkpoint: 'meta.th',
    })
    expect([stereo.layout.sampleRate, stereo.layout.normalizes, stereo.config.causal]).toEqual([48000, true, false])
    for (const other of [
      { filters: 64, channels: 1, codebooks: 32, grouped: false },
      { filters: 32, channels: 1, codebooks: 8, grouped: false },
      { filters: 32, channels: 2, codebooks: 16, grouped: false },
    ]) {
      const weights = shaped(encodecShapes(other))
      expect(() => encodec.describe(weights, undefined, { checkpoint: 'other.th' })).toThrow(/found no config/)
    }
  })

  it('runs an encoder whose LSTM reads backwards, too, as SpeechTokenizer has, but not on a stream', async () => {
    const both = (tensor: Tensor): Tensor => ({
      dtype: 'float32',
      shape: [tensor.shape[0]!, 2 * tensor.shape[1]!, ...tensor.shape.slice(2)],
      data: Float32Array.from({ length: 2 * tensor.data.length }, (_, i) => {
        const row = tensor.data.length / tensor.shape[0]!
        return Number(tensor.data[Math.floor(i / (2 * row)) * row + (i % row)])
      }),
    })
    const path = rewrite('encodec/24khz', tensors => {
      const lstm = Object.keys(tensors).filter(name => /^encoder\..*\.lstm\./.test(name))
      for (const name of lstm.filter(each => /weight_ih_l[1-9]$/.test(each))) tensors[name] = both(tensors[name]!)
      for (const name of lstm) tensors[`${name}_reverse`] = tensors[name]!
      const last = Object.keys(tensors).filter(name => /^encoder\.model\.15\..*weight$/.test(name))
      expect(last).toHaveLength(1)
      tensors[last[0]!] = both(tensors[last[0]!]!)
    })
    await using codec = await loadCodec(path, { runtime, config: { sample_rate: 24000, causal: true } })
    const wave = Float32Array.from({ length: 4000 }, (_, i) => 0.3 * Math.sin(i / 9))
    const codes = await codec.encode(wave)
    expect(codes.shape).toEqual([12, 13])
    expect((await codec.decode(codes)).shape).toEqual([1, 13 * 320])
    expect(() => codec.openEncoder()).toThrow(/depends on later audio/)
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

/** Weights that have shapes and no data. */
function shaped(shapes: ReadonlyMap<string, readonly number[]>, prefix = ''): Weights {
  const names = [...shapes.keys()].filter(name => name.startsWith(prefix)).map(name => name.slice(prefix.length))
  const shape = (name: string) => shapes.get(prefix + name)!
  return {
    source: 'shapes',
    names,
    has: (name: string) => shapes.has(prefix + name),
    shape,
    scope: (inner: string) => shaped(shapes, `${prefix}${inner}.`),
  } as unknown as Weights
}

/** Names and shapes of an EnCodec of strides 8, 5, 4, 2, as Meta writes them. */
function encodecShapes({
  filters,
  channels,
  codebooks,
  grouped,
}: {
  filters: number
  channels: number
  codebooks: number
  grouped: boolean
}) {
  const shapes = new Map<string, readonly number[]>()
  const conv = (name: string, shape: readonly number[], kind = 'conv') => {
    shapes.set(`${name}.${kind}.${kind}.weight`, shape)
    if (grouped) shapes.set(`${name}.${kind}.norm.weight`, [shape[0]!])
  }
  const unit = (name: string, width: number) => {
    conv(`${name}.block.1`, [width / 2, width, 3])
    conv(`${name}.block.3`, [width, width / 2, 1])
    conv(`${name}.shortcut`, [width, width, 1])
  }
  const strides = [2, 4, 5, 8]
  conv('encoder.model.0', [filters, channels, 7])
  strides.forEach((stride, i) => {
    const width = filters * 2 ** i
    unit(`encoder.model.${1 + 3 * i}`, width)
    conv(`encoder.model.${3 + 3 * i}`, [2 * width, width, 2 * stride])
  })
  const widest = 16 * filters
  for (const side of ['encoder.model.13', 'decoder.model.1']) shapes.set(`${side}.lstm.weight_ih_l0`, [4 * widest, widest])
  conv('encoder.model.15', [128, widest, 7])
  conv('decoder.model.0', [widest, 128, 7])
  strides.toReversed().forEach((stride, i) => {
    const width = widest / 2 ** i
    conv(`decoder.model.${3 + 3 * i}`, [width, width / 2, 2 * stride], 'convtr')
    unit(`decoder.model.${4 + 3 * i}`, width / 2)
  })
  conv('decoder.model.15', [channels, filters, 7])
  for (let q = 0; q < codebooks; q++) shapes.set(`quantizer.vq.layers.${q}._codebook.embed`, [1024, 128])
  return shapes
}

import {
  createRuntime,
  createWeights,
  float32Tensor,
  loadWeights,
  type Runtime,
  readConfigFile,
  type Tensor,
  type Weights,
} from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeVocoder, loadVocoder } from '../load.ts'
import { describeVocoderCase, goldenFile, largestDifference, withoutBatch } from '../vocoder.contract.ts'
import type { MelVocoder } from '../vocoder.ts'
import { vocos } from './vocos.ts'

describeVocoderCase({ name: 'vocos', golden: 'vocos-mel/mel-24khz', checkpoint: 'pytorch_model.bin', tolerance: 4.2e-6 })

describe('vocos for mels', () => {
  const checkpoint = goldenFile('vocos-mel/mel-24khz/pytorch_model.bin')
  const config = readConfigFile(goldenFile('vocos-mel/mel-24khz/config.yaml')) as {
    feature_extractor: { init_args: Record<string, unknown> }
    backbone: { init_args: Record<string, unknown> }
  }

  it('computes the features of the official extractor', async () => {
    await using runtime = await createRuntime({ device: 'cpu', threads: 1 })
    using io = loadWeights(goldenFile('vocos-mel/mel-24khz/io.safetensors'))
    const vocoder = await loadVocoder(checkpoint, { runtime })
    expect(vocoder.warnings).toEqual([])
    for (const suffix of ['', '_2']) {
      const mel = vocoder.mel(io.get(`wave${suffix}`).data)
      expect(mel.shape).toEqual(io.shape(`mel${suffix}`).slice(1))
      // Energies, not their logarithms: near the floor these amplify the rounding of torch's float32 transform.
      expect(largestDifference(mel.data.map(Math.exp), io.get(`mel${suffix}`).data.map(Math.exp))).toBeLessThanOrEqual(1e-5)
    }
    await expect(vocoder.decode(withoutBatch(io.get('mel')), { bandwidthId: 0 })).rejects.toThrow(TypeError)
    expect(() => vocoder.toFeatures({ dtype: 'int32', shape: [1, 1], data: new Int32Array(1) })).toThrow(TypeError)
  })

  it('warns where the filterbank in the checkpoint is another than its config describes', () => {
    const extractor = { ...config.feature_extractor, init_args: { ...config.feature_extractor.init_args, mel_scale: 'slaney' } }
    const { description } = describeVocoder(checkpoint, { config: { ...config, feature_extractor: extractor } })
    expect(description.warnings![0]).toMatch(/filterbank/)
  })

  it('refuses a config of other sizes', async () => {
    await using runtime = await createRuntime({ device: 'cpu', threads: 1 })
    const withBackbone = (fields: object) => ({
      ...config,
      backbone: { ...config.backbone, init_args: { ...config.backbone.init_args, ...fields } },
    })
    const load = (fields: object) => loadVocoder(checkpoint, { runtime, config: withBackbone(fields) })
    await expect(load({ num_layers: 2 })).rejects.toMatchObject({ code: 'unexpected-tensor' })
    await expect(load({ num_layers: 4 })).rejects.toMatchObject({ code: 'missing-tensor' })
    await expect(load({ intermediate_dim: 96 })).rejects.toMatchObject({ code: 'shape-mismatch' })
    await expect(load({ dim: 64 })).rejects.toMatchObject({ code: 'bad-config' })
  })
})

describe('vocos for EnCodec', () => {
  const checkpoint = goldenFile('vocos-encodec/encodec-24khz/pytorch_model.bin')
  const codebookSize = 64
  let runtime: Runtime
  let io: Weights
  let vocoder: MelVocoder
  const codesOf = (id: number) => {
    const { shape, data } = io.raw(`codes_bw${id}`)
    return { dtype: 'int32', shape: shape.slice(1), data: Int32Array.from(data as BigInt64Array, Number) } as Tensor<'int32'>
  }

  beforeAll(async () => {
    runtime = await createRuntime({ device: 'cpu', threads: 1 })
    io = loadWeights(goldenFile('vocos-encodec/encodec-24khz/io.safetensors'))
    vocoder = await loadVocoder(checkpoint, { runtime })
  })
  afterAll(async () => {
    io.close()
    await runtime.dispose()
  })

  it('sums codewords to the reference features', () => {
    for (const id of [0, 1, 2, 3]) {
      const features = vocoder.toFeatures(codesOf(id), { codebookSize })
      expect(features.shape).toEqual(io.shape(`features_bw${id}`).slice(1))
      expect(largestDifference(features.data, io.get(`features_bw${id}`).data)).toBeLessThanOrEqual(1e-5)
    }
  })

  it('decodes every bandwidth to the reference audio, the highest by default', async () => {
    for (const id of [0, 1, 2, 3]) {
      const features = withoutBatch(io.get(`features_bw${id}`))
      const audio = await vocoder.decode(features, { bandwidthId: id })
      expect(largestDifference(audio, io.get(`audio_bw${id}`).data)).toBeLessThanOrEqual(6.5e-6)
      expect(audio.length).toBe(vocoder.samplesFor(features.shape[1]!))
      if (id === 3) expect(await vocoder.decode(features)).toEqual(audio)
    }
  })

  it('decodes chunks that join into the whole', async () => {
    const random = io.get('features_bw0').data
    const frames = 2 * vocoder.contextFrames + 9
    const data = Float32Array.from({ length: vocoder.featureDim * frames }, (_, i) => random[(7 * i) % random.length]!)
    const features = float32Tensor(data, [vocoder.featureDim, frames])
    const whole = await vocoder.decode(features, { bandwidthId: 1 })
    const pieces: number[] = []
    for await (const piece of vocoder.decodeChunks(features, { bandwidthId: 1, chunkFrames: 7 })) pieces.push(...piece)
    expect(largestDifference(pieces, whole)).toBeLessThanOrEqual(1e-4)
  })

  it('has no mel, and refuses codes and bandwidths that it does not know', async () => {
    expect(() => vocoder.mel(new Float32Array(24000))).toThrow(TypeError)
    expect(() => vocoder.toFeatures(codesOf(0))).toThrow(/\[1 … 1, T\] of 1024 codewords/)
    const wrong = { dtype: 'int32', shape: [1, 2], data: Int32Array.of(3, codebookSize) } as const
    expect(() => vocoder.toFeatures(wrong, { codebookSize })).toThrow(/code 64 of codebook 0, frame 1/)
    const features = withoutBatch(io.get('features_bw3'))
    for (const bandwidthId of [4, -1, 0.5]) await expect(vocoder.decode(features, { bandwidthId })).rejects.toThrow(/12 kbps/)
  })

  it('takes a training checkpoint, discriminators and EnCodec and all', () => {
    const generator = loadWeights(checkpoint)
    const tensors = Object.fromEntries(generator.names.map(name => [name, generator.raw(name)]))
    const extra = float32Tensor([0], [1])
    const training = { 'multiresddisc.a.weight': extra, 'feature_extractor.encodec.encoder.b.weight': extra, ...tensors }
    const weights = createWeights(training)
    const config = readConfigFile(goldenFile('vocos-encodec/encodec-24khz/config.yaml'))
    const { build, trainingOnly } = vocos.describe(weights, config, { checkpoint })
    build(weights).decoder()
    const unread = weights.unread()
    expect(unread).toHaveLength(2)
    expect(unread.every(name => trainingOnly!.test(name))).toBe(true)
  })
})

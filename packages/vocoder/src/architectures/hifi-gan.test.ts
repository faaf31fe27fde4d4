import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createRuntime, loadWeights } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { describeVocoder, loadVocoder } from '../load.ts'
import { describeVocoderCase, goldenFile, largestDifference, withoutBatch } from '../vocoder.contract.ts'

describeVocoderCase({ name: 'hifi-gan', golden: 'hifi-gan/v1', checkpoint: 'g_00001000', tolerance: 2.6e-5 })
describeVocoderCase({ name: 'hifi-gan', golden: 'hifi-gan/v2', checkpoint: 'g_00002000', tolerance: 3.7e-5 })
describeVocoderCase({ name: 'hifi-gan', golden: 'hifi-gan/v3', checkpoint: 'g_00003000', tolerance: 2e-5 })
// Written by transformers' SpeechT5HifiGan: other names, and a mel that the network normalizes.
describeVocoderCase({ name: 'hifi-gan', golden: 'hifi-gan/speecht5', checkpoint: 'model.safetensors', tolerance: 1e-5 })

const published = fileURLToPath(new URL('../../../../../shared/weights/hifi-gan-v2-ljspeech', import.meta.url))

describe.skipIf(!existsSync(published))('the published HiFi-GAN V2 of LJSpeech (skipped without ../shared/weights)', () => {
  it('decodes as the official code does', async () => {
    await using vocoder = await loadVocoder(`${published}/generator_v2`)
    using io = loadWeights(`${published}/io.safetensors`)
    const mel = withoutBatch(io.get('mel'))
    expect(largestDifference(await vocoder.decode(mel), io.get('audio').data)).toBeLessThanOrEqual(1e-4)
  })
})

describe('SpeechT5HifiGan', () => {
  const checkpoint = goldenFile('hifi-gan/speecht5/model.safetensors')
  const published = JSON.parse(readFileSync(goldenFile('hifi-gan/speecht5/config.json'), 'utf8'))

  it('has the front-end that the feature extractor of SpeechT5 is published with', () => {
    const { description } = describeVocoder(checkpoint)
    expect(description.sampleRate).toBe(16000)
    expect(description.mel).toMatchObject({
      fMin: 80,
      fMax: 7600,
      log: 'log10',
      floor: 1e-10,
      magnitude: 'abs',
      padding: 'center',
      scale: 'slaney',
    })
  })

  it('normalizes only if its config says so, and refuses another slope', async () => {
    await using runtime = await createRuntime({ device: 'cpu', threads: 1 })
    using weights = loadWeights(checkpoint)
    const [mean, scale] = [weights.get('mean').data, weights.get('scale').data]
    using io = loadWeights(goldenFile('hifi-gan/speecht5/io.safetensors'))
    const mel = withoutBatch(io.get('mel'))
    const frames = mel.shape[1]!
    const normalized = mel.data.map((value, i) => (value - mean[Math.floor(i / frames)]!) / scale[Math.floor(i / frames)]!)
    const plain = await loadVocoder(checkpoint, { runtime, config: { ...published, normalize_before: false } })
    expect(largestDifference(await plain.decode({ ...mel, data: normalized }), io.get('audio').data)).toBeLessThan(1e-5)
    expect(() => describeVocoder(checkpoint, { config: { ...published, leaky_relu_slope: 0.2 } })).toThrow(/leaky_relu_slope/)
  })
})

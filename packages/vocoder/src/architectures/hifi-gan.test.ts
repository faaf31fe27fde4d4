import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadWeights } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { describeVocoderCase, largestDifference, withoutBatch } from '../vocoder.contract.ts'
import { loadVocoder } from '../vocoder.ts'

describeVocoderCase({ name: 'hifi-gan', golden: 'hifi-gan/v1', checkpoint: 'g_00001000', tolerance: 2.6e-5 })
describeVocoderCase({ name: 'hifi-gan', golden: 'hifi-gan/v2', checkpoint: 'g_00002000', tolerance: 3.7e-5 })

const published = fileURLToPath(new URL('../../../../../shared/weights/hifi-gan-v2-ljspeech', import.meta.url))

describe.skipIf(!existsSync(published))('the published HiFi-GAN V2 of LJSpeech (skipped without ../shared/weights)', () => {
  it('decodes as the official code does', async () => {
    await using vocoder = await loadVocoder(`${published}/generator_v2`)
    using io = loadWeights(`${published}/io.safetensors`)
    const mel = withoutBatch(io.get('mel'))
    expect(largestDifference(await vocoder.decode(mel), io.get('audio').data)).toBeLessThanOrEqual(1e-4)
  })
})

import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRuntime, loadWeights } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { describeVocoder, loadVocoder } from '../load.ts'
import { describeVocoderCase, goldenFile, largestDifference, withoutBatch } from '../vocoder.contract.ts'

const tolerance = 2.8e-5
const checkpoint = goldenFile('univnet/c4/univ_c4_0003.pt')

describeVocoderCase({ name: 'univnet', golden: 'univnet/c4', checkpoint: 'univ_c4_0003.pt', tolerance })
describeVocoderCase({ name: 'univnet', golden: 'univnet/transformers', checkpoint: 'model.safetensors', tolerance })

describe('univnet', () => {
  it('appends ten frames of silence when it is given noise for them, as the published inference does', async () => {
    await using runtime = await createRuntime({ device: 'cpu', threads: 1 })
    using io = loadWeights(goldenFile('univnet/c4/io.safetensors'))
    const vocoder = await loadVocoder(checkpoint, { runtime })
    const mel = withoutBatch(io.get('mel'))
    const noise = io.get('noise_inference')
    expect(vocoder.noiseShape(mel.shape[1]!)).toEqual(noise.shape)
    const audio = await vocoder.decode(mel, { noise })
    expect(largestDifference(audio, io.get('audio_inference').data)).toBeLessThanOrEqual(tolerance)
    const pieces: number[] = []
    for await (const piece of vocoder.decodeChunks(mel, { noise, chunkFrames: 5 })) pieces.push(...piece)
    expect(largestDifference(pieces, audio)).toBeLessThanOrEqual(1e-4)
  })

  it('decodes a single frame, thanks to the frames appended', async () => {
    await using runtime = await createRuntime({ device: 'cpu', threads: 1 })
    const vocoder = await loadVocoder(checkpoint, { runtime })
    const mel = { dtype: 'float32', shape: [vocoder.featureDim, 1], data: new Float32Array(vocoder.featureDim).fill(-5) } as const
    const audio = await vocoder.decode(mel, { seed: 1 })
    expect(audio.length).toBe(vocoder.hopLength)
    expect(await vocoder.decode(mel, { seed: 1 })).toEqual(audio)
    expect(await vocoder.decode(mel, { seed: 2 })).not.toEqual(audio)
    const noise = { dtype: 'float32', shape: [1, 8, 1], data: new Float32Array(8) } as const
    await expect(vocoder.decode(mel, { noise })).rejects.toThrow(/1 frames, expected at least 4/)
  })

  it('finds its config in the checkpoint where none lies beside it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mynah-univnet-'))
    try {
      const alone = join(folder, 'univ.pt')
      copyFileSync(checkpoint, alone)
      const { architecture, description } = describeVocoder(alone)
      expect(architecture.name).toBe('univnet')
      expect(description.mel).toEqual(describeVocoder(checkpoint).description.mel)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("refuses transformers' configs with blocks that differ from one another", () => {
    const path = goldenFile('univnet/transformers/model.safetensors')
    const published = JSON.parse(readFileSync(goldenFile('univnet/transformers/config.json'), 'utf8'))
    const [first] = published.resblock_dilation_sizes
    for (const change of [
      { resblock_dilation_sizes: [first, [1, 3]] },
      { resblock_kernel_sizes: [3, 5] },
      { kernel_predictor_num_blocks: 4 },
    ]) {
      expect(() => describeVocoder(path, { config: { ...published, ...change } })).toThrow(/config for .* does not fit/)
    }
  })
})

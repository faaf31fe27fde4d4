import { join } from 'node:path'
import { createRuntime, loadWeights, type Runtime } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toCodebooks } from '../codebooks.ts'
import { checkpointOf, describeCodec, goldenFolder, largestDifference, startPatienceMs, tolerance } from '../codec.contract.ts'
import type { AudioCodec } from '../codec.ts'
import { loadCodec } from '../load.ts'

describeCodec({
  folder: 'snac/24khz-like',
  runs: ['', '_2'].map(run => ({
    input: `audio_in${run}`,
    latents: `latent${run}`,
    codes: [0, 1, 2].map(row => `codes${row}${run}`),
    audio: `audio_out${run}`,
  })),
})

// With windowed attention, as in the 32 and 44 kHz models, and an odd stride. Written by hubertsiuzdak/snac@f49016a.
describeCodec({
  folder: 'snac/44khz-like',
  runs: ['', '_2'].map(run => ({
    input: `audio_in${run}`,
    latents: `latent${run}`,
    codes: [0, 1, 2, 3].map(row => `codes${row}${run}`),
    audio: `audio_out${run}`,
  })),
})

describe('SNAC', () => {
  const folder = goldenFolder('snac/24khz-like')!
  const io = loadWeights(join(folder, 'io.safetensors'))
  const audio = { ...io.get('audio_in'), shape: [1, 7680] }
  let runtime: Runtime
  let codec: AudioCodec
  beforeAll(async () => {
    runtime = await createRuntime({ device: 'cpu', threads: 1 })
    codec = await loadCodec(checkpointOf(folder), { runtime })
  }, startPatienceMs)
  afterAll(async () => {
    await codec?.[Symbol.asyncDispose]()
    await runtime?.dispose()
  })

  it('gives the reference codes of each row at its own rate', async () => {
    const codebooks = toCodebooks(await codec.encode(audio), codec.strides)
    expect(codebooks.map(row => Array.from(row))).toEqual([0, 1, 2].map(k => Array.from(io.raw(`codes${k}`).data, Number)))
  })

  it('adds the noise that it is given, as the reference does', async () => {
    const noise = [0, 1, 2, 3].map(k => io.get(`noise${k}`).data)
    const decoded = await codec.decode(await codec.encode(audio), { noise })
    expect(largestDifference(decoded.data, io.get('audio_out_noise').data)).toBeLessThan(tolerance)
  })

  it('draws the same noise for the same seed', async () => {
    const codes = await codec.encode(audio)
    const [a, b, c] = [
      await codec.decode(codes, { noise: { seed: 1 } }),
      await codec.decode(codes, { noise: { seed: 1 } }),
      await codec.decode(codes, { noise: { seed: 2 } }),
    ]
    expect(a.data).toEqual(b.data)
    expect(a.data).not.toEqual(c.data)
  })

  it('refuses codes that change within the frames of one code, and noise of the wrong length', async () => {
    const codes = await codec.encode(audio)
    const torn = { ...codes, data: codes.data.map((code, i) => (i === 1 ? (code + 1) % 64 : code)) }
    await expect(codec.decode(torn)).rejects.toThrow(/codebook 0 changes at frame 1, expected one code per 4 frames/)
    await expect(codec.decode(codes, { noise: [new Float32Array(3)] })).rejects.toThrow(/noise has 3 samples/)
  })
})

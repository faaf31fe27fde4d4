import { join } from 'node:path'
import { createRuntime, loadWeights, type Runtime } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkpointOf, describeCodec, goldenFolder, largestDifference, startPatienceMs, tolerance } from '../codec.contract.ts'
import type { AudioCodec } from '../codec.ts'
import { loadCodec } from '../load.ts'

const bandwidths = [1.35, 2.7]

describeCodec({
  folder: 'encodec/24khz',
  runs: ['', '_2', '_3'].flatMap(run =>
    bandwidths.map(kbps => ({
      input: `audio_in${run}`,
      latents: `latent${run}`,
      bandwidthKbps: kbps,
      codes: `codes_bw${kbps}${run}`,
      audio: `audio_out_bw${kbps}${run}`,
    })),
  ),
})

describeCodec({
  folder: 'encodec/soundstream-like-no-lstm',
  runs: ['', '_2'].flatMap(run =>
    [0.9, 1.8].map(kbps => ({
      input: `audio_in${run}`,
      latents: `latent${run}`,
      bandwidthKbps: kbps,
      codes: `codes_bw${kbps}${run}`,
      audio: `audio_out_bw${kbps}${run}`,
    })),
  ),
})

// Audio down to a single sample, where reflections are longer than what they reflect. Written by facebookresearch/encodec@0e2d0ae, as 48khz-stereo below.
describeCodec({
  folder: 'encodec/24khz-short',
  runs: ['', '_2', '_3', '_4', '_5', '_6', '_7'].map(run => ({
    input: `audio_in${run}`,
    bandwidthKbps: 1.5,
    codes: `codes_bw1.5${run}`,
    audio: `audio_out_bw1.5${run}`,
  })),
})

// Written by transformers' EncodecModel: its names, config and spelling of weight norm; two residual units, then no shortcuts, one LSTM layer and zero padding.
describeCodec({
  folder: 'encodec/transformers-24khz',
  runs: ['', '_2', '_3', '_4'].flatMap(run =>
    ['12.0', '36.0'].map(kbps => ({
      input: `audio_in${run}`,
      bandwidthKbps: Number(kbps),
      codes: `codes_bw${kbps}${run}`,
      audio: `audio_out_bw${kbps}${run}`,
    })),
  ),
})
describeCodec({
  folder: 'encodec/transformers-constant',
  runs: ['', '_2'].map(run => ({
    input: `audio_in${run}`,
    bandwidthKbps: 24,
    codes: `codes_bw24.0${run}`,
    audio: `audio_out_bw24.0${run}`,
  })),
})

describe.each([
  { name: 'encodec/48khz-stereo', rates: ['22.5', '60.0'] },
  { name: 'encodec/transformers-48khz', rates: ['48.0', '96.0'] },
])('EnCodec 48 kHz stereo: $name', ({ name: caseName, rates }) => {
  const folder = goldenFolder(caseName)!
  const io = loadWeights(join(folder, 'io.safetensors'))
  const audio = (run: string) => ({ ...io.get(`audio_in${run}`), shape: io.shape(`audio_in${run}`).slice(1) })
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

  it.each(['', '_2', '_3'].flatMap(run => rates.map(kbps => ({ run, kbps }))))(
    "gives the reference's codes and scale of each segment, and joins them as it does: audio_in$run at $kbps kbps",
    async ({ run, kbps }) => {
      const segments = await codec.encodeSegments(audio(run), { bandwidthKbps: Number(kbps) })
      const name = (i: number) => `bw${kbps}${run}_seg${i}`
      expect(io.has(`codes_${name(segments.length)}`)).toBe(false)
      segments.forEach(({ codes, scale }, i) => {
        expect(Array.from(codes.data)).toEqual(Array.from(io.raw(`codes_${name(i)}`).data, Number))
        expect(scale).toBeCloseTo(io.get(`scale_${name(i)}`).data[0]!, 6)
      })
      const decoded = await codec.decodeSegments(segments)
      expect(decoded.shape).toEqual(io.shape(`audio_out_bw${kbps}${run}`).slice(1))
      expect(largestDifference(decoded.data, io.get(`audio_out_bw${kbps}${run}`).data)).toBeLessThan(tolerance)
    },
  )

  it('encode puts segments one after the other, and decode splits them again', async () => {
    const segments = await codec.encodeSegments(audio('_2'))
    const codes = await codec.encode(audio('_2'))
    expect(codes.shape[1]).toBe(segments.reduce((sum, segment) => sum + segment.codes.shape[1]!, 0))
    const unscaled = await codec.decodeSegments(segments.map(segment => ({ codes: segment.codes })))
    expect(await codec.decode(codes)).toEqual(unscaled)
  })

  it('copies mono to both channels', async () => {
    const mono = audio('').data.slice(0, 900)
    const both = Float32Array.from({ length: 1800 }, (_, i) => mono[i % 900]!)
    expect(await codec.encode(mono)).toEqual(await codec.encode({ dtype: 'float32', shape: [2, 900], data: both }))
  })

  it('refuses a config of another model', async () => {
    const load = (config: unknown) => loadCodec(checkpointOf(folder), { runtime, config })
    await expect(load({ sample_rate: 48000, channels: 1 })).rejects.toMatchObject({ code: 'config-mismatch' })
    await expect(load({ sample_rate: 48000, ratios: [8, 5, 4, 2] })).rejects.toMatchObject({ code: 'config-mismatch' })
    await expect(load({ sample_rate: -1 })).rejects.toMatchObject({ code: 'bad-config' })
  })
})

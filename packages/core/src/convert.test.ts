import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadCodec } from '@mynah/codec'
import {
  createRandom,
  createRuntime,
  float32Tensor,
  GraphBuilder,
  type Runtime,
  readSafetensors,
  type Tensor,
  writeOnnxFile,
} from '@mynah/onnx'
import { loadVocoder } from '@mynah/vocoder'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { convertCheckpoint } from './convert.ts'
import { hashFile } from './hash-file.ts'

// Plain ONNX Runtime, as somebody without Mynah would use it; @mynah/onnx is who depends on it.
const { InferenceSession, Tensor: OrtTensor } = createRequire(new URL('../../onnx/package.json', import.meta.url))('onnxruntime-node')

const golden = (path: string) => fileURLToPath(new URL(`../../../test/fixtures/golden/${path}`, import.meta.url))
let folder: string
let runtime: Runtime
const random = createRandom(12)
const normals = (shape: readonly number[]) =>
  float32Tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    shape,
  )
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mynah-convert-'))
  runtime = await createRuntime({ device: 'cpu', threads: 1 })
})
afterAll(async () => {
  await runtime.dispose()
  rmSync(folder, { recursive: true })
})

async function runPlain(path: string, feeds: Record<string, { dtype: string; data: unknown; shape: readonly number[] }>) {
  const session = await InferenceSession.create(path, { intraOpNumThreads: 1 })
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, data, shape }]) => [name, new OrtTensor(dtype, data, shape)]),
  )
  const [output] = Object.values(await session.run(inputs)) as { data: ArrayLike<number | bigint>; dims: number[] }[]
  return { data: Array.from(output!.data, Number), shape: output!.dims }
}

function largest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length)
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
}

const int64 = ({ data, shape }: Tensor<'int32'>) => ({ dtype: 'int64', shape, data: BigInt64Array.from(data, BigInt) })

describe('a converted vocoder', () => {
  it.each([
    { name: 'hifi-gan', checkpoint: golden('hifi-gan/v1/g_00001000') },
    { name: 'parallel-wavegan', checkpoint: golden('parallel-wavegan/v1/checkpoint-400000steps.pkl') },
    { name: 'univnet', checkpoint: golden('univnet/c4/univ_c4_0003.pt') },
    { name: 'melgan', checkpoint: golden('melgan/descript/multi_speaker.pt') },
    { name: 'vocos', checkpoint: golden('vocos-encodec/encodec-24khz/pytorch_model.bin') },
  ])('$name: the .onnx and the .safetensors give what the checkpoint gives', async ({ name, checkpoint }) => {
    const out = join(folder, name)
    const manifest = await convertCheckpoint(checkpoint, out)
    const original = await loadVocoder(checkpoint, { runtime })
    const { sampleRate, hopLength, featureDim } = original
    expect(manifest).toMatchObject({ format: 'mynah-part', version: 1, kind: 'vocoder', architecture: name, sampleRate, hopLength })
    expect(manifest.frontEnd).toEqual(original.melConfig ?? null)
    expect(JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'))).toMatchObject({
      file: 'model.safetensors',
      sha256: manifest.sha256,
    })
    for (const { file, bytes, sha256 } of [manifest, ...manifest.graphs]) {
      expect([readFileSync(join(out, file)).length, await hashFile(join(out, file))]).toEqual([bytes, sha256])
    }
    expect(
      Object.keys(readSafetensors(join(out, 'model.safetensors')).tensors).filter(key => /weight_[gv]$|original[01]$/.test(key)),
    ).toEqual([])

    const frames = 11
    const mel = normals([featureDim, frames])
    const perFrame = [1, 2].map(count => original.noiseShape(count)?.at(-1) ?? 0).reduce((one, two) => two - one)
    const noise = original.noiseShape(1) && normals([...original.noiseShape(1)!.slice(0, -1), frames * perFrame]) // for the mel alone, without UnivNet's tail
    const expected = await original.decode(mel, noise ? { noise } : {})
    const again = await loadVocoder(join(out, 'model.safetensors'), { runtime })
    expect(again.melConfig).toEqual(original.melConfig)
    expect(largest(await again.decode(mel, noise ? { noise } : {}), expected)).toBe(0)
    const bandwidth = original.bandwidths ? { bandwidth_id: { dtype: 'int64', shape: [], data: BigInt64Array.of(3n) } } : {}
    const plain = await runPlain(join(out, 'model.onnx'), {
      mel: { ...mel, shape: [1, ...mel.shape] },
      ...(noise ? { noise } : {}),
      ...bandwidth,
    })
    expect(largest(plain.data, expected)).toBeLessThan(1e-6)
  })
})

describe('a converted codec', () => {
  it.each([
    { name: 'encodec', checkpoint: golden('encodec/24khz/encodec_24khz-00000000.th') },
    { name: 'dac', checkpoint: golden('dac/24khz-like/weights_24khz.pth') },
    { name: 'snac', checkpoint: golden('snac/44khz-like/pytorch_model.bin') },
  ])('$name: encoder.onnx and decoder.onnx go from waveform to codes and back as the checkpoint does', async ({ name, checkpoint }) => {
    const out = join(folder, name)
    const manifest = await convertCheckpoint(checkpoint, out)
    const original = await loadCodec(checkpoint, { runtime })
    const { codebooks, sampleRate, samplesPerFrame } = original
    expect(manifest).toMatchObject({ kind: 'codec', architecture: name, sampleRate, hopLength: samplesPerFrame, codec: { codebooks } })
    const multiple = manifest.codec!.sampleMultiple
    const waveform = normals([Math.max(multiple * 2, 3000 - (3000 % multiple))]).data.map(value => 0.1 * value)
    const codes = await original.encode(waveform)
    const expected = await original.decode(codes)
    const plain = await runPlain(join(out, 'encoder.onnx'), {
      waveform: { dtype: 'float32', shape: [1, 1, waveform.length], data: waveform },
    })
    expect(plain).toEqual({ shape: codes.shape, data: Array.from(codes.data) })
    const decoded = await runPlain(join(out, 'decoder.onnx'), { codes: int64(codes) })
    expect(decoded.shape).toEqual([1, ...expected.shape])
    expect(largest(decoded.data, expected.data)).toBeLessThan(1e-5)

    const frames = codes.shape[1]!
    const first: Tensor<'int32'> = { dtype: 'int32', shape: [1, frames], data: codes.data.slice(0, frames) }
    const absent = { ...codes, data: codes.data.map((code, i) => (i < frames ? code : -1)) }
    const coarse = await runPlain(join(out, 'decoder.onnx'), { codes: int64(absent) })
    expect(largest(coarse.data, (await original.decode(first)).data)).toBeLessThan(1e-5)

    const again = await loadCodec(join(out, 'model.safetensors'), { runtime })
    expect(again.bandwidthsKbps).toEqual(original.bandwidthsKbps)
    expect(await again.encode(waveform)).toEqual(codes)
    expect(await again.decode(codes)).toEqual(expected)
  })
})

describe('convertCheckpoint', () => {
  it('says what a checkpoint is not', async () => {
    await expect(convertCheckpoint(golden('hifi-gan/v1/io.safetensors'), join(folder, 'none'))).rejects.toMatchObject({
      code: 'unknown-architecture',
      message: expect.stringMatching(/no vocoder.*hifi-gan.*no codec.*encodec/),
    })
  })

  it('puts weights that a protobuf cannot hold beside the .onnx, under names that do not collide', async () => {
    const feeds = { x: normals([40]) }
    for (const name of ['one', 'two']) {
      const graph = new GraphBuilder(name)
      const x = graph.input('x', 'float32', [40])
      graph.output(
        'y',
        graph.matmul(x, graph.initializer('w', float32Tensor(new Float32Array(1600).fill(name.length === 3 ? 2 : 0), [40, 40]))),
      )
      const files = writeOnnxFile(join(folder, `${name}.onnx`), graph.build({ externalData: true }))
      expect(files).toEqual([`${name}.onnx`, `${name}.weights.0`])
    }
    const sum = feeds.x.data.reduce((total, value) => total + 2 * value, 0)
    for (const value of (await runPlain(join(folder, 'one.onnx'), feeds)).data) expect(value).toBeCloseTo(sum, 3)
  })
})

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { encodeWav, readWav, resample } from '@mynah/audio'
import { loadCodec, loadVocoder } from '@mynah/core'
import { createRandom, createRuntime, loadWeights, type Runtime, writeSafetensors } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MelDistance } from './mel-distance.ts'
import { mynah } from './run.fixture.ts'

const golden = (path: string) => fileURLToPath(new URL(`../../../test/fixtures/golden/${path}`, import.meta.url))
/** A checkpoint of each kind: plain, with noise, with statistics, centred. */
const checkpoints = {
  'hifi-gan': golden('hifi-gan/v1/g_00001000'),
  univnet: golden('univnet/c4/univ_c4_0003.pt'),
  'parallel-wavegan': golden('parallel-wavegan/v1/checkpoint-400000steps.pkl'),
  vocos: golden('vocos-mel/mel-24khz/pytorch_model.bin'),
}
const encodec = golden('encodec/24khz/encodec_24khz-00000000.th')
/** Every command starts a thread, which from source takes seconds, or a minute on a busy machine. */
const timeout = 240_000
/** Half a step of 16 bits, and the rounding of float32. */
const tolerance = 0.5 / 32768 + 1e-4

let folder: string
let runtime: Runtime
/** Half a second at 24 kHz, in stereo. */
let recording: string
const random = createRandom(2)
const left = Float32Array.from({ length: 12_000 }, (_, i) => 0.2 * Math.sin(i * 0.03) + 0.02 * random.normal())
const right = left.map(sample => sample / 2)
const mono = left.map((sample, i) => (sample + right[i]!) / 2)
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mynah-cli-models-'))
  recording = join(folder, 'in.wav')
  writeFileSync(recording, encodeWav([left, right], 24000, { format: 'float32' }))
  runtime = await createRuntime({ device: 'cpu', threads: 1 })
})
afterAll(async () => {
  await runtime.dispose()
  rmSync(folder, { recursive: true, force: true })
})

const file = (name: string) => join(folder, name)
const samplesOf = (path: string) => readWav(readFileSync(path)).channels
function largest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length)
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
}

describe('mynah vocode', { timeout }, () => {
  it.each(Object.entries(checkpoints))('%s: writes what mel and decode give, and measures it', async (architecture, checkpoint) => {
    const out = file(`${architecture}.wav`)
    const { code, out: json, err } = await mynah(['vocode', recording, '--checkpoint', checkpoint, '--out', out, '--seed', '4', '--json'])
    expect(code, err).toBe(0)
    const report = JSON.parse(json)
    const vocoder = await loadVocoder(checkpoint, { runtime })
    const { sampleRate } = vocoder
    expect(report).toMatchObject({ out, architecture, sampleRate, inputSampleRate: 24000, warnings: vocoder.warnings })
    const input = resample(mono, 24000, sampleRate)
    const expected = (await vocoder.decode(vocoder.mel(input), { seed: 4 })).map(sample => Math.max(-1, Math.min(1, sample)))
    expect(largest(samplesOf(out)[0]!, expected)).toBeLessThanOrEqual(tolerance)
    expect(report.durationSeconds).toBeCloseTo(expected.length / sampleRate, 9)
    expect(report.realTimeFactor).toBeCloseTo(report.synthesisSeconds / report.durationSeconds, 9)
    const distance = new MelDistance(vocoder.melConfig!)
    distance.addBefore(input)
    distance.addAfter(await vocoder.decode(vocoder.mel(input), { seed: 4 }))
    expect(report.melDistance).toBeCloseTo(distance.finish()!, 3)
  })

  it('tells people what ran', async () => {
    const { code, out, err } = await mynah(['vocode', recording, '-c', checkpoints['hifi-gan'], '-o', file('told.wav')])
    expect([code, out]).toEqual([0, ''])
    expect(err).toMatch(
      /told\.wav: 0\.\d\d s, 24000 → 22050 Hz, hifi-gan, on \w+\nloaded in .* real-time factor \d+\.\d+\nmel distance \d\.\d+\n/,
    )
  })

  it('says what is wrong, code 1, and leaves no half file', async () => {
    const out = file('never.wav')
    const fails = async (input: string, checkpoint: string, ...more: string[]) => {
      const { code, err } = await mynah(['vocode', input, '--checkpoint', checkpoint, '--out', out, ...more])
      expect([code, existsSync(out)]).toEqual([1, false])
      expect(err).not.toContain('bug in Mynah')
      return err
    }
    const short = file('short.wav')
    writeFileSync(short, encodeWav(left.subarray(0, 100), 24000))
    expect(await fails(short, checkpoints['hifi-gan'])).toMatch(/expected at least/)
    expect(await fails(checkpoints.univnet, checkpoints.univnet)).toContain('not-audio')
    expect(await fails(file('absent.wav'), checkpoints.univnet)).toMatch(/ENOENT.*absent\.wav/)
    expect(await fails(recording, file('absent.pt'))).toMatch(/absent\.pt/)
    expect(await fails(recording, golden('vocos-encodec/encodec-24khz/pytorch_model.bin'))).toMatch(/decodes a codec's codes/)
    expect(await fails(recording, checkpoints['hifi-gan'], '--config', golden('fre-gan/v1/config.json'))).toMatch(
      /shape-mismatch|bad-config/,
    )
  })

  it('leaves an earlier file as it was when it fails, on the way too, and refuses damaged weights by their name', async () => {
    const [out, short, damaged] = [file('earlier.wav'), file('tiny.wav'), file('damaged.safetensors')]
    writeFileSync(out, 'what was there')
    writeFileSync(short, encodeWav(left.subarray(0, 100), 24000))
    using weights = loadWeights(checkpoints['hifi-gan'])
    const tensors = Object.fromEntries(weights.names.map(name => [name, weights.get(name)]))
    const spoiled = (value: number) => {
      const data = tensors['ups.0.bias']!.data.slice()
      data[3] = value
      writeSafetensors(damaged, { ...tensors, 'ups.0.bias': { ...tensors['ups.0.bias']!, data } })
    }
    const config = golden('hifi-gan/v1/config.json')
    for (const [input, checkpoint, value, message] of [
      [short, checkpoints['hifi-gan'], 0, /expected at least/],
      [recording, damaged, Number.NaN, /"ups\.0\.bias" has NaN at element 3/],
      [recording, damaged, Number.POSITIVE_INFINITY, /"ups\.0\.bias" has Infinity/],
    ] as const) {
      spoiled(value)
      const { code, err } = await mynah(['vocode', input, '--checkpoint', checkpoint, '--config', config, '--out', out])
      expect([code, readFileSync(out, 'utf8')]).toEqual([1, 'what was there'])
      expect(err).toMatch(message)
    }
    expect(readdirSync(folder).filter(name => name.startsWith('.mynah'))).toEqual([])
  })
})

describe('MelDistance', () => {
  const config = { ...{ sampleRate: 8000, nFft: 64, hopLength: 16, winLength: 64, nMels: 8, fMin: 0, fMax: null }, floor: 1e-5 }
  const mel = { ...config, scale: 'slaney', norm: 'slaney', magnitude: 'abs', log: 'log10', padding: 'center' } as const

  it('is ln 2 for twice the amplitude, whatever the pieces, the logarithm and the normalization', () => {
    const normalize = { mean: new Float64Array(8).fill(3), scale: new Float64Array(8).fill(2) }
    const distance = new MelDistance({ ...mel, normalize })
    const noise = Float32Array.from({ length: 5000 }, () => random.normal())
    for (let i = 0; i < 5000; i += 700) distance.addBefore(noise.subarray(i, i + 700))
    for (let i = 0; i < 4990; i += 499) distance.addAfter(noise.subarray(i, i + 499).map(sample => 2 * sample))
    expect(distance.finish()).toBeCloseTo(Math.LN2, 2) // the last frames differ, as 10 samples are missing
    expect(distance.frames).toBe(1 + Math.floor(4990 / 16))
  })

  it('is undefined where a recording is too short for a frame', () => {
    const distance = new MelDistance(mel)
    distance.addBefore(new Float32Array(1000))
    expect(distance.finish()).toBeUndefined()
  })
})

describe('mynah codec', { timeout }, () => {
  it.each([
    { name: 'encodec', checkpoint: encodec, ending: 'ecdc', bandwidth: '2.7' },
    { name: 'encodec', checkpoint: golden('encodec/48khz-stereo/encodec_x.th'), ending: 'ecdc', bandwidth: undefined },
    { name: 'dac', checkpoint: golden('dac/24khz-like/weights_24khz.pth'), ending: 'safetensors', bandwidth: '1.35' },
    { name: 'snac', checkpoint: golden('snac/44khz-like/pytorch_model.bin'), ending: 'safetensors', bandwidth: undefined },
  ])('$name: encodes and decodes as the codec itself does ($checkpoint)', async ({ name, checkpoint, ending, bandwidth }) => {
    const [codes, out] = [file(`codes.${ending}`), file('decoded.wav')]
    const codec = await loadCodec(checkpoint, { runtime })
    const bandwidthKbps = bandwidth === undefined ? undefined : Number(bandwidth)
    const more = bandwidth === undefined ? [] : ['--bandwidth', bandwidth]
    const encoded = await mynah(['codec', 'encode', recording, '--checkpoint', checkpoint, '--out', codes, ...more, '--json'])
    expect(encoded.code, encoded.err).toBe(0)
    const channels = codec.channels === 1 ? [mono] : [left, right]
    const resampled = channels.map(samples => resample(samples, 24000, codec.sampleRate))
    const length = resampled[0]!.length
    const waveform = {
      dtype: 'float32' as const,
      shape: [channels.length, length],
      data: Float32Array.from(resampled.flatMap(samples => [...samples])),
    }
    const segments = await codec.encodeSegments(waveform, bandwidthKbps === undefined ? {} : { bandwidthKbps })
    expect(JSON.parse(encoded.out)).toMatchObject({ architecture: name, samples: length, codebooks: segments[0]!.codes.shape[0] })

    const decoded = await mynah(['codec', 'decode', codes, '--checkpoint', checkpoint, '--out', out])
    expect(decoded.code, decoded.err).toBe(0)
    const { data } = await codec.decodeSegments(segments, { samples: length })
    expect(
      largest(
        samplesOf(out).flatMap(samples => [...samples]),
        data.map(sample => Math.max(-1, Math.min(1, sample))),
      ),
    ).toBeLessThan(1e-3)
  })

  it('says which endings and bandwidths there are', async () => {
    const fails = async (...more: string[]) => {
      const { code, err } = await mynah(['codec', 'encode', recording, '-c', encodec, ...more])
      expect(code).toBe(1)
      return err
    }
    expect(await fails('-o', file('x.safetensors'))).toMatch(/ends in \.ecdc/)
    expect(await fails('-o', file('x.ecdc'), '--bandwidth', '5')).toMatch(/bandwidthKbps is 5, expected one of 1\.35/)
  })
})

describe('mynah inspect', { timeout }, () => {
  it('says where each value of a model came from, and what is missing to run it', async () => {
    const { code, out } = await mynah(['inspect', encodec])
    expect(code).toBe(0)
    expect(out).toMatch(/as a model: codec, encodec/)
    expect(out).toMatch(/sample_rate +24000 +told by its config/)
    expect(out).toMatch(/causal +true +told by its config/)
    expect(out).toMatch(/pad_mode +reflect +not told: the default/)
    expect(out).toMatch(/codebooks +12 +told by its tensors/)
    const bare = file('bare.json')
    writeFileSync(bare, '{"sample_rate": 24000}')
    const unsaid = await mynah(['inspect', encodec, '--config', bare])
    expect([unsaid.code, unsaid.out]).toEqual([0, expect.stringMatching(/as a model: .*causal/s)])
    const vocoder = await mynah(['inspect', checkpoints['hifi-gan'], '--json'])
    expect(JSON.parse(vocoder.out).model).toMatchObject({ kind: 'vocoder', architecture: 'hifi-gan' })
  })
})

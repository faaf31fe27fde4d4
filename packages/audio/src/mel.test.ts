import { readFileSync } from 'node:fs'
import { createRandom } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { createMelStream, type MelConfig, melFilterbank, melPresets, melSpectrogram, toHz, toMel } from './mel.ts'

/** Golden cases: official PyTorch front-ends on one waveform each (see case.json: reference commit and tolerance). */
const folder = new URL('../../../test/fixtures/mel/', import.meta.url)
const { cases } = JSON.parse(readFileSync(new URL('case.json', folder), 'utf8')) as { cases: GoldenCase[] }
interface GoldenCase {
  name: string
  file: string
  tolerance: { suggested_max_abs_log: number; suggested_max_abs_linear: number }
}
const kanBayashiRecipe = {
  ...melPresets.hifiGan22k,
  fMin: 80,
  fMax: 7600,
  magnitude: 'abs',
  log: 'log10',
  floor: 1e-10,
  padding: 'center',
} as const satisfies MelConfig

/** The front-ends of the published checkpoints. */
const published = {
  ...melPresets,
  /** Parallel WaveGAN, arXiv:1910.11480, and kan-bayashi's MelGAN: the LJSpeech recipe, before the normalisation by `stats.h5`. */
  parallelWaveGan22k: kanBayashiRecipe,
  /** The LibriTTS and VCTK recipes of kan-bayashi/ParallelWaveGAN. */
  parallelWaveGan24k: { ...kanBayashiRecipe, sampleRate: 24000, nFft: 2048, hopLength: 300, winLength: 1200 },
  /** iSTFTNet, arXiv:2203.02395. */
  iStftNet22k: melPresets.hifiGan22k,
  /** Fre-GAN, arXiv:2106.02297. */
  freGan22k: melPresets.hifiGan22k,
  /** UnivNet, arXiv:2106.07889. */
  univNet24k: { ...melPresets.hifiGan22k, sampleRate: 24000, nMels: 100, fMax: 12000 },
  /** BigVGAN, arXiv:2206.04658: `bigvgan_v2_22khz_80band_fmax8k_256x`, and v1 and base at 22 kHz. */
  bigVGan22kTo8k: melPresets.hifiGan22k,
  /** `bigvgan_v2_22khz_80band_256x`. */
  bigVGan22k: { ...melPresets.hifiGan22k, fMax: null },
  /** `bigvgan_24khz_100band`, `bigvgan_base_24khz_100band` and `bigvgan_v2_24khz_100band_256x`. */
  bigVGan24k: { ...melPresets.hifiGan22k, sampleRate: 24000, nMels: 100, fMax: 12000 },
  /** `bigvgan_v2_44khz_128band_256x`. */
  bigVGan44k256x: { ...melPresets.hifiGan22k, sampleRate: 44100, nMels: 128, fMax: null },
  /** `bigvgan_v2_44khz_128band_512x`. */
  bigVGan44k512x: { ...melPresets.hifiGan22k, sampleRate: 44100, nMels: 128, fMax: null, nFft: 2048, hopLength: 512, winLength: 2048 },
  /** Vocos, arXiv:2306.00814: torchaudio's filterbank. */
  vocos24k: {
    ...melPresets.hifiGan22k,
    sampleRate: 24000,
    nMels: 100,
    fMax: 12000,
    scale: 'htk',
    norm: 'none',
    magnitude: 'abs',
    floor: 1e-7,
    padding: 'center',
  },
} as const satisfies Record<string, MelConfig>

const presetOfCase: Record<string, keyof typeof published> = {
  'melgan-descript-22050': 'melGan22k',
  'pwg-ljspeech-22050': 'parallelWaveGan22k',
  'pwg-libritts-vctk-24000': 'parallelWaveGan24k',
  'hifigan-22050': 'hifiGan22k',
  'istftnet-22050': 'iStftNet22k',
  'fregan-22050': 'freGan22k',
  'univnet-24000': 'univNet24k',
  'bigvgan-22khz_80band_fmax8k': 'bigVGan22kTo8k',
  'bigvgan-22khz_80band': 'bigVGan22k',
  'bigvgan-24khz_100band': 'bigVGan24k',
  'bigvgan-44khz_128band_256x': 'bigVGan44k256x',
  'bigvgan-44khz_128band_512x': 'bigVGan44k512x',
  'vocos-mel-24000': 'vocos24k',
}

/** The float32 tensors of a safetensors file. */
function readTensors(file: string): Record<string, { shape: number[]; data: Float32Array }> {
  const bytes = readFileSync(new URL(file, folder))
  const headerLength = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<
    string,
    { shape: number[]; data_offsets: [number, number] }
  >
  const tensors: Record<string, { shape: number[]; data: Float32Array }> = {}
  for (const [name, { shape, data_offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue
    tensors[name] = {
      shape,
      data: new Float32Array(
        Uint8Array.from(bytes.subarray(8 + headerLength + data_offsets[0], 8 + headerLength + data_offsets[1])).buffer,
      ),
    }
  }
  return tensors
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let error = 0
  for (let i = 0; i < a.length; i++) error = Math.max(error, Math.abs(a[i]! - b[i]!))
  return error
}

describe('melSpectrogram', () => {
  it('has a config for each golden case', () => {
    expect(cases.map(({ name }) => name).sort()).toEqual(Object.keys(presetOfCase).sort())
  })

  it.each(cases)('equals the reference implementation: $name', ({ name, file, tolerance }) => {
    const { wave, log_mel: expected } = readTensors(file)
    const config: MelConfig = published[presetOfCase[name]!]
    const mel = melSpectrogram(wave!.data, config)
    expect([1, ...mel.shape]).toEqual(expected!.shape)
    expect(largestDifference(mel.data, expected!.data)).toBeLessThan(tolerance.suggested_max_abs_log)
    const toLinear = (value: number) => (config.log === 'ln' ? Math.exp(value) : 10 ** value)
    expect(largestDifference(Array.from(mel.data, toLinear), Array.from(expected!.data, toLinear))).toBeLessThan(
      tolerance.suggested_max_abs_linear,
    )
  })

  it('gives exactly S/300 frames with mynah24k where 300 divides S', () => {
    for (const seconds of [0.05, 1, 2.5])
      expect(melSpectrogram(new Float32Array(24000 * seconds), melPresets.mynah24k).shape).toEqual([80, 80 * seconds])
  })

  it('mynah24k puts ln(1e-5) where there is silence', () => {
    expect(new Set(melSpectrogram(new Float32Array(2400), melPresets.mynah24k).data)).toEqual(new Set([Math.fround(Math.log(1e-5))]))
  })

  it('normalises each band by its own mean and scale', () => {
    const random = createRandom(1)
    const samples = Float32Array.from({ length: 6000 }, () => random.normal() / 10)
    const plain = melSpectrogram(samples, published.parallelWaveGan24k)
    const mean = Float32Array.from({ length: 80 }, (_, mel) => -mel / 10)
    const scale = Float32Array.from({ length: 80 }, (_, mel) => 1 + mel)
    const normalized = melSpectrogram(samples, { ...published.parallelWaveGan24k, normalize: { mean, scale } })
    const frames = plain.shape[1]!
    const expected = Array.from(plain.data, (value, i) => (value - mean[Math.floor(i / frames)]!) / scale[Math.floor(i / frames)]!)
    expect(largestDifference(normalized.data, expected)).toBeLessThan(1e-6)
  })

  it('shows a sine in the band around its frequency', () => {
    const { data, shape } = melSpectrogram(
      Float32Array.from({ length: 24000 }, (_, n) => Math.sin((2 * Math.PI * 3000 * n) / 24000)),
      melPresets.mynah24k,
    )
    const column = Array.from({ length: 80 }, (_, mel) => data[mel * shape[1]! + 40]!)
    const centres = Array.from({ length: 80 }, (_, mel) => toHz((toMel(12000, 'slaney') * (mel + 1)) / 81, 'slaney'))
    expect(Math.abs(centres[column.indexOf(Math.max(...column))]! - 3000)).toBeLessThan(120)
  })

  it('refuses impossible configurations and audio shorter than a frame', () => {
    const config: MelConfig = melPresets.mynah24k
    const samples = new Float32Array(2400)
    expect(() => melSpectrogram(new Float32Array(300), config)).toThrow(/300 samples, expected at least 451/)
    expect(() => melSpectrogram(samples, { ...config, fMax: 12001 })).toThrow(/fMax 12001 Hz/)
    expect(() => melSpectrogram(samples, { ...config, fMin: 12000 })).toThrow(RangeError)
    expect(() => melSpectrogram(samples, { ...config, nMels: 0 })).toThrow(RangeError)
    expect(() => melSpectrogram(samples, { ...config, floor: 0 })).toThrow(RangeError)
    expect(() => melSpectrogram(samples, { ...config, scale: 'bark' as 'htk' })).toThrow(/scale is "bark"/)
    expect(() => melSpectrogram(samples, { ...config, log: 'log2' as 'ln' })).toThrow(RangeError)
    expect(() => melSpectrogram(samples, { ...config, normalize: { mean: [0], scale: [1] } })).toThrow(/1 means/)
  })
})

describe('melFilterbank', () => {
  it('equals torchaudio’s HTK filterbank, which was computed in float32, to 1e-4', () => {
    const { mel_fb: reference } = readTensors('vocos-mel-24000.safetensors')
    const { data, shape } = melFilterbank(published.vocos24k)
    const [bins, mels] = reference!.shape as [number, number]
    expect(shape).toEqual([mels, bins])
    expect(
      largestDifference(
        data,
        Float32Array.from(data, (_, i) => reference!.data[(i % bins) * mels + Math.floor(i / bins)]!),
      ),
    ).toBeLessThan(1e-4)
  })

  it('Slaney triangles have unit area in Hz', () => {
    const { data, shape } = melFilterbank({ ...melPresets.mynah24k, nFft: 65536 })
    const bins = shape[1]!
    for (let mel = 0; mel < 80; mel++) {
      const area = data.subarray(mel * bins, (mel + 1) * bins).reduce((sum, weight) => sum + weight, 0) * (24000 / 65536)
      expect(area).toBeCloseTo(1, 3)
    }
  })

  it.each(['slaney', 'htk'] as const)('toHz inverts toMel on the %s scale', scale => {
    for (const hz of [0, 50, 440, 999.9, 1000, 1000.1, 4000, 12000]) expect(toHz(toMel(hz, scale), scale)).toBeCloseTo(hz, 8)
  })
})

describe('createMelStream', () => {
  const random = createRandom(4)
  const samples = Float32Array.from({ length: 20_000 }, () => 0.1 * random.normal())
  /** Frames side by side: [nMels, T] each. */
  const join = (parts: readonly { shape: readonly number[]; data: Float32Array }[], nMels: number) =>
    Array.from({ length: nMels }, (_, mel) =>
      parts.flatMap(({ shape, data }) => Array.from(data.subarray(mel * shape[1]!, (mel + 1) * shape[1]!))),
    )

  it.each(Object.keys(published) as (keyof typeof published)[])('%s: frames of pieces join into those of the whole', preset => {
    for (const length of [20_000, 4801, 1300]) {
      for (const piece of [1777, 100_000]) {
        const config: MelConfig = published[preset]
        const whole = samples.subarray(0, length)
        const stream = createMelStream(config)
        const parts = []
        for (let start = 0; start < length; start += piece) parts.push(stream.push(whole.subarray(start, start + piece)))
        parts.push(stream.finish())
        expect(join(parts, config.nMels)).toEqual(join([melSpectrogram(whole, config)], config.nMels))
      }
    }
  })

  it('refuses what is too short for a frame, at its end, as melSpectrogram does', () => {
    const stream = createMelStream(melPresets.hifiGan22k)
    expect(stream.push(samples.subarray(0, 200)).shape).toEqual([80, 0])
    expect(() => stream.finish()).toThrow(/200 samples, expected at least/)
  })
})

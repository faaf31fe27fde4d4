import { float32Tensor, type Tensor } from '@mynah/onnx'
import { joinPieces } from './audio.ts'
import { frameCount, type Padding, type StftConfig, sidePadding, visitFrames } from './stft.ts'

/**
 * A log-mel front-end as plain data: what a vocoder's checkpoint config says, in librosa's words. Vocoders disagree in every field,
 * and the wrong front-end is the most common cause of noise instead of speech.
 * Frames are cut with a periodic Hann window (`StftConfig`).
 */
export interface MelConfig extends StftConfig {
  /** Hz. */
  readonly sampleRate: number
  readonly nMels: number
  /** Lower edge of the first triangle, Hz. */
  readonly fMin: number
  /** Upper edge of the last triangle, Hz; null is half the sample rate. */
  readonly fMax: number | null
  /** `slaney`: linear below 1 kHz, then logarithmic (librosa's default). `htk`: 2595·log10(1 + f/700) (torchaudio's default). */
  readonly scale: 'slaney' | 'htk'
  /** `slaney`: triangles of equal area, each divided by half its width in Hz. `none`: triangles of height 1. */
  readonly norm: 'slaney' | 'none'
  /** `abs`: |X|. `sqrt-eps`: √(re² + im² + 1e-9), as HiFi-GAN and its descendants compute it. */
  readonly magnitude: 'abs' | 'sqrt-eps'
  readonly log: 'ln' | 'log10'
  /** The smallest mel value that is taken the logarithm of. */
  readonly floor: number
  readonly padding: Padding
  /** Statistics of kan-bayashi's recipes (`stats.h5`): each log-mel band becomes (x − mean)/scale. Both [nMels]. */
  readonly normalize?: { readonly mean: ArrayLike<number>; readonly scale: ArrayLike<number> }
}

const magnitudeEpsilon = 1e-9

const hifiGanRecipe = {
  sampleRate: 22050,
  nFft: 1024,
  hopLength: 256,
  winLength: 1024,
  nMels: 80,
  fMin: 0,
  fMax: 8000,
  scale: 'slaney',
  norm: 'slaney',
  magnitude: 'sqrt-eps',
  log: 'ln',
  floor: 1e-5,
  padding: 'same',
} as const satisfies MelConfig

/** Front-ends that no config spells out: Mynah's own, and what published configs leave to the code. */
export const melPresets = {
  /** Mynah's own codec and vocoder: 80 frames a second, exactly S/300 frames where 300 divides S. */
  mynah24k: {
    sampleRate: 24000,
    nFft: 1200,
    hopLength: 300,
    winLength: 1200,
    nMels: 80,
    fMin: 0,
    fMax: 12000,
    scale: 'slaney',
    norm: 'slaney',
    magnitude: 'abs',
    log: 'ln',
    floor: 1e-5,
    padding: 'same',
  },
  /** MelGAN, arXiv:1910.06711, descriptinc/melgan-neurips. */
  melGan22k: { ...hifiGanRecipe, fMax: null, magnitude: 'abs', log: 'log10' },
  /** HiFi-GAN, arXiv:2010.05646, and its descendants. */
  hifiGan22k: hifiGanRecipe,
} as const satisfies Record<string, MelConfig>

// Slaney's scale (Auditory Toolbox): 200/3 Hz a mel up to 1 kHz = mel 15, from there 27 mels for a factor of 6.4.
const slaneyHzPerMel = 200 / 3
const slaneyKneeHz = 1000
const slaneyKneeMel = slaneyKneeHz / slaneyHzPerMel
const slaneyLogStep = Math.log(6.4) / 27

/** Hz → mel. */
export function toMel(hz: number, scale: MelConfig['scale']): number {
  if (scale === 'htk') return 2595 * Math.log10(1 + hz / 700)
  return hz < slaneyKneeHz ? hz / slaneyHzPerMel : slaneyKneeMel + Math.log(hz / slaneyKneeHz) / slaneyLogStep
}

/** Mel → Hz, the inverse of `toMel`. */
export function toHz(mel: number, scale: MelConfig['scale']): number {
  if (scale === 'htk') return 700 * (10 ** (mel / 2595) - 1)
  return mel < slaneyKneeMel ? mel * slaneyHzPerMel : slaneyKneeHz * Math.exp((mel - slaneyKneeMel) * slaneyLogStep)
}

type FilterbankConfig = Pick<MelConfig, 'sampleRate' | 'nFft' | 'nMels' | 'fMin' | 'fMax' | 'scale' | 'norm'>

/** One triangle: its weights from bin `start` on; no weights where the triangle falls between two bins. */
interface Triangle {
  readonly start: number
  readonly weights: Float64Array
}

function triangles({ sampleRate, nFft, nMels, fMin, fMax, scale, norm }: FilterbankConfig): Triangle[] {
  const top = fMax ?? sampleRate / 2
  if (!(sampleRate > 0) || !Number.isInteger(nFft) || nFft < 2 || nFft % 2 !== 0) {
    throw new RangeError(`mel filterbank: sampleRate ${sampleRate} and nFft ${nFft}, expected a positive rate and an even size`)
  }
  if (!Number.isInteger(nMels) || nMels < 1) throw new RangeError(`mel filterbank: nMels is ${nMels}, expected a positive integer`)
  if (!(fMin >= 0 && fMin < top && top <= sampleRate / 2)) {
    throw new RangeError(`mel filterbank: fMin ${fMin} Hz and fMax ${top} Hz, expected 0 ≤ fMin < fMax ≤ ${sampleRate / 2} Hz`)
  }
  if (scale !== 'slaney' && scale !== 'htk')
    throw new RangeError(`mel filterbank: scale is ${JSON.stringify(scale)}, expected "slaney" or "htk"`)
  if (norm !== 'slaney' && norm !== 'none')
    throw new RangeError(`mel filterbank: norm is ${JSON.stringify(norm)}, expected "slaney" or "none"`)
  const low = toMel(fMin, scale)
  const step = (toMel(top, scale) - low) / (nMels + 1)
  const edges = Array.from({ length: nMels + 2 }, (_, i) => toHz(low + i * step, scale))
  const binHz = sampleRate / nFft
  return Array.from({ length: nMels }, (_, mel) => {
    const [left, centre, right] = [edges[mel]!, edges[mel + 1]!, edges[mel + 2]!]
    const height = norm === 'slaney' ? 2 / (right - left) : 1
    const start = Math.max(0, Math.ceil(left / binHz))
    const end = Math.min(nFft / 2, Math.floor(right / binHz))
    const weights = Float64Array.from({ length: Math.max(0, end - start + 1) }, (_, i) => {
      const hz = (start + i) * binHz
      return height * Math.max(0, Math.min((hz - left) / (centre - left), (right - hz) / (right - centre)))
    })
    return { start, weights }
  })
}

/**
 * The mel filterbank as a matrix, `librosa.filters.mel` (slaney) or the transpose of `torchaudio.functional.melscale_fbanks` (htk).
 * @returns float32 [nMels, nFft/2 + 1]
 * @throws {RangeError} if the configuration is impossible
 */
export function melFilterbank(config: FilterbankConfig): Tensor<'float32'> {
  const bins = config.nFft / 2 + 1
  const filters = triangles(config)
  const data = new Float32Array(config.nMels * bins)
  for (const [mel, { start, weights }] of filters.entries()) data.set(weights, mel * bins + start)
  return float32Tensor(data, [config.nMels, bins])
}

/**
 * Log-mel spectrogram by the front-end that `config` describes. Computed in float64, rounded once to float32.
 * @param samples float32 [S] at `config.sampleRate`, nominally in [-1, 1]
 * @returns float32 [nMels, T], T as `frameCount` says
 * @throws {RangeError} if the audio is too short for one frame, or the configuration is impossible
 */
export function melSpectrogram(samples: Float32Array, config: MelConfig): Tensor<'float32'> {
  return createAnalysis(config)(samples, config)
}

/** The front-end with its filterbank at hand. */
function createAnalysis(config: MelConfig): (samples: Float32Array, layout: StftConfig) => Tensor<'float32'> {
  const { nMels, magnitude, log, floor, normalize } = config
  if (!(floor > 0)) throw new RangeError(`melSpectrogram: floor is ${floor}, expected a positive number`)
  if (magnitude !== 'abs' && magnitude !== 'sqrt-eps') {
    throw new RangeError(`melSpectrogram: magnitude is ${JSON.stringify(magnitude)}, expected "abs" or "sqrt-eps"`)
  }
  if (log !== 'ln' && log !== 'log10') throw new RangeError(`melSpectrogram: log is ${JSON.stringify(log)}, expected "ln" or "log10"`)
  if (normalize && (normalize.mean.length !== nMels || normalize.scale.length !== nMels)) {
    throw new RangeError(
      `melSpectrogram: normalize has ${normalize.mean.length} means and ${normalize.scale.length} scales, expected ${nMels} of each`,
    )
  }
  const filters = triangles(config)
  const spectrum = new Float64Array(config.nFft / 2 + 1)
  const epsilon = magnitude === 'sqrt-eps' ? magnitudeEpsilon : 0
  const logScale = log === 'log10' ? Math.LOG10E : 1
  return (samples, layout) => {
    const frames = frameCount(samples.length, layout)
    const mels = new Float32Array(nMels * frames)
    visitFrames(samples, layout, (t, real, imaginary) => {
      for (let k = 0; k < spectrum.length; k++) spectrum[k] = Math.sqrt(real[k]! * real[k]! + imaginary[k]! * imaginary[k]! + epsilon)
      for (let mel = 0; mel < nMels; mel++) {
        const { start, weights } = filters[mel]!
        let energy = 0
        for (let i = 0; i < weights.length; i++) energy += weights[i]! * spectrum[start + i]!
        const value = Math.log(Math.max(energy, floor)) * logScale
        mels[mel * frames + t] = normalize ? (value - normalize.mean[mel]!) / normalize.scale[mel]! : value
      }
    })
    return float32Tensor(mels, [nMels, frames])
  }
}

/** A front-end for audio that arrives in pieces; the frames that it returns, joined, are those of `melSpectrogram` for the whole. */
export interface MelStream {
  /** @returns float32 [nMels, T ≥ 0], as far as the input determines it */
  push(samples: Float32Array): Tensor<'float32'>
  /**
   * The rest. Call once, after the last piece.
   * @throws {RangeError} if the whole was too short for one frame
   */
  finish(): Tensor<'float32'>
}

/**
 * `melSpectrogram` in bounded memory, for audio that arrives in pieces.
 * @throws {RangeError} if the configuration is impossible, or frames lie apart (hopLength beyond nFft)
 */
export function createMelStream(config: MelConfig): MelStream {
  const { nFft, hopLength, nMels } = config
  const analyze = createAnalysis(config)
  const layout: StftConfig = { ...config, padding: 'none' }
  const pad = sidePadding(config)
  if (hopLength > nFft) throw new RangeError(`createMelStream: hopLength is ${hopLength}, expected at most nFft = ${nFft}`)
  let samples = 0
  let started = false
  /** The signal from the next frame's first sample on, reflected at its start. */
  let kept: Float32Array = new Float32Array(0)
  /** The last samples of the signal: its end is reflected, too. */
  let ending: Float32Array = new Float32Array(0)
  const wholeFrames = (): Tensor<'float32'> => {
    if (!started || kept.length < nFft) return float32Tensor([], [nMels, 0])
    const frames = 1 + Math.floor((kept.length - nFft) / hopLength)
    const mel = analyze(kept.subarray(0, nFft + (frames - 1) * hopLength), layout)
    kept = kept.slice(frames * hopLength)
    return mel
  }
  return {
    push(piece) {
      samples += piece.length
      kept = joinPieces([kept, piece])
      ending = joinPieces([ending, piece]).slice(-(pad + 1))
      if (!started && samples > pad) {
        kept = joinPieces([kept.slice(1, pad + 1).reverse(), kept])
        started = true
      }
      return wholeFrames()
    },
    finish() {
      frameCount(samples, config)
      kept = joinPieces([kept, ending.slice(0, -1).reverse()])
      return wholeFrames()
    },
  }
}

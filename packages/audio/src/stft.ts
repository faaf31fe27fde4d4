import { realFft } from './fft.ts'

/**
 * How a signal is extended before frames are cut.
 * - `center`: reflected by nFft/2 on both sides, `torch.stft(center=True)`; T = 1 + ⌊S/hopLength⌋.
 * - `same`: reflected by ⌊(nFft − hopLength)/2⌋ on both sides, the rule of HiFi-GAN and of Vocos' "same"; T = S/hopLength where hopLength divides S.
 * - `none`: not extended; T = 1 + ⌊(S − nFft)/hopLength⌋.
 */
export type Padding = 'center' | 'same' | 'none'

/** Frame layout of a short-time Fourier transform. The window is a periodic Hann window, centred in the frame when shorter than it. */
export interface StftConfig {
  /** Samples per frame and size of the transform: even. */
  readonly nFft: number
  /** Samples from one frame to the next. */
  readonly hopLength: number
  /** Samples of the window, at most nFft. */
  readonly winLength: number
  readonly padding: Padding
}

/** A complex spectrogram, both parts [bins, T] row-major, as `torch.stft` orders it. */
export interface Spectrogram {
  readonly real: Float32Array
  readonly imaginary: Float32Array
  /** nFft/2 + 1 */
  readonly bins: number
  /** T */
  readonly frames: number
}

// Below this the overlapped squared windows cannot be divided out; torch.istft uses the same bound.
const smallestEnvelope = 1e-11

/** Periodic Hann window: w[n] = ½ − ½·cos(2πn/length), `torch.hann_window`'s default. */
export function hannWindow(length: number): Float64Array {
  return Float64Array.from({ length }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / length))
}

/**
 * Samples added on each side of the signal.
 * @throws {RangeError} if nFft, hopLength or winLength cannot be a frame layout
 */
export function sidePadding({ nFft, hopLength, winLength, padding }: StftConfig): number {
  if (!Number.isInteger(nFft) || nFft < 2 || nFft % 2 !== 0) throw new RangeError(`stft: nFft is ${nFft}, expected an even integer ≥ 2`)
  if (!Number.isInteger(hopLength) || hopLength < 1) throw new RangeError(`stft: hopLength is ${hopLength}, expected a positive integer`)
  if (!Number.isInteger(winLength) || winLength < 1 || winLength > nFft) {
    throw new RangeError(`stft: winLength is ${winLength}, expected an integer in [1, nFft = ${nFft}]`)
  }
  if (padding === 'center') return nFft / 2
  if (padding === 'none') return 0
  if (padding !== 'same') throw new RangeError(`stft: padding is ${JSON.stringify(padding)}, expected "center", "same" or "none"`)
  if (hopLength > nFft) throw new RangeError(`stft: padding "same" needs hopLength ≤ nFft, got ${hopLength} > ${nFft}`)
  return Math.floor((nFft - hopLength) / 2)
}

/**
 * Number of frames T that `stft` and the mel front-ends give for `samples` samples.
 * @throws {RangeError} if the signal is too short for one frame or for its reflection, or the layout is impossible
 */
export function frameCount(samples: number, config: StftConfig): number {
  const pad = sidePadding(config)
  const least = Math.max(pad + 1, config.nFft - 2 * pad)
  if (samples < least) {
    throw new RangeError(
      `stft: ${samples} samples, expected at least ${least} for nFft ${config.nFft} with padding "${config.padding}"; use longer audio`,
    )
  }
  return 1 + Math.floor((samples + 2 * pad - config.nFft) / config.hopLength)
}

function centredWindow({ nFft, winLength }: StftConfig): Float64Array {
  const window = new Float64Array(nFft)
  window.set(hannWindow(winLength), Math.floor((nFft - winLength) / 2))
  return window
}

/**
 * Calls `visit` with the spectrum of each frame in turn; the arrays [nFft/2 + 1] are reused from frame to frame.
 * @returns the number of frames T
 * @throws {RangeError} as `frameCount`
 */
export function visitFrames(
  samples: Float32Array,
  config: StftConfig,
  visit: (frame: number, real: Float64Array, imaginary: Float64Array) => void,
): number {
  const { nFft, hopLength } = config
  const frames = frameCount(samples.length, config)
  const pad = sidePadding(config)
  const window = centredWindow(config)
  const fft = realFft(nFft)
  const frame = new Float64Array(nFft)
  const real = new Float64Array(nFft / 2 + 1)
  const imaginary = new Float64Array(nFft / 2 + 1)
  const last = samples.length - 1
  for (let t = 0; t < frames; t++) {
    const start = t * hopLength - pad
    if (start >= 0 && start + nFft <= samples.length) {
      for (let n = 0; n < nFft; n++) frame[n] = samples[start + n]! * window[n]!
    } else {
      for (let n = 0; n < nFft; n++) {
        const index = Math.abs(start + n)
        frame[n] = samples[index > last ? 2 * last - index : index]! * window[n]!
      }
    }
    fft.forward(frame, real, imaginary)
    visit(t, real, imaginary)
  }
  return frames
}

/**
 * Short-time Fourier transform, unscaled, equal to `torch.stft(..., return_complex=True)` with a periodic Hann window and reflect padding.
 * @param samples float32 [S]
 * @returns both parts float32 [nFft/2 + 1, T]
 * @throws {RangeError} if the signal is too short or the layout is impossible
 */
export function stft(samples: Float32Array, config: StftConfig): Spectrogram {
  const frames = frameCount(samples.length, config)
  const bins = config.nFft / 2 + 1
  const real = new Float32Array(bins * frames)
  const imaginary = new Float32Array(bins * frames)
  visitFrames(samples, config, (t, frameReal, frameImaginary) => {
    for (let k = 0; k < bins; k++) {
      real[k * frames + t] = frameReal[k]!
      imaginary[k * frames + t] = frameImaginary[k]!
    }
  })
  return { real, imaginary, bins, frames }
}

/**
 * Inverse of `stft` by windowed overlap-add, divided by the overlapped squared windows: `torch.istft` for `center`, Vocos' ISTFT for `same`.
 * @param length samples to return; by default all that the frames fix: (T−1)·hopLength for `center`, T·hopLength for `same` (where nFft − hopLength is
 * even), nFft + (T−1)·hopLength for `none`. More are zeros where no frame reaches.
 * @returns float32 [length]
 * @throws {RangeError} if the spectrogram does not fit nFft, or some sample is covered by no window (hopLength too large, or `none` with a window that starts at 0)
 */
export function istft(spectrogram: Spectrogram, config: StftConfig, length?: number): Float32Array {
  const { nFft, hopLength } = config
  const pad = sidePadding(config)
  const { real, imaginary, bins, frames } = spectrogram
  if (bins !== nFft / 2 + 1 || frames < 1 || real.length !== bins * frames || imaginary.length !== bins * frames) {
    throw new RangeError(
      `istft: spectrogram is [${bins}, ${frames}] with ${real.length} and ${imaginary.length} values, expected [${nFft / 2 + 1}, T ≥ 1]`,
    )
  }
  const covered = nFft + (frames - 1) * hopLength
  const wanted = length ?? covered - 2 * pad
  if (!Number.isInteger(wanted) || wanted < 0) throw new RangeError(`istft: length is ${wanted}, expected an integer ≥ 0`)
  const window = centredWindow(config)
  const fft = realFft(nFft)
  const frameReal = new Float64Array(bins)
  const frameImaginary = new Float64Array(bins)
  const frame = new Float64Array(nFft)
  const sum = new Float64Array(covered)
  const envelope = new Float64Array(covered)
  for (let t = 0; t < frames; t++) {
    for (let k = 0; k < bins; k++) {
      frameReal[k] = real[k * frames + t]!
      frameImaginary[k] = imaginary[k * frames + t]!
    }
    fft.inverse(frameReal, frameImaginary, frame)
    const start = t * hopLength
    for (let n = 0; n < nFft; n++) {
      sum[start + n]! += frame[n]! * window[n]!
      envelope[start + n]! += window[n]! * window[n]!
    }
  }
  const output = new Float32Array(wanted)
  for (let n = 0; n < Math.min(wanted, covered - pad); n++) {
    const weight = envelope[n + pad]!
    if (weight < smallestEnvelope) {
      throw new RangeError(
        `istft: no window covers sample ${n} of ${wanted} (hopLength ${hopLength}, winLength ${config.winLength}); use a smaller hop or other padding`,
      )
    }
    output[n] = sum[n + pad]! / weight
  }
  return output
}

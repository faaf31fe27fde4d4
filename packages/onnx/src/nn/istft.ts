import type { Value } from '../graph/model.ts'
import type { Operators } from '../graph/operators.ts'
import { float32Tensor, type Tensor } from '../tensor.ts'

/** Configuration of an inverse STFT. */
export interface IstftConfig {
  readonly nFft: number
  readonly hopLength: number
  /** Synthesis window, at most `nFft` long (centred if shorter); periodic Hann of `nFft` unless told otherwise. */
  readonly window?: Float32Array
  /** What is cut off: `center` nFft/2 at both ends, giving (T − 1)·hop samples (torch.istft); `same` (nFft − hop)/2, giving T·hop (Vocos with EnCodec). */
  readonly padding: 'center' | 'same'
}

/**
 * Inverse short-time Fourier transform inside the graph: inverse DFT, window and overlap-add are one ConvTranspose whose kernel is the windowed inverse
 * DFT basis; the result is divided by the overlap-added squared window. Agrees with torch.istft for Hermitian spectra; the imaginary parts of DC and Nyquist are ignored.
 * @param real float32 [B, nFft/2 + 1, T]
 * @param imaginary float32 [B, nFft/2 + 1, T]
 * @returns float32 [B, 1, S], S = (T − 1)·hopLength or T·hopLength
 * @throws {RangeError} for an odd nFft, a window longer than nFft, or nFft − hop odd with `same`
 */
export function istft(graph: Operators, real: Value, imaginary: Value, config: IstftConfig): Value {
  const { nFft, hopLength } = config
  const window = placeWindow(config)
  const cut = config.padding === 'center' ? nFft / 2 : (nFft - hopLength) / 2
  if (!Number.isInteger(nFft / 2) || !Number.isInteger(cut) || cut < 0) {
    throw new RangeError(`istft: nFft ${nFft} and hopLength ${hopLength} do not fit padding "${config.padding}"; both halves must be whole`)
  }
  const attributes = { stride: hopLength, pads: cut }
  const spectrum = graph.concat([real, imaginary], 1) // [B, nFft + 2, T]
  const summed = graph.convTranspose(spectrum, graph.initializer('basis', inverseBasis(nFft, window)), undefined, attributes)
  // The envelope depends on T only: a row of ones through the squared window.
  const ones = graph.fill([1, 1, graph.lengthOf(real, 2)], 1)
  const squared = float32Tensor(
    window.map(value => value * value),
    [1, 1, nFft],
  )
  const envelope = graph.convTranspose(ones, graph.initializer('squared_window', squared), undefined, attributes)
  return graph.div(summed, envelope)
}

/** Periodic Hann window: 0.5 − 0.5·cos(2πn/length). */
export function hannWindow(length: number): Float32Array {
  return Float32Array.from({ length }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / length))
}

function placeWindow({ nFft, window }: IstftConfig): Float32Array {
  if (!window) return hannWindow(nFft)
  if (window.length > nFft) throw new RangeError(`istft: the window has ${window.length} samples, more than nFft ${nFft}`)
  const placed = new Float32Array(nFft)
  placed.set(window, Math.floor((nFft - window.length) / 2))
  return placed
}

/** Kernel [nFft + 2, 1, nFft]: rows of cosines for the real parts, of negative sines for the imaginary parts, each windowed. */
function inverseBasis(nFft: number, window: Float32Array): Tensor<'float32'> {
  const bins = nFft / 2 + 1
  const basis = new Float32Array(2 * bins * nFft)
  for (let bin = 0; bin < bins; bin++) {
    const edge = bin === 0 || bin === nFft / 2
    const weight = (edge ? 1 : 2) / nFft
    for (let n = 0; n < nFft; n++) {
      const angle = (2 * Math.PI * ((bin * n) % nFft)) / nFft
      basis[bin * nFft + n] = weight * Math.cos(angle) * window[n]!
      basis[(bins + bin) * nFft + n] = edge ? 0 : -weight * Math.sin(angle) * window[n]!
    }
  }
  return float32Tensor(basis, [2 * bins, 1, nFft])
}

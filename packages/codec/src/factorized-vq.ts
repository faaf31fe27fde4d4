import { float32Tensor, type Net, type Tensor, type Value, type Weights } from '@mynah/onnx'
import { type DacNetworkConfig, dacNetwork } from './dac-network.ts'
import type { CodecNetworks } from './networks.ts'
import { withSilentRow } from './rvq.ts'

/** Sizes of the quantizers of DAC and SNAC: each projects to a few dimensions, looks up there, and projects back. */
export interface FactorizedSizes {
  readonly codebooks: number
  readonly codebookSize: number
  readonly codebookDim: number
  readonly latentDim: number
}

/** Below this length torch's normalize divides by it instead. */
const smallestNorm = 1e-12

const quantizer = (index: number) => `quantizer.quantizers.${index}`

/** Whether these are weights with factorized quantizers, as DAC and SNAC have. */
export function hasFactorizedVq(weights: Weights): boolean {
  return weights.has(`${quantizer(0)}.in_proj.weight`) && weights.has(`${quantizer(0)}.codebook.weight`)
}

/** Finds `quantizer.quantizers.{i}` and their sizes. */
export function readFactorizedSizes(weights: Weights): FactorizedSizes {
  let codebooks = 0
  while (weights.has(`${quantizer(codebooks)}.codebook.weight`)) codebooks++
  const [codebookSize, codebookDim] = weights.shape(`${quantizer(0)}.codebook.weight`) as [number, number]
  return { codebooks, codebookSize, codebookDim, latentDim: weights.shape(`${quantizer(0)}.in_proj.weight`)[1]! }
}

/**
 * The networks of DAC and SNAC.
 * @param strides frames per code of each codebook
 * @param configure what the weights do not tell, for a graph with or without noise
 */
export function factorizedNetworks(
  sizes: FactorizedSizes,
  strides: readonly number[],
  configure: (net: Net, noisy: boolean) => DacNetworkConfig,
): CodecNetworks {
  return {
    encode: (net, waveform) => dacNetwork(net.at('encoder'), waveform, configure(net, false)),
    quantize: (net, latents, codebooks) => factorizedCodes(net, latents, sizes, strides.slice(0, codebooks)),
    sumCodewords: (net, codes) => factorizedFeatures(net, codes, sizes),
    decode: (net, latents, { noise = false }) => net.tanh(dacNetwork(net.at('decoder'), latents, configure(net, noise))),
  }
}

/**
 * Emits latents [1, L, T] → codes int64 [K', T], the codes of strided codebooks repeated. Each quantizer averages `stride` frames, projects, takes the codeword
 * of largest cosine (the latent's own length does not change which one that is) and subtracts what the unnormalized codeword projects back to.
 * Papers: DAC arXiv:2306.06546 (factorized, normalized codes: ViT-VQGAN arXiv:2110.04627), SNAC arXiv:2410.14411.
 * T must be a multiple of every stride.
 */
function factorizedCodes(net: Net, latents: Value, sizes: FactorizedSizes, strides: readonly number[]): Value {
  const { codebookSize, codebookDim, latentDim } = sizes
  const time = latents.shape[2]!
  let residual = latents
  const codes = strides.map((stride, k) => {
    const own = net.at(quantizer(k))
    const pooled =
      stride === 1 ? residual : own.node('AveragePool', [residual], { kernel_shape: [stride], strides: [stride], pads: [0, 0] })
    const projected = own.conv1d('in_proj', pooled, { out: codebookDim, kernel: 1 }) // [1, D, T / stride]
    const codebook = own.weight('codebook.weight', [codebookSize, codebookDim])
    const rows = own.squeeze(own.transpose(projected, [0, 2, 1]), [0])
    const score = own.matmul(rows, own.initializer('directions', directions(codebook)))
    const code = own.argMax(score, 1) // [T / stride]
    if (k + 1 < strides.length) {
      const words = own.unsqueeze(own.transpose(own.gather(own.initializer('codebook', codebook), code), [1, 0]), [0])
      const back = own.conv1d('out_proj', words, { out: latentDim, kernel: 1 })
      const spread = stride === 1 ? back : own.assume(own.repeat(back, 2, stride), residual.shape)
      residual = own.sub(residual, spread)
    }
    const row = own.unsqueeze(code, [0])
    return stride === 1 ? row : own.assume(own.repeat(row, 1, stride), [1, time])
  })
  return net.concat(codes, 0)
}

/**
 * Emits the decoder half: codes int64 [K, T] → float32 [1, L, T]; −1 leaves a codebook out. A codeword goes through its own projection with a one behind it,
 * which takes up the bias, so that a codebook that is left out adds nothing at all.
 */
function factorizedFeatures(net: Net, codes: Value, { codebooks, codebookSize, codebookDim, latentDim }: FactorizedSizes): Value {
  const parts = Array.from({ length: codebooks }, (_, k) => {
    const own = net.at(quantizer(k))
    const table = withSilentRow(appendColumn(own.weight('codebook.weight', [codebookSize, codebookDim]), () => 1))
    const bias = own.weight('out_proj.bias', [latentDim]).data
    const { data } = own.weight('out_proj.weight', [latentDim, codebookDim, 1])
    const projection = appendColumn(float32Tensor(data, [latentDim, codebookDim]), row => bias[row]!)
    const words = own.gather(own.initializer('codewords', table), own.gather(codes, k)) // [T, D + 1]
    return own.matmul(own.initializer('projection', projection), own.transpose(words, [1, 0])) // [L, T]
  })
  return net.unsqueeze(
    parts.reduce((sum, part) => net.add(sum, part)),
    [0],
  )
}

function appendColumn({ data, shape }: Tensor<'float32'>, value: (row: number) => number): Tensor<'float32'> {
  const [rows, columns] = shape as [number, number]
  const wider = new Float32Array(rows * (columns + 1))
  for (let row = 0; row < rows; row++) {
    wider.set(data.subarray(row * columns, (row + 1) * columns), row * (columns + 1))
    wider[(row + 1) * (columns + 1) - 1] = value(row)
  }
  return float32Tensor(wider, [rows, columns + 1])
}

/** Normalized codewords as columns: [D, N]. */
function directions({ data, shape }: Tensor<'float32'>): Tensor<'float32'> {
  const [size, dim] = shape as [number, number]
  const columns = new Float32Array(data.length)
  for (let n = 0; n < size; n++) {
    const row = data.subarray(n * dim, (n + 1) * dim)
    const norm = Math.max(smallestNorm, Math.hypot(...row))
    for (let i = 0; i < dim; i++) columns[i * size + n] = row[i]! / norm
  }
  return float32Tensor(columns, [dim, size])
}

/**
 * Reads the quantizers once.
 * @param strides frames per code of each codebook
 * @returns the decoder half, Σ over codebooks of the projected codewords: codes int32 [K', T], checked, of strided ones the first of each `stride` frames counts → float32 [L, T]
 */
export function factorizedSum(weights: Weights, strides: readonly number[]): (codes: Tensor<'int32'>) => Tensor<'float32'> {
  const { latentDim, codebookDim, codebookSize } = readFactorizedSizes(weights)
  const quantizers = strides.map((stride, k) => {
    const own = weights.scope(quantizer(k))
    own.get('in_proj.weight', [codebookDim, latentDim, 1]) // the encoder's, which is built when something is encoded: checked here
    own.get('in_proj.bias', [codebookDim])
    return {
      stride,
      codebook: own.get('codebook.weight', [codebookSize, codebookDim]).data,
      projection: own.get('out_proj.weight', [latentDim, codebookDim, 1]).data,
      bias: own.get('out_proj.bias', [latentDim]).data,
    }
  })
  return codes => {
    const [codebooks, frames] = codes.shape as [number, number]
    const sum = new Float32Array(latentDim * frames)
    quantizers.slice(0, codebooks).forEach(({ stride, codebook, projection, bias }, k) => {
      for (let t = 0; t < frames; t++) {
        const word = codes.data[k * frames + t - (t % stride)]! * codebookDim
        for (let l = 0; l < latentDim; l++) {
          let value = bias[l]!
          for (let i = 0; i < codebookDim; i++) value += projection[l * codebookDim + i]! * codebook[word + i]!
          sum[l * frames + t]! += value
        }
      }
    })
    return float32Tensor(sum, [latentDim, frames])
  }
}

import { conv1d, float32Tensor, type GraphBuilder, type Tensor, type Value, type Weights } from '@mynah/onnx'
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

/** The quantizer of one codebook, its shapes checked. */
interface Quantizer {
  /** Frames per code. */
  readonly stride: number
  readonly weights: Weights
}

function quantizersOf(weights: Weights, strides: readonly number[]): readonly Quantizer[] {
  const { codebookSize, codebookDim, latentDim } = readFactorizedSizes(weights)
  return strides.map((stride, i) => {
    const own = weights.scope(quantizer(i))
    own.get('in_proj.weight', [codebookDim, latentDim, 1])
    own.get('out_proj.weight', [latentDim, codebookDim, 1])
    own.get('codebook.weight', [codebookSize, codebookDim])
    own.get('in_proj.bias', [codebookDim])
    own.get('out_proj.bias', [latentDim])
    return { stride, weights: own }
  })
}

/**
 * The networks of DAC and SNAC.
 * @param strides frames per code of each codebook
 * @param configure what the weights do not tell, for a graph with or without noise
 */
export function factorizedNetworks(
  weights: Weights,
  strides: readonly number[],
  configure: (graph: GraphBuilder, noisy: boolean) => DacNetworkConfig,
): CodecNetworks {
  const decoded = (graph: GraphBuilder, latents: Value, noisy: boolean) =>
    graph.tanh(dacNetwork(graph, latents, weights.scope('decoder'), configure(graph, noisy)))
  return {
    encode: (graph, waveform) => dacNetwork(graph, waveform, weights.scope('encoder'), configure(graph, false)),
    quantize: (graph, latents, codebooks) => factorizedCodes(graph, latents, quantizersOf(weights, strides.slice(0, codebooks))),
    sumCodewords: (graph, codes) => factorizedFeatures(graph, codes, quantizersOf(weights, strides)),
    decode: (graph, latents, { noise = false }) => decoded(graph, latents, noise),
  }
}

/**
 * Emits latents [1, L, T] → codes int64 [K', T], the codes of strided codebooks repeated. Each quantizer averages `stride` frames, projects, takes the codeword
 * of largest cosine (the latent's own length does not change which one that is) and subtracts what the unnormalized codeword projects back to.
 * Papers: DAC arXiv:2306.06546 (factorized, normalized codes: ViT-VQGAN arXiv:2110.04627), SNAC arXiv:2410.14411.
 * T must be a multiple of every stride.
 */
function factorizedCodes(graph: GraphBuilder, latents: Value, quantizers: readonly Quantizer[]): Value {
  const time = latents.shape[2]!
  let residual = latents
  const codes = quantizers.map(({ stride, weights }, k) =>
    graph.scope(`${k}`, () => {
      const pooled =
        stride === 1 ? residual : graph.node('AveragePool', [residual], { kernel_shape: [stride], strides: [stride], pads: [0, 0] })
      const projected = conv1d(graph, pooled, weights.scope('in_proj')) // [1, D, T / stride]
      const codebook = weights.get('codebook.weight')
      const rows = graph.squeeze(graph.transpose(projected, [0, 2, 1]), [0])
      const score = graph.matmul(rows, graph.initializer('directions', directions(codebook)))
      const code = graph.argMax(score, 1) // [T / stride]
      if (k + 1 < quantizers.length) {
        const words = graph.unsqueeze(graph.transpose(graph.gather(graph.initializer('codebook', codebook), code), [1, 0]), [0])
        const back = conv1d(graph, words, weights.scope('out_proj'))
        const spread = stride === 1 ? back : graph.assume(graph.repeat(back, 2, stride), residual.shape)
        residual = graph.sub(residual, spread)
      }
      const row = graph.unsqueeze(code, [0])
      return stride === 1 ? row : graph.assume(graph.repeat(row, 1, stride), [1, time])
    }),
  )
  return graph.concat(codes, 0)
}

/**
 * Emits the decoder half: codes int64 [K, T] → float32 [1, L, T]; −1 leaves a codebook out. A codeword goes through its own projection with a one behind it,
 * which takes up the bias, so that a codebook that is left out adds nothing at all.
 */
function factorizedFeatures(graph: GraphBuilder, codes: Value, quantizers: readonly Quantizer[]): Value {
  const parts = quantizers.map(({ weights }, k) => {
    const table = withSilentRow(appendColumn(weights.get('codebook.weight'), () => 1))
    const bias = weights.get('out_proj.bias').data
    const { data, shape } = weights.get('out_proj.weight') // [L, D, 1]
    const projection = appendColumn(float32Tensor(data, [shape[0]!, shape[1]!]), row => bias[row]!)
    return graph.scope(`${k}`, () => {
      const words = graph.gather(graph.initializer('codewords', table), graph.gather(codes, k)) // [T, D + 1]
      return graph.matmul(graph.initializer('projection', projection), graph.transpose(words, [1, 0])) // [L, T]
    })
  })
  return graph.unsqueeze(
    parts.reduce((sum, part) => graph.add(sum, part)),
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
  const { latentDim, codebookDim } = readFactorizedSizes(weights)
  const quantizers = quantizersOf(weights, strides).map(({ stride, weights: own }) => {
    const [codebook, projection, bias] = ['codebook.weight', 'out_proj.weight', 'out_proj.bias'].map(name => own.get(name).data)
    return { stride, codebook: codebook!, projection: projection!, bias: bias! }
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

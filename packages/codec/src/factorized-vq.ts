import { conv1d, float32Tensor, GraphBuilder, type Model, type OnnxModel, type Tensor, type Value, type Weights } from '@mynah/onnx'
import { type CodecBackend, toInt32 } from './audio-codec.ts'
import type { LazyModels } from './lazy-models.ts'
import { withSilentRow } from './rvq.ts'

/** The quantizers of DAC and SNAC: each projects to a few dimensions, looks up there, and projects back. */
export interface FactorizedVq {
  readonly levels: readonly { readonly stride: number; readonly weights: Weights }[]
  readonly codebookSize: number
  readonly latentDim: number
}

/** Below this length torch's normalize divides by it instead. */
const smallestNorm = 1e-12

/**
 * Finds `quantizer.quantizers.{i}` and their sizes.
 * @param strides frames per code of each level; all 1 if left out
 */
export function readFactorizedVq(weights: Weights, strides?: readonly number[]): FactorizedVq {
  const levels: { stride: number; weights: Weights }[] = []
  for (let i = 0; weights.has(`quantizer.quantizers.${i}.codebook.weight`); i++) {
    levels.push({ stride: strides?.[i] ?? 1, weights: weights.scope(`quantizer.quantizers.${i}`) })
  }
  const first = levels[0]!.weights
  const [codebookSize, dim] = first.get('codebook.weight', [undefined, undefined]).shape as [number, number]
  const latentDim = first.shape('in_proj.weight')[1]!
  for (const { weights: level } of levels) {
    level.get('in_proj.weight', [dim, latentDim, 1])
    level.get('out_proj.weight', [latentDim, dim, 1])
    level.get('codebook.weight', [codebookSize, dim])
    level.get('in_proj.bias', [dim])
    level.get('out_proj.bias', [latentDim])
  }
  return { levels, codebookSize, latentDim }
}

/** Emits latents [1, L, T] → codes int64 [K', T]. */
function buildFactorizedEncoder(vq: FactorizedVq, levels: number): OnnxModel {
  const graph = new GraphBuilder('factorized-vq')
  const latents = graph.input('latents', 'float32', [1, vq.latentDim, 'T'])
  graph.output('codes', factorizedCodes(graph, latents, vq, levels))
  return graph.build()
}

/**
 * Emits latents [1, L, T] → codes int64 [K', T], the codes of strided levels repeated. Each level averages `stride` frames, projects, takes the codeword
 * of largest cosine (the latent's own length does not change which one that is) and subtracts what the unnormalized codeword projects back to.
 * Papers: DAC arXiv:2306.06546 (factorized, normalized codes: ViT-VQGAN arXiv:2110.04627), SNAC arXiv:2410.14411.
 * T must be a multiple of every stride.
 */
export function factorizedCodes(graph: GraphBuilder, latents: Value, vq: FactorizedVq, levels: number): Value {
  const time = latents.shape[2]!
  let residual = latents
  const codes = vq.levels.slice(0, levels).map(({ stride, weights }, level) =>
    graph.scope(`${level}`, () => {
      const pooled =
        stride === 1 ? residual : graph.node('AveragePool', [residual], { kernel_shape: [stride], strides: [stride], pads: [0, 0] })
      const projected = conv1d(graph, pooled, weights.scope('in_proj')) // [1, D, T / stride]
      const codebook = weights.get('codebook.weight')
      const rows = graph.squeeze(graph.transpose(projected, [0, 2, 1]), [0])
      const score = graph.matmul(rows, graph.initializer('directions', directions(codebook)))
      const code = graph.argMax(score, 1) // [T / stride]
      if (level + 1 < levels) {
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
 * Emits the decoder half: codes int64 [K, T] → float32 [1, L, T]; −1 leaves a level out. A codeword goes through its level's projection with a one behind it, which
 * takes up the bias, so that a level that is left out adds nothing at all.
 */
export function factorizedFeatures(graph: GraphBuilder, codes: Value, vq: FactorizedVq): Value {
  const levels = vq.levels.map(({ weights }, level) => {
    const table = withSilentRow(appendColumn(weights.get('codebook.weight'), () => 1))
    const bias = weights.get('out_proj.bias').data
    const { data, shape } = weights.get('out_proj.weight') // [L, D, 1]
    const projection = appendColumn(float32Tensor(data, [shape[0]!, shape[1]!]), row => bias[row]!)
    return graph.scope(`${level}`, () => {
      const words = graph.gather(graph.initializer('codewords', table), graph.gather(codes, level)) // [T, D + 1]
      return graph.matmul(graph.initializer('projection', projection), graph.transpose(words, [1, 0])) // [L, T]
    })
  })
  return graph.unsqueeze(
    levels.reduce((sum, level) => graph.add(sum, level)),
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
 * The decoder half: Σ over levels of the projected codewords.
 * @param codes int32 [K', T], checked; of a strided level, the first of each `stride` frames counts
 * @returns float32 [L, T]
 */
function decodeFactorized(vq: FactorizedVq, codes: Tensor<'int32'>): Tensor<'float32'> {
  const [levels, frames] = codes.shape as [number, number]
  const sum = new Float32Array(vq.latentDim * frames)
  vq.levels.slice(0, levels).forEach(({ stride, weights }, level) => {
    const codebook = weights.get('codebook.weight')
    const dim = codebook.shape[1]!
    const projection = weights.get('out_proj.weight').data
    const bias = weights.get('out_proj.bias').data
    for (let t = 0; t < frames; t++) {
      const word = codes.data[level * frames + t - (t % stride)]! * dim
      for (let l = 0; l < vq.latentDim; l++) {
        let value = bias[l]!
        for (let i = 0; i < dim; i++) value += projection[l * dim + i]! * codebook.data[word + i]!
        sum[l * frames + t]! += value
      }
    }
  })
  return float32Tensor(sum, [vq.latentDim, frames])
}

/**
 * The half of a codec that DAC and SNAC share: audio, padded with zeros to a multiple of `unit` samples → latents → codes → features.
 * @param openEncoder the session of `buildDacEncoder`
 */
export function factorizedAnalysis(
  vq: FactorizedVq,
  models: LazyModels,
  openEncoder: () => Promise<Model>,
  unit: number,
): Pick<CodecBackend, 'latents' | 'quantize' | 'toFeatures'> {
  return {
    async latents(waveform, options) {
      const padded = new Float32Array(Math.ceil(waveform.shape[1]! / unit) * unit)
      padded.set(waveform.data)
      const { latents } = await (await openEncoder()).run({ waveform: float32Tensor(padded, [1, 1, padded.length]) }, options)
      return float32Tensor(latents!.data as Float32Array, latents!.shape.slice(1))
    },
    async quantize(latents, levels, options) {
      const model = await models.get(`quantizer (${levels})`, () => buildFactorizedEncoder(vq, levels))
      const { codes } = await model.run({ latents: float32Tensor(latents.data, [1, ...latents.shape]) }, options)
      return toInt32(codes!)
    },
    toFeatures: codes => decodeFactorized(vq, codes),
  }
}

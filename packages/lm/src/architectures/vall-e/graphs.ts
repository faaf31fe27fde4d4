import {
  allocateFloat32,
  attention,
  blockAttention,
  conv1d,
  float32Tensor,
  type Graph,
  GraphBuilder,
  type LinearConfig,
  layerNorm,
  linear,
  maskedScore,
  type Tensor,
  type Value,
  type Weights,
} from '@mynah/onnx'
import { cacheInputs } from '../../block-cache.ts'
import { audioPrenet, type DecoderSizes, textPrenet, type VallEConfig } from './config.ts'

/**
 * VALL-E (arXiv:2301.02111) and VALL-E X (arXiv:2303.03926), which adds language embeddings to the text: an AR transformer over text and codebook 1, a NAR
 * transformer that adds one codebook a pass. References: lifeiteng/vall-e@9c69096 valle/models/valle.py, Plachtaa/VALL-E-X@3faaf8c models/vallex.py.
 */

/** How weights are stored and multiplied. */
export type Precision = Required<Pick<LinearConfig, 'dtype'>>

const normEpsilon = 1e-5
/** Wavelengths of the sinusoidal positions reach from 2π to this times 2π. */
const positionBase = 10000

/**
 * Emits what the transformers see of the text: ids int64 [1, P] (and, for VALL-E X, languages int64 [1, P]) → text float32 [1, P, D].
 * @param part whose embedding, prenet and positions
 */
export function buildText(weights: Weights, part: 'ar' | 'nar', config: VallEConfig): Graph {
  const graph = new GraphBuilder(`vall-e-${part}-text`)
  const { dim } = config[part]!
  const ids = graph.input('ids', 'int64', [1, 'P'])
  let x = embed(graph, weights, `${part}_text_embedding`, [config.textTokens, dim], ids)
  if (config.languages > 0) {
    const languages = graph.input('languages', 'int64', [1, 'P'])
    x = graph.add(x, embed(graph, weights, `${part}_language_embedding`, [config.languages, dim], languages))
  }
  if (config.prenet) x = textPrenetLayers(graph, x, weights.scope(`${part}_text_prenet`))
  graph.output('text', addPositions(graph, x, weights, `${part}_text_position`, graph.range(0, graph.lengthOf(ids, 1))))
  return graph.toGraph()
}

/**
 * Emits one call of the AR model, prefill or step. text float32 [1, P, D] (empty after the first call), audio int64 [1, T], position int64 [] (of the first of
 * these codes among all audio); keys and values of long ago, pastKey.i and pastValue.i [1, H, S, Dh], and since then, recentKey.i and recentValue.i [1, H, R, Dh]
 * → logits [audioTokens + 1] after the last code, presentKey.i and presentValue.i [1, H, R + P + T, Dh]. Text sees all text, audio all text and the audio before it.
 */
export function buildAr(weights: Weights, config: VallEConfig, precision: Precision): Graph {
  const graph = new GraphBuilder('vall-e-ar')
  const { dim, layers } = config.ar
  const text = graph.input('text', 'float32', [1, 'P', dim])
  const audio = graph.input('audio', 'int64', [1, 'T'])
  const position = graph.input('position', 'int64', [])
  const caches = cacheInputs(graph, config.ar)
  const embedded = embed(graph, weights, 'ar_audio_embedding', [config.audioTokens + 1 + Number(config.prependBos), dim], audio)
  const frames = config.prenet ? audioPrenetLayers(graph, embedded, weights.scope('ar_audio_prenet')) : embedded
  const at = graph.add(graph.range(0, graph.lengthOf(audio, 1)), position)
  let x = graph.concat([text, addPositions(graph, frames, weights, 'ar_audio_position', at)], 1)
  const before = graph.add(graph.lengthOf(caches[0]!.past.key, 2), graph.lengthOf(caches[0]!.recent.key, 2))
  const bias = prefixBias(graph, graph.lengthOf(text, 1), graph.lengthOf(x, 1), before)
  for (let i = 0; i < layers; i++) {
    const scope = weights.scope(`ar_decoder.layers.${i}`)
    const attend: Attend = (query, key, value) => {
      const { output, present } = blockAttention(graph, query, key, value, { heads: config.ar.heads, ...caches[i]!, bias })
      graph.output(`presentKey.${i}`, present.key)
      graph.output(`presentValue.${i}`, present.value)
      return output
    }
    const norm = (y: Value, name: string) => layerNorm(graph, y, scope.scope(name), { epsilon: normEpsilon })
    x = graph.scope(`layers.${i}`, () => decoderLayer(graph, x, scope, { attend, normFirst: config.normFirst, norm, precision }))
  }
  let last = graph.slice(x, 1, -1) // [1, 1, D]
  if (config.normFirst) last = layerNorm(graph, last, weights.scope('ar_decoder.norm'), { epsilon: normEpsilon })
  const logits = linear(graph, last, weights.scope('ar_predict_layer'))
  graph.output('logits', graph.reshape(logits, [config.audioTokens + 1]))
  return graph.toGraph()
}

/**
 * Emits one stage of the NAR model: text float32 [1, P, D], codes int64 [K, T], known int64 [T] (how many codebooks of each frame are known; codes of the others
 * are ignored), prefix int64 [] (frames of the prompt), stage int64 [] → chosen int64 [T − prefix] of codebook stage + 2, and their logits [T − prefix, audioTokens].
 */
export function buildNar(weights: Weights, config: VallEConfig, precision: Precision): Graph {
  const graph = new GraphBuilder('vall-e-nar')
  const sizes = config.nar!
  const { dim, heads, layers } = sizes
  const attend: Attend = (query, key, value) => attention(graph, query, key, value, { heads }).output
  const text = graph.input('text', 'float32', [1, 'P', dim])
  const codes = graph.input('codes', 'int64', [config.codebooks, 'T'])
  const known = graph.input('known', 'int64', ['T'])
  const prefix = graph.input('prefix', 'int64', [])
  const stage = graph.input('stage', 'int64', [])
  const summed = sumEmbeddings(graph, weights, config, codes, known)
  const frames = config.prenet ? audioPrenetLayers(graph, summed, weights.scope('nar_audio_prenet')) : summed
  let x = graph.concat([text, addPositions(graph, frames, weights, 'nar_audio_position', graph.range(0, graph.lengthOf(codes, 1)))], 1)
  const stages = stageEmbeddings(weights, config)
  const adaptiveNorm = (y: Value, scope: Weights) => {
    const { scale, shift } = adaptiveTables(scope, stages, sizes)
    const select = (name: string, table: Tensor<'float32'>) => graph.gather(graph.initializer(name, table), stage)
    return graph.layerNormalization(y, select('scale', scale), select('shift', shift), { epsilon: normEpsilon })
  }
  for (let i = 0; i < layers; i++) {
    const scope = weights.scope(`nar_decoder.layers.${i}`)
    const norm = (y: Value, name: string) => graph.scope(name, () => adaptiveNorm(y, scope.scope(name)))
    x = graph.scope(`layers.${i}`, () => decoderLayer(graph, x, scope, { attend, normFirst: config.normFirst, norm, precision }))
  }
  let target = graph.slice(x, 1, graph.add(graph.lengthOf(text, 1), prefix)) // [1, T − prefix, D]
  if (config.normFirst) target = adaptiveNorm(target, weights.scope('nar_decoder.norm'))
  const tables = stages.map((_, i) => weights.get(`nar_predict_layers.${i}.weight`, [config.audioTokens, dim]).data)
  const predict = graph.gather(graph.initializer('predict', stack(tables, [tables.length, config.audioTokens, dim])), stage)
  const logits = graph.matmul(graph.squeeze(target, [0]), graph.transpose(predict, [1, 0]))
  graph.output('chosen', graph.argMax(logits, 1))
  graph.output('logits', logits)
  return graph.toGraph()
}

function embed(graph: GraphBuilder, weights: Weights, name: string, shape: readonly [number, number], ids: Value): Value {
  return graph.gather(graph.initializer(name, weights.get(`${name}.word_embeddings.weight`, shape)), ids)
}

/** x + α · PE(positions): sines in even, cosines in odd dimensions. @param x [1, T, D]; @param positions int64 [T] */
function addPositions(graph: GraphBuilder, x: Value, weights: Weights, name: string, positions: Value): Value {
  const half = (x.shape[2] as number) / 2
  const rates = Float32Array.from({ length: half }, (_, i) => Math.exp((-i / half) * Math.log(positionBase)))
  const angles = graph.mul(
    graph.unsqueeze(graph.cast(positions, 'float32'), [1]),
    graph.initializer('position_rates', float32Tensor(rates, [half])),
  ) // [T, D/2]
  const pairs = graph.concat([graph.unsqueeze(graph.sin(angles), [2]), graph.unsqueeze(graph.cos(angles), [2])], 2)
  const alpha = weights.get(`${name}.alpha`, [1]).data[0]!
  return graph.add(x, graph.mul(graph.reshape(pairs, [1, -1, 2 * half]), alpha))
}

/** 0 where a query may attend, else −1e9: [1, 1, queries, past + queries]. Text comes first, and only in a call without past. */
function prefixBias(graph: GraphBuilder, texts: Value, queries: Value, past: Value): Value {
  const total = graph.add(past, queries)
  const keyAt = graph.range(0, total)
  const queryAt = graph.unsqueeze(graph.range(past, total), [1])
  const textual = graph.and(graph.less(queryAt, texts), graph.less(keyAt, texts))
  const allowed = graph.or(graph.lessOrEqual(keyAt, queryAt), textual)
  return graph.unsqueeze(graph.where(allowed, graph.constant(0), graph.constant(maskedScore)), [0, 1])
}

/** Attention of queries [1, T, D] to keys and values, which may come after a cache. */
type Attend = (query: Value, key: Value, value: Value) => Value

interface LayerOptions {
  readonly attend: Attend
  readonly normFirst: boolean
  readonly precision: Precision
  /** The layer's `norm1` or `norm2`. */
  norm(x: Value, name: string): Value
}

/** torch's TransformerEncoderLayer with ReLU: x [1, T, D] → [1, T, D]. */
function decoderLayer(graph: GraphBuilder, x: Value, weights: Weights, { attend, normFirst, norm, precision }: LayerOptions): Value {
  const dim = x.shape[2] as number
  const own = weights.scope('self_attn')
  const packed = linear(graph, normFirst ? norm(x, 'norm1') : x, own, { ...precision, weight: 'in_proj_weight', bias: 'in_proj_bias' })
  const output = attend(...(graph.split(packed, [dim, dim, dim], 2) as [Value, Value, Value]))
  const named = (name: string, y: Value, scope: Weights) => graph.scope(name, () => linear(graph, y, scope.scope(name), precision))
  const attended = graph.add(x, named('out_proj', output, own))
  const middle = normFirst ? attended : norm(attended, 'norm1')
  const hidden = graph.relu(named('linear1', normFirst ? norm(middle, 'norm2') : middle, weights))
  const sum = graph.add(middle, named('linear2', hidden, weights))
  return normFirst ? sum : norm(sum, 'norm2')
}

/** Σ over the known codebooks of each frame's code vectors: [1, T, D]. */
function sumEmbeddings(graph: GraphBuilder, weights: Weights, config: VallEConfig, codes: Value, known: Value): Value {
  const { codebooks, audioTokens } = config
  const { dim } = config.nar!
  const tables = Array.from(
    { length: codebooks },
    (_, k) => weights.get(`nar_audio_embeddings.${k}.word_embeddings.weight`, [audioTokens + Number(k === 0), dim]).data,
  )
  const rows = tables.reduce((sum, table) => sum + table.length / dim, 0)
  const table = graph.initializer('nar_audio_embeddings', stack(tables, [rows, dim]))
  const which = graph.unsqueeze(graph.range(0, codebooks), [1]) // [K, 1]
  const offsets = graph.add(graph.mul(which, audioTokens), graph.cast(graph.greater(which, 0), 'int64')) // codebook 0 has one more row
  const vectors = graph.gather(table, graph.add(codes, offsets)) // [K, T, D]
  const isKnown = graph.cast(graph.less(which, known), 'float32') // [K, T]
  return graph.reduceSum(graph.mul(vectors, graph.unsqueeze(isKnown, [2])), [0])
}

function stageEmbeddings(weights: Weights, { codebooks, nar }: VallEConfig): Float32Array[] {
  return Array.from(
    { length: codebooks - 1 },
    (_, stage) => weights.get(`nar_stage_embeddings.${stage}.word_embeddings.weight`, [1, nar!.dim]).data,
  )
}

/**
 * AdaLN is w · (γ · x̂ + β) + b with (w, b) = W·stage + bias. A stage is constant, so w·γ and w·β + b are tables of one row a stage, and W (a fifth of the NAR
 * model) need not be kept.
 */
function adaptiveTables(weights: Weights, stages: readonly Float32Array[], { dim }: DecoderSizes) {
  const project = weights.get('project_layer.weight', [2 * dim, dim]).data
  const bias = weights.get('project_layer.bias', [2 * dim]).data
  const gamma = weights.get('norm.weight', [dim]).data
  const beta = weights.get('norm.bias', [dim]).data
  const scale = new Float32Array(stages.length * dim)
  const shift = new Float32Array(stages.length * dim)
  for (const [s, stage] of stages.entries()) {
    const projected = (row: number) => {
      let sum = 0
      for (let i = 0; i < dim; i++) sum += project[row * dim + i]! * stage[i]!
      return sum + bias[row]!
    }
    for (let i = 0; i < dim; i++) {
      const w = projected(i)
      scale[s * dim + i] = w * gamma[i]!
      shift[s * dim + i] = w * beta[i]! + projected(dim + i)
    }
  }
  return { scale: float32Tensor(scale, [stages.length, dim]), shift: float32Tensor(shift, [stages.length, dim]) }
}

/** Three convolutions with batch norm and ReLU, then a linear layer: [1, P, D] → [1, P, D]. */
function textPrenetLayers(graph: GraphBuilder, x: Value, weights: Weights): Value {
  const dim = x.shape[2] as number
  let y = graph.transpose(x, [0, 2, 1])
  for (const i of textPrenet.convolutions) {
    const norm = weights.scope(`${i + 1}`)
    const parameters = ['weight', 'bias', 'running_mean', 'running_var'].map(name =>
      graph.initializer(`${i}.${name}`, norm.get(name, [dim])),
    )
    y = conv1d(graph, y, weights.scope(`${i}`), { padding: 'same' })
    const types = [{ dtype: y.dtype, shape: y.shape }]
    y = graph.relu(graph.node('BatchNormalization', [y, ...parameters], { epsilon: normEpsilon }, { types }))
  }
  return linear(graph, graph.transpose(y, [0, 2, 1]), weights.scope(`${textPrenet.linear}`))
}

/** Linear layers with ReLU between them: [1, T, D] → [1, T, D]. */
function audioPrenetLayers(graph: GraphBuilder, x: Value, weights: Weights): Value {
  const [first, second, third] = audioPrenet.linears.map(i => weights.scope(`${i}`)) as [Weights, Weights, Weights]
  return linear(graph, graph.relu(linear(graph, graph.relu(linear(graph, x, first)), second)), third)
}

/** Joins tables into one tensor. */
function stack(tables: readonly Float32Array[], shape: readonly number[]): Tensor<'float32'> {
  const joined = allocateFloat32(tables.reduce((sum, table) => sum + table.length, 0))
  let at = 0
  for (const table of tables) {
    joined.set(table, at)
    at += table.length
  }
  return float32Tensor(joined, shape)
}

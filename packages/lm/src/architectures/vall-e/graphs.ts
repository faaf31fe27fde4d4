import {
  allocateFloat32,
  attention,
  blockAttention,
  float32Tensor,
  type Graph,
  type LinearConfig,
  maskedScore,
  Net,
  type Operators,
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
  const net = new Net(`vall-e-${part}-text`, weights)
  const { dim } = config[part]!
  const ids = net.input('ids', 'int64', [1, 'P'])
  let x = embed(net, `${part}_text_embedding`, [config.textTokens, dim], ids)
  if (config.languages > 0) {
    const languages = net.input('languages', 'int64', [1, 'P'])
    x = net.add(x, embed(net, `${part}_language_embedding`, [config.languages, dim], languages))
  }
  if (config.prenet) x = textPrenetLayers(net.at(`${part}_text_prenet`), x)
  net.output('text', addPositions(net, x, `${part}_text_position`, net.range(0, net.lengthOf(ids, 1))))
  return net.toGraph()
}

/**
 * Emits one call of the AR model, prefill or step. text float32 [1, P, D] (empty after the first call), audio int64 [1, T], position int64 [] (of the first of
 * these codes among all audio); keys and values of long ago, pastKey.i and pastValue.i [1, H, S, Dh], and since then, recentKey.i and recentValue.i [1, H, R, Dh]
 * → logits [audioTokens + 1] after the last code, presentKey.i and presentValue.i [1, H, R + P + T, Dh]. Text sees all text, audio all text and the audio before it.
 */
export function buildAr(weights: Weights, config: VallEConfig, precision: Precision): Graph {
  const net = new Net('vall-e-ar', weights)
  const { dim, heads, layers } = config.ar
  const text = net.input('text', 'float32', [1, 'P', dim])
  const audio = net.input('audio', 'int64', [1, 'T'])
  const position = net.input('position', 'int64', [])
  const caches = cacheInputs(net.graph, config.ar)
  const embedded = embed(net, 'ar_audio_embedding', [config.audioTokens + 1 + Number(config.prependBos), dim], audio)
  const frames = config.prenet ? audioPrenetLayers(net.at('ar_audio_prenet'), embedded) : embedded
  const at = net.add(net.range(0, net.lengthOf(audio, 1)), position)
  let x = net.concat([text, addPositions(net, frames, 'ar_audio_position', at)], 1)
  const before = net.add(net.lengthOf(caches[0]!.past.key, 2), net.lengthOf(caches[0]!.recent.key, 2))
  const bias = prefixBias(net, net.lengthOf(text, 1), net.lengthOf(x, 1), before)
  for (let i = 0; i < layers; i++) {
    const layer = net.at(`ar_decoder.layers.${i}`)
    const attend: Attend = (query, key, value) => {
      const { output, present } = blockAttention(layer, query, key, value, { heads, ...caches[i]!, bias })
      net.output(`presentKey.${i}`, present.key)
      net.output(`presentValue.${i}`, present.value)
      return output
    }
    x = decoderLayer(layer, x, { attend, normFirst: config.normFirst, norm: (part, name, y) => part.layerNorm(name, y), precision })
  }
  let last = net.slice(x, 1, -1) // [1, 1, D]
  if (config.normFirst) last = net.layerNorm('ar_decoder.norm', last)
  const logits = net.linear('ar_predict_layer', last, { out: config.audioTokens + 1, bias: false })
  net.output('logits', net.reshape(logits, [config.audioTokens + 1]))
  return net.toGraph()
}

/**
 * Emits one stage of the NAR model: text float32 [1, P, D], codes int64 [K, T], known int64 [T] (how many codebooks of each frame are known; codes of the others
 * are ignored), prefix int64 [] (frames of the prompt), stage int64 [] → chosen int64 [T − prefix] of codebook stage + 2, and their logits [T − prefix, audioTokens].
 */
export function buildNar(weights: Weights, config: VallEConfig, precision: Precision): Graph {
  const net = new Net('vall-e-nar', weights)
  const sizes = config.nar!
  const { dim, heads, layers } = sizes
  const attend: Attend = (query, key, value) => attention(net, query, key, value, { heads }).output
  const text = net.input('text', 'float32', [1, 'P', dim])
  const codes = net.input('codes', 'int64', [config.codebooks, 'T'])
  const known = net.input('known', 'int64', ['T'])
  const prefix = net.input('prefix', 'int64', [])
  const stage = net.input('stage', 'int64', [])
  const summed = sumEmbeddings(net, config, codes, known)
  const frames = config.prenet ? audioPrenetLayers(net.at('nar_audio_prenet'), summed) : summed
  let x = net.concat([text, addPositions(net, frames, 'nar_audio_position', net.range(0, net.lengthOf(codes, 1)))], 1)
  const stages = stageEmbeddings(net, config)
  const norm: LayerOptions['norm'] = (part, name, y) => {
    const own = part.at(name)
    const { scale, shift } = adaptiveTables(own, stages, sizes)
    const select = (table: string, rows: Tensor<'float32'>) => own.gather(own.initializer(table, rows), stage)
    return own.layerNormalization(y, select('scale', scale), select('shift', shift), { epsilon: normEpsilon })
  }
  for (let i = 0; i < layers; i++) {
    x = decoderLayer(net.at(`nar_decoder.layers.${i}`), x, { attend, normFirst: config.normFirst, norm, precision })
  }
  let target = net.slice(x, 1, net.add(net.lengthOf(text, 1), prefix)) // [1, T − prefix, D]
  if (config.normFirst) target = norm(net, 'nar_decoder.norm', target)
  const tables = stages.map((_, i) => net.weight(`nar_predict_layers.${i}.weight`, [config.audioTokens, dim]).data)
  const predict = net.gather(net.initializer('predict', stack(tables, [tables.length, config.audioTokens, dim])), stage)
  const logits = net.matmul(net.squeeze(target, [0]), net.transpose(predict, [1, 0]))
  net.output('chosen', net.argMax(logits, 1))
  net.output('logits', logits)
  return net.toGraph()
}

const embed = (net: Net, name: string, shape: readonly [number, number], ids: Value) =>
  net.embedding(name, ids, shape, 'word_embeddings.weight')

/** x + α · PE(positions): sines in even, cosines in odd dimensions. @param x [1, T, D]; @param positions int64 [T] */
function addPositions(net: Net, x: Value, name: string, positions: Value): Value {
  const half = (x.shape[2] as number) / 2
  const rates = Float32Array.from({ length: half }, (_, i) => Math.exp((-i / half) * Math.log(positionBase)))
  const angles = net.mul(
    net.unsqueeze(net.cast(positions, 'float32'), [1]),
    net.initializer('position_rates', float32Tensor(rates, [half])),
  ) // [T, D/2]
  const pairs = net.concat([net.unsqueeze(net.sin(angles), [2]), net.unsqueeze(net.cos(angles), [2])], 2)
  const alpha = net.weight(`${name}.alpha`, [1]).data[0]!
  return net.add(x, net.mul(net.reshape(pairs, [1, -1, 2 * half]), alpha))
}

/** 0 where a query may attend, else −1e9: [1, 1, queries, past + queries]. Text comes first, and only in a call without past. */
function prefixBias(graph: Operators, texts: Value, queries: Value, past: Value): Value {
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
  /** The norm of this name at a place. */
  norm(net: Net, name: string, x: Value): Value
}

/** torch's TransformerEncoderLayer with ReLU: x [1, T, D] → [1, T, D]. */
function decoderLayer(net: Net, x: Value, { attend, normFirst, norm, precision }: LayerOptions): Value {
  const dim = x.shape[2] as number
  const attention = net.at('self_attn')
  const packed = net.linear('self_attn', normFirst ? norm(net, 'norm1', x) : x, { out: 3 * dim, prefix: 'in_proj_', ...precision })
  const output = attend(...(net.split(packed, [dim, dim, dim], 2) as [Value, Value, Value]))
  const attended = net.add(x, attention.linear('out_proj', output, { out: dim, ...precision }))
  const middle = normFirst ? attended : norm(net, 'norm1', attended)
  const hidden = net.relu(net.linear('linear1', normFirst ? norm(net, 'norm2', middle) : middle, precision))
  const sum = net.add(middle, net.linear('linear2', hidden, { out: dim, ...precision }))
  return normFirst ? sum : norm(net, 'norm2', sum)
}

/** Σ over the known codebooks of each frame's code vectors: [1, T, D]. */
function sumEmbeddings(net: Net, config: VallEConfig, codes: Value, known: Value): Value {
  const { codebooks, audioTokens } = config
  const { dim } = config.nar!
  const tables = Array.from(
    { length: codebooks },
    (_, k) => net.weight(`nar_audio_embeddings.${k}.word_embeddings.weight`, [audioTokens + Number(k === 0), dim]).data,
  )
  const rows = tables.reduce((sum, table) => sum + table.length / dim, 0)
  const table = net.initializer('nar_audio_embeddings', stack(tables, [rows, dim]))
  const which = net.unsqueeze(net.range(0, codebooks), [1]) // [K, 1]
  const offsets = net.add(net.mul(which, audioTokens), net.cast(net.greater(which, 0), 'int64')) // codebook 0 has one more row
  const vectors = net.gather(table, net.add(codes, offsets)) // [K, T, D]
  const isKnown = net.cast(net.less(which, known), 'float32') // [K, T]
  return net.reduceSum(net.mul(vectors, net.unsqueeze(isKnown, [2])), [0])
}

function stageEmbeddings(net: Net, { codebooks, nar }: VallEConfig): Float32Array[] {
  return Array.from(
    { length: codebooks - 1 },
    (_, stage) => net.weight(`nar_stage_embeddings.${stage}.word_embeddings.weight`, [1, nar!.dim]).data,
  )
}

/**
 * AdaLN is w · (γ · x̂ + β) + b with (w, b) = W·stage + bias. A stage is constant, so w·γ and w·β + b are tables of one row a stage, and W (a fifth of the NAR
 * model) need not be kept.
 */
function adaptiveTables(net: Net, stages: readonly Float32Array[], { dim }: DecoderSizes) {
  const project = net.weight('project_layer.weight', [2 * dim, dim]).data
  const bias = net.weight('project_layer.bias', [2 * dim]).data
  const gamma = net.weight('norm.weight', [dim]).data
  const beta = net.weight('norm.bias', [dim]).data
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
function textPrenetLayers(net: Net, x: Value): Value {
  const dim = x.shape[2] as number
  let y = net.transpose(x, [0, 2, 1])
  for (const i of textPrenet.convolutions) {
    y = net.conv1d(`${i}`, y, { out: dim, padding: 'same' })
    const norm = net.at(`${i + 1}`)
    const parameters = ['weight', 'bias', 'running_mean', 'running_var'].map(name => norm.initializer(name, norm.weight(name, [dim])))
    const types = [{ dtype: y.dtype, shape: y.shape }]
    y = net.relu(norm.node('BatchNormalization', [y, ...parameters], { epsilon: normEpsilon }, { types }))
  }
  return net.linear(`${textPrenet.linear}`, net.transpose(y, [0, 2, 1]), { out: dim })
}

/** Linear layers with ReLU between them: [1, T, D] → [1, T, D]. */
function audioPrenetLayers(net: Net, x: Value): Value {
  const [first, second, third] = audioPrenet.linears
  const hidden = net.relu(net.linear(`${second}`, net.relu(net.linear(`${first}`, x))))
  return net.linear(`${third}`, hidden, { out: x.shape[2] as number })
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

import type { Value } from '../graph/model.ts'
import type { Operators } from '../graph/operators.ts'
import { float32Tensor } from '../tensor.ts'

/** Added to the score of a pair that must not attend; finite, so that a fully masked row does not become NaN. */
export const maskedScore = -1e9

/** Keys and values of earlier positions, each float32 [B, H, P, Dh]. */
export interface KeyValueCache {
  readonly key: Value
  readonly value: Value
}

/** Configuration of attention. */
export interface AttentionConfig {
  readonly heads: number
  /** Added to the scores, float32, broadcasts to [B, H, queries, P + keys]; see `attentionWindow`. */
  readonly bias?: Value
  /** Earlier keys and values, which come before the new ones. */
  readonly past?: KeyValueCache
  /** Factor on query·key; 1/√Dh unless told otherwise. */
  readonly scale?: number
}

/** What attention returns. */
export interface AttentionResult {
  /** float32 [B, queries, D] */
  readonly output: Value
  /** Keys and values including the new ones, float32 [B, H, P + keys, Dh]: the next call's `past`. */
  readonly present: KeyValueCache
}

/**
 * Multi-head scaled dot-product attention, heads side by side in D. One com.microsoft MultiHeadAttention: the CPU kernel never stores the scores of all
 * heads when it can tile, and it concatenates the cache itself.
 * @param query float32 [B, queries, D]
 * @param key float32 [B, keys, D]
 * @param value float32 [B, keys, D]
 */
export function attention(graph: Operators, query: Value, key: Value, value: Value, config: AttentionConfig): AttentionResult {
  const { heads, bias, past, scale } = config
  const inputs = [query, key, value, undefined, undefined, bias, past?.key, past?.value]
  const attributes = { num_heads: heads, ...(scale === undefined ? {} : { scale }) }
  const [output, presentKey, presentValue] = graph.nodes('MultiHeadAttention', inputs, attributes, { outputs: 3, domain: 'com.microsoft' })
  return { output: output!, present: { key: presentKey!, value: presentValue! } }
}

/** Configuration of `blockAttention`. */
export interface BlockAttentionConfig {
  readonly heads: number
  /** Keys and values of long ago, which come first and are only read. */
  readonly past: KeyValueCache
  /** Keys and values since then, which the new ones are appended to. */
  readonly recent: KeyValueCache
  /** Added to the scores, float32, broadcasts to [B, H, queries, past + recent + queries]. */
  readonly bias?: Value
}

/**
 * Attention over a cache in two blocks, so that a step copies `recent` alone: with one cache, every step writes all of it anew (and in onnxruntime-node hands it through
 * JavaScript). The caller moves `recent` to `past` now and then.
 * @param query float32 [B, queries, D]; key and value alike
 * @returns output [B, queries, D], and `recent` with the new positions as `present`
 */
export function blockAttention(graph: Operators, query: Value, key: Value, value: Value, config: BlockAttentionConfig): AttentionResult {
  const { heads, past, recent, bias } = config
  const width = query.shape[2] as number
  const headWidth = width / heads
  const split = (x: Value) => graph.transpose(graph.reshape(x, [0, -1, heads, headWidth]), [0, 2, 1, 3]) // [B, H, queries, Dh]
  const present = { key: graph.concat([recent.key, split(key)], 2), value: graph.concat([recent.value, split(value)], 2) }
  const scaled = graph.mul(split(query), 1 / Math.sqrt(headWidth))
  const scoresOf = (keys: Value) => graph.matmul(scaled, graph.transpose(keys, [0, 1, 3, 2]))
  const scores = graph.concat([scoresOf(past.key), scoresOf(present.key)], 3)
  const weights = graph.softmax(bias ? graph.add(scores, bias) : scores)
  const length = graph.lengthOf(past.key, 2)
  const seen = graph.matmul(graph.slice(weights, 3, 0, length), past.value)
  const output = graph.add(seen, graph.matmul(graph.slice(weights, 3, length), present.value)) // [B, H, queries, Dh]
  return { output: graph.reshape(graph.transpose(output, [0, 2, 1, 3]), [0, -1, width]), present }
}

/**
 * The bias of causal and windowed attention: 0 where query q may see key k, −1e9 elsewhere. Queries are the last `queries` of the key positions.
 * @param queries int64 [1]
 * @param keys int64 [1], at least `queries`
 * @param window how many positions before and after itself a query sees; unlimited if left out. Causal is `{ after: 0 }`.
 * @returns float32 [1, 1, queries, keys]
 */
export function attentionWindow(
  graph: Operators,
  queries: Value,
  keys: Value,
  window: { readonly before?: number; readonly after?: number },
): Value {
  const keyPositions = graph.range(0, keys)
  const queryPositions = graph.unsqueeze(graph.range(graph.sub(keys, queries), keys), [1])
  const distance = graph.sub(keyPositions, queryPositions) // [queries, keys], positive is the future
  const limits = [
    ...(window.before === undefined ? [] : [graph.less(distance, -window.before)]),
    ...(window.after === undefined ? [] : [graph.greater(distance, window.after)]),
  ]
  if (limits.length === 0) throw new RangeError('attentionWindow: neither before nor after is given; leave the bias out instead')
  const masked = limits.reduce((a, b) => graph.or(a, b))
  return graph.unsqueeze(graph.where(masked, graph.constant(maskedScore), graph.constant(0)), [0, 1])
}

/** Cosines and sines of rotary position embedding, each float32 [T, Dh/2]; shared by all layers. */
export interface RotaryAngles {
  readonly cos: Value
  readonly sin: Value
}

/**
 * Angles of rotary position embedding: position · base^(−2i/Dh). Paper: RoFormer, arXiv:2104.09864.
 * @param positions int64 [T]
 * @param headWidth Dh, even
 */
export function rotaryAngles(graph: Operators, positions: Value, headWidth: number, base = 10000): RotaryAngles {
  if (headWidth % 2 !== 0) throw new RangeError(`rotaryAngles: head width ${headWidth}, expected an even number`)
  const half = headWidth / 2
  const frequencies = float32Tensor(
    Float32Array.from({ length: half }, (_, i) => base ** (-i / half)),
    [half],
  )
  const angles = graph.mul(graph.unsqueeze(graph.cast(positions, 'float32'), [1]), graph.initializer('rotary_frequencies', frequencies))
  return { cos: graph.cos(angles), sin: graph.sin(angles) }
}

/**
 * Rotates queries or keys by their positions. Half-split pairs (i, i + Dh/2) as in LLaMA; `interleaved` pairs (2i, 2i + 1) as in the paper.
 * @param x float32 [B, T, D], heads side by side
 * @returns float32 [B, T, D]
 */
export function rotate(graph: Operators, x: Value, angles: RotaryAngles, config: { heads: number; interleaved?: boolean }): Value {
  const attributes = { num_heads: config.heads, interleaved: config.interleaved ? 1 : 0 }
  const inputs = [x, graph.constant([0], 'int64'), angles.cos, angles.sin]
  return graph.node('RotaryEmbedding', inputs, attributes, { domain: 'com.microsoft', types: [{ dtype: x.dtype, shape: x.shape }] })
}

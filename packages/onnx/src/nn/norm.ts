import type { Weights } from '../checkpoint/weights.ts'
import type { GraphBuilder } from '../graph/graph.ts'
import type { Dim, Value } from '../graph/model.ts'
import { float32Tensor } from '../tensor.ts'

/**
 * torch.nn.LayerNorm over the last axis. Reads `weight` [C] and, if there is one, `bias` [C].
 * @param x float32 [..., C]
 * @param config.epsilon 1e-5 unless told otherwise (Vocos: 1e-6)
 */
export function layerNorm(graph: GraphBuilder, x: Value, weights: Weights, config: { epsilon?: number } = {}): Value {
  const width = knownWidth(x)
  const bias = weights.has('bias') ? graph.initializer('bias', weights.get('bias', [width])) : undefined
  return graph.layerNormalization(x, graph.initializer('weight', weights.get('weight', [width])), bias, config)
}

/**
 * Adaptive layer norm: scale · LN(x) + shift, where the condition gives scale and shift and LN has no parameters of its own.
 * Where a model's scale is 1 + s, pass 1 + s.
 * @param x float32 [..., C]
 * @param condition scale and shift, [C] (one condition, one operator) or anything that broadcasts with x
 */
export function adaptiveLayerNorm(
  graph: GraphBuilder,
  x: Value,
  condition: { readonly scale: Value; readonly shift: Value },
  config: { epsilon?: number } = {},
): Value {
  const { scale, shift } = condition
  if (scale.shape.length === 1 && shift.shape.length === 1) return graph.layerNormalization(x, scale, shift, config)
  const width = knownWidth(x)
  const plain = graph.layerNormalization(x, graph.constant(Array<number>(width).fill(1)), undefined, config)
  return graph.add(graph.mul(plain, scale), shift)
}

/**
 * torch.nn.GroupNorm with one group: normalizes over channels and time together, then scales each channel. Reads `weight` [C] and `bias` [C].
 * @param x float32 [B, C, T]
 */
export function groupNorm1(graph: GraphBuilder, x: Value, weights: Weights, config: { epsilon?: number } = {}): Value {
  const channels = knownWidth(x, 1)
  const flat = graph.reshape(x, [0, 1, -1])
  const one = graph.constant([1])
  const normal = graph.instanceNormalization(flat, one, graph.constant([0]), config.epsilon)
  const restored = graph.assume(graph.reshape(normal, [0, channels, -1]), x.shape)
  const column = (name: string) => {
    const { data } = weights.get(name, [channels])
    return graph.initializer(name, float32Tensor(data, [channels, 1]))
  }
  return graph.add(graph.mul(restored, column('weight')), column('bias'))
}

function knownWidth(x: Value, axis = -1): number {
  const width: Dim | undefined = x.shape.at(axis)
  if (typeof width !== 'number') throw new RangeError(`norm: axis ${axis} of ${x.name} has length ${width}, expected a known number`)
  return width
}

import type { Weights } from '../checkpoint/weights.ts'
import type { Dim, Value } from '../graph/model.ts'
import type { Operators } from '../graph/operators.ts'
import { float32Tensor } from '../tensor.ts'

/**
 * torch.nn.LayerNorm over the last axis. Reads `weight` [C] and, if there is one, `bias` [C].
 * @param x float32 [..., C]
 * @param config.epsilon 1e-5 unless told otherwise (Vocos: 1e-6)
 */
export function layerNorm(graph: Operators, x: Value, weights: Weights, config: { epsilon?: number } = {}): Value {
  const width = knownWidth(x)
  const bias = weights.has('bias') ? graph.initializer('bias', weights.get('bias', [width])) : undefined
  return graph.layerNormalization(x, graph.initializer('weight', weights.get('weight', [width])), bias, config)
}

/**
 * torch.nn.GroupNorm with one group: normalizes over channels and time together, then scales each channel. Reads `weight` [C] and `bias` [C].
 * @param x float32 [B, C, T]
 */
export function groupNorm1(graph: Operators, x: Value, weights: Weights, config: { epsilon?: number } = {}): Value {
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

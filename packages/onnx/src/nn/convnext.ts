import type { Weights } from '../checkpoint/weights.ts'
import type { GraphBuilder } from '../graph/graph.ts'
import type { Value } from '../graph/model.ts'
import { type Conv1dConfig, conv1d } from './conv.ts'
import { type LinearConfig, linear } from './linear.ts'
import { layerNorm } from './norm.ts'

/** Configuration of a ConvNeXt block. */
export interface ConvNextConfig extends Pick<LinearConfig, 'dtype'> {
  /** Padding of the depthwise convolution, `same` unless told otherwise. */
  readonly padding?: NonNullable<Conv1dConfig['padding']>
  /** The norm of [B, T, C]; by default a layer norm from `norm` with `epsilon`. Vocos with EnCodec features passes an adaptive one. */
  readonly normalize?: (x: Value) => Value
  /** 1e-6 unless told otherwise. */
  readonly epsilon?: number
}

/**
 * ConvNeXt block in one dimension: depthwise convolution → norm → linear → GELU → linear → scale per channel, added to its input.
 * Papers: ConvNeXt, arXiv:2201.03545; Vocos, arXiv:2306.00814. Reads `dwconv`, `norm`, `pwconv1`, `pwconv2` and, if there is one, `gamma` [C].
 * @param x float32 [B, C, T]
 * @returns float32 [B, C, T]
 */
export function convNextBlock(graph: GraphBuilder, x: Value, weights: Weights, config: ConvNextConfig = {}): Value {
  const groups = weights.shape('dwconv.weight')[0]!
  const precision = config.dtype ? { dtype: config.dtype } : {}
  const step = (name: string, body: (part: Weights) => Value) => graph.scope(name, () => body(weights.scope(name)))
  const mixed = step('dwconv', part => conv1d(graph, x, part, { groups, padding: config.padding ?? 'same' }))
  const frames = graph.transpose(mixed, [0, 2, 1]) // [B, T, C]
  const normal = config.normalize
    ? config.normalize(frames)
    : step('norm', part => layerNorm(graph, frames, part, { epsilon: config.epsilon ?? 1e-6 }))
  const wide = graph.gelu(step('pwconv1', part => linear(graph, normal, part, precision)))
  const narrow = step('pwconv2', part => linear(graph, wide, part, precision))
  const scaled = weights.has('gamma') ? graph.mul(narrow, graph.initializer('gamma', weights.get('gamma', [groups]))) : narrow
  return graph.add(x, graph.transpose(scaled, [0, 2, 1]))
}

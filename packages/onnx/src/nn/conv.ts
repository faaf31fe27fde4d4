import type { Weights } from '../checkpoint/weights.ts'
import type { Value } from '../graph/model.ts'
import type { Operators } from '../graph/operators.ts'

/** Configuration of a 1-D convolution; kernel size and channel counts come from the weight. */
export interface Conv1dConfig {
  readonly stride?: number
  readonly dilation?: number
  /** As in PyTorch; equal to the channel count for a depthwise convolution. */
  readonly groups?: number
  /**
   * Elements added at both ends, or before and after. `same` keeps the length at stride 1, (k − 1)·dilation/2 at each end, the odd one after.
   * `causal` adds (k − 1)·dilation + 1 − stride before, so that no output sees a later input. 0 by default.
   */
  readonly padding?: number | readonly [before: number, after: number] | 'same' | 'causal'
  /** What is added: zeros (default), the reflection without the border element, or the border element. Reflection needs a longer input than it adds. */
  readonly paddingMode?: 'zeros' | 'reflect' | 'edge'
}

/**
 * torch.nn.Conv1d. Reads `weight` [out, in/groups, k] and, if there is one, `bias` [out].
 * @param x float32 [B, in, T]
 * @returns float32 [B, out, ⌊(T + padding − (k − 1)·dilation − 1)/stride⌋ + 1]
 * @throws {RangeError} if channels disagree or the padded input is shorter than the kernel
 */
export function conv1d(graph: Operators, x: Value, weights: Weights, config: Conv1dConfig = {}): Value {
  const weight = weights.get('weight', [undefined, undefined, undefined])
  const bias = weights.has('bias') ? graph.initializer('bias', weights.get('bias', [weight.shape[0]])) : undefined
  const { stride = 1, dilation = 1, groups = 1, paddingMode = 'zeros' } = config
  const [before, after] = resolvePadding(config.padding ?? 0, (weight.shape[2]! - 1) * dilation, stride)
  const inside = paddingMode === 'zeros' ? [before, after] : [0, 0]
  const padded = paddingMode === 'zeros' || before + after === 0 ? x : graph.pad(x, 2, before, after, { mode: paddingMode })
  return graph.conv(padded, graph.initializer('weight', weight), bias, { stride, dilation, groups, pads: inside })
}

function resolvePadding(padding: NonNullable<Conv1dConfig['padding']>, reach: number, stride: number): readonly [number, number] {
  if (typeof padding === 'number') return [padding, padding]
  if (padding === 'same') return [Math.floor(reach / 2), Math.ceil(reach / 2)]
  if (padding === 'causal') return [Math.max(0, reach + 1 - stride), 0]
  return padding
}

/** Configuration of a transposed 1-D convolution. */
export interface ConvTranspose1dConfig {
  readonly stride?: number
  readonly dilation?: number
  readonly groups?: number
  /** Elements removed at both ends, or before and after; `causal` removes k − stride at the end only, giving T·stride. 0 by default. */
  readonly padding?: number | readonly [before: number, after: number] | 'causal'
  readonly outputPadding?: number
}

/**
 * torch.nn.ConvTranspose1d. Reads `weight` [in, out/groups, k] and, if there is one, `bias` [out].
 * @param x float32 [B, in, T]
 * @returns float32 [B, out, (T − 1)·stride + (k − 1)·dilation + 1 + outputPadding − padding]
 * @throws {RangeError} if channels disagree
 */
export function convTranspose1d(graph: Operators, x: Value, weights: Weights, config: ConvTranspose1dConfig = {}): Value {
  const { stride = 1, dilation = 1, groups = 1, outputPadding = 0 } = config
  const weight = weights.get('weight', [undefined, undefined, undefined])
  const bias = weights.has('bias') ? graph.initializer('bias', weights.get('bias', [weight.shape[1]! * groups])) : undefined
  const reach = (weight.shape[2]! - 1) * dilation + 1
  const padding = config.padding ?? 0
  const pads = padding === 'causal' ? [0, reach - stride] : typeof padding === 'number' ? [padding, padding] : padding
  return graph.convTranspose(x, graph.initializer('weight', weight), bias, { stride, dilation, groups, pads, outputPadding })
}

import type { Weights } from '../checkpoint/weights.ts'
import type { GraphBuilder } from '../graph/graph.ts'
import type { Value } from '../graph/model.ts'
import type { Tensor } from '../tensor.ts'

/**
 * A signal as an image of one row, [B, C, T] → [B, C, 1, T]. The layers of this folder take either. On x64 ONNX Runtime keeps the channels of images, not of
 * signals, in blocks of a vector register (NCHWc) from convolution to convolution: at 32 to 128 channels they take 50 to 70 % of the time (docs/decisions/2026-11-26-vocoder-speed.md).
 */
export function toImage(graph: GraphBuilder, x: Value): Value {
  return graph.unsqueeze(x, [2])
}

/** The inverse of `toImage`; a signal stays as it is. */
export function toSignal(graph: GraphBuilder, x: Value): Value {
  return isImage(x) ? graph.squeeze(x, [2]) : x
}

/** ONNX Runtime gives each thread 64 channels of one image: with no more than that, one image keeps one thread busy, whatever the number of threads. */
const channelsOfThread = 64

/**
 * Runs layers that keep a signal's length on its two halves at once, as a batch of two images, where it has so few channels that two threads would not share one image.
 * Each half has `reach` elements more of the other one than it keeps; the result is the same. On two threads convolutions of 32 and 64 channels took 45 and 55 % of the time.
 * @param x float32 [1, C, 1, T]; signals, and images of more channels, go through `emit` as they are
 * @param reach elements on either side that an output of `emit` depends on
 */
export function inHalves(graph: GraphBuilder, x: Value, reach: number, emit: (x: Value) => Value): Value {
  if (!isImage(x) || (x.shape[1] as number) > channelsOfThread) return emit(x)
  const length = graph.lengthOf(x, 3)
  const half = graph.div(length, 2)
  const taken = graph.add(graph.sub(length, half), reach) // all of x if it is short: slices end where it does
  const halves = graph.concat([graph.slice(x, 3, 0, taken), graph.slice(x, 3, graph.neg(taken))], 0)
  const [first, second] = graph.split(emit(halves), [1, 1], 0) as [Value, Value]
  const joined = graph.concat([graph.slice(first, 3, 0, half), graph.slice(second, 3, graph.sub(half, length))], 3)
  return graph.assume(joined, [1, first.shape[1]!, 1, x.shape[3]!])
}

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
 * @param x float32 [B, in, T], or [B, in, 1, T] as `toImage` gives
 * @returns float32 [B, out, ⌊(T + padding − (k − 1)·dilation − 1)/stride⌋ + 1], an image for an image
 * @throws {RangeError} if channels disagree or the padded input is shorter than the kernel
 */
export function conv1d(graph: GraphBuilder, x: Value, weights: Weights, config: Conv1dConfig = {}): Value {
  const weight = weights.get('weight', [undefined, undefined, undefined])
  const bias = weights.has('bias') ? graph.initializer('bias', weights.get('bias', [weight.shape[0]])) : undefined
  const { stride = 1, dilation = 1, groups = 1, paddingMode = 'zeros' } = config
  const [before, after] = resolvePadding(config.padding ?? 0, (weight.shape[2]! - 1) * dilation, stride)
  const inside = paddingMode === 'zeros' ? [before, after] : [0, 0]
  const padded =
    paddingMode === 'zeros' || before + after === 0 ? x : graph.pad(x, x.shape.length - 1, before, after, { mode: paddingMode })
  return graph.conv(padded, kernel(graph, x, weight), bias, alongTime(x, { stride, dilation, groups, pads: inside }))
}

/** The weight of a convolution of x: a row for an image. */
function kernel(graph: GraphBuilder, x: Value, weight: Tensor<'float32'>): Value {
  const [first, second, taps] = weight.shape as readonly [number, number, number]
  return graph.initializer('weight', isImage(x) ? { ...weight, shape: [first, second, 1, taps] } : weight)
}

/** Attributes of a convolution in time, for an x that may be an image. */
function alongTime<A extends { stride: number; dilation: number; pads: readonly number[] }>(x: Value, attributes: A) {
  if (!isImage(x)) return attributes
  const { stride, dilation, pads } = attributes
  return { ...attributes, stride: [1, stride], dilation: [1, dilation], pads: [0, pads[0]!, 0, pads[1]!] }
}

const isImage = (x: Value) => x.shape.length === 4

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
 * @param x float32 [B, in, T], or [B, in, 1, T] as `toImage` gives
 * @returns float32 [B, out, (T − 1)·stride + (k − 1)·dilation + 1 + outputPadding − padding], an image for an image
 * @throws {RangeError} if channels disagree
 */
export function convTranspose1d(graph: GraphBuilder, x: Value, weights: Weights, config: ConvTranspose1dConfig = {}): Value {
  const { stride = 1, dilation = 1, groups = 1, outputPadding = 0 } = config
  const weight = weights.get('weight', [undefined, undefined, undefined])
  const bias = weights.has('bias') ? graph.initializer('bias', weights.get('bias', [weight.shape[1]! * groups])) : undefined
  const reach = (weight.shape[2]! - 1) * dilation + 1
  const padding = config.padding ?? 0
  const pads = padding === 'causal' ? [0, reach - stride] : typeof padding === 'number' ? [padding, padding] : padding
  const extra = isImage(x) ? [0, outputPadding] : outputPadding
  return graph.convTranspose(x, kernel(graph, x, weight), bias, {
    ...alongTime(x, { stride, dilation, groups, pads }),
    outputPadding: extra,
  })
}

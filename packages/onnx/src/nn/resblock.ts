import type { Weights } from '../checkpoint/weights.ts'
import type { GraphBuilder } from '../graph/graph.ts'
import type { Value } from '../graph/model.ts'
import { conv1d } from './conv.ts'

/** Configuration of HiFi-GAN's residual blocks. */
export interface ResBlockConfig {
  readonly dilations: readonly number[]
  /**
   * The activation before convolution number `index` in order of execution; leaky ReLU of slope 0.1 unless told otherwise.
   * BigVGAN puts its anti-aliased Snake here.
   */
  readonly activate?: (x: Value, index: number) => Value
}

/**
 * Residual block 1: for each dilation, activation → dilated convolution → activation → convolution, added to its input.
 * Paper: HiFi-GAN, arXiv:2010.05646, appendix A. Reads `convs1.{i}` and `convs2.{i}`.
 * @param x float32 [B, C, T], or an image [B, C, 1, T]
 * @returns float32, the shape of x
 */
export function resBlock1(graph: GraphBuilder, x: Value, weights: Weights, config: ResBlockConfig): Value {
  const activate = config.activate ?? (value => graph.leakyRelu(value, 0.1))
  const layer = (value: Value, name: string, dilation: number) =>
    graph.scope(name, () => conv1d(graph, value, weights.scope(name), { dilation, padding: 'same' }))
  return config.dilations.reduce((sum, dilation, i) => {
    const dilated = layer(activate(sum, 2 * i), `convs1.${i}`, dilation)
    return graph.add(layer(activate(dilated, 2 * i + 1), `convs2.${i}`, 1), sum)
  }, x)
}

/**
 * Residual block 2: for each dilation, activation → dilated convolution, added to its input. Paper: HiFi-GAN, arXiv:2010.05646. Reads `convs.{i}`.
 * @param x float32 [B, C, T], or an image [B, C, 1, T]
 * @returns float32, the shape of x
 */
export function resBlock2(graph: GraphBuilder, x: Value, weights: Weights, config: ResBlockConfig): Value {
  const activate = config.activate ?? (value => graph.leakyRelu(value, 0.1))
  return config.dilations.reduce((sum, dilation, i) => {
    const name = `convs.${i}`
    const convolved = graph.scope(name, () => conv1d(graph, activate(sum, i), weights.scope(name), { dilation, padding: 'same' }))
    return graph.add(convolved, sum)
  }, x)
}

import type { Value } from '../graph/model.ts'
import type { Net } from './net.ts'

/** Configuration of HiFi-GAN's residual blocks. */
export interface ResBlockConfig {
  readonly kernel: number
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
 * @param x float32 [B, C, T]
 * @returns float32, the shape of x
 */
export function resBlock1(net: Net, x: Value, config: ResBlockConfig): Value {
  const { kernel, dilations, activate = value => net.leakyRelu(value, 0.1) } = config
  const sizes = { out: x.shape[1] as number, kernel, padding: 'same' } as const
  return dilations.reduce((sum, dilation, i) => {
    const dilated = net.conv1d(`convs1.${i}`, activate(sum, 2 * i), { ...sizes, dilation })
    return net.add(net.conv1d(`convs2.${i}`, activate(dilated, 2 * i + 1), sizes), sum)
  }, x)
}

/**
 * Residual block 2: for each dilation, activation → dilated convolution, added to its input. Paper: HiFi-GAN, arXiv:2010.05646. Reads `convs.{i}`.
 * @param x float32 [B, C, T]
 * @returns float32, the shape of x
 */
export function resBlock2(net: Net, x: Value, config: ResBlockConfig): Value {
  const { kernel, dilations, activate = value => net.leakyRelu(value, 0.1) } = config
  const sizes = { out: x.shape[1] as number, kernel, padding: 'same' } as const
  return dilations.reduce((sum, dilation, i) => net.add(net.conv1d(`convs.${i}`, activate(sum, i), { ...sizes, dilation }), sum), x)
}

import type { Value } from '../graph/model.ts'
import { type ConvNextConfig, convNextBlock, convNextNorm } from './convnext.ts'
import type { Net } from './net.ts'

/** Configuration of Vocos' backbone, and of all its blocks. */
export interface VocosBackboneConfig extends ConvNextConfig {
  /** C */
  readonly dim: number
  /** Number of ConvNeXt blocks. */
  readonly layers: number
}

/**
 * The backbone of Vocos: convolution k7, LN, ConvNeXt blocks, LN. Paper: Vocos, arXiv:2306.00814.
 * Reads `embed`, `norm`, `convnext.0` … `convnext.{layers − 1}` and `final_layer_norm`. `normalize` is for the norm after the convolution, too; the last norm is always plain.
 * @param x float32 [B, in, T]
 * @returns float32 [B, T, C]
 */
export function vocosBackbone(net: Net, x: Value, { dim, layers, ...block }: VocosBackboneConfig): Value {
  const { normalize = convNextNorm } = block
  const swapped = (y: Value) => net.transpose(y, [0, 2, 1])
  let y = swapped(normalize(net, 'norm', swapped(net.conv1d('embed', x, { out: dim, kernel: 7, padding: 'same' }))))
  for (let i = 0; i < layers; i++) y = convNextBlock(net.at(`convnext.${i}`), y, block)
  return convNextNorm(net, 'final_layer_norm', swapped(y))
}

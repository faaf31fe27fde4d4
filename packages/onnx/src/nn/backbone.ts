import type { Weights } from '../checkpoint/weights.ts'
import type { GraphBuilder } from '../graph/graph.ts'
import type { Value } from '../graph/model.ts'
import { conv1d } from './conv.ts'
import { convNextBlock } from './convnext.ts'
import type { LinearConfig } from './linear.ts'
import { layerNorm } from './norm.ts'

/** Configuration of Vocos' backbone. */
export interface VocosBackboneConfig extends Pick<LinearConfig, 'dtype'> {
  /** The norm of [B, T, C] after the first convolution and in every block; a plain layer norm unless told otherwise. The last norm is always plain. */
  readonly normalize?: (frames: Value, weights: Weights) => Value
}

/**
 * The backbone of Vocos: convolution k7, LN, ConvNeXt blocks, LN. Paper: Vocos, arXiv:2306.00814.
 * Reads `embed`, `norm`, `convnext.0` … `convnext.{layers − 1}` and `final_layer_norm`.
 * @param x float32 [B, in, T]
 * @returns float32 [B, C, T]
 */
export function vocosBackbone(graph: GraphBuilder, x: Value, weights: Weights, layers: number, config: VocosBackboneConfig = {}): Value {
  const plain = (frames: Value, norm: Weights) => layerNorm(graph, frames, norm, { epsilon: 1e-6 })
  const { normalize = plain } = config
  const precision = config.dtype ? { dtype: config.dtype } : {}
  const channelsLast = (y: Value, body: (frames: Value) => Value) => graph.transpose(body(graph.transpose(y, [0, 2, 1])), [0, 2, 1])
  let y = channelsLast(conv1d(graph, x, weights.scope('embed'), { padding: 'same' }), frames => normalize(frames, weights.scope('norm')))
  for (let i = 0; i < layers; i++) {
    const block = weights.scope(`convnext.${i}`)
    y = graph.scope(`convnext.${i}`, () =>
      convNextBlock(graph, y, block, { ...precision, normalize: frames => normalize(frames, block.scope('norm')) }),
    )
  }
  return channelsLast(y, frames => plain(frames, weights.scope('final_layer_norm')))
}

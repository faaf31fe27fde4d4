import type { Weights } from '../checkpoint/weights.ts'
import type { GraphBuilder } from '../graph/graph.ts'
import type { Value } from '../graph/model.ts'
import { conv1d } from './conv.ts'
import { convNextBlock } from './convnext.ts'
import { layerNorm } from './norm.ts'

/**
 * The backbone of Vocos: convolution k7, LN, ConvNeXt blocks, LN. Paper: Vocos, arXiv:2306.00814.
 * Reads `embed`, `norm`, `convnext.0` … `convnext.{layers − 1}` and `final_layer_norm`.
 * @param x float32 [B, in, T]
 * @returns float32 [B, C, T]
 */
export function vocosBackbone(graph: GraphBuilder, x: Value, weights: Weights, layers: number): Value {
  const normalize = (y: Value, name: string) =>
    graph.transpose(layerNorm(graph, graph.transpose(y, [0, 2, 1]), weights.scope(name), { epsilon: 1e-6 }), [0, 2, 1])
  let y = normalize(conv1d(graph, x, weights.scope('embed'), { padding: 'same' }), 'norm')
  for (let i = 0; i < layers; i++) y = graph.scope(`convnext.${i}`, () => convNextBlock(graph, y, weights.scope(`convnext.${i}`)))
  return normalize(y, 'final_layer_norm')
}

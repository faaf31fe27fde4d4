import { buildGraph, type GraphOrder } from '@mynah/onnx'
import { architectures } from './architectures/index.ts'

/** What the inference thread loads to build a vocoder's graph. */
export const build = (order: GraphOrder) => buildGraph(architectures, order)

import { buildGraph, type GraphOrder } from '@mynah/onnx'
import { codecArchitectures } from './architectures/index.ts'
import { mynahEncoder } from './architectures/mynah.ts'

/** What the inference thread loads to build the graphs of codecs. */
export const build = (order: GraphOrder) => buildGraph([...codecArchitectures, mynahEncoder], order)

import { buildGraph, type GraphOrder } from '@mynah/onnx'
import { architectures } from './architectures/index.ts'
import { aligner } from './architectures/mynah/aligner.ts'

/** What the inference thread loads to build the graphs of language models and aligners. */
export const build = (order: GraphOrder) => buildGraph([...architectures, aligner], order)

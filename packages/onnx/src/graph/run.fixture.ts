import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import type { Tensor } from '../tensor.ts'
import type { GraphBuilder } from './graph.ts'
import type { OnnxModel } from './model.ts'

/** Runs a graph once on the CPU: for tests only; products go through `runtime/`. */
export async function runGraph(graph: GraphBuilder | OnnxModel, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const model = 'bytes' in graph ? graph : graph.build()
  const external = model.externalData?.map(({ path, data }) => ({ path, data }))
  const session = await InferenceSession.create(model.bytes, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
    ...(external ? { externalData: external } : {}),
  })
  try {
    const inputs = Object.entries(feeds).map(
      ([name, { dtype, data, shape }]) => [name, new OrtTensor(dtype, data as Float32Array, shape)] as const,
    )
    const results = await session.run(Object.fromEntries(inputs))
    return Object.fromEntries(
      Object.entries(results).map(([name, { type, data, dims }]) => [name, { dtype: type, data, shape: dims } as Tensor]),
    )
  } finally {
    await session.release()
  }
}

import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import type { Random } from '../random.ts'
import { float32Tensor, sizeOf, type Tensor } from '../tensor.ts'
import type { GraphBuilder } from './graph.ts'
import type { Dim, OnnxModel } from './model.ts'

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

/** Standard normal numbers times `scale`, in the given shape. */
export function randomTensor(random: Random, shape: readonly number[], scale = 1): Tensor<'float32'> {
  return float32Tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => random.normal() * scale),
    shape,
  )
}

/** Largest absolute difference between two sequences of numbers; infinite if their lengths differ or a number is NaN. */
export function largestDifference(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(Number(a[i]) - Number(b[i]))
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
  }
  return largest
}

/** Value of an axis length for given symbols; NaN if it holds another symbol. */
export function evaluateDim(dim: Dim, symbols: Readonly<Record<string, number>>): number {
  if (typeof dim === 'number') return dim
  const names = [...new Set(dim.match(/[A-Za-z_]\w*/g))].filter(name => name !== 'floor' && name !== 'max')
  if (!names.every(name => name in symbols)) return Number.NaN
  const evaluate = new Function('floor', 'max', ...names, `return ${dim}`)
  return evaluate(Math.floor, Math.max, ...names.map(name => symbols[name]))
}

import { GraphBuilder } from '../graph/graph.ts'
import type { OnnxModel } from '../graph/model.ts'
import type { Tensor } from '../tensor.ts'
import { float32Tensor } from '../tensor.ts'

/** y = x + x over any number of floats. */
export function doubling(): OnnxModel {
  const graph = new GraphBuilder('doubling')
  const x = graph.input('x', 'float32', ['N'])
  graph.output('y', graph.add(x, x))
  return graph.build()
}

/** y = x · x · … · x, `products` square matrix products: slow on purpose. */
export function powers(products: number): OnnxModel {
  const graph = new GraphBuilder('powers')
  const x = graph.input('x', 'float32', ['N', 'N'])
  let y = x
  for (let i = 0; i < products; i++) y = graph.matmul(y, x)
  graph.output('y', y)
  return graph.build()
}

/** A cache that grows: present = past ++ x, last = what x was, and total = the sum over present. */
export function growing(): OnnxModel {
  const graph = new GraphBuilder('growing')
  const past = graph.input('past', 'float32', ['P'])
  const x = graph.input('x', 'float32', ['N'])
  const present = graph.concat([past, x], 0)
  graph.output('present', present)
  graph.output('total', graph.reduceSum(present, [0]))
  graph.output('last', graph.add(x, graph.constant(0)))
  return graph.build()
}

/** y = x reshaped to `shape`: fails while running if the sizes disagree. */
export function reshaping(): OnnxModel {
  const graph = new GraphBuilder('reshaping')
  const x = graph.input('x', 'float32', ['N'])
  const shape = graph.input('shape', 'int64', [2])
  graph.output('y', graph.node('Reshape', [x, shape]))
  return graph.build()
}

/** A float32 vector. */
export function vector(...values: number[]): Tensor {
  return float32Tensor(values, [values.length])
}

/** An N × N identity: its powers stay finite. */
export function identity(size: number): Tensor {
  const data = new Float32Array(size * size)
  for (let i = 0; i < size; i++) data[i * size + i] = 1
  return float32Tensor(data, [size, size])
}

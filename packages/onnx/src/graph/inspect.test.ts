import { expect, it } from 'vitest'
import { float32Tensor } from '../tensor.ts'
import { GraphBuilder } from './graph.ts'
import { inspectGraph } from './inspect.ts'

it('prints inputs, weights, nodes with their inferred types, subgraphs and outputs', () => {
  const graph = new GraphBuilder('tiny')
  const x = graph.input('x', 'float32', ['B', 2, 'T'])
  const up = graph.scope('ups.0', () =>
    graph.convTranspose(x, graph.initializer('weight', float32Tensor(new Float32Array(24), [2, 3, 4])), undefined, { stride: 2, pads: 1 }),
  )
  const { carried } = graph.loop({ trips: graph.constant(2, 'int64'), carried: [graph.leakyRelu(up, 0.1)] }, (body, _, [y]) => ({
    carried: [body.add(y!, x.shape.length)],
  }))
  graph.output('y', graph.reshape(carried[0]!, [0, -1]))
  expect(inspectGraph(graph.toGraph())).toMatchInlineSnapshot(`
    "graph tiny
      in   x float32[B, 2, T]
      init ups.0/weight float32[2, 3, 4]
      ups.0/ConvTranspose:0 float32[B, 3, T*2] = ConvTranspose(x, ups.0/weight) strides=[2] dilations=[1] pads=[1, 1] group=1
      LeakyRelu:0 float32[B, 3, T*2] = LeakyRelu(ups.0/ConvTranspose:0) alpha=0.1
      Loop:0 float32[B, 3, T*2] = Loop(2, 1, LeakyRelu:0)
        body: graph loop
          in   loop/iteration int64[]
          in   loop/go bool[]
          in   loop/carried0 float32[B, 3, T*2]
          loop/Add:0 float32[B, 3, T*2] = Add(loop/carried0, 3)
          loop/Identity:0 bool[] = Identity(1)
          out  loop/Identity:0 bool[]
          out  loop/Add:0 float32[B, 3, T*2]
      y float32[B, T*6] = Reshape(Loop:0, [0, -1])
      out  y float32[B, T*6]
    "
  `)
})

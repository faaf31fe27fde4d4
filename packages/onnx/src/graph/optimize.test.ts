import { describe, expect, it } from 'vitest'
import { createWeights } from '../checkpoint/weights.ts'
import { conv1d } from '../nn/conv.ts'
import { Net } from '../nn/net.ts'
import { groupNorm1 } from '../nn/norm.ts'
import { createRandom } from '../random.ts'
import type { Tensor } from '../tensor.ts'
import { GraphBuilder } from './graph.ts'
import type { Graph, Value } from './model.ts'
import { optimize } from './optimize.ts'
import { largestDifference, randomTensor, runGraph } from './run.fixture.ts'

/** Sums of float32 products in another order, by the largest value. */
const tolerance = 1e-5
const random = createRandom(3)
const weightsOf = (channels: number, kernel = 3) =>
  createWeights({
    weight: randomTensor(random, [channels, channels, kernel], 1 / Math.sqrt(channels * kernel)),
    bias: randomTensor(random, [channels], 0.3),
  })

const rankOf = (graph: Graph, opType: string) =>
  graph.nodes.filter(node => node.opType === opType).map(({ outputs }) => outputs[0]!.shape.length)

/** Holds a graph against itself run node by node, where there is nothing to optimize. @returns the optimized graph */
async function expectSame(emit: (graph: GraphBuilder, x: Value) => Value, x: Tensor<'float32'>): Promise<Graph> {
  const build = (name: string) => {
    const graph = new GraphBuilder(name)
    graph.output('y', emit(graph, graph.input('x', 'float32', [1, x.shape[1]!, 'T'])))
    return graph
  }
  const optimized = optimize(build('optimized').toGraph())
  const { y } = await runGraph(build('optimized'), { x })
  const plain = await runNodes(build('plain').toGraph(), { x })
  expect(y!.shape).toEqual(plain.y!.shape)
  const largest = (plain.y!.data as Float32Array).reduce((most, value) => Math.max(most, Math.abs(value)), 1)
  expect(largestDifference(y!.data, plain.y!.data)).toBeLessThan(tolerance * largest)
  return optimized
}

/** Runs a graph one node at a time. */
async function runNodes(graph: Graph, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const known: Record<string, Tensor> = { ...feeds, ...Object.fromEntries(graph.initializers.map(({ name, tensor }) => [name, tensor])) }
  for (const { opType, inputs, outputs, attributes } of graph.nodes) {
    const single = new GraphBuilder('single')
    const given = inputs.map((name, i) =>
      name === ''
        ? undefined
        : known[name]!.dtype === 'int64'
          ? single.initializer(name, known[name]!)
          : single.input(`${i}:${name}`, known[name]!.dtype, known[name]!.shape),
    )
    const values = single.nodes(opType, given, attributes, { outputs: outputs.length })
    values.forEach((value, i) => {
      single.output(`out${i}`, value)
    })
    const used = Object.fromEntries(
      inputs.flatMap((name, i) => (name !== '' && known[name]!.dtype !== 'int64' ? [[`${i}:${name}`, known[name]!]] : [])),
    )
    const results = await runGraph(single, used)
    outputs.forEach(({ name }, i) => {
      known[name] = results[`out${i}`]!
    })
  }
  return Object.fromEntries(graph.outputs.map(({ name }) => [name, known[name]!]))
}

describe('optimize', () => {
  const [wide, narrow] = [weightsOf(80), weightsOf(4)]

  it('keeps signals as images of one row from convolution to convolution, and leaves inputs, outputs and names', async () => {
    const graph = await expectSame(
      (builder, x) => {
        const layer = (value: Value, dilation: number) =>
          conv1d(builder, builder.leakyRelu(value, 0.1), wide, { padding: 'same', dilation })
        return builder.tanh(builder.add(layer(layer(x, 1), 3), layer(x, 2)))
      },
      randomTensor(random, [1, 80, 50]),
    )
    expect(rankOf(graph, 'Conv')).toEqual([4, 4, 4])
    expect(graph.nodes.map(({ opType }) => opType).filter(opType => /squeeze/i.test(opType))).toEqual(['Unsqueeze', 'Squeeze'])
    expect([graph.inputs[0]!.shape, graph.outputs[0]!.shape]).toEqual([
      [1, 80, 'T'],
      [1, 80, 'T'],
    ])
  })

  it('goes through padding, strides, transposed convolutions, slices, concatenation, norms over time and lengths', async () => {
    const up = createWeights({ weight: randomTensor(random, [80, 80, 4], 0.1), bias: randomTensor(random, [80], 0.1) })
    const norm = createWeights({ weight: randomTensor(random, [80]), bias: randomTensor(random, [80]) })
    const net = (builder: GraphBuilder) => new Net('net', createWeights({}), builder)
    const graph = await expectSame(
      (builder, x) => {
        const first = conv1d(builder, x, wide, { padding: 'same', paddingMode: 'reflect' })
        const normal = groupNorm1(builder, first, norm)
        const stretched = builder.convTranspose(normal, builder.initializer('up', up.get('weight')), undefined, { stride: 2, pads: 1 })
        const [a, b] = net(builder).split(stretched, [30, 50], 1)
        const joined = builder.concat([b!, a!], 1)
        const shorter = builder.slice(joined, 2, 1, builder.sub(builder.lengthOf(joined, 2), 3))
        const last = conv1d(builder, builder.div(shorter, 2), wide, { padding: 'causal', stride: 3 })
        return conv1d(builder, last, wide, { padding: 'same' })
      },
      randomTensor(random, [1, 80, 41]),
    )
    expect(new Set(rankOf(graph, 'Conv'))).toEqual(new Set([4]))
    expect(rankOf(graph, 'InstanceNormalization')).toEqual([4])
  })

  it.each([1, 2, 7, 8, 9, 64, 65])('runs layers of few channels on the two halves of %i elements at once', async length => {
    const graph = await expectSame(
      (builder, x) => {
        const first = conv1d(builder, x, narrow, { padding: 1 })
        const second = conv1d(builder, builder.leakyRelu(first, 0.1), narrow, { padding: 'same', dilation: 3 })
        return builder.tanh(conv1d(builder, builder.add(second, first), narrow, { padding: [0, 2] }))
      },
      randomTensor(random, [1, 4, length]),
    )
    const batches = graph.nodes.filter(({ opType }) => opType === 'Conv').map(({ outputs }) => outputs[0]!.shape[0])
    expect(batches).toEqual([2, 2, 2])
  })

  it('reflects at the ends of the whole in halves, too', async () => {
    for (const length of [8, 9, 30]) {
      await expectSame(
        (builder, x) => {
          const layer = (value: Value, dilation: number) =>
            conv1d(builder, value, narrow, { padding: 'same', paddingMode: 'reflect', dilation })
          return layer(layer(layer(layer(x, 1), 3), 1), 2)
        },
        randomTensor(random, [1, 4, length]),
      )
    }
  })

  it('leaves whole what a subgraph reads', async () => {
    const weight = randomTensor(random, [4, 4, 1, 3], 0.3)
    const x = randomTensor(random, [1, 4, 1, 20])
    const run = (sum: (graph: GraphBuilder, a: Value, b: Value) => Value) => {
      const graph = new GraphBuilder('captured')
      const layer = (value: Value) => graph.conv(value, graph.initializer('weight', weight), undefined, { pads: [0, 1, 0, 1] })
      const second = layer(layer(graph.input('x', 'float32', [1, 4, 1, 'T'])))
      graph.output('y', sum(graph, layer(layer(second)), second))
      return runGraph(graph, { x })
    }
    const plain = await run((graph, a, b) => graph.add(a, b))
    const inLoop = await run((graph, a, b) => {
      const once = graph.constant(1, 'int64')
      return graph.loop({ trips: once, carried: [a] }, (body, _, [sum]) => ({ carried: [body.add(sum!, b)] })).carried[0]!
    })
    expect(largestDifference(inLoop.y!.data, plain.y!.data)).toBeLessThan(tolerance)
  })

  it('leaves a graph as it is that would go back and forth, has few convolutions, or wide ones', () => {
    const plain = (emit: (graph: GraphBuilder, x: Value) => Value, channels: number) => {
      const graph = new GraphBuilder('plain')
      graph.output('y', emit(graph, graph.input('x', 'float32', [1, channels, 'T'])))
      const before = graph.toGraph()
      expect(optimize(before)).toBe(before)
    }
    const transposed = (graph: GraphBuilder, x: Value) => graph.transpose(graph.transpose(x, [0, 2, 1]), [0, 2, 1])
    plain((graph, x) => [1, 2, 3, 4].reduce(value => transposed(graph, conv1d(graph, value, wide, { padding: 'same' })), x), 80)
    plain((graph, x) => conv1d(graph, conv1d(graph, x, wide), wide), 80)
    const widest = createWeights({ weight: randomTensor(random, [513, 513, 1]) })
    plain((graph, x) => [1, 2, 3, 4].reduce(value => conv1d(graph, value, widest), x), 513)
  })
})

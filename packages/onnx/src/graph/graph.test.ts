import { describe, expect, it } from 'vitest'
import { createTensor, float32Tensor, int64Tensor } from '../tensor.ts'
import { GraphBuilder } from './graph.ts'
import { runGraph } from './run.fixture.ts'

const counting = (n: number) => Float32Array.from({ length: n }, (_, i) => i)

describe('GraphBuilder', () => {
  it('infers symbolic lengths through a strided and a transposed convolution', () => {
    const graph = new GraphBuilder('shapes')
    const x = graph.input('x', 'float32', ['B', 4, 'T*256'])
    const weight = graph.initializer('w', float32Tensor(new Float32Array(8 * 4 * 8), [8, 4, 8]))
    const down = graph.conv(x, weight, undefined, { stride: 4, pads: 2 })
    expect(down.shape).toEqual(['B', 8, 'T*64'])
    const up = graph.convTranspose(down, weight, undefined, { stride: 4, pads: 2 })
    expect(graph.add(x, up).shape).toEqual(['B', 4, 'T*256'])
  })

  it('runs what it builds', async () => {
    const graph = new GraphBuilder('sum')
    const x = graph.input('x', 'float32', [2, 'T'])
    graph.output('y', graph.add(graph.mul(x, 2), graph.reduceSum(x, [1])))
    const { y } = await runGraph(graph, { x: float32Tensor(counting(6), [2, 3]) })
    expect([...y!.data]).toEqual([3, 5, 7, 18, 20, 22])
  })

  it('names nodes and weights after their scopes, each name once', () => {
    const graph = new GraphBuilder('names')
    const x = graph.input('x', 'float32', [1])
    const layer = () =>
      graph.scope('block', () => graph.scope('inner', () => graph.add(x, graph.initializer('w', float32Tensor([1], [1])))))
    expect([layer().name, layer().name]).toEqual(['block/inner/Add:0', 'block/inner/Add_2:0'])
    expect(graph.toGraph().initializers.map(({ name }) => name)).toEqual(['block/inner/w', 'block/inner/w_2'])
  })

  it('keeps the scope right after a body that throws', () => {
    const graph = new GraphBuilder('scopes')
    const x = graph.input('x', 'float32', [1])
    expect(() =>
      graph.scope('broken', () => {
        throw new Error('stop')
      }),
    ).toThrow('stop')
    expect(graph.neg(x).name).toBe('Neg:0')
  })

  it('emits one initializer for one tensor and for equal constants', () => {
    const graph = new GraphBuilder('shared')
    const tensor = float32Tensor([1, 2], [2])
    expect(graph.initializer('a', tensor)).toBe(graph.initializer('b', tensor))
    expect(graph.constant([1, 2])).toBe(graph.constant([1, 2]))
    expect(graph.constant(1)).not.toBe(graph.constant([1]))
    expect(graph.constant(0)).not.toBe(graph.constant(-0))
    expect(graph.constant(1, 'int64')).not.toBe(graph.constant(1, 'int32'))
  })

  it('gives outputs the names asked for: of inputs, weights, inner values and the same value twice', async () => {
    const graph = new GraphBuilder('outputs')
    const x = graph.input('x', 'float32', ['T'])
    const doubled = graph.mul(x, 2)
    const later = graph.add(doubled, 1)
    graph.output('same', x)
    graph.output('weight', graph.initializer('w', float32Tensor([7], [1])))
    graph.output('doubled', doubled)
    graph.output('again', doubled)
    graph.output('later', later)
    const results = await runGraph(graph, { x: float32Tensor([1, 2], [2]) })
    const lists = Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, [...data]]))
    expect(lists).toEqual({ same: [1, 2], weight: [7], doubled: [2, 4], again: [2, 4], later: [3, 5] })
  })

  it('computes with float16, int32 and bool constants', async () => {
    const graph = new GraphBuilder('constants')
    const x = graph.input('x', 'float32', ['T'])
    graph.output('half', graph.cast(graph.mul(graph.cast(x, 'float16'), 0.1), 'float32'))
    graph.output('whole', graph.add(graph.cast(x, 'int32'), 3))
    graph.output('both', graph.and(graph.greater(x, 1), graph.constant(1, 'bool')))
    const { half, whole, both } = await runGraph(graph, { x: float32Tensor([1, 2], [2]) })
    expect([...half!.data]).toEqual([0.0999755859375, 0.199951171875])
    expect([[...whole!.data], [...both!.data]]).toEqual([
      [4, 5],
      [0, 1],
    ])
  })

  it('runs a Loop whose carried axis grows, until its condition fails', async () => {
    const graph = new GraphBuilder('loop')
    const start = graph.input('start', 'float32', ['S'])
    const limit = graph.input('limit', 'float32', [])
    const { carried, scan } = graph.loop({ carried: [start] }, (body, i, [list]) => {
      const next = body.concat([list!, body.cast(body.unsqueeze(i, [0]), 'float32')], 0)
      const sum = body.reduceSum(next, [0], false)
      return { while: body.less(sum, limit), carried: [next], scan: [sum] }
    })
    graph.output('list', carried[0]!)
    graph.output('sums', scan[0]!)
    const { list, sums } = await runGraph(graph, { start: float32Tensor([10], [1]), limit: float32Tensor([13], []) })
    expect([...list!.data]).toEqual([10, 0, 1, 2])
    expect([...sums!.data]).toEqual([10, 11, 13])
  })

  it('runs nested subgraphs that use renamed values and weights of the outer graph', async () => {
    const graph = new GraphBuilder('nested')
    const x = graph.input('x', 'float32', ['T'])
    const doubled = graph.mul(x, 2)
    graph.output('doubled', doubled)
    const trips = graph.input('trips', 'int64', [])
    const { carried } = graph.loop({ trips, carried: [x] }, (body, i, [y]) => {
      const even = body.equal(body.mod(i, 2), 0)
      const [next] = body.ifElse(
        even,
        inner => [inner.add(y!, doubled)],
        inner => [inner.add(y!, inner.initializer('w', float32Tensor([100], [1])))],
      )
      return { carried: [next!] }
    })
    graph.output('y', carried[0]!)
    const { y } = await runGraph(graph, { x: float32Tensor([1, 2], [2]), trips: int64Tensor([3], []) })
    expect([...y!.data]).toEqual([1 + 2 + 100 + 2, 2 + 4 + 100 + 4])
  })

  it('refuses a value of a subgraph outside of it', () => {
    const graph = new GraphBuilder('leak')
    const x = graph.input('x', 'float32', [1])
    let leaked = x
    graph.loop({ trips: graph.constant(1, 'int64'), carried: [x] }, (body, _, [y]) => {
      leaked = body.neg(y!)
      return { carried: [leaked] }
    })
    expect(() => graph.neg(leaked)).toThrow(/is made inside a subgraph/)
  })

  it('takes an operator without inference rule when its outputs are stated', async () => {
    const graph = new GraphBuilder('stated')
    const x = graph.input('x', 'float32', ['T'])
    const y = graph.node('Shrink', [x], { lambd: 0.5, bias: 0.5 }, { types: [{ dtype: 'float32', shape: ['T'] }] })
    graph.output('y', y)
    const result = await runGraph(graph, { x: float32Tensor([-2, 0.25, 2], [3]) })
    expect([...result.y!.data]).toEqual([-1.5, 0, 1.5])
  })

  it('writes the requested opset', async () => {
    const graph = new GraphBuilder('opset', { opset: 20 })
    graph.output('y', graph.gelu(graph.input('x', 'float32', [1])))
    const { y } = await runGraph(graph, { x: createTensor('float32', Float32Array.of(0), [1]) })
    expect([...y!.data]).toEqual([0])
  })

  it('refuses to build without outputs', () => {
    expect(() => new GraphBuilder('empty').build()).toThrow(/"empty" has no outputs/)
  })
})

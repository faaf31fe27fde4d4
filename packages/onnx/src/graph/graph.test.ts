import { describe, expect, it } from 'vitest'
import { float32Tensor, int64Tensor } from '../tensor.ts'
import { GraphBuilder } from './graph.ts'
import { runGraph } from './run.fixture.ts'

const counting = (n: number) => Float32Array.from({ length: n }, (_, i) => i)

describe('GraphBuilder', () => {
  it('infers symbolic lengths through a strided and a transposed convolution', () => {
    const g = new GraphBuilder('shapes')
    const x = g.input('x', 'float32', ['B', 4, 'T*256'])
    const down = g.conv(x, g.initializer('w', float32Tensor(new Float32Array(8 * 4 * 8), [8, 4, 8])), undefined, { stride: 4, pads: 2 })
    expect(down.shape).toEqual(['B', 8, 'T*64'])
    const up = g.convTranspose(down, g.initializer('u', float32Tensor(new Float32Array(8 * 4 * 8), [8, 4, 8])), undefined, {
      stride: 4,
      pads: 2,
    })
    expect(up.shape).toEqual(['B', 4, 'T*256'])
    expect(g.add(x, up).shape).toEqual(['B', 4, 'T*256'])
  })

  it('runs what it builds', async () => {
    const g = new GraphBuilder('sum')
    const x = g.input('x', 'float32', [2, 'T'])
    g.output('y', g.add(g.mul(x, 2), g.reduceSum(x, [1])))
    const { y } = await runGraph(g, { x: float32Tensor(counting(6), [2, 3]) })
    expect([...y!.data]).toEqual([3, 5, 7, 18, 20, 22])
    expect(y!.shape).toEqual([2, 3])
  })

  it('runs a Loop whose carried axis grows and which stacks a scan output', async () => {
    const g = new GraphBuilder('loop')
    const n = g.input('n', 'int64', [])
    const start = g.assume(g.input('start', 'float32', ['S']), ['S'])
    const { carried, scan } = g.loop({ trips: n, carried: [start] }, (body, i, [x]) => {
      const next = body.concat([x!, body.cast(body.unsqueeze(i, [0]), 'float32')], 0)
      return { carried: [next], scan: [body.squeeze(body.reduceSum(next, [0]), [0])] }
    })
    g.output('list', carried[0]!)
    g.output('sums', scan[0]!)
    const { list, sums } = await runGraph(g, { n: int64Tensor([3], []), start: float32Tensor([10], [1]) })
    expect([...list!.data]).toEqual([10, 0, 1, 2])
    expect([...sums!.data]).toEqual([10, 11, 13])
  })
})

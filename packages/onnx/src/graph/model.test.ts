import { describe, expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { bytesPerElement, createTensor, type DType, float32Tensor, type Tensor } from '../tensor.ts'
import { narrowFloat16 } from './elements.ts'
import { GraphBuilder } from './graph.ts'
import { largestDifference, randomTensor, runGraph } from './run.fixture.ts'

const samples: { [D in DType]?: Tensor<D> } = {
  float32: float32Tensor([1.5, -2, 3e30], [3]),
  float64: createTensor('float64', Float64Array.of(1.5, -2, 1e300), [3]),
  float16: createTensor('float16', narrowFloat16([1.5, -2, 65504]), [3]),
  int64: createTensor('int64', BigInt64Array.of(1n, -(2n ** 62n), 3n), [3]),
  int32: createTensor('int32', Int32Array.of(1, -2, 2 ** 31 - 1), [3]),
  int8: createTensor('int8', Int8Array.of(1, -128, 127), [3]),
  uint8: createTensor('uint8', Uint8Array.of(1, 128, 255), [3]),
  bool: createTensor('bool', Uint8Array.of(1, 0, 1), [3]),
}

describe('writeModel', () => {
  it.each(Object.keys(samples) as (keyof typeof samples)[])('carries %s initializers bit by bit', async dtype => {
    const tensor = samples[dtype]!
    const graph = new GraphBuilder('initializer')
    graph.output('y', graph.gather(graph.initializer('w', tensor), graph.input('at', 'int64', ['N'])))
    const { y } = await runGraph(graph, { at: createTensor('int64', BigInt64Array.of(0n, 1n, 2n), [3]) })
    expect(y!.dtype).toBe(dtype)
    expect([...new Uint8Array(y!.data.buffer, y!.data.byteOffset, 3 * bytesPerElement[dtype])]).toEqual([
      ...new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength),
    ])
  })

  it('keeps weights beside the protobuf on request, without copying them', async () => {
    const weight = randomTensor(createRandom(1), [64, 32])
    const build = () => {
      const graph = new GraphBuilder('external')
      const x = graph.input('x', 'float32', ['B', 64])
      graph.output('y', graph.add(graph.matmul(x, graph.initializer('w', weight)), 1))
      return graph
    }
    const model = build().build({ externalData: true })
    expect(model.externalData).toHaveLength(1)
    expect(model.externalData![0]!.data.buffer).toBe(weight.data.buffer)
    expect(model.bytes.length).toBeLessThan(1000)
    const x = randomTensor(createRandom(2), [3, 64])
    const [outside, inside] = [await runGraph(model, { x }), await runGraph(build(), { x })]
    expect(largestDifference(outside.y!.data, inside.y!.data)).toBe(0)
  })

  it('serializes equal graphs to equal bytes', () => {
    const build = () => {
      const graph = new GraphBuilder('stable')
      graph.output('y', graph.gelu(graph.add(graph.input('x', 'float32', ['T']), graph.initializer('w', float32Tensor([1], [1])))))
      return graph.build()
    }
    expect(build()).toEqual(build())
  })

  it('refuses a fraction where ONNX declares an integer', () => {
    const graph = new GraphBuilder('fraction')
    graph.output('y', graph.node('Concat', [graph.input('x', 'float32', [1])], { axis: 0, extra: 0.5 }))
    expect(() => graph.build()).toThrow(/Concat: attribute "extra" of Concat is 0.5/)
  })
})

describe('narrowFloat16', () => {
  it('rounds to nearest even, over normal, subnormal and overflowing numbers', () => {
    const cases: [number, number][] = [
      [0, 0],
      [-0, 0x8000],
      [1, 0x3c00],
      [-2, 0xc000],
      [65504, 0x7bff],
      [65519, 0x7bff],
      [65520, 0x7c00],
      [Number.NEGATIVE_INFINITY, 0xfc00],
      [2 ** -24, 1],
      [2 ** -25, 0],
      [1.5 * 2 ** -24, 2],
      [2 ** -14, 0x400],
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
    ]
    expect([...narrowFloat16(cases.map(([value]) => value))]).toEqual(cases.map(([, bits]) => bits))
    expect(narrowFloat16([Number.NaN])[0]! & 0x7fff).toBeGreaterThan(0x7c00)
  })

  it('agrees with onnxruntime’s cast', async () => {
    const random = createRandom(3)
    const x = float32Tensor(
      Float32Array.from({ length: 2000 }, () => random.normal() * 2 ** (random.uniform() * 40 - 28)),
      [2000],
    )
    const graph = new GraphBuilder('cast')
    graph.output('y', graph.cast(graph.input('x', 'float32', ['N']), 'float16'))
    const { y } = await runGraph(graph, { x })
    expect([...new Uint16Array(y!.data.buffer, y!.data.byteOffset, 2000)]).toEqual([...narrowFloat16(x.data)])
  })
})

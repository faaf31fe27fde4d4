import { describe, expect, it } from 'vitest'
import { createWeights } from '../checkpoint/weights.ts'
import { GraphBuilder } from '../graph/graph.ts'
import { largestDifference, randomTensor, runGraph } from '../graph/run.fixture.ts'
import { createRandom } from '../random.ts'
import { multipliesInt8Exactly } from '../runtime/int8.ts'
import { createRuntime } from '../runtime/runtime.ts'
import { createTensor, float32Tensor, type Tensor } from '../tensor.ts'
import { type LinearConfig, linear } from './linear.ts'

const random = createRandom(3)

function reference(x: Tensor<'float32'>, weight: Tensor<'float32'>, bias: Tensor<'float32'>): Float32Array {
  const [out, width] = weight.shape as [number, number]
  const rows = x.data.length / width
  return Float32Array.from({ length: rows * out }, (_, index) => {
    const [row, o] = [Math.floor(index / out), index % out]
    let sum = bias.data[o]!
    for (let i = 0; i < width; i++) sum += x.data[row * width + i]! * weight.data[o * width + i]!
    return sum
  })
}

async function run(x: Tensor, weights: Record<string, Tensor>, config: LinearConfig = {}): Promise<Tensor> {
  const graph = new GraphBuilder('linear')
  graph.output('y', linear(graph, graph.input('x', 'float32', ['B', 'T', x.shape.at(-1)!]), createWeights(weights), config))
  return (await runGraph(graph, { x })).y!
}

const spread = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)

describe('linear', () => {
  const x = randomTensor(random, [2, 5, 70])
  const weight = randomTensor(random, [45, 70], 0.2)
  const bias = randomTensor(random, [45])

  it('is x·Wᵀ + b for PyTorch weights [out, in]', async () => {
    const y = await run(x, { weight, bias })
    expect(y.shape).toEqual([2, 5, 45])
    expect(largestDifference(y.data, reference(x, weight, bias))).toBeLessThan(1e-5)
  })

  it('in int8 stays within 2 % of the spread of the output', async () => {
    const expected = reference(x, weight, bias)
    const y = await run(x, { weight, bias }, { dtype: 'int8' })
    expect(largestDifference(y.data, expected)).toBeLessThan(4 * 0.02 * spread(expected)) // four deviations over 450 elements
  })

  it.each([
    ['int8-blocks', 0.01],
    ['int4-blocks', 0.16],
  ] as const)('in %s has an error of at most %f of the spread, also where a row does not fill its last block', async (dtype, error) => {
    const expected = reference(x, weight, bias)
    const y = await run(x, { weight, bias }, { dtype })
    expect(y.shape).toEqual([2, 5, 45])
    const difference = Float32Array.from(expected, (value, i) => Number(y.data[i]) - value)
    expect(spread(difference)).toBeLessThan(error * spread(expected))
    expect(spread(difference)).toBeGreaterThan(0)
  })

  it('in int8 does not saturate when all products are as large as they can be', async () => {
    const ones = float32Tensor(new Float32Array(70).fill(1), [1, 1, 70])
    const y = await run(ones, { weight: float32Tensor(new Float32Array(8 * 70).fill(1), [8, 70]) }, { dtype: 'int8' })
    expect(largestDifference(y.data, new Float32Array(8).fill(70))).toBeLessThan(1e-3)
  })

  it('in int8-signed computes what int8 does, where the processor can', async () => {
    await using runtime = await createRuntime({ device: 'cpu', threads: 1 })
    const [unsigned, signed] = [await run(x, { weight, bias }, { dtype: 'int8' }), await run(x, { weight, bias }, { dtype: 'int8-signed' })]
    const exact = await multipliesInt8Exactly(runtime)
    expect(await multipliesInt8Exactly(runtime)).toBe(exact)
    if (exact) expect(largestDifference(signed.data, unsigned.data)).toBeLessThan(1e-5)
  })

  it('uses a weight stored as int8 with scales as it is', async () => {
    const codes = Int8Array.from({ length: 45 * 70 }, () => Math.round(random.uniform() * 254 - 127))
    const scale = float32Tensor(
      Float32Array.from({ length: 45 }, () => random.uniform() + 0.1),
      [45],
    )
    const stored = { weight: createTensor('int8', codes, [45, 70]), 'weight.scale': scale }
    const exact = reference(x, createWeights(stored).get('weight'), float32Tensor(new Float32Array(45), [45]))
    const y = await run(x, stored, { dtype: 'stored' })
    // Only the input is rounded: 1/255 of its range, some 0.01 deviations per product.
    expect(largestDifference(y.data, exact)).toBeLessThan(4 * 0.01 * spread(exact))
  })

  it('emits tied weights once', () => {
    const graph = new GraphBuilder('tied')
    const weights = createWeights({ 'a.weight': weight, 'b.weight': weight })
    const input = graph.input('x', 'float32', [1, 70])
    graph.output('a', linear(graph, input, weights.scope('a')))
    graph.output('b', linear(graph, graph.neg(input), weights.scope('b')))
    expect(graph.toGraph().initializers).toHaveLength(1)
  })
})

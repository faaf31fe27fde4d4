import { describe, expect, it } from 'vitest'
import { createWeights } from '../checkpoint/weights.ts'
import { GraphBuilder } from '../graph/graph.ts'
import type { Value } from '../graph/model.ts'
import { largestDifference, randomTensor, runGraph } from '../graph/run.fixture.ts'
import { createRandom } from '../random.ts'
import type { Tensor } from '../tensor.ts'
import { groupNorm1, layerNorm } from './norm.ts'

const random = createRandom(4)
const epsilon = 1e-3 // large enough to matter

const normalized = (row: readonly number[]) => {
  const mean = row.reduce((a, b) => a + b) / row.length
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length
  return row.map(value => (value - mean) / Math.sqrt(variance + epsilon))
}

const rowsOf = (x: Tensor<'float32'>, width: number) =>
  Array.from({ length: x.data.length / width }, (_, row) => [...x.data.subarray(row * width, (row + 1) * width)])

async function run(x: Tensor, build: (graph: GraphBuilder, input: Value) => Value, shape: readonly (number | string)[]): Promise<Tensor> {
  const graph = new GraphBuilder('norm')
  graph.output('y', build(graph, graph.input('x', 'float32', shape)))
  return (await runGraph(graph, { x })).y!
}

describe('norms', () => {
  const x = randomTensor(random, [2, 7, 12], 0.1)
  const weight = randomTensor(random, [12])
  const bias = randomTensor(random, [12])

  it('layerNorm normalizes each frame, then scales and shifts each channel', async () => {
    const weights = createWeights({ weight, bias })
    const y = await run(x, (g, input) => layerNorm(g, input, weights, { epsilon }), ['B', 'T', 12])
    const expected = rowsOf(x, 12).flatMap(row => normalized(row).map((value, i) => value * weight.data[i]! + bias.data[i]!))
    expect(largestDifference(y.data, expected)).toBeLessThan(1e-5)
  })

  it('groupNorm1 normalizes channels and time together, then scales and shifts each channel', async () => {
    const channels = randomTensor(random, [7])
    const weights = createWeights({ weight: channels, bias: channels })
    const y = await run(x, (g, input) => groupNorm1(g, input, weights, { epsilon }), ['B', 7, 'T'])
    const expected = rowsOf(x, 7 * 12).flatMap(row => normalized(row).map((value, i) => (value + 1) * channels.data[Math.floor(i / 12)]!))
    expect(y.shape).toEqual([2, 7, 12])
    expect(largestDifference(y.data, expected)).toBeLessThan(1e-5)
  })
})

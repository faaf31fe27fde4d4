import { describe, expect, it } from 'vitest'
import { createWeights } from '../checkpoint/weights.ts'
import { GraphBuilder } from '../graph/graph.ts'
import { largestDifference, randomTensor, runGraph } from '../graph/run.fixture.ts'
import { createRandom } from '../random.ts'
import { float32Tensor, type Tensor } from '../tensor.ts'
import { elu, gatedTanh, snake } from './activation.ts'

const random = createRandom(5)

async function runSnake(x: Tensor, weights: Record<string, Tensor>, logScale: boolean): Promise<Tensor> {
  const graph = new GraphBuilder('snake')
  graph.output('y', snake(graph, graph.input('x', 'float32', [1, 'C', 'T'].with(1, x.shape[1]!)), createWeights(weights), { logScale }))
  return (await runGraph(graph, { x })).y!
}

describe('snake', () => {
  it.each([
    { name: 'snake, linear', logScale: false, hasBeta: false, alphas: [0.5, 1, 3] },
    { name: 'snake, logarithmic', logScale: true, hasBeta: false, alphas: [-1, 0, 1.5] },
    { name: 'snakebeta, logarithmic', logScale: true, hasBeta: true, alphas: [-1, 0, 1.5] },
    { name: 'snake with a tiny frequency', logScale: false, hasBeta: false, alphas: [0.5, 1e-4, 3] },
    { name: 'snake with a negative frequency', logScale: false, hasBeta: false, alphas: [0.5, -0.7, 3] },
  ])('is x + sin²(αx)/β for $name', async ({ logScale, hasBeta, alphas }) => {
    const x = randomTensor(random, [1, 3, 50], 3)
    const betas = hasBeta ? [0.2, -0.4, 1] : alphas
    const weights = { alpha: float32Tensor(alphas, [1, 3, 1]), ...(hasBeta ? { beta: float32Tensor(betas, [3]) } : {}) }
    const y = await runSnake(x, weights, logScale)
    const linear = (value: number) => (logScale ? Math.exp(value) : value)
    const expected = x.data.map((value, i) => {
      const channel = Math.floor(i / 50)
      return value + Math.sin(linear(alphas[channel]!) * value) ** 2 / (linear(betas[channel]!) + 1e-9)
    })
    expect(largestDifference(y.data, expected)).toBeLessThan(5e-6)
  })

  it('rejects parameters for another number of channels', async () => {
    await expect(runSnake(randomTensor(random, [1, 4, 5]), { alpha: float32Tensor([1, 2, 3], [3]) }, false)).rejects.toThrow(
      /3 frequencies.*4 channels/,
    )
  })
})

describe('elu', () => {
  it('is x above 0 and eˣ − 1 below, for any x', async () => {
    const x = float32Tensor([-Infinity, -200, -3, -1e-6, 0, 1e-6, 2, 200, 3e38, Infinity], [10])
    const graph = new GraphBuilder('elu')
    graph.output('y', elu(graph, graph.input('x', 'float32', ['N'])))
    const y = Array.from((await runGraph(graph, { x })).y!.data, Number)
    const expected = Array.from(x.data, value => (value > 0 ? value : Math.expm1(value)))
    for (const [i, value] of expected.entries()) expect(y[i]).toBeCloseTo(value, 7)
  })
})

describe('gatedTanh', () => {
  it.each([false, true])('multiplies the tanh of one half by the sigmoid of the other (sigmoidFirst %s)', async sigmoidFirst => {
    const x = randomTensor(random, [2, 6, 5])
    const graph = new GraphBuilder('gate')
    graph.output('y', gatedTanh(graph, graph.input('x', 'float32', ['B', 6, 'T']), { sigmoidFirst }))
    const { y } = await runGraph(graph, { x })
    const expected = Float32Array.from({ length: 2 * 3 * 5 }, (_, i) => {
      const [b, rest] = [Math.floor(i / 15), i % 15]
      const [first, second] = [x.data[b * 30 + rest]!, x.data[b * 30 + 15 + rest]!]
      const [a, gate] = sigmoidFirst ? [second, first] : [first, second]
      return Math.tanh(a) / (1 + Math.exp(-gate))
    })
    expect(largestDifference(y!.data, expected)).toBeLessThan(1e-6)
  })
})

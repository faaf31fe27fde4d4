import { describe, expect, it } from 'vitest'
import { createWeights } from '../checkpoint/weights.ts'
import { CheckpointError } from '../errors.ts'
import { GraphBuilder } from '../graph/graph.ts'
import { largestDifference, randomTensor, runGraph } from '../graph/run.fixture.ts'
import { createRandom } from '../random.ts'
import { float32Tensor, type Tensor } from '../tensor.ts'
import { lstm } from './lstm.ts'

const random = createRandom(7)
const [width, hidden] = [3, 4]

/** PyTorch's equations: gates i, f, g, o. One batch row, frames [T][I] → frames [T][H]. */
function referenceLayer(frames: number[][], weights: Record<string, Tensor<'float32'>>, suffix: string, reverse: boolean): number[][] {
  const [ih, hh] = [weights[`weight_ih_${suffix}`]!, weights[`weight_hh_${suffix}`]!]
  const bias = (gate: number) => weights[`bias_ih_${suffix}`]!.data[gate]! + weights[`bias_hh_${suffix}`]!.data[gate]!
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
  let [h, c] = [Array<number>(hidden).fill(0), Array<number>(hidden).fill(0)]
  const run = (frame: number[]) => {
    const gate = (row: number) =>
      frame.reduce((sum, x, i) => sum + ih.data[row * frame.length + i]! * x, bias(row)) +
      h.reduce((sum, x, i) => sum + hh.data[row * hidden + i]! * x, 0)
    const gates = Array.from({ length: 4 * hidden }, (_, row) => gate(row))
    c = c.map((cell, i) => sigmoid(gates[hidden + i]!) * cell + sigmoid(gates[i]!) * Math.tanh(gates[2 * hidden + i]!))
    h = c.map((cell, i) => sigmoid(gates[3 * hidden + i]!) * Math.tanh(cell))
    return h
  }
  return reverse ? frames.toReversed().map(run).toReversed() : frames.map(run)
}

function randomWeights(layers: number, suffixes: readonly string[]): Record<string, Tensor<'float32'>> {
  const weights: Record<string, Tensor<'float32'>> = {}
  for (let layer = 0; layer < layers; layer++) {
    for (const suffix of suffixes.map(end => `l${layer}${end}`)) {
      weights[`weight_ih_${suffix}`] = randomTensor(random, [4 * hidden, layer === 0 ? width : hidden * suffixes.length])
      weights[`weight_hh_${suffix}`] = randomTensor(random, [4 * hidden, hidden])
      weights[`bias_ih_${suffix}`] = randomTensor(random, [4 * hidden])
      weights[`bias_hh_${suffix}`] = randomTensor(random, [4 * hidden])
    }
  }
  return weights
}

describe('lstm', () => {
  const frames = 6
  const x = randomTensor(random, [frames, 1, width])
  const list = Array.from({ length: frames }, (_, t) => [...x.data.subarray(t * width, (t + 1) * width)])

  it.each([1, 2])('with %i layers equals PyTorch’s equations', async layers => {
    const weights = randomWeights(layers, [''])
    const graph = new GraphBuilder('lstm')
    graph.output('y', lstm(graph, graph.input('x', 'float32', ['T', 'B', width]), createWeights(weights)).output)
    const { y } = await runGraph(graph, { x })
    let expected = list
    for (let layer = 0; layer < layers; layer++) expected = referenceLayer(expected, weights, `l${layer}`, false)
    expect(y!.shape).toEqual([frames, 1, hidden])
    expect(largestDifference(y!.data, expected.flat())).toBeLessThan(1e-5)
  })

  it('in two directions joins forward and backward output frame by frame', async () => {
    const weights = randomWeights(2, ['', '_reverse'])
    const graph = new GraphBuilder('lstm')
    graph.output('y', lstm(graph, graph.input('x', 'float32', ['T', 'B', width]), createWeights(weights)).output)
    const { y } = await runGraph(graph, { x })
    let expected = list
    for (const layer of ['l0', 'l1']) {
      const [forward, backward] = [
        referenceLayer(expected, weights, layer, false),
        referenceLayer(expected, weights, `${layer}_reverse`, true),
      ]
      expected = forward.map((frame, t) => [...frame, ...backward[t]!])
    }
    expect(largestDifference(y!.data, expected.flat())).toBeLessThan(1e-5)
  })

  it('continued from its state equals the whole sequence', async () => {
    const weights = createWeights(randomWeights(2, ['']))
    const graph = new GraphBuilder('lstm')
    const input = graph.input('x', 'float32', ['T', 'B', width])
    const state = { hidden: graph.input('h', 'float32', [2, 'B', hidden]), cell: graph.input('c', 'float32', [2, 'B', hidden]) }
    const { output, state: last } = lstm(graph, input, weights, { state })
    graph.output('y', output)
    graph.output('h_last', last.hidden)
    graph.output('c_last', last.cell)
    const model = graph.build()
    const zeros = float32Tensor(new Float32Array(2 * hidden), [2, 1, hidden])
    const part = (from: number, to: number) => float32Tensor(x.data.slice(from * width, to * width), [to - from, 1, width])
    const whole = await runGraph(model, { x, h: zeros, c: zeros })
    const first = await runGraph(model, { x: part(0, 4), h: zeros, c: zeros })
    const second = await runGraph(model, { x: part(4, 6), h: first.h_last!, c: first.c_last! })
    const joined = [...(first.y!.data as Float32Array), ...(second.y!.data as Float32Array)]
    expect(largestDifference(whole.y!.data, joined)).toBeLessThan(1e-6)
    expect(largestDifference(whole.c_last!.data, second.c_last!.data)).toBeLessThan(1e-6)
  })

  it('names the missing tensor when the weights hold no LSTM', () => {
    const graph = new GraphBuilder('lstm')
    const x = graph.input('x', 'float32', ['T', 'B', width])
    expect(() => lstm(graph, x, createWeights({ weight: randomTensor(random, [2]) }, 'model.th'))).toThrow(CheckpointError)
  })
})

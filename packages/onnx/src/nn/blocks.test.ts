import { describe, expect, it } from 'vitest'
import { createWeights } from '../checkpoint/weights.ts'
import { GraphBuilder } from '../graph/graph.ts'
import type { Value } from '../graph/model.ts'
import { largestDifference, randomTensor, runGraph } from '../graph/run.fixture.ts'
import { createRandom } from '../random.ts'
import type { Tensor } from '../tensor.ts'
import { convNextBlock } from './convnext.ts'
import { Net } from './net.ts'
import { resBlock1, resBlock2 } from './resblock.ts'

const random = createRandom(8)
const [channels, frames] = [4, 40]

const convolution = (name: string, shape: readonly number[]): Record<string, Tensor<'float32'>> => ({
  [`${name}.weight`]: randomTensor(random, shape, 0.2),
  [`${name}.bias`]: randomTensor(random, [shape[0]!], 0.2),
})

async function run(x: Tensor, build: (graph: GraphBuilder, input: Value) => Value): Promise<Float32Array> {
  const graph = new GraphBuilder('block')
  const y = build(graph, graph.input('x', 'float32', ['B', channels, 'T']))
  expect(y.shape).toEqual(['B', channels, 'T'])
  graph.output('y', y)
  return (await runGraph(graph, { x })).y!.data as Float32Array
}

/** Same-padded convolution of [C, T] by the definition. */
function convolve(x: Float32Array, weights: Record<string, Tensor<'float32'>>, name: string, dilation = 1, groups = 1): Float32Array {
  const { shape, data } = weights[`${name}.weight`]!
  const [out, perGroup, kernel] = shape as [number, number, number]
  return Float32Array.from({ length: out * frames }, (_, index) => {
    const [o, t] = [Math.floor(index / frames), index % frames]
    let sum = weights[`${name}.bias`]!.data[o]!
    for (let c = 0; c < perGroup; c++) {
      for (let k = 0; k < kernel; k++) {
        const at = t + (k - (kernel - 1) / 2) * dilation
        const channel = Math.floor((o * groups) / out) * perGroup + c
        if (at >= 0 && at < frames) sum += data[(o * perGroup + c) * kernel + k]! * x[channel * frames + at]!
      }
    }
    return sum
  })
}

const leaky = (x: Float32Array) => x.map(value => (value < 0 ? 0.1 * value : value))
const plus = (a: Float32Array, b: Float32Array) => a.map((value, i) => value + b[i]!)

describe('HiFi-GAN residual blocks', () => {
  const x = randomTensor(random, [1, channels, frames])
  const dilations = [1, 3, 5]

  it('block 1 adds two convolutions per dilation to its input', async () => {
    const weights = Object.assign(
      {},
      ...dilations.map((_, i) => ({
        ...convolution(`convs1.${i}`, [channels, channels, 3]),
        ...convolution(`convs2.${i}`, [channels, channels, 3]),
      })),
    )
    let expected = x.data
    dilations.forEach((dilation, i) => {
      const first = convolve(leaky(expected), weights, `convs1.${i}`, dilation)
      expected = plus(expected, convolve(leaky(first), weights, `convs2.${i}`))
    })
    const y = await run(x, (graph, input) => resBlock1(new Net('block', createWeights(weights), graph), input, { kernel: 3, dilations }))
    expect(largestDifference(y, expected)).toBeLessThan(1e-5)
  })

  it('block 2 adds one convolution per dilation to its input, and takes another activation', async () => {
    const weights = Object.assign({}, ...dilations.map((_, i) => convolution(`convs.${i}`, [channels, channels, 5])))
    let expected = x.data
    dilations.forEach((dilation, i) => {
      expected = plus(expected, convolve(expected.map(Math.tanh), weights, `convs.${i}`, dilation))
    })
    const order: number[] = []
    const y = await run(x, (graph, input) => {
      const activate = (value: Value, index: number) => {
        order.push(index)
        return graph.tanh(value)
      }
      return resBlock2(new Net('block', createWeights(weights), graph), input, { kernel: 5, dilations, activate })
    })
    expect(order).toEqual([0, 1, 2])
    expect(largestDifference(y, expected)).toBeLessThan(1e-5)
  })
})

describe('convNextBlock', () => {
  const weights: Record<string, Tensor<'float32'>> = {
    ...convolution('dwconv', [channels, 1, 7]),
    ...convolution('norm', [channels]),
    ...convolution('pwconv1', [9, channels]),
    ...convolution('pwconv2', [channels, 9]),
    gamma: randomTensor(random, [channels]),
  }
  const x = randomTensor(random, [1, channels, frames])

  it('is depthwise convolution, norm, linear, GELU, linear and scale, added to its input', async () => {
    const mixed = convolve(x.data, weights, 'dwconv', 1, channels)
    const expected = x.data.slice()
    for (let t = 0; t < frames; t++) {
      const column = Array.from({ length: channels }, (_, c) => mixed[c * frames + t]!)
      const mean = column.reduce((a, b) => a + b) / channels
      const deviation = Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / channels + 1e-6)
      const normal = column.map(
        (value, c) => ((value - mean) / deviation) * weights['norm.weight']!.data[c]! + weights['norm.bias']!.data[c]!,
      )
      const apply = (name: 'pwconv1' | 'pwconv2', input: number[]) =>
        Array.from(weights[`${name}.bias`]!.data, (bias, o) =>
          input.reduce((sum, value, i) => sum + value * weights[`${name}.weight`]!.data[o * input.length + i]!, bias),
        )
      const narrow = apply('pwconv2', apply('pwconv1', normal).map(gelu))
      for (let c = 0; c < channels; c++) expected[c * frames + t]! += narrow[c]! * weights.gamma!.data[c]!
    }
    const y = await run(x, (graph, input) => convNextBlock(new Net('block', createWeights(weights), graph), input))
    expect(largestDifference(y, expected)).toBeLessThan(1e-5)
  })

  it('reads every tensor of the block, whatever norm it is given', async () => {
    const tensors = createWeights(weights)
    const plain = await run(x, (graph, input) => convNextBlock(new Net('block', tensors, graph), input))
    expect(tensors.unread()).toEqual([])
    const given = await run(x, (graph, input) =>
      convNextBlock(new Net('block', tensors, graph), input, {
        hidden: 9,
        normalize: (net, name, value) => net.layerNorm(name, value, { epsilon: 1e-6 }),
      }),
    )
    expect(given).toEqual(plain)
  })

  it('refuses linear layers of another width than it is told', async () => {
    const build = (graph: GraphBuilder, input: Value) =>
      convNextBlock(new Net('block', createWeights(weights), graph), input, { hidden: 8 })
    await expect(run(x, build)).rejects.toThrow(/"pwconv1.weight" of .* is \[9, 4\], expected \[8, 4\]/)
  })
})

/** x·Φ(x), the error function by its Maclaurin series (|x| < 4 here). */
function gelu(x: number): number {
  let [term, sum] = [x / Math.SQRT2, x / Math.SQRT2]
  for (let n = 1; n < 60; n++) {
    term *= -(x * x) / 2 / n
    sum += term / (2 * n + 1)
  }
  return 0.5 * x * (1 + (2 / Math.sqrt(Math.PI)) * sum)
}

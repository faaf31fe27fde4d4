import { describe, expect, it } from 'vitest'
import { createWeights } from '../checkpoint/weights.ts'
import { GraphBuilder } from '../graph/graph.ts'
import type { Value } from '../graph/model.ts'
import { largestDifference, randomTensor, runGraph } from '../graph/run.fixture.ts'
import { createRandom } from '../random.ts'
import { float32Tensor, int64Tensor, type Tensor } from '../tensor.ts'
import { type AttentionConfig, attention, attentionWindow, rotaryAngles, rotate } from './attention.ts'
import { Net } from './net.ts'

const random = createRandom(6)
const [heads, headWidth] = [2, 8]
const width = heads * headWidth
const tolerance = 1e-5

type Sample = Tensor<'float32'>

/** softmax(q·k/√Dh + bias)·v for every head, batch 1. */
function reference(q: Sample, k: Sample, v: Sample, bias: (query: number, key: number) => number): Float32Array {
  const [queries, keys] = [q.shape[1]!, k.shape[1]!]
  const y = new Float32Array(queries * width)
  for (let head = 0; head < heads; head++) {
    const at = (x: Sample, row: number, i: number) => x.data[row * width + head * headWidth + i]!
    for (let query = 0; query < queries; query++) {
      const scores = Array.from({ length: keys }, (_, key) => {
        let dot = 0
        for (let i = 0; i < headWidth; i++) dot += at(q, query, i) * at(k, key, i)
        return Math.exp(dot / Math.sqrt(headWidth) + bias(query, key))
      })
      const total = scores.reduce((a, b) => a + b)
      for (let i = 0; i < headWidth; i++) {
        y[query * width + head * headWidth + i] = scores.reduce((sum, score, key) => sum + (score / total) * at(v, key, i), 0)
      }
    }
  }
  return y
}

const rows = (x: Sample, from: number, to: number) => float32Tensor(x.data.slice(from * width, to * width), [1, to - from, width])

describe('attention', () => {
  const [q, k, v] = [randomTensor(random, [1, 5, width]), randomTensor(random, [1, 9, width]), randomTensor(random, [1, 9, width])]

  it.each([
    { name: 'no window', window: undefined, allowed: () => true },
    { name: 'a causal window', window: { after: 0 }, allowed: (query: number, key: number) => key <= query + 4 },
    {
      name: 'two positions before and one after',
      window: { before: 2, after: 1 },
      allowed: (query: number, key: number) => key >= query + 2 && key <= query + 5,
    },
  ])('equals softmax(q·k/√Dh + bias)·v with $name', async ({ window, allowed }) => {
    const graph = new GraphBuilder('attention')
    const [query, key, value] = [
      graph.input('q', 'float32', ['B', 'Q', width]),
      ...['k', 'v'].map(name => graph.input(name, 'float32', ['B', 'L', width])),
    ]
    const bias = window && attentionWindow(graph, graph.lengthOf(query!, 1), graph.lengthOf(key!, 1), window)
    graph.output('y', attention(graph, query!, key!, value!, { heads, ...(bias ? { bias } : {}) }).output)
    const { y } = await runGraph(graph, { q, k, v })
    expect(y!.shape).toEqual([1, 5, width])
    expect(
      largestDifference(
        y!.data,
        reference(q, k, v, (query, key) => (allowed(query, key) ? 0 : -1e9)),
      ),
    ).toBeLessThan(tolerance)
  })

  /** As torch.nn.MultiheadAttention on itself. */
  const selfAttention = (net: Net, x: Value, config: Omit<AttentionConfig, 'heads'>) => {
    const packed = net.linear('self', x, { out: 3 * width, prefix: 'in_proj_' })
    const [query, key, value] = net.split(packed, [width, width, width], 2)
    const { output, present } = attention(net, query!, key!, value!, { heads, ...config })
    return { output: net.linear('out_proj', output, { out: width }), present }
  }

  it('step by step with a cache equals the whole causal sequence at once', async () => {
    const weights = createWeights({
      'self.in_proj_weight': randomTensor(random, [3 * width, width], 0.3),
      'self.in_proj_bias': randomTensor(random, [3 * width]),
      'out_proj.weight': randomTensor(random, [width, width], 0.3),
      'out_proj.bias': randomTensor(random, [width]),
    })
    const x = randomTensor(random, [1, 7, width])

    const whole = new GraphBuilder('whole')
    const all = whole.input('x', 'float32', ['B', 'T', width])
    const causal = attentionWindow(whole, whole.lengthOf(all, 1), whole.lengthOf(all, 1), { after: 0 })
    whole.output('y', selfAttention(new Net('whole', weights, whole), all, { bias: causal }).output)
    const { y: expected } = await runGraph(whole, { x })

    const step = new GraphBuilder('step')
    const input = step.input('x', 'float32', ['B', 'T', width])
    const past = {
      key: step.input('past_key', 'float32', ['B', heads, 'P', headWidth]),
      value: step.input('past_value', 'float32', ['B', heads, 'P', headWidth]),
    }
    const frames = step.lengthOf(input, 1)
    const bias = attentionWindow(step, frames, step.add(step.lengthOf(past.key, 2), frames), { after: 0 })
    const { output, present } = selfAttention(new Net('step', weights, step), input, { past, bias })
    expect(present.key.shape).toEqual(['B', heads, 'P+T', headWidth])
    step.output('y', output)
    step.output('key', present.key)
    step.output('value', present.value)
    const model = step.build()
    let [key, value]: Tensor[] = [float32Tensor([], [1, heads, 0, headWidth]), float32Tensor([], [1, heads, 0, headWidth])]
    for (const [from, to] of [
      [0, 4],
      [4, 5],
      [5, 7],
    ] as const) {
      const results = await runGraph(model, { x: rows(x, from, to), past_key: key!, past_value: value! })
      expect(largestDifference(results.y!.data, (expected!.data as Float32Array).subarray(from * width, to * width))).toBeLessThan(
        tolerance,
      )
      ;[key, value] = [results.key!, results.value!]
    }
    expect(key!.shape).toEqual([1, heads, 7, headWidth])
  })

  it('with a causal window gives the same past whatever the future', async () => {
    const graph = new GraphBuilder('causal')
    const x = graph.input('x', 'float32', ['B', 'T', width])
    const length = graph.lengthOf(x, 1)
    graph.output('y', attention(graph, x, x, x, { heads, bias: attentionWindow(graph, length, length, { after: 0 }) }).output)
    const model = graph.build()
    const [a, b] = [randomTensor(random, [1, 9, width]), randomTensor(random, [1, 9, width])]
    b.data.set(a.data.subarray(0, 6 * width))
    const [first, second] = [await runGraph(model, { x: a }), await runGraph(model, { x: b })]
    const past = (result: Record<string, Tensor>) => (result.y!.data as Float32Array).subarray(0, 6 * width)
    expect(largestDifference(past(first), past(second))).toBeLessThan(1e-6)
  })
})

describe('rotate', () => {
  it.each([false, true])('turns each pair by position · base^(−2i/Dh) (interleaved %s)', async interleaved => {
    const graph = new GraphBuilder('rotary')
    const x = graph.input('x', 'float32', ['B', 'T', width])
    const angles = rotaryAngles(graph, graph.input('positions', 'int64', ['T']), headWidth)
    graph.output('y', rotate(graph, x, angles, { heads, interleaved }))
    const sample = randomTensor(random, [2, 4, width])
    const positions = [3, 0, 100, 7]
    const { y } = await runGraph(graph, { x: sample, positions: int64Tensor(positions, [4]) })
    const expected = new Float32Array(sample.data.length)
    for (let row = 0; row < 8; row++) {
      for (let head = 0; head < heads; head++) {
        for (let i = 0; i < headWidth / 2; i++) {
          const base = row * width + head * headWidth
          const [first, second] = interleaved ? [base + 2 * i, base + 2 * i + 1] : [base + i, base + i + headWidth / 2]
          const angle = positions[row % 4]! * 10000 ** ((-2 * i) / headWidth)
          const [a, b] = [sample.data[first]!, sample.data[second]!]
          expected[first] = a * Math.cos(angle) - b * Math.sin(angle)
          expected[second] = b * Math.cos(angle) + a * Math.sin(angle)
        }
      }
    }
    expect(largestDifference(y!.data, expected)).toBeLessThan(2e-5) // the angle itself is float32: 100 rad · 6e-8
  })
})

import { describe, expect, it } from 'vitest'
import { createWeights } from '../checkpoint/weights.ts'
import { GraphBuilder } from '../graph/graph.ts'
import { largestDifference, randomTensor, runGraph } from '../graph/run.fixture.ts'
import { createRandom } from '../random.ts'
import { float32Tensor, type Tensor } from '../tensor.ts'
import { type Conv1dConfig, type ConvTranspose1dConfig, conv1d, convTranspose1d } from './conv.ts'

/** Sums of float32 products in another order: 1e-5 leaves two digits above rounding. */
const tolerance = 1e-5

type Sample = Tensor<'float32'>

const padIndex = (i: number, length: number, mode: 'zeros' | 'reflect' | 'edge') => {
  if (mode === 'edge') return Math.min(Math.max(i, 0), length - 1)
  if (mode === 'reflect') return i < 0 ? -i : i >= length ? 2 * (length - 1) - i : i
  return i >= 0 && i < length ? i : -1
}

function referenceConv(x: Sample, weight: Sample, bias: Sample, padding: readonly [number, number], config: Conv1dConfig): Sample {
  const { stride = 1, dilation = 1, groups = 1, paddingMode = 'zeros' } = config
  const [batch, channels, length] = x.shape as [number, number, number]
  const [out, perGroup, kernel] = weight.shape as [number, number, number]
  const frames = Math.floor((length + padding[0] + padding[1] - (kernel - 1) * dilation - 1) / stride) + 1
  const y = new Float32Array(batch * out * frames)
  for (let b = 0; b < batch; b++) {
    for (let o = 0; o < out; o++) {
      const first = Math.floor(o / (out / groups)) * perGroup
      for (let t = 0; t < frames; t++) {
        let sum = bias.data[o]!
        for (let c = 0; c < perGroup; c++) {
          for (let k = 0; k < kernel; k++) {
            const at = padIndex(t * stride + k * dilation - padding[0], length, paddingMode)
            if (at >= 0) sum += weight.data[(o * perGroup + c) * kernel + k]! * x.data[(b * channels + first + c) * length + at]!
          }
        }
        y[(b * out + o) * frames + t] = sum
      }
    }
  }
  return float32Tensor(y, [batch, out, frames])
}

function referenceConvTranspose(
  x: Sample,
  weight: Sample,
  bias: Sample,
  cut: readonly [number, number],
  config: ConvTranspose1dConfig,
): Sample {
  const { stride = 1, dilation = 1, groups = 1, outputPadding = 0 } = config
  const [batch, channels, length] = x.shape as [number, number, number]
  const [, perGroup, kernel] = weight.shape as [number, number, number]
  const out = perGroup * groups
  const samples = (length - 1) * stride + (kernel - 1) * dilation + 1 + outputPadding - cut[0] - cut[1]
  const y = new Float32Array(batch * out * samples)
  for (let b = 0; b < batch; b++) {
    for (let o = 0; o < out; o++) y.fill(bias.data[o]!, (b * out + o) * samples, (b * out + o + 1) * samples)
    for (let c = 0; c < channels; c++) {
      const group = Math.floor(c / (channels / groups))
      for (let o = 0; o < perGroup; o++) {
        for (let t = 0; t < length; t++) {
          for (let k = 0; k < kernel; k++) {
            const at = t * stride + k * dilation - cut[0]
            if (at < 0 || at >= samples) continue
            y[(b * out + group * perGroup + o) * samples + at]! +=
              x.data[(b * channels + c) * length + t]! * weight.data[(c * perGroup + o) * kernel + k]!
          }
        }
      }
    }
  }
  return float32Tensor(y, [batch, out, samples])
}

async function run(
  x: Sample,
  weights: Record<string, Sample>,
  build: typeof conv1d | typeof convTranspose1d,
  config: object,
): Promise<Tensor> {
  const graph = new GraphBuilder('conv')
  const input = graph.input('x', 'float32', ['B', x.shape[1]!, 'T'])
  graph.output('y', build(graph, input, createWeights(weights), config))
  return (await runGraph(graph, { x })).y!
}

describe('conv1d', () => {
  const random = createRandom(1)
  const cases: { config: Conv1dConfig; kernel: number; padding: [number, number] }[] = [
    { config: {}, kernel: 1, padding: [0, 0] },
    { config: { padding: 3 }, kernel: 7, padding: [3, 3] },
    { config: { padding: 'same', dilation: 3 }, kernel: 3, padding: [3, 3] },
    { config: { padding: 'same' }, kernel: 4, padding: [1, 2] },
    { config: { padding: 'causal', dilation: 2 }, kernel: 5, padding: [8, 0] },
    { config: { padding: 'causal', stride: 4 }, kernel: 8, padding: [4, 0] },
    { config: { padding: [2, 1], stride: 3 }, kernel: 5, padding: [2, 1] },
    { config: { padding: 3, paddingMode: 'reflect' }, kernel: 7, padding: [3, 3] },
    { config: { padding: 'causal', paddingMode: 'reflect' }, kernel: 7, padding: [6, 0] },
    { config: { padding: [2, 5], paddingMode: 'edge', groups: 2 }, kernel: 3, padding: [2, 5] },
    { config: { padding: 'same', groups: 6 }, kernel: 7, padding: [3, 3] },
  ]
  it.each(cases)('equals the sum over taps with kernel $kernel and $config', async ({ config, kernel, padding }) => {
    const groups = config.groups ?? 1
    const x = randomTensor(random, [2, 6, 23])
    const weight = randomTensor(random, [12, 6 / groups, kernel], 0.3)
    const bias = randomTensor(random, [12])
    const expected = referenceConv(x, weight, bias, padding, config)
    const y = await run(x, { weight, bias }, conv1d, config)
    expect(y.shape).toEqual(expected.shape)
    expect(largestDifference(y.data, expected.data)).toBeLessThan(tolerance)
  })

  it('with causal padding gives the same past whatever the future', async () => {
    const weight = randomTensor(random, [4, 4, 7])
    const [x, other] = [randomTensor(random, [1, 4, 30]), randomTensor(random, [1, 4, 30])]
    for (let c = 0; c < 4; c++) for (let t = 0; t < 20; t++) other.data[c * 30 + t] = x.data[c * 30 + t]!
    const [a, b] = [await run(x, { weight }, conv1d, { padding: 'causal' }), await run(other, { weight }, conv1d, { padding: 'causal' })]
    const past = (y: Tensor) => [0, 1, 2, 3].flatMap(c => [...(y.data as Float32Array).subarray(c * 30, c * 30 + 20)])
    expect(past(a)).toEqual(past(b))
    expect(largestDifference(a.data as Float32Array, b.data as Float32Array)).toBeGreaterThan(0.1)
  })

  it('rejects other channels while building, naming the scope and both counts', () => {
    const graph = new GraphBuilder('hifi-gan')
    const x = graph.input('mel', 'float32', [1, 100, 'T'])
    const weights = createWeights({ weight: float32Tensor(new Float32Array(8 * 80 * 7), [8, 80, 7]) })
    expect(() => graph.scope('conv_pre', () => conv1d(graph, x, weights))).toThrow(/"hifi-gan", conv_pre: Conv.*100 channels, expected 80/)
  })
})

describe('convTranspose1d', () => {
  const random = createRandom(2)
  const cases: { config: ConvTranspose1dConfig; kernel: number; cut: [number, number] }[] = [
    { config: { stride: 8, padding: 4 }, kernel: 16, cut: [4, 4] },
    { config: { stride: 5, padding: 3, outputPadding: 1 }, kernel: 10, cut: [3, 3] },
    { config: { stride: 4, padding: 'causal' }, kernel: 8, cut: [0, 4] },
    { config: { stride: 2, padding: [1, 3], dilation: 2 }, kernel: 4, cut: [1, 3] },
    { config: { stride: 2, groups: 6 }, kernel: 4, cut: [0, 0] },
  ]
  it.each(cases)('equals the sum of shifted kernels with kernel $kernel and $config', async ({ config, kernel, cut }) => {
    const groups = config.groups ?? 1
    const x = randomTensor(random, [2, 6, 9])
    const weight = randomTensor(random, [6, 12 / groups, kernel], 0.3)
    const bias = randomTensor(random, [12])
    const expected = referenceConvTranspose(x, weight, bias, cut, config)
    const y = await run(x, { weight, bias }, convTranspose1d, config)
    expect(y.shape).toEqual(expected.shape)
    expect(largestDifference(y.data, expected.data)).toBeLessThan(tolerance)
  })
})

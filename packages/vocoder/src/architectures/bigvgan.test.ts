import { createRandom, createRuntime, createWeights, float32Tensor, GraphBuilder, Net, type Value, type Weights } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeVocoderCase, largestDifference } from '../vocoder.contract.ts'
import { antiAliasedSnake } from './bigvgan.ts'

// 6e-6 is what the case suggests: 20 times the reference's own float32 error.
describeVocoderCase({ name: 'bigvgan', golden: 'bigvgan/v2', checkpoint: 'bigvgan_generator.pt', tolerance: 6e-6 })
// v1 with plain Snake, which divides by its frequency: residual block 2 with plain, block 1 with logarithmic parameters.
describeVocoderCase({ name: 'bigvgan', golden: 'bigvgan/snake-amp2', checkpoint: 'bigvgan_generator.pt', tolerance: 2e-5 })
describeVocoderCase({ name: 'bigvgan', golden: 'bigvgan/snake-amp1', checkpoint: 'bigvgan_generator.pt', tolerance: 2e-5 })

const half = [0.00202896469, 0.00938946567, -0.0255434588, -0.0576573834, 0.128572583, 0.443209797]

describe('antiAliasedSnake', () => {
  const runtimePromise = createRuntime({ device: 'cpu', threads: 1 })
  const random = createRandom(11)
  const normals = (shape: readonly [number, ...number[]]) =>
    float32Tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
      shape,
    )
  let weights: Weights
  beforeAll(() => {
    const filter = float32Tensor([...half, ...half.toReversed()], [1, 1, 12])
    weights = createWeights({
      'act.alpha': normals([5]),
      'act.beta': normals([5]),
      'upsample.filter': filter,
      'downsample.lowpass.filter': filter,
    })
  })
  afterAll(async () => (await runtimePromise).dispose())

  /** The paper's order of operations at the doubled rate: depthwise ConvTranspose, Snake, depthwise strided convolution. */
  function direct(graph: GraphBuilder, x: Value): Value {
    const kernel = (name: string, gain: number) =>
      graph.initializer(
        `${name}_${gain}`,
        float32Tensor(
          Array.from({ length: 5 }, () => [...weights.get(name).data])
            .flat()
            .map(value => value * gain),
          [5, 1, 12],
        ),
      )
    const up = graph.convTranspose(graph.pad(x, 2, 5, 5, { mode: 'edge' }), kernel('upsample.filter', 2), undefined, {
      stride: 2,
      groups: 5,
      pads: 15,
    })
    const activated = new Net('direct', weights, graph).snake('act', up, { logScale: true })
    return graph.conv(graph.pad(activated, 2, 5, 6, { mode: 'edge' }), kernel('downsample.lowpass.filter', 1), undefined, {
      stride: 2,
      groups: 5,
    })
  }

  it.each([1, 2, 3, 8, 50])('equals upsampling, Snake and decimation at the doubled rate, borders included: %i samples', async length => {
    const graph = new GraphBuilder('both')
    const x = graph.input('x', 'float32', [1, 5, 'L'])
    graph.output('direct', direct(graph, x))
    const config = { activation: 'snakebeta', logScale: true } as const
    graph.output('phases', antiAliasedSnake(new Net('both', weights, graph), x, config))
    const model = await (await runtimePromise).load(graph.build())
    const results = await model.run({ x: normals([1, 5, length]) })
    expect(results.phases!.shape).toEqual([1, 5, length])
    expect(largestDifference(results.phases!.data as Float32Array, results.direct!.data as Float32Array)).toBeLessThan(1e-5)
  })

  it('refuses beta with plain Snake, and filters of another length', () => {
    const graph = new GraphBuilder('wrong')
    const x = graph.input('x', 'float32', [1, 5, 'L'])
    expect(() => antiAliasedSnake(new Net('wrong', weights, graph), x, { activation: 'snake', logScale: true })).toThrow(/act\.beta/)
    const short = createWeights({
      'act.alpha': normals([5]),
      'upsample.filter': normals([1, 1, 8]),
      'downsample.lowpass.filter': normals([1, 1, 8]),
    })
    expect(() => antiAliasedSnake(new Net('wrong', short, graph), x, { activation: 'snake', logScale: true })).toThrow(/12 taps/)
  })
})

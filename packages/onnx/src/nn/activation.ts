import type { Weights } from '../checkpoint/weights.ts'
import type { Value } from '../graph/model.ts'
import type { Operators } from '../graph/operators.ts'
import { float32Tensor } from '../tensor.ts'

/** Added to the frequency (or β) before dividing, as the reference implementations do. */
const snakeEpsilon = 1e-9
/** Below this amplitude divisor the cosine form would lose digits: its rounding error is about 6e-8 / β. */
const smallestCosineBeta = 0.05
/** Below this frequency its inverse would overflow float32. */
const smallestFrequency = 1e-30

/** Snake's parameters, one of each per channel. */
export interface SnakeParameters {
  /** α */
  readonly frequencies: Float32Array
  /** What sin² is divided by: β, or α where there is no β, and the reference's ε. */
  readonly divisors: Float32Array
  /** Whether sin²(αx)/β = (1 − cos(2αx))/(2β) is exact enough, and α can be divided by: no β and no α is tiny. */
  readonly hasCosineForm: boolean
}

/**
 * Reads `alpha` and optionally `beta`, C elements in any shape.
 * @param config.logScale whether the stored parameters are logarithms (BigVGAN's `snake_logscale`)
 * @throws {RangeError} for another number of channels
 */
export function readSnakeParameters(weights: Weights, channels: number, config: { logScale?: boolean } = {}): SnakeParameters {
  const parameter = (name: string) => weights.get(name).data.map(value => (config.logScale ? Math.exp(value) : value))
  const frequencies = parameter('alpha')
  const beta = weights.has('beta') ? parameter('beta') : frequencies
  if (frequencies.length !== channels || beta.length !== channels) {
    throw new RangeError(`snake: ${frequencies.length} frequencies and ${beta.length} amplitudes for ${channels} channels`)
  }
  return {
    frequencies,
    divisors: beta.map(value => value + snakeEpsilon),
    hasCosineForm: beta.every(value => value >= smallestCosineBeta) && frequencies.every(value => Math.abs(value) >= smallestFrequency),
  }
}

/**
 * Snake, x + sin²(α·x)/β per channel, with β = α unless `weights` has `beta` (SnakeBeta). Papers: arXiv:2006.08195, BigVGAN arXiv:2206.04658.
 * Emitted as x + (1 − cos(2·α·x))/(2·β), one transcendental and no square, unless some parameter is tiny.
 * @param x float32 [B, C, ...]
 * @param config as for `readSnakeParameters`
 */
export function snake(graph: Operators, x: Value, weights: Weights, config: { logScale?: boolean } = {}): Value {
  const channels = x.shape[1] as number
  const { frequencies, divisors, hasCosineForm } = readSnakeParameters(weights, channels, config)
  const column = (name: string, from: Float32Array, map: (value: number) => number) =>
    graph.initializer(name, float32Tensor(from.map(map), [channels, ...x.shape.slice(2).map(() => 1)]))
  if (hasCosineForm) {
    const half = column('half_amplitude', divisors, value => 0.5 / value)
    const cosine = graph.cos(
      graph.mul(
        x,
        column('double_frequency', frequencies, value => 2 * value),
      ),
    )
    return graph.sub(graph.add(x, half), graph.mul(cosine, half))
  }
  const sine = graph.sin(
    graph.mul(
      x,
      column('frequency', frequencies, value => value),
    ),
  )
  return graph.add(
    x,
    graph.mul(
      graph.mul(sine, sine),
      column('amplitude', divisors, value => 1 / value),
    ),
  )
}

/** ELU, x above 0 and eˣ − 1 below, as max(x, e^min(x, 0) − 1): ONNX Runtime's own operator takes up to 2.3 times as long as these four (docs/decisions/2026-11-26-encodec-speed.md). */
export function elu(graph: Operators, x: Value): Value {
  return graph.max(graph.sub(graph.exp(graph.min(x, 0)), 1), x)
}

/**
 * WaveNet's gate: tanh(first half) · sigmoid(second half) of the channels (UnivNet's order is the other way round: `sigmoidFirst`).
 * @param x float32 [B, 2C, T]
 * @returns float32 [B, C, T]
 */
export function gatedTanh(graph: Operators, x: Value, config: { sigmoidFirst?: boolean } = {}): Value {
  const channels = x.shape[1]
  if (typeof channels !== 'number' || channels % 2 !== 0) throw new RangeError(`gatedTanh: ${channels} channels, expected an even number`)
  const [first, second] = graph.split(x, [channels / 2, channels / 2], 1)
  return config.sigmoidFirst ? graph.mul(graph.sigmoid(first!), graph.tanh(second!)) : graph.mul(graph.tanh(first!), graph.sigmoid(second!))
}

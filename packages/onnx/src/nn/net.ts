import type { Weights } from '../checkpoint/weights.ts'
import { CheckpointError } from '../errors.ts'
import { GraphBuilder } from '../graph/graph.ts'
import type { AttributeValue, Dim, Graph, Value } from '../graph/model.ts'
import { type NodeOptions, Operators } from '../graph/operators.ts'
import type { DType, Tensor } from '../tensor.ts'
import { snake } from './activation.ts'
import { type Conv1dConfig, type ConvTranspose1dConfig, conv1d, convTranspose1d } from './conv.ts'
import { type LinearConfig, linear } from './linear.ts'
import { type LstmState, lstm } from './lstm.ts'
import { groupNorm1, layerNorm } from './norm.ts'

/** What a layer says of itself: its output channels, and whether it has a bias. */
interface Sizes {
  /** Output channels; as many as the tensor has, where the reference's config does not tell them. */
  readonly out?: number
  /** Whether it has a bias; true unless told otherwise. */
  readonly bias?: boolean
}

/** A convolution says its kernel, too. */
interface KernelSizes extends Sizes {
  /** Elements of the kernel; as many as the tensor has, where the reference's config does not tell them. */
  readonly kernel?: number
}

/** A size that only the tensor tells is undefined. */
type Expected = readonly (number | undefined)[]

/**
 * A network while it is emitted: a graph, and the weights of one place in it. Each layer names itself once, which scopes the names of its nodes, finds its tensors, and holds their
 * shapes against what the paper and the config say, so that a paper's file reads like its forward pass: `net.conv1d('conv_pre', mel, { out: 512, kernel: 7, padding: 'same' })`.
 * Every layer throws {CheckpointError} `missing-tensor` and `shape-mismatch`.
 */
export class Net extends Operators {
  readonly graph: GraphBuilder
  readonly weights: Weights
  readonly #architecture: string
  readonly #path: readonly string[]

  /** @param architecture names the graph, and what is wrong in messages */
  constructor(architecture: string, weights: Weights, graph = new GraphBuilder(architecture), path: readonly string[] = []) {
    super()
    this.graph = graph
    this.weights = weights
    this.#architecture = architecture
    this.#path = path
  }

  /** The place of a part of the network: its nodes and weights are named after it. */
  at(name: string): Net {
    return new Net(this.#architecture, this.weights.scope(name), this.graph, [...this.#path, name])
  }

  /** The same place in a subgraph, such as the body of a loop. */
  on(graph: GraphBuilder): Net {
    return new Net(this.#architecture, this.weights, graph, this.#path)
  }

  /** The same place with other weights than the stored ones. */
  withWeights(weights: Weights): Net {
    return new Net(this.#architecture, weights, this.graph, this.#path)
  }

  /** Declares an input of the model. */
  input(name: string, dtype: DType, shape: readonly Dim[]): Value {
    return this.graph.input(name, dtype, shape)
  }

  /** Makes a value an output of the model. */
  output(name: string, value: Value): void {
    this.graph.output(name, value)
  }

  /** The graph so far as plain data. */
  toGraph(): Graph {
    return this.graph.toGraph()
  }

  /**
   * A tensor, its shape checked before it is read.
   * @param hint what a mismatch most likely means
   */
  weight(name: string, shape: Expected, hint?: string): Tensor<'float32'> {
    this.expect(name, shape, hint)
    return this.weights.get(name)
  }

  /** Checks the shape of a tensor. */
  expect(name: string, shape: Expected, hint = 'does the config belong to this checkpoint?'): void {
    const found = this.weights.shape(name)
    if (found.length === shape.length && shape.every((size, axis) => size === undefined || size === found[axis])) return
    const full = [...this.#path, name].join('.')
    const expected = shape.map(size => size ?? 'any')
    throw new CheckpointError(
      `${this.#architecture}: "${full}" of ${this.weights.source} is [${found.join(', ')}], expected [${expected.join(', ')}]; ${hint}`,
      { code: 'shape-mismatch' },
    )
  }

  /** Convolution. @param x float32 [B, C, T] */
  conv1d(name: string, x: Value, { out, kernel, bias = true, ...config }: KernelSizes & Conv1dConfig): Value {
    const layer = this.at(name)
    layer.expect('weight', [out, channelsOf(x) / (config.groups ?? 1), kernel])
    layer.#expectBias(bias, 0)
    return conv1d(layer, x, layer.weights, config)
  }

  /** Transposed convolution, of one group. @param x float32 [B, C, T] */
  convTranspose1d(
    name: string,
    x: Value,
    { out, kernel, bias = true, ...config }: KernelSizes & Omit<ConvTranspose1dConfig, 'groups'>,
  ): Value {
    const layer = this.at(name)
    layer.expect('weight', [channelsOf(x), out, kernel])
    layer.#expectBias(bias, 1)
    return convTranspose1d(layer, x, layer.weights, config)
  }

  /** Linear layer. @param x float32 [..., C] */
  linear(name: string, x: Value, { out, bias = true, ...config }: Sizes & LinearConfig = {}): Value {
    const layer = this.at(name)
    const { prefix = '' } = config
    layer.expect(`${prefix}weight`, [out, widthOf(x)])
    layer.#expectBias(bias, 0, prefix)
    return linear(layer, x, layer.weights, config)
  }

  /** Rows of a table, `weight` unless told otherwise. @param ids int64 of any shape @param shape of the table: [rows, width] */
  embedding(name: string, ids: Value, shape: readonly [rows: number, width: number], tensor = 'weight'): Value {
    const layer = this.at(name)
    return layer.gather(layer.initializer(tensor, layer.weight(tensor, shape)), ids)
  }

  /** Layer norm over the last axis, with scale and shift. @param x float32 [..., C] @param config.epsilon 1e-5 unless told otherwise */
  layerNorm(name: string, x: Value, config: { epsilon?: number } = {}): Value {
    const layer = this.at(name)
    for (const part of ['weight', 'bias']) layer.expect(part, [widthOf(x)])
    return layerNorm(layer, x, layer.weights, config)
  }

  /** Group norm of one group, over channels and time. @param x float32 [B, C, T] */
  groupNorm(name: string, x: Value): Value {
    const layer = this.at(name)
    for (const part of ['weight', 'bias']) layer.expect(part, [channelsOf(x)])
    return groupNorm1(layer, x, layer.weights)
  }

  /** Snake: see `snake`. @param x float32 [B, C, ...] */
  snake(name: string, x: Value, config: { logScale?: boolean } = {}): Value {
    const layer = this.at(name)
    return snake(layer, x, layer.weights, config)
  }

  /** LSTM of as many layers and directions as there are weights: see `lstm`. @param x float32 [T, B, I] */
  lstm(name: string, x: Value, config: { readonly state?: LstmState } = {}): { output: Value; state: LstmState } {
    const layer = this.at(name)
    return lstm(layer, x, layer.weights, config)
  }

  override node(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes?: Record<string, AttributeValue>,
    options?: NodeOptions,
  ): Value {
    return this.#within(() => this.graph.node(opType, inputs, attributes, options))
  }

  override nodes(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes?: Record<string, AttributeValue>,
    options?: NodeOptions,
  ): Value[] {
    return this.#within(() => this.graph.nodes(opType, inputs, attributes, options))
  }

  override constant(value: number | readonly number[], dtype?: DType): Value {
    return this.graph.constant(value, dtype)
  }

  override initializer(name: string, tensor: Tensor): Value {
    return this.#within(() => this.graph.initializer(name, tensor))
  }

  /** The graph's `assume`, under the names of this layer. */
  override assume(value: Value, shape: readonly Dim[]): Value {
    return this.#within(() => this.graph.assume(value, shape))
  }

  #expectBias(has: boolean, channelAxis: 0 | 1, prefix = ''): void {
    if (has) this.expect(`${prefix}bias`, [this.weights.shape(`${prefix}weight`)[channelAxis]])
  }

  #within<T>(body: () => T): T {
    return this.#path.reduceRight<() => T>((inner, name) => () => this.graph.scope(name, inner), body)()
  }
}

function channelsOf({ shape, name }: Value): number {
  if (shape.length !== 3 || typeof shape[1] !== 'number')
    throw new RangeError(`${name} is [${shape.join(', ')}], expected [B, C, T] of known channels`)
  return shape[1]
}

function widthOf({ shape, name }: Value): number {
  const width = shape.at(-1)
  if (typeof width !== 'number') throw new RangeError(`${name} is [${shape.join(', ')}], expected a known last axis`)
  return width
}

import type { Weights } from '../checkpoint/weights.ts'
import { CheckpointError } from '../errors.ts'
import { GraphBuilder } from '../graph/graph.ts'
import type { AttributeValue, Dim, Graph, Value } from '../graph/model.ts'
import { type NodeOptions, Operators } from '../graph/operators.ts'
import type { DType, Tensor } from '../tensor.ts'
import { type Conv1dConfig, type ConvTranspose1dConfig, conv1d, convTranspose1d } from './conv.ts'

/** What every convolution of a `Net` says of itself. */
interface Sizes {
  /** Output channels. */
  readonly out: number
  /** Elements of the kernel. */
  readonly kernel: number
  /** Whether it has a bias; true unless told otherwise. */
  readonly bias?: boolean
}

/**
 * A network while it is emitted: a graph, and the weights of one place in it. Each layer names itself once, which scopes the names of its nodes, finds its tensors, and holds their
 * shapes against what the paper and the config say, so that a paper's file reads like its forward pass: `net.conv1d('conv_pre', mel, { out: 512, kernel: 7, padding: 'same' })`.
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
   * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`
   */
  weight(name: string, shape: readonly number[], hint?: string): Tensor<'float32'> {
    this.expect(name, shape, hint)
    return this.weights.get(name)
  }

  /** Checks the shape of a tensor. @throws {CheckpointError} `missing-tensor`, `shape-mismatch` */
  expect(name: string, shape: readonly number[], hint = 'does the config belong to this checkpoint?'): void {
    const found = this.weights.shape(name)
    if (found.length === shape.length && shape.every((size, axis) => size === found[axis])) return
    const full = [...this.#path, name].join('.')
    throw new CheckpointError(
      `${this.#architecture}: "${full}" of ${this.weights.source} is [${found.join(', ')}], expected [${shape.join(', ')}]; ${hint}`,
      { code: 'shape-mismatch' },
    )
  }

  /** The same layer with other weights than the stored ones, which the caller has checked and changed. */
  layer<T>(name: string, emit: (graph: GraphBuilder) => T): T {
    return this.at(name).#within(() => emit(this.graph))
  }

  /** Convolution. @param x float32 [B, C, T] @throws {CheckpointError} `missing-tensor`, `shape-mismatch` */
  conv1d(name: string, x: Value, { out, kernel, bias = true, ...config }: Sizes & Conv1dConfig): Value {
    const layer = this.at(name)
    layer.expect('weight', [out, channelsOf(x) / (config.groups ?? 1), kernel])
    if (bias) layer.expect('bias', [out])
    return layer.#within(() => conv1d(this.graph, x, layer.weights, config))
  }

  /** Transposed convolution, of one group. @param x float32 [B, C, T] @throws {CheckpointError} `missing-tensor`, `shape-mismatch` */
  convTranspose1d(name: string, x: Value, { out, kernel, bias = true, ...config }: Sizes & Omit<ConvTranspose1dConfig, 'groups'>): Value {
    const layer = this.at(name)
    layer.expect('weight', [channelsOf(x), out, kernel])
    if (bias) layer.expect('bias', [out])
    return layer.#within(() => convTranspose1d(this.graph, x, layer.weights, config))
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

  #within<T>(body: () => T): T {
    return this.#path.reduceRight<() => T>((inner, name) => () => this.graph.scope(name, inner), body)()
  }
}

function channelsOf({ shape, name }: Value): number {
  if (shape.length !== 3 || typeof shape[1] !== 'number')
    throw new RangeError(`${name} is [${shape.join(', ')}], expected [B, C, T] of known channels`)
  return shape[1]
}

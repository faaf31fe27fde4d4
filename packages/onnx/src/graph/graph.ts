import type { DType, Tensor } from '../tensor.ts'
import { checkDim, formatShape, mayEqual } from './dims.ts'
import { toElements } from './elements.ts'
import { Call, type KnownValues, longestContents, type OutputType } from './inference.ts'
import {
  type AttributeValue,
  type Dim,
  defaultOpset,
  type Graph,
  type Initializer,
  type LoopStep,
  type Node,
  type OnnxModel,
  type Value,
} from './model.ts'
import { type NodeOptions, Operators } from './operators.ts'
import { identityNode, renameNodes } from './rename.ts'
import { rules } from './rules.ts'
import { writeModel } from './serialize.ts'

/** State that a graph shares with its subgraphs: one namespace, one list of initializers. */
interface Shared {
  readonly opset: number
  readonly owners: Map<string, GraphBuilder>
  readonly counters: Map<string, number>
  readonly initializers: Initializer[]
  readonly tensors: Map<string, Tensor>
  readonly byTensor: Map<Tensor, Value>
  readonly constants: Map<string, Value>
  readonly contents: Map<string, readonly Dim[]>
}

/**
 * Builds an ONNX graph node by node. Shapes and element types are inferred and checked while building, so a mistake throws at the line that makes it,
 * naming the scope. Axis lengths may be symbolic (`T`); arithmetic on them stays readable (`T*256`), see dims.ts.
 */
export class GraphBuilder extends Operators {
  readonly name: string
  readonly #shared: Shared
  readonly #parent: GraphBuilder | undefined
  readonly #nodes: Node[] = []
  readonly #inputs: Value[] = []
  readonly #outputs = new Map<string, Value>()
  #scope: readonly string[]

  /** @param options.opset version of ai.onnx, 21 by default */
  constructor(name: string, options: { opset?: number } = {}, parent?: GraphBuilder) {
    super()
    this.name = name
    this.#parent = parent
    this.#scope = parent ? [...parent.#scope, name] : []
    this.#shared = parent
      ? parent.#shared
      : {
          opset: options.opset ?? defaultOpset,
          owners: new Map(),
          counters: new Map(),
          initializers: [],
          tensors: new Map(),
          byTensor: new Map(),
          constants: new Map(),
          contents: new Map(),
        }
  }

  /** Declares an input of the model. Dims are lengths or symbols. @throws {RangeError} if the name is taken or a dim is unreadable */
  input(name: string, dtype: DType, shape: readonly Dim[]): Value {
    if (this.#shared.owners.has(name)) throw new RangeError(`${this.#where()}: input "${name}" is already the name of another value`)
    const value = { name, dtype, shape: shape.map(checkDim) }
    this.#shared.owners.set(name, this)
    this.#inputs.push(value)
    return value
  }

  /** A constant tensor, usually a weight; the same tensor object becomes one initializer however often it is asked for. */
  initializer(name: string, tensor: Tensor): Value {
    const known = this.#shared.byTensor.get(tensor)
    if (known) return known
    const value = this.#addInitializer([...this.#scope, name].join('/'), tensor)
    this.#shared.byTensor.set(tensor, value)
    return value
  }

  /** A small constant: a scalar for a number, a vector for a list; equal constants are one initializer. float32 unless told otherwise. */
  constant(value: number | readonly number[], dtype: DType = 'float32'): Value {
    const key = `${dtype}:${typeof value === 'number' ? (Object.is(value, -0) ? '-0' : value) : `[${value.join()}]`}`
    const known = this.#shared.constants.get(key)
    if (known) return known
    const list = typeof value === 'number' ? [value] : value
    const tensor = { dtype, shape: typeof value === 'number' ? [] : [list.length], data: toElements(list, dtype) } as Tensor
    const constant = this.#addInitializer(`const ${typeof value === 'number' ? value : `[${list.length}]`}`, tensor)
    this.#shared.constants.set(key, constant)
    return constant
  }

  /** Emits an operator with one output (or returns the first of several). @throws {RangeError} naming scope, operator and input shapes */
  node(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Record<string, AttributeValue> = {},
    options: NodeOptions = {},
  ): Value {
    return this.nodes(opType, inputs, attributes, { ...options, outputs: options.outputs ?? 1 })[0]!
  }

  /** Emits an operator and returns its outputs: `options.outputs` of them, else as many as its inference rule knows. */
  nodes(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Record<string, AttributeValue> = {},
    options: NodeOptions = {},
  ): Value[] {
    for (const input of inputs) if (input) this.#checkVisible(input, opType)
    const types = this.#infer(opType, inputs, attributes, options)
    const count = options.outputs ?? types.length
    if (count > types.length)
      throw new RangeError(`${this.#where()}: ${opType} has ${types.length} outputs, not ${count}; state options.types`)
    const name = this.#uniqueName([...this.#scope, options.name ?? opType].join('/'), '')
    const outputs = types.slice(0, count).map(({ dtype, shape, contents }, index) => {
      const value = { name: this.#uniqueName(count === 1 ? name : `${name}.${index}`, ':0'), dtype, shape }
      if (contents && dtype === 'int64') this.#shared.contents.set(value.name, contents)
      return value
    })
    const trailing = inputs.findLastIndex(input => input !== undefined) + 1
    const names = inputs.slice(0, trailing).map(input => input?.name ?? '')
    this.#nodes.push({ opType, name, domain: options.domain ?? '', inputs: names, outputs, attributes })
    return outputs
  }

  /** Names every node and weight made in `body` after this part of the model; scopes nest. */
  scope<T>(name: string, body: () => T): T {
    return this.#withScope([...this.#scope, name], body)
  }

  /**
   * The same value with a shape that the caller knows better than inference does, e.g. after a run-time length. Checked as far as possible; nothing is emitted.
   * @throws {RangeError} if the shape contradicts the inferred one
   */
  assume(value: Value, shape: readonly Dim[]): Value {
    const known = shape.map(checkDim)
    if (known.length !== value.shape.length || !known.every((dim, axis) => mayEqual(dim, value.shape[axis]!))) {
      throw new RangeError(
        `${this.#where()}: ${value.name} is ${formatShape(value.shape)}, it cannot be assumed to be ${formatShape(shape)}`,
      )
    }
    return { ...value, shape: known }
  }

  /** Makes a value an output of the model, under this name. @throws {RangeError} if the name is taken by an input or another output */
  output(name: string, value: Value): void {
    this.#checkVisible(value, 'output')
    if (this.#outputs.has(name) || this.#inputs.some(input => input.name === name)) {
      throw new RangeError(`${this.#where()}: output "${name}" is already the name of an input or output`)
    }
    this.#outputs.set(name, value)
  }

  /**
   * ONNX Loop. The body is a subgraph; it may use any value of the enclosing graph. A carried axis that changes its length must be symbolic: see `assume`.
   * @param options.trips int64 scalar, the most iterations; unbounded if left out
   * @param options.while bool scalar, whether to begin
   * @returns the carried values after the last iteration, and the stacked `scan` values [iterations, …]
   */
  loop(
    options: { trips?: Value; while?: Value; carried: readonly Value[] },
    body: (graph: GraphBuilder, iteration: Value, carried: readonly Value[]) => LoopStep,
  ): { carried: Value[]; scan: Value[] } {
    const inner = this.#subgraph('loop')
    const iteration = inner.#declare('iteration', 'int64', [])
    inner.#declare('go', 'bool', [])
    const carried = options.carried.map(({ dtype, shape }, index) => inner.#declare(`carried${index}`, dtype, shape))
    const step = body(inner, iteration, carried)
    if (step.carried.length !== carried.length) {
      throw new RangeError(`${inner.#where()}: the body returned ${step.carried.length} carried values, expected ${carried.length}`)
    }
    const scan = step.scan ?? []
    inner.#emitOutputs([step.while ?? inner.constant(1, 'bool'), ...step.carried, ...scan])
    const carriedTypes = step.carried.map((after, index) => inner.#carriedType(carried[index]!, after))
    const trips = options.trips && this.#shared.contents.get(options.trips.name)?.[0]
    const rows = trips !== undefined && !step.while ? trips : this.#fresh('iterations')
    const types = [...carriedTypes, ...scan.map(({ dtype, shape }) => ({ dtype, shape: [rows, ...shape] }))]
    const results = this.nodes(
      'Loop',
      [options.trips, options.while ?? this.constant(1, 'bool'), ...options.carried],
      { body: inner.toGraph() },
      { types },
    )
    return { carried: results.slice(0, carried.length), scan: results.slice(carried.length) }
  }

  /** ONNX If: both branches return the same number of values, of the same element types and ranks. */
  ifElse(condition: Value, then: (graph: GraphBuilder) => readonly Value[], otherwise: (graph: GraphBuilder) => readonly Value[]): Value[] {
    const branches = [
      { name: 'then', body: then },
      { name: 'else', body: otherwise },
    ].map(({ name, body }) => {
      const inner = this.#subgraph(name)
      const results = body(inner)
      inner.#emitOutputs(results)
      return { graph: inner.toGraph(), results }
    })
    const [yes, no] = [branches[0]!, branches[1]!]
    if (yes.results.length !== no.results.length) {
      throw new RangeError(`${this.#where()}: If returns ${yes.results.length} values in one branch and ${no.results.length} in the other`)
    }
    const types = yes.results.map((a, index) => {
      const b = no.results[index]!
      if (a.dtype !== b.dtype || a.shape.length !== b.shape.length) {
        throw new RangeError(
          `${this.#where()}: If output ${index} is ${a.dtype}${formatShape(a.shape)} or ${b.dtype}${formatShape(b.shape)}`,
        )
      }
      return { dtype: a.dtype, shape: a.shape.map((dim, axis) => (dim === b.shape[axis] ? dim : this.#fresh('either'))) }
    })
    return this.nodes('If', [condition], { then_branch: yes.graph, else_branch: no.graph }, { types })
  }

  /** The graph so far as plain data. */
  toGraph(): Graph {
    const renamed = new Map<string, string>()
    const extra: Node[] = []
    const produced = new Set(this.#nodes.flatMap(node => node.outputs.map(output => output.name)))
    const outputs = [...this.#outputs].map(([name, value]) => {
      if (produced.has(value.name) && !renamed.has(value.name) && (name === value.name || !this.#shared.owners.has(name)))
        renamed.set(value.name, name)
      else extra.push(identityNode(renamed.get(value.name) ?? value.name, { ...value, name }))
      return { ...value, name }
    })
    return {
      name: this.name,
      nodes: [...renameNodes(this.#nodes, renamed), ...extra],
      initializers: this.#parent ? [] : this.#shared.initializers,
      inputs: this.#inputs,
      outputs,
    }
  }

  /** Serializes the model. @param options.externalData weights beside the protobuf; by default only above 1.5 GB. @throws {RangeError} without outputs */
  build(options: { externalData?: boolean } = {}): OnnxModel {
    if (this.#outputs.size === 0) throw new RangeError(`graph "${this.name}" has no outputs`)
    return writeModel(this.toGraph(), { ...options, opset: this.#shared.opset })
  }

  #infer(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, AttributeValue>>,
    options: NodeOptions,
  ): readonly OutputType[] {
    if (options.types) return options.types.map(({ dtype, shape }) => ({ dtype, shape: shape.map(checkDim) }))
    const rule = rules.get(opType)
    if (!rule) throw new RangeError(`${this.#where()}: ${opType} has no inference rule; state its outputs in options.types`)
    const known: KnownValues = {
      contents: value => this.#shared.contents.get(value.name),
      tensor: value => this.#shared.tensors.get(value.name),
      fresh: hint => this.#fresh(hint),
    }
    return rule(new Call(this.#where(), opType, inputs, attributes, options.outputs ?? 1, known))
  }

  #carriedType(before: Value, after: Value): OutputType {
    const fits = (dim: Dim, axis: number) => typeof dim === 'string' || dim === after.shape[axis]
    if (before.dtype !== after.dtype || before.shape.length !== after.shape.length || !before.shape.every(fits)) {
      throw new RangeError(
        `${this.#where()}: a carried value begins as ${before.dtype}${formatShape(before.shape)} and becomes ${after.dtype}${formatShape(after.shape)}; ` +
          'give an axis that changes a symbolic length with assume()',
      )
    }
    return { dtype: before.dtype, shape: before.shape.map((dim, axis) => (dim === after.shape[axis] ? dim : this.#fresh('carried'))) }
  }

  /** Initializers belong to the outermost graph, where every subgraph sees them. */
  #addInitializer(name: string, tensor: Tensor): Value {
    const value = { name: this.#root().#uniqueName(name, ''), dtype: tensor.dtype, shape: tensor.shape }
    this.#shared.initializers.push({ name: value.name, tensor })
    this.#shared.tensors.set(value.name, tensor)
    if (tensor.dtype === 'int64' && tensor.shape.length <= 1 && tensor.data.length <= longestContents) {
      this.#shared.contents.set(value.name, Array.from(tensor.data as BigInt64Array, Number))
    }
    return value
  }

  #subgraph(name: string): GraphBuilder {
    return new GraphBuilder(this.#uniqueName(name, ''), {}, this)
  }

  #declare(name: string, dtype: DType, shape: readonly Dim[]): Value {
    const value = { name: this.#uniqueName([...this.#scope, name].join('/'), ''), dtype, shape }
    this.#inputs.push(value)
    return value
  }

  /** Outputs of a subgraph must be made inside it, each once: Identity where they are not. */
  #emitOutputs(values: readonly Value[]): void {
    const taken = new Set<string>()
    for (const value of values) {
      const own = this.#nodes.some(node => node.outputs.some(output => output.name === value.name)) && !taken.has(value.name)
      const result = own ? value : { ...value, name: this.identity(value).name }
      taken.add(result.name)
      this.#outputs.set(result.name, result)
    }
  }

  #checkVisible(value: Value, user: string): void {
    const owner = this.#shared.owners.get(value.name)
    for (let graph: GraphBuilder | undefined = this; graph; graph = graph.#parent) if (graph === owner) return
    throw new RangeError(
      `${this.#where()}: ${user} uses "${value.name}", which ${owner ? 'is made inside a subgraph' : 'belongs to another graph'}`,
    )
  }

  #uniqueName(base: string, suffix: string): string {
    const { owners, counters } = this.#shared
    const wanted = base + suffix
    let name = wanted
    while (owners.has(name)) {
      const count = (counters.get(wanted) ?? 1) + 1
      counters.set(wanted, count)
      name = `${base}_${count}${suffix}`
    }
    owners.set(name, this)
    return name
  }

  #fresh(hint: string): string {
    const count = (this.#shared.counters.get(`?${hint}`) ?? 0) + 1
    this.#shared.counters.set(`?${hint}`, count)
    return `${hint}_${count}`
  }

  #withScope<T>(scope: readonly string[], body: () => T): T {
    const outer = this.#scope
    this.#scope = scope
    try {
      return body()
    } finally {
      this.#scope = outer
    }
  }

  #root(): GraphBuilder {
    return this.#parent ? this.#parent.#root() : this
  }

  #where(): string {
    return [`graph "${this.#root().name}"`, ...(this.#scope.length > 0 ? [this.#scope.join('/')] : [])].join(', ')
  }
}

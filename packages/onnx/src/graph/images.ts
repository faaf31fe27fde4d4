import { formatShape } from './dims.ts'
import { indicesIn } from './elements.ts'
import { type Graph, type Initializer, type Node, namesIn, type Value } from './model.ts'

/**
 * The widest signal that becomes an image. ONNX Runtime holds the weights of images a third time while it loads them, and at many channels they gain little: with all 768 channels of
 * BigVGAN's first stage as an image its peak is 1.5 GB instead of 1.1.
 */
const widestImage = 512
/** Fewer convolutions than this are not worth the change. */
const fewestConvolutions = 3

const unary = new Set('Relu LeakyRelu Tanh Sigmoid Elu Exp Cos Sin Neg Abs Sqrt Clip InstanceNormalization Identity'.split(' '))
const binary = new Set('Add Sub Mul Div Max Min Pow'.split(' '))
const convolutions = new Set(['Conv', 'ConvTranspose'])

/** What is known of a graph's values by name. */
class Values {
  readonly #values: ReadonlyMap<string, Value>
  readonly #initializers: ReadonlyMap<string, Initializer>

  constructor({ inputs, nodes, initializers }: Graph) {
    this.#values = new Map([...inputs, ...nodes.flatMap(({ outputs }) => outputs)].map(value => [value.name, value]))
    this.#initializers = new Map(initializers.map(initializer => [initializer.name, initializer]))
  }

  constant(name: string | undefined): Initializer['tensor'] | undefined {
    return name === undefined ? undefined : this.#initializers.get(name)?.tensor
  }

  /** Elements of a small int64 constant. */
  numbers(name: string | undefined): readonly number[] | undefined {
    return indicesIn(this.constant(name))
  }

  shape(name: string): Value['shape'] {
    return this.#values.get(name)?.shape ?? this.constant(name)?.shape ?? []
  }

  isSignal(name: string): boolean {
    const value = this.#values.get(name)
    return value?.dtype === 'float32' && value.shape.length === 3
  }
}

/** How a node runs on images: its attributes and the constants that it takes instead; undefined if it cannot. */
interface OnImages {
  readonly attributes: Node['attributes']
  /** Input number → what takes its place: the image of that signal unless given. */
  readonly constants: ReadonlyMap<number, Initializer>
}

/**
 * Signals [B, C, T] as images of one row, [B, C, 1, T], from convolution to convolution. On x64 ONNX Runtime keeps the channels of images, not of signals, in blocks of a vector register
 * (NCHWc): at 32 to 128 channels they take 50 to 70 % of the time (docs/decisions/2026-11-26-vocoder-speed.md). A graph stays as it is if it would have to go back and forth.
 */
export function useImages(graph: Graph): Graph {
  const values = new Values(graph)
  const plans = new Map<Node, OnImages>()
  for (const node of graph.nodes) {
    const plan = planOf(node, values)
    if (plan) plans.set(node, plan)
  }
  const regular = [...plans.keys()].filter(node => convolutions.has(node.opType) && !isDepthwise(node, values)).length
  if (regular < fewestConvolutions) return graph
  const rewriting = new Rewriting(graph, values, plans)
  const rewritten = rewriting.run()
  return rewriting.crossings < regular ? rewritten : graph
}

function isDepthwise({ attributes, inputs }: Node, values: Values): boolean {
  return ((attributes.group as number | undefined) ?? 1) > 1 && attributes.group === values.shape(inputs[0]!)[1]
}

function planOf(node: Node, values: Values): OnImages | undefined {
  const { opType, domain, inputs, outputs, attributes } = node
  if (domain !== '' || outputs[0]?.dtype !== 'float32') return undefined
  const same = { attributes, constants: new Map<number, Initializer>() }
  if (opType === 'Unsqueeze' || opType === 'Squeeze') {
    const onRow = values.numbers(inputs[1])?.join() === '2'
    return onRow && (opType === 'Unsqueeze' ? values.isSignal(inputs[0]!) : outputs[0].shape.length === 3) ? same : undefined
  }
  if (!values.isSignal(inputs[0]!) && !binary.has(opType)) return undefined
  if (outputs.some(({ shape }) => shape.length !== 3)) return undefined
  if (unary.has(opType)) return same
  if (binary.has(opType)) return planBinary(node, values)
  if (convolutions.has(opType)) return planConvolution(node, values)
  if ((opType === 'Concat' && inputs.every(name => values.isSignal(name))) || opType === 'Split')
    return { ...same, attributes: { ...attributes, axis: attributes.axis === 2 ? 3 : attributes.axis! } }
  const axesAt = opType === 'Pad' || opType === 'Slice' ? 3 : undefined
  const axes = values.numbers(inputs[axesAt ?? -1])
  if (axesAt !== undefined && axes)
    return { attributes, constants: new Map([[axesAt, vectorOf(axes.map(axis => (axis === 2 ? 3 : axis)))]]) }
  const target = opType === 'Reshape' ? values.numbers(inputs[1]) : undefined
  if (target?.length === 3 && target[0] === 0 && target[2] === -1) {
    return { attributes, constants: new Map([[1, vectorOf([0, target[1]!, 1, -1])]]) }
  }
  return undefined
}

function planBinary({ inputs, attributes }: Node, values: Values): OnImages | undefined {
  if (!inputs.some(name => values.isSignal(name))) return undefined
  const constants = new Map<number, Initializer>()
  for (const [i, name] of inputs.entries()) {
    if (values.isSignal(name)) continue
    const tensor = values.constant(name)
    if (!tensor) return undefined
    // [C, 1] and [1, C, 1] get an axis before the last; what is one number stays.
    const { shape } = tensor
    if (shape.length >= 2)
      constants.set(i, { name: `${name}/row`, tensor: { ...tensor, shape: [...shape.slice(0, -1), 1, shape.at(-1)!] } })
    else if (tensor.data.length !== 1) return undefined
  }
  return { attributes, constants }
}

function planConvolution({ opType, inputs, outputs, attributes }: Node, values: Values): OnImages | undefined {
  const weight = values.constant(inputs[1])
  const widths = [values.shape(inputs[0]!)[1], outputs[0]!.shape[1]]
  if (weight?.shape.length !== 3 || widths.some(width => typeof width !== 'number' || width > widestImage)) return undefined
  const row = (name: string, fill: number) => {
    const list = attributes[name] as readonly number[] | undefined
    return list ? { [name]: name === 'pads' ? [fill, list[0]!, fill, list[1]!] : [fill, list[0]!] } : {}
  }
  const image = { ...weight, shape: [...weight.shape.slice(0, 2), 1, weight.shape[2]!] }
  return {
    attributes: {
      ...attributes,
      ...{ ...row('strides', 1), ...row('dilations', 1), ...row('pads', 0), ...row('kernel_shape', 1) },
      ...(opType === 'ConvTranspose' ? row('output_padding', 0) : {}),
    },
    constants: new Map([[1, { name: `${inputs[1]}/row`, tensor: image }]]),
  }
}

function vectorOf(numbers: readonly number[]): Initializer {
  const data = BigInt64Array.from(numbers, BigInt)
  return { name: `row [${numbers.join()}]`, tensor: { dtype: 'int64', shape: [numbers.length], data } }
}

/** Emits every planned node on images, and a change of layout where one meets another node. */
class Rewriting {
  /** Changes of layout. */
  crossings = 0
  readonly #graph: Graph
  readonly #values: Values
  readonly #plans: ReadonlyMap<Node, OnImages>
  readonly #nodes: Node[] = []
  readonly #added = new Map<string, Initializer>()
  /** Signal → its image. */
  readonly #images = new Map<string, Value>()
  /** Signals that exist as such. */
  readonly #signals: Set<string>

  constructor(graph: Graph, values: Values, plans: ReadonlyMap<Node, OnImages>) {
    this.#graph = graph
    this.#values = values
    this.#plans = plans
    this.#signals = new Set(graph.inputs.map(({ name }) => name))
  }

  run(): Graph {
    for (const node of this.#graph.nodes) {
      const plan = this.#plans.get(node)
      if (plan) this.#emitOnImages(node, plan)
      else this.#emitAsIs(node)
    }
    for (const { name } of this.#graph.outputs) this.#signalOf(name)
    const used = new Set(this.#nodes.flatMap(namesIn))
    const initializers = [...this.#graph.initializers, ...this.#added.values()].filter(({ name }) => used.has(name))
    return { ...this.#graph, nodes: this.#nodes, initializers }
  }

  #emitOnImages(node: Node, { attributes, constants }: OnImages): void {
    const { opType, inputs, outputs } = node
    if (opType === 'Unsqueeze') {
      // The image under its other name: an alias that later nodes are given.
      this.#nodes.push({ ...node, opType: 'Identity', inputs: [this.#imageOf(inputs[0]!).name] })
      return
    }
    if (opType === 'Squeeze') {
      this.#images.set(outputs[0]!.name, { ...outputs[0]!, name: inputs[0]!, shape: rowShape(outputs[0]!) })
      return
    }
    const names = inputs.map((name, i) => {
      const constant = constants.get(i)
      if (constant) return this.#add(constant)
      return this.#values.isSignal(name) ? this.#imageOf(name).name : name
    })
    const images = outputs.map(output => ({ ...output, name: `${output.name}/row`, shape: rowShape(output) }))
    for (const [i, output] of outputs.entries()) this.#images.set(output.name, images[i]!)
    this.#nodes.push({ ...node, inputs: names, outputs: images, attributes })
  }

  #emitAsIs(node: Node): void {
    const { opType, inputs, attributes } = node
    const image = this.#images.get(inputs[0] ?? '')
    // The length of a signal is that of its image.
    if (opType === 'Shape' && image && attributes.start === 2) {
      this.#nodes.push({ ...node, inputs: [image.name], attributes: { start: 3, end: 4 } })
      return
    }
    for (const name of namesIn(node)) this.#signalOf(name)
    this.#nodes.push(node)
    for (const { name } of node.outputs) this.#signals.add(name)
  }

  #imageOf(name: string): Value {
    const known = this.#images.get(name)
    if (known) return known
    this.crossings++
    const image = { name: `${name}/row`, dtype: 'float32' as const, shape: rowShape({ shape: this.#values.shape(name) }) }
    this.#push('Unsqueeze', name, image)
    this.#images.set(name, image)
    return image
  }

  #signalOf(name: string): void {
    const image = this.#images.get(name)
    if (!image || this.#signals.has(name)) return
    this.crossings++
    this.#signals.add(name)
    this.#push('Squeeze', image.name, { name, dtype: 'float32', shape: this.#values.shape(name) })
  }

  #push(opType: 'Squeeze' | 'Unsqueeze', input: string, output: Value): void {
    const axes = this.#add(vectorOf([2]))
    this.#nodes.push({ opType, name: `${output.name}/${opType}`, domain: '', inputs: [input, axes], outputs: [output], attributes: {} })
  }

  #add(initializer: Initializer): string {
    this.#added.set(initializer.name, initializer)
    return initializer.name
  }
}

function rowShape({ shape }: Pick<Value, 'shape'>): Value['shape'] {
  if (shape.length !== 3) throw new RangeError(`images: ${formatShape(shape)} is no signal`)
  return [shape[0]!, shape[1]!, 1, shape[2]!]
}

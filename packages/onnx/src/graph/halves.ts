import { addDims, subtractDims } from './dims.ts'
import { indicesIn } from './elements.ts'
import { type Dim, type Graph, type Initializer, isGraph, type Node, namesIn, type Value } from './model.ts'

/** ONNX Runtime gives each thread 64 channels of one image: with no more than that, one image keeps one thread busy, whatever the number of threads. */
const channelsOfThread = 64
/** Fewer convolutions than this are not worth cutting and joining. */
const fewestConvolutions = 2

const pointwise = new Set('Relu LeakyRelu Tanh Sigmoid Elu Exp Cos Sin Neg Abs Sqrt Clip Identity Add Sub Mul Div Max Min Pow'.split(' '))

/** Where the elements of a value come from: element t of a signal from elements t + low … t + high of the segment's input; those at an edge from its first or last ones. */
type Origin =
  | { readonly kind: 'signal'; readonly low: number; readonly high: number }
  | { readonly kind: 'first' | 'last'; readonly length: number }

/** Layers between two values of equal length that need not see the whole signal at once. */
interface Segment {
  readonly input: Value
  readonly output: Value
  readonly nodes: ReadonlySet<Node>
  /** Elements on either side that an element of the output depends on. */
  readonly reach: number
  readonly convolutions: number
}

/**
 * Runs layers that keep an image's length on its two halves at once, as a batch of two images, where it has so few channels that two threads would not share one image.
 * Each half has as many elements more of the other one as its output depends on; the result is the same. On two threads convolutions of 32 and 64 channels took 45 and 55 % of the time
 * (docs/decisions/2026-11-26-vocoder-speed.md).
 */
export function useHalves(graph: Graph): Graph {
  const finder = new SegmentFinder(graph)
  const segments: Segment[] = []
  const taken = new Set<Node>()
  for (const [i, node] of graph.nodes.entries()) {
    if (taken.has(node) || !isNarrowImage(node.outputs[0]!)) continue
    const segment = finder.from(node.outputs[0]!, i + 1)
    if (!segment) continue
    segments.push(segment)
    for (const each of segment.nodes) taken.add(each)
  }
  return segments.length === 0 ? graph : new Halving(graph, segments).run()
}

function isNarrowImage({ shape, dtype }: Value): boolean {
  const [batch, channels, row, length] = shape
  return (
    dtype === 'float32' &&
    shape.length === 4 &&
    batch === 1 &&
    row === 1 &&
    typeof length === 'string' &&
    Number(channels) <= channelsOfThread
  )
}

class SegmentFinder {
  readonly #nodes: readonly Node[]
  readonly #constants: ReadonlyMap<string, Initializer>
  readonly #readers = new Map<string, number>()

  constructor(graph: Graph) {
    this.#nodes = graph.nodes
    this.#constants = new Map(graph.initializers.map(initializer => [initializer.name, initializer]))
    const count = (name: string) => this.#readers.set(name, (this.#readers.get(name) ?? 0) + 1)
    for (const node of graph.nodes) for (const name of namesIn(node)) count(name)
    for (const { name } of graph.outputs) count(name)
  }

  /** The longest segment that begins with a value; undefined if none is worth it. @param start number of the first node after it */
  from(input: Value, start: number): Segment | undefined {
    const origins = new Map<string, Origin>([[input.name, { kind: 'signal', low: 0, high: 0 }]])
    const unread = new Map([[input.name, this.#readers.get(input.name) ?? 0]])
    const nodes: Node[] = []
    let convolutions = 0
    let best: Segment | undefined
    for (const node of this.#nodes.slice(start)) {
      const inside = node.inputs.filter(name => origins.has(name))
      if (inside.length === 0) continue
      const origin = this.#originOf(node, origins, input.shape[3]!)
      if (!origin) break
      const [output] = node.outputs as [Value]
      origins.set(output.name, origin)
      for (const name of inside) unread.set(name, unread.get(name)! - 1)
      unread.set(output.name, this.#readers.get(output.name) ?? 0)
      nodes.push(node)
      if (node.opType === 'Conv') convolutions++
      const open = [...unread].filter(([, count]) => count > 0)
      const whole = origin.kind === 'signal' && isNarrowImage(output) && output.shape[3] === input.shape[3]
      if (whole && open.length === 1 && open[0]![0] === output.name) {
        best = { input, output, nodes: new Set(nodes), reach: Math.max(-origin.low, origin.high), convolutions }
      }
    }
    return best && best.convolutions >= fewestConvolutions ? best : undefined
  }

  #originOf(node: Node, origins: ReadonlyMap<string, Origin>, length: Dim): Origin | undefined {
    const { opType, domain, inputs, outputs, attributes } = node
    const [output] = outputs as [Value]
    if (domain !== '' || outputs.length !== 1 || output.shape.length !== 4 || Object.values(attributes).some(isGraph)) return undefined
    if (inputs.some(name => name !== '' && !origins.has(name) && !this.#constants.has(name))) return undefined
    const given = inputs.flatMap(name => origins.get(name) ?? [])
    const origin = this.#combine(opType, node, given)
    // All that is no edge must follow the length of the whole.
    if (origin?.kind === 'signal' && typeof subtractDims(output.shape[3]!, length) !== 'number') return undefined
    return origin
  }

  #combine(opType: string, node: Node, given: readonly Origin[]): Origin | undefined {
    const [first] = given
    if (!first) return undefined
    if (pointwise.has(opType)) return unite(given)
    if (opType === 'Conv') return convolve(node, first, this.#constants.get(node.inputs[1]!)?.tensor.shape[3])
    if (opType === 'Pad') return this.#pad(node, first)
    if (opType === 'Slice') return this.#slice(node, first)
    if (opType === 'Expand') {
      const length = node.outputs[0]!.shape[3]
      return first.kind !== 'signal' && typeof length === 'number' ? { kind: first.kind, length } : undefined
    }
    if (opType === 'Concat') return node.attributes.axis === 3 ? extend(given) : unite(given)
    return undefined
  }

  #pad({ inputs, attributes }: Node, origin: Origin): Origin | undefined {
    const [pads, axes] = [this.#numbers(inputs[1]), this.#numbers(inputs[3])]
    if (origin.kind !== 'signal' || !pads || axes?.join() !== '3' || attributes.mode === 'wrap') return undefined
    return { kind: 'signal', low: origin.low - pads[0]!, high: origin.high - pads[0]! }
  }

  #slice({ inputs, outputs }: Node, origin: Origin): Origin | undefined {
    const [axes, starts] = [this.#numbers(inputs[3]), this.#numbers(inputs[1])]
    if (inputs[4] || axes?.length !== 1 || !starts) return undefined
    if (axes[0] !== 3) return origin
    const length = outputs[0]!.shape[3]
    if (origin.kind !== 'signal' || typeof length !== 'number') return undefined
    return { kind: starts[0]! < 0 ? 'last' : 'first', length }
  }

  #numbers(name: string | undefined): readonly number[] | undefined {
    return indicesIn(this.#constants.get(name ?? '')?.tensor)
  }
}

function unite(given: readonly Origin[]): Origin | undefined {
  const [first] = given
  if (first!.kind !== 'signal') return given.every(each => each.kind === first!.kind) ? first : undefined
  const signals = given.filter(each => each.kind === 'signal')
  if (signals.length < given.length) return undefined
  return { kind: 'signal', low: Math.min(...signals.map(({ low }) => low)), high: Math.max(...signals.map(({ high }) => high)) }
}

/** The first elements once more in front, the last ones behind: padding. */
function extend(given: readonly Origin[]): Origin | undefined {
  const [before, signal, after] = given
  if (given.length !== 3 || before?.kind !== 'first' || signal?.kind !== 'signal' || after?.kind !== 'last') return undefined
  return { kind: 'signal', low: signal.low - before.length, high: signal.high - before.length }
}

function convolve({ attributes }: Node, origin: Origin, taps: number | undefined): Origin | undefined {
  const list = (name: string, fallback: readonly number[]) => (attributes[name] as readonly number[] | undefined) ?? fallback
  const [strides, dilations, pads] = [list('strides', [1, 1]), list('dilations', [1, 1]), list('pads', [0, 0, 0, 0])]
  if (origin.kind !== 'signal' || taps === undefined || strides.some(stride => stride !== 1)) return undefined
  return { kind: 'signal', low: origin.low - pads[1]!, high: origin.high - pads[1]! + (taps - 1) * dilations[1]! }
}

/** Emits the nodes of segments with a batch of two, and what cuts and joins the halves. */
class Halving {
  readonly #graph: Graph
  readonly #segments: readonly Segment[]
  readonly #nodes: Node[] = []
  readonly #added = new Map<string, Initializer>()

  constructor(graph: Graph, segments: readonly Segment[]) {
    this.#graph = graph
    this.#segments = segments
  }

  run(): Graph {
    const first = new Map(this.#segments.map(segment => [[...segment.nodes][0]!, segment]))
    const segmentOf = new Map(this.#segments.flatMap(segment => [...segment.nodes].map(node => [node, segment] as const)))
    const last = new Map(this.#segments.map(segment => [[...segment.nodes].at(-1)!, segment]))
    for (const node of this.#graph.nodes) {
      const beginning = first.get(node)
      if (beginning) this.#cut(beginning)
      const segment = segmentOf.get(node)
      this.#nodes.push(segment ? inBatch(node, segment) : node)
      const ending = last.get(node)
      if (ending) this.#join(ending)
    }
    return { ...this.#graph, nodes: this.#nodes, initializers: [...this.#graph.initializers, ...this.#added.values()] }
  }

  /** x → [2, C, 1, the longer half and `reach` elements of the other]; all of x twice if it is short, as slices end where it does. */
  #cut({ input, reach }: Segment): void {
    const name = input.name
    const length = this.#length('Shape', [name], `${name}/length`, { start: 3, end: 4 })
    const half = this.#length('Div', [length, this.#vector(2)], `${name}/half`)
    const rest = this.#length('Sub', [length, half], `${name}/rest`)
    const taken = this.#length('Add', [rest, this.#vector(reach)], `${name}/taken`)
    const begin = this.#length('Neg', [taken], `${name}/begin`)
    const shape = [1, input.shape[1]!, 1, halfOf(input)]
    const slice = (part: string, from: string, to: string) =>
      this.#emit('Slice', [name, from, to, this.#vector(3)], { ...input, name: `${name}/${part}`, shape })
    const parts = [slice('first', this.#vector(0), taken), slice('second', begin, this.#vector(Number.MAX_SAFE_INTEGER))]
    this.#emit('Concat', parts, { ...input, name: `${name}/halves`, shape: [2, ...shape.slice(1)] }, { axis: 0 })
  }

  /** Of each half what is its own, one after the other. */
  #join({ input, output }: Segment): void {
    const { name } = output
    const shape = [1, output.shape[1]!, 1, halfOf(input)]
    const parts = ['first', 'second'].map(part => ({ ...output, name: `${name}/${part}`, shape }))
    const sizes = this.#add({ name: 'halves [1,1]', tensor: { dtype: 'int64', shape: [2], data: BigInt64Array.of(1n, 1n) } })
    this.#nodes.push({
      ...{ opType: 'Split', name: `${name}/Split`, domain: '', inputs: [`${name}/halves`, sizes], outputs: parts },
      attributes: { axis: 0 },
    })
    const [half, minus] = [`${input.name}/half`, this.#length('Neg', [`${input.name}/rest`], `${name}/own`)]
    const own = (part: string, from: string, to: string) =>
      this.#emit('Slice', [`${name}/${part}`, from, to, this.#vector(3)], {
        ...output,
        name: `${name}/own ${part}`,
        shape: [1, output.shape[1]!, 1, `${part}_${halfOf(input)}`],
      })
    const halves = [own('first', this.#vector(0), half), own('second', minus, this.#vector(Number.MAX_SAFE_INTEGER))]
    this.#emit('Concat', halves, output, { axis: 3 })
  }

  #length(opType: string, inputs: readonly string[], name: string, attributes: Node['attributes'] = {}): string {
    return this.#emit(opType, inputs, { name, dtype: 'int64', shape: [1] }, attributes)
  }

  #emit(opType: string, inputs: readonly string[], output: Value, attributes: Node['attributes'] = {}): string {
    this.#nodes.push({ opType, name: `${output.name}/${opType}`, domain: '', inputs, outputs: [output], attributes })
    return output.name
  }

  #vector(value: number): string {
    return this.#add({ name: `halves [${value}]`, tensor: { dtype: 'int64', shape: [1], data: BigInt64Array.of(BigInt(value)) } })
  }

  #add(initializer: Initializer): string {
    this.#added.set(initializer.name, initializer)
    return initializer.name
  }
}

/** Symbol of the length of a half. */
function halfOf({ name }: Value): string {
  return `half_${name.replace(/\W/g, '_')}`
}

function inBatch(node: Node, { input, output }: Segment): Node {
  const renamed = (name: string) => (name === input.name ? `${name}/halves` : name)
  const shapeOf = ({ shape }: Value): Value['shape'] => {
    const more = subtractDims(shape[3]!, input.shape[3]!)
    return [shape[0] === 1 ? 2 : shape[0]!, shape[1]!, shape[2]!, typeof shape[3] === 'number' ? shape[3] : addDims(halfOf(input), more)]
  }
  const outputs = node.outputs.map(value => ({
    ...value,
    name: value.name === output.name ? `${value.name}/halves` : value.name,
    shape: shapeOf(value),
  }))
  return { ...node, inputs: node.inputs.map(renamed), outputs }
}

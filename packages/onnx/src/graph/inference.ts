import type { DType, Tensor } from '../tensor.ts'
import { addDims, formatShape, mayEqual } from './dims.ts'
import { type AttributeValue, type Dim, isTensor, type Value } from './model.ts'

/** Element type and shape of one output of a node. */
export interface OutputType {
  readonly dtype: DType
  readonly shape: readonly Dim[]
  /** The elements themselves, possibly symbolic, of a short int64 vector or scalar: what a later Reshape or Slice needs to know its own shape. */
  readonly contents?: readonly Dim[] | undefined
}

/** Infers the outputs of one operator, or throws through `call.fail`. */
export type Rule = (call: Call) => readonly OutputType[]

/** Longest int64 vector whose elements are followed through the graph; shapes and padding lists are shorter. */
export const longestContents = 64

/** What a graph knows of a value beyond its type. */
export interface KnownValues {
  /** Elements of a short int64 value. */
  contents(value: Value): readonly Dim[] | undefined
  /** The tensor of an initializer. */
  tensor(value: Value): Tensor | undefined
  /** A new symbol that starts with `hint`. */
  fresh(hint: string): string
}

/** One operator call under inference: checked access to its inputs and attributes. */
export class Call {
  readonly opType: string
  readonly inputs: readonly (Value | undefined)[]
  readonly attributes: Readonly<Record<string, AttributeValue>>
  readonly outputs: number
  readonly #known: KnownValues
  readonly #where: string

  constructor(
    where: string,
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, AttributeValue>>,
    outputs: number,
    known: KnownValues,
  ) {
    this.opType = opType
    this.inputs = inputs
    this.attributes = attributes
    this.outputs = outputs
    this.#known = known
    this.#where = where
  }

  /** Throws a RangeError that names the place and the inputs. */
  fail(problem: string): never {
    const inputs = this.inputs.map(input => (input ? `${input.dtype}${formatShape(input.shape)}` : 'absent')).join(', ')
    throw new RangeError(`${this.#where}: ${this.opType}(${inputs}): ${problem}`)
  }

  /** Input `index`, which must be present. */
  input(index: number): Value {
    return this.inputs[index] ?? this.fail(`input ${index} is missing`)
  }

  /** Input `index`, checked for element type. */
  typed(index: number, ...dtypes: readonly DType[]): Value {
    const input = this.input(index)
    if (!dtypes.includes(input.dtype)) this.fail(`input ${index} is ${input.dtype}, expected ${dtypes.join(' or ')}`)
    return input
  }

  /** Input `index`, checked for float type and, if given, rank. */
  float(index: number, rank?: number): Value {
    const input = this.typed(index, 'float32', 'float16', 'float64')
    if (rank !== undefined && input.shape.length !== rank) this.fail(`input ${index} has rank ${input.shape.length}, expected ${rank}`)
    return input
  }

  /** Checks that input `index`, if present, has exactly this shape (unknown symbols may differ) and, if given, element type. */
  expectShape(index: number, shape: readonly Dim[], dtype?: DType): void {
    const input = this.inputs[index]
    if (!input) return
    if (dtype !== undefined && input.dtype !== dtype) this.fail(`input ${index} is ${input.dtype}, expected ${dtype}`)
    if (input.shape.length !== shape.length || !input.shape.every((dim, axis) => mayEqual(dim, shape[axis]!))) {
      this.fail(`input ${index} is ${formatShape(input.shape)}, expected ${formatShape(shape)}`)
    }
  }

  /** An int attribute, or its default; without default it is required. */
  int(name: string, fallback?: number): number {
    const value = this.attributes[name] ?? fallback
    return typeof value === 'number' ? value : this.fail(`attribute "${name}" is ${value === undefined ? 'missing' : 'no number'}`)
  }

  /** An ints attribute, or undefined. */
  ints(name: string): readonly number[] | undefined {
    const value = this.attributes[name]
    if (value === undefined) return undefined
    if (!Array.isArray(value) || value.some(item => typeof item !== 'number')) return this.fail(`attribute "${name}" is no list of numbers`)
    return value as readonly number[]
  }

  /** A string attribute, or its default. */
  text(name: string, fallback: string): string {
    const value = this.attributes[name] ?? fallback
    return typeof value === 'string' ? value : this.fail(`attribute "${name}" is no string`)
  }

  /** A tensor attribute, or undefined. */
  tensorAttribute(name: string): Tensor | undefined {
    const value = this.attributes[name]
    if (value === undefined || isTensor(value)) return value
    return this.fail(`attribute "${name}" is no tensor`)
  }

  /** An axis attribute made non-negative. */
  axis(name: string, rank: number, fallback?: number): number {
    return this.resolveAxis(this.int(name, fallback), rank)
  }

  /** A possibly negative axis made non-negative and checked. */
  resolveAxis(axis: number, rank: number): number {
    if (!Number.isInteger(axis) || axis < -rank || axis >= rank) this.fail(`axis ${axis} does not exist in rank ${rank}`)
    return axis < 0 ? axis + rank : axis
  }

  /** Symbolic elements of int64 input `index`, if known. */
  contents(index: number): readonly Dim[] | undefined {
    const input = this.inputs[index]
    return input && this.#known.contents(input)
  }

  /** Elements of int64 input `index` as numbers, if all are known. */
  numbers(index: number): readonly number[] | undefined {
    const contents = this.contents(index)
    return contents?.every(item => typeof item === 'number') ? (contents as readonly number[]) : undefined
  }

  /** The tensor of input `index`, if it is an initializer. */
  constant(index: number): Tensor | undefined {
    const input = this.inputs[index]
    return input && this.#known.tensor(input)
  }

  /** A new symbol for a length that is known only at run time. */
  fresh(hint: string = this.opType.toLowerCase()): Dim {
    return this.#known.fresh(hint)
  }

  /** `count` new symbols. */
  freshShape(count: number): Dim[] {
    return Array.from({ length: count }, () => this.fresh())
  }

  /** Numpy broadcasting of shapes. */
  broadcast(...shapes: readonly (readonly Dim[])[]): Dim[] {
    const rank = Math.max(0, ...shapes.map(shape => shape.length))
    return Array.from({ length: rank }, (_, axis) => {
      let result: Dim = 1
      for (const shape of shapes) {
        const dim = shape[axis - rank + shape.length] ?? 1
        if (dim === 1 || dim === result) continue
        if (result === 1) result = dim
        else result = this.unify(result, dim, `axis ${axis - rank}`)
      }
      return result
    })
  }

  /** Two lengths that must be equal: the more concrete one. Fails if they never are. */
  unify(a: Dim, b: Dim, where: string): Dim {
    if (!mayEqual(a, b)) this.fail(`${where}: lengths ${a} and ${b} differ`)
    return typeof b === 'number' || (typeof a === 'string' && b.length < a.length) ? b : a
  }

  /** Output length of a sliding window: ⌊(length + padding − window)/stride⌋ + 1. Fails if it is known to be below 1. */
  padded(length: Dim, padding: Dim, window: number, axis: number): Dim {
    const span = addDims(addDims(length, padding), -window)
    if (typeof span === 'number' && span < 0) {
      this.fail(`axis ${axis}: ${length} elements with padding ${padding} are fewer than the window of ${window}`)
    }
    return span
  }
}

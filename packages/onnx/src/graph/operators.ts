import type { DType, Tensor } from '../tensor.ts'
import { formatShape } from './dims.ts'
import type { AttributeValue, Dim, Value } from './model.ts'
import { castTargets } from './rules-layout.ts'

/** An input that may be written as a number: it becomes a scalar constant of the other operand's element type. */
export type Operand = Value | number

/** A shape or index vector: known numbers, int64 values of one element, or one whole int64 vector. */
export type Vector = Value | readonly (number | Value)[]

/** How a node is emitted. */
export interface NodeOptions {
  /** Number of outputs of `nodes`, where the operator leaves a choice (Split, LSTM). */
  readonly outputs?: number
  /** Last part of the node's name; the operator's name otherwise. */
  readonly name?: string
  /** Operator set, e.g. `com.microsoft`; ai.onnx otherwise. */
  readonly domain?: string
  /** States the outputs of an operator that Mynah has no inference rule for; overrides the rule if it has one. */
  readonly types?: readonly { readonly dtype: DType; readonly shape: readonly Dim[] }[]
}

/** Attributes of `conv` and `convTranspose`; a number applies to every spatial axis. Defaults are ONNX's: stride 1, dilation 1, no padding, one group. */
export interface ConvAttributes {
  readonly stride?: number | readonly number[]
  readonly dilation?: number | readonly number[]
  /** All begins, then all ends; a number pads both sides of every axis. */
  readonly pads?: number | readonly number[]
  readonly groups?: number
}

/** int64 maximum that a double holds exactly: "to the end" in a slice. */
const toEnd = Number.MAX_SAFE_INTEGER

/** Readable methods, one per operator, on top of `node`. Shapes and element types are checked by `node`; every method throws its RangeError. */
export abstract class Operators {
  abstract node(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes?: Record<string, AttributeValue>,
    options?: NodeOptions,
  ): Value
  abstract nodes(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes?: Record<string, AttributeValue>,
    options?: NodeOptions,
  ): Value[]
  abstract constant(value: number | readonly number[], dtype?: DType): Value
  abstract initializer(name: string, tensor: Tensor): Value
  /** Says that a value has this shape, where shape inference cannot tell: the same value, known so from here on. */
  abstract assume(value: Value, shape: readonly Dim[]): Value

  add(a: Operand, b: Operand): Value {
    return this.#binary('Add', a, b)
  }
  sub(a: Operand, b: Operand): Value {
    return this.#binary('Sub', a, b)
  }
  mul(a: Operand, b: Operand): Value {
    return this.#binary('Mul', a, b)
  }
  div(a: Operand, b: Operand): Value {
    return this.#binary('Div', a, b)
  }
  pow(a: Operand, b: Operand): Value {
    return this.#binary('Pow', a, b)
  }
  /** Remainder with the sign of `b` for integers. */
  mod(a: Operand, b: Operand): Value {
    return this.#binary('Mod', a, b)
  }
  min(a: Operand, b: Operand): Value {
    return this.#binary('Min', a, b)
  }
  max(a: Operand, b: Operand): Value {
    return this.#binary('Max', a, b)
  }
  equal(a: Operand, b: Operand): Value {
    return this.#binary('Equal', a, b)
  }
  less(a: Operand, b: Operand): Value {
    return this.#binary('Less', a, b)
  }
  lessOrEqual(a: Operand, b: Operand): Value {
    return this.#binary('LessOrEqual', a, b)
  }
  greater(a: Operand, b: Operand): Value {
    return this.#binary('Greater', a, b)
  }
  greaterOrEqual(a: Operand, b: Operand): Value {
    return this.#binary('GreaterOrEqual', a, b)
  }
  and(a: Value, b: Value): Value {
    return this.node('And', [a, b])
  }
  or(a: Value, b: Value): Value {
    return this.node('Or', [a, b])
  }

  not(x: Value): Value {
    return this.node('Not', [x])
  }

  neg(x: Value): Value {
    return this.node('Neg', [x])
  }
  abs(x: Value): Value {
    return this.node('Abs', [x])
  }
  sqrt(x: Value): Value {
    return this.node('Sqrt', [x])
  }
  exp(x: Value): Value {
    return this.node('Exp', [x])
  }
  sin(x: Value): Value {
    return this.node('Sin', [x])
  }
  cos(x: Value): Value {
    return this.node('Cos', [x])
  }
  floor(x: Value): Value {
    return this.node('Floor', [x])
  }
  /** To the nearest integer, ties to even. */
  round(x: Value): Value {
    return this.node('Round', [x])
  }
  tanh(x: Value): Value {
    return this.node('Tanh', [x])
  }
  sigmoid(x: Value): Value {
    return this.node('Sigmoid', [x])
  }
  relu(x: Value): Value {
    return this.node('Relu', [x])
  }
  /** max(x, 0) + slope · min(x, 0) */
  leakyRelu(x: Value, slope: number): Value {
    return this.node('LeakyRelu', [x], { alpha: slope })
  }
  /** Exact GELU, x·Φ(x), not the tanh approximation. */
  gelu(x: Value): Value {
    return this.node('Gelu', [x], { approximate: 'none' })
  }
  /** min(max(x, low), high); either bound may be left out. */
  clip(x: Value, low: number | undefined, high: number | undefined): Value {
    const bound = (value: number | undefined) => (value === undefined ? undefined : this.constant(value, x.dtype))
    return this.node('Clip', [x, bound(low), bound(high)])
  }
  softmax(x: Value, axis = -1): Value {
    return this.node('Softmax', [x], { axis })
  }
  logSoftmax(x: Value, axis = -1): Value {
    return this.node('LogSoftmax', [x], { axis })
  }
  /** Elements of `a` where the bool `condition` holds, of `b` elsewhere; all broadcast. */
  where(condition: Value, a: Operand, b: Operand): Value {
    const [left, right] = this.#operands('Where', a, b)
    return this.node('Where', [condition, left, right])
  }
  /** Matrix product of the last two axes, the others broadcast. */
  matmul(a: Value, b: Value): Value {
    return this.node('MatMul', [a, b])
  }
  /** a · b + c for matrices, optionally transposed. */
  gemm(a: Value, b: Value, c?: Value, options: { transA?: boolean; transB?: boolean } = {}): Value {
    return this.node('Gemm', [a, b, c], { transA: options.transA ? 1 : 0, transB: options.transB ? 1 : 0 })
  }

  /** x [B, C, …], weight [out, C/groups, k…], bias [out] */
  conv(x: Value, weight: Value, bias?: Value, attributes: ConvAttributes = {}): Value {
    return this.node('Conv', [x, weight, bias], windowAttributes(x, attributes))
  }
  /** x [B, C, …], weight [C, out/groups, k…], bias [out]; length (L − 1)·stride + (k − 1)·dilation + 1 + outputPadding − pads */
  convTranspose(
    x: Value,
    weight: Value,
    bias?: Value,
    attributes: ConvAttributes & { readonly outputPadding?: number | readonly number[] } = {},
  ): Value {
    const extra = attributes.outputPadding
    const padding = extra === undefined ? {} : { output_padding: spread(extra, x.shape.length - 2) }
    return this.node('ConvTranspose', [x, weight, bias], { ...windowAttributes(x, attributes), ...padding })
  }
  /** Normalizes over the axes from `axis` on, then scale and bias. */
  layerNormalization(x: Value, scale: Value, bias: Value | undefined, options: { epsilon?: number; axis?: number } = {}): Value {
    return this.node('LayerNormalization', [x, scale, bias], { axis: options.axis ?? -1, epsilon: options.epsilon ?? 1e-5 })
  }
  /** Normalizes each channel of [B, C, …] over the axes after it. */
  instanceNormalization(x: Value, scale: Value, bias: Value, epsilon = 1e-5): Value {
    return this.node('InstanceNormalization', [x, scale, bias], { epsilon })
  }

  reduceSum(x: Value, axes: readonly number[], keepDims = true): Value {
    return this.#reduce('ReduceSum', x, axes, keepDims)
  }
  reduceMean(x: Value, axes: readonly number[], keepDims = true): Value {
    return this.#reduce('ReduceMean', x, axes, keepDims)
  }
  reduceMax(x: Value, axes: readonly number[], keepDims = true): Value {
    return this.#reduce('ReduceMax', x, axes, keepDims)
  }
  /** Index of the first largest element, int64. */
  argMax(x: Value, axis: number, keepDims = false): Value {
    return this.node('ArgMax', [x], { axis, keepdims: keepDims ? 1 : 0 })
  }
  /** The `count` largest elements, sorted, and their int64 indices. */
  topK(x: Value, count: number | Value, axis = -1): { values: Value; indices: Value } {
    const [values, indices] = this.nodes('TopK', [x, this.vector([count])], { axis })
    return { values: values!, indices: indices! }
  }
  cumSum(x: Value, axis: number, options: { exclusive?: boolean; reverse?: boolean } = {}): Value {
    const flags = { exclusive: options.exclusive ? 1 : 0, reverse: options.reverse ? 1 : 0 }
    return this.node('CumSum', [x, this.constant(axis, 'int64')], flags)
  }

  cast(x: Value, dtype: DType): Value {
    if (x.dtype === dtype) return x
    const to = Object.keys(castTargets).find(number => castTargets[Number(number)] === dtype)
    return this.node('Cast', [x], { to: Number(to) })
  }
  identity(x: Value): Value {
    return this.node('Identity', [x])
  }
  /** Length of one axis, int64 [1]: a constant if it is known, read from the tensor at run time otherwise. */
  lengthOf(x: Value, axis: number): Value {
    const at = axis < 0 ? axis + x.shape.length : axis
    const length = x.shape[at]
    if (typeof length === 'number') return this.constant([length], 'int64')
    return this.node('Shape', [x], { start: at, end: at + 1 })
  }
  /** An int64 vector from numbers and values; a number alone becomes a constant of one element. */
  vector(parts: Vector): Value {
    if ('name' in parts) return parts
    if (parts.every(part => typeof part === 'number')) return this.constant(parts, 'int64')
    const pieces = parts.map(part => {
      if (typeof part === 'number') return this.constant([part], 'int64')
      return part.shape.length === 0 ? this.unsqueeze(part, [0]) : part
    })
    return pieces.length === 1 ? pieces[0]! : this.concat(pieces, 0)
  }
  /** 0 copies an axis, one −1 takes what is left. */
  reshape(x: Value, shape: Vector): Value {
    return this.node('Reshape', [x, this.vector(shape)])
  }
  transpose(x: Value, perm: readonly number[]): Value {
    return this.node('Transpose', [x], { perm })
  }
  unsqueeze(x: Value, axes: readonly number[]): Value {
    return this.node('Unsqueeze', [x, this.constant(axes, 'int64')])
  }
  squeeze(x: Value, axes: readonly number[]): Value {
    return this.node('Squeeze', [x, this.constant(axes, 'int64')])
  }
  concat(values: readonly Value[], axis: number): Value {
    return this.node('Concat', values, { axis })
  }
  /** Consecutive parts of these lengths. */
  split(x: Value, sizes: readonly number[], axis: number): Value[] {
    return this.nodes('Split', [x, this.constant(sizes, 'int64')], { axis }, { outputs: sizes.length })
  }
  /** x[start:end:step] along one axis; negative bounds count from the end, no `end` means to the end. */
  slice(x: Value, axis: number, start: Operand, end?: Operand, step = 1): Value {
    const inputs = [this.vector([start]), this.vector([end ?? toEnd]), this.constant([axis], 'int64')]
    return this.node('Slice', [x, ...inputs, step === 1 ? undefined : this.constant([step], 'int64')])
  }
  /** Adds elements before and after on one axis: `constant` (`value`, 0 by default), `reflect` or `edge`. Reflect needs more elements than it adds. */
  pad(
    x: Value,
    axis: number,
    before: Operand,
    after: Operand,
    options: { mode?: 'constant' | 'reflect' | 'edge'; value?: number } = {},
  ): Value {
    const mode = options.mode ?? 'constant'
    const fill = mode === 'constant' ? this.constant(options.value ?? 0, x.dtype) : undefined
    return this.node('Pad', [x, this.vector([before, after]), fill, this.constant([axis], 'int64')], { mode })
  }
  /** Elements of `x` at int64 `indices` along an axis; the indices' shape replaces it. */
  gather(x: Value, indices: Operand, axis = 0): Value {
    return this.node('Gather', [x, typeof indices === 'number' ? this.constant(indices, 'int64') : indices], { axis })
  }
  /** Broadcasts to a shape. */
  expand(x: Value, shape: Vector): Value {
    return this.node('Expand', [x, this.vector(shape)])
  }
  /** Repeats every element of an axis `factor` times in place (nearest-neighbour upsampling, torch.repeat_interleave). */
  repeat(x: Value, axis: number, factor: number): Value {
    const at = axis < 0 ? axis + x.shape.length : axis
    const before = x.shape.slice(0, at + 1).map(() => 0)
    const expanded = this.expand(this.unsqueeze(x, [at + 1]), [
      ...x.shape.slice(0, at + 1).map(() => 1),
      factor,
      ...x.shape.slice(at + 1).map(() => 1),
    ])
    const merged = at === 0 ? [-1] : [...before.slice(1), -1]
    const rest = x.shape.slice(at + 1).map((_, i) => this.lengthOf(x, at + 1 + i))
    return this.reshape(expanded, [...merged, ...rest])
  }
  /** start, start + step, … below limit. */
  range(start: Operand, limit: Operand, step: Operand = 1, dtype: DType = 'int64'): Value {
    const scalar = (operand: Operand) => {
      if (typeof operand === 'number') return this.constant(operand, dtype)
      return operand.shape.length === 0 ? operand : this.squeeze(operand, [0])
    }
    return this.node('Range', [scalar(start), scalar(limit), scalar(step)])
  }
  /** A tensor of one repeated value. */
  fill(shape: Vector, value: number, dtype: DType = 'float32'): Value {
    return this.expand(this.constant(value, dtype), shape)
  }

  #binary(opType: string, a: Operand, b: Operand): Value {
    return this.node(opType, this.#operands(opType, a, b))
  }

  #operands(opType: string, a: Operand, b: Operand): [Value, Value] {
    if (typeof a === 'number') {
      if (typeof b === 'number') throw new TypeError(`${opType}(${a}, ${b}): one operand must be a value of the graph`)
      return [this.constant(a, b.dtype), b]
    }
    return [a, typeof b === 'number' ? this.constant(b, a.dtype) : b]
  }

  #reduce(opType: string, x: Value, axes: readonly number[], keepDims: boolean): Value {
    return this.node(opType, [x, this.constant(axes, 'int64')], { keepdims: keepDims ? 1 : 0 })
  }
}

function spread(value: number | readonly number[], count: number): readonly number[] {
  return typeof value === 'number' ? Array<number>(Math.max(count, 0)).fill(value) : value
}

function windowAttributes(x: Value, attributes: ConvAttributes): Record<string, AttributeValue> {
  const axes = x.shape.length - 2
  if (axes < 1) throw new RangeError(`conv: input ${x.name} is ${formatShape(x.shape)}, expected [B, C, …]`)
  return {
    strides: spread(attributes.stride ?? 1, axes),
    dilations: spread(attributes.dilation ?? 1, axes),
    pads: spread(attributes.pads ?? 0, 2 * axes),
    group: attributes.groups ?? 1,
  }
}

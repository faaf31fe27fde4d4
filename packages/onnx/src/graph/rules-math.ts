import type { DType } from '../tensor.ts'
import { addDims, floorDivideDims, mayEqual, multiplyDims, subtractDims } from './dims.ts'
import type { Call, Rule } from './inference.ts'
import type { Dim } from './model.ts'

const sameAsInput: Rule = call => [{ dtype: call.input(0).dtype, shape: call.input(0).shape, contents: call.contents(0) }]

const floatUnary: Rule = call => [{ dtype: call.float(0).dtype, shape: call.input(0).shape }]

const numericUnary: Rule = call => [{ dtype: call.input(0).dtype, shape: call.input(0).shape }]

const sameDtype = (call: Call): DType => {
  const [first, ...rest] = call.inputs.filter(input => input !== undefined)
  if (!first) return call.fail('has no inputs')
  const other = rest.find(input => input.dtype !== first.dtype)
  if (other) call.fail(`element types ${first.dtype} and ${other.dtype} differ; cast one of them`)
  return first.dtype
}

/** Index arithmetic on known shape vectors: element by element, a single element broadcasts. */
const combineContents = (call: Call, combine: (a: Dim, b: Dim) => Dim | undefined): readonly Dim[] | undefined => {
  const [a, b] = [call.contents(0), call.contents(1)]
  if (!a || !b || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return undefined
  const result = Array.from({ length: Math.max(a.length, b.length) }, (_, i) =>
    combine(a[a.length === 1 ? 0 : i]!, b[b.length === 1 ? 0 : i]!),
  )
  return result.every(item => item !== undefined) ? result : undefined
}

const arithmetic =
  (combine: (a: Dim, b: Dim) => Dim | undefined = () => undefined): Rule =>
  call => [
    {
      dtype: sameDtype(call),
      shape: call.broadcast(...call.inputs.filter(input => input !== undefined).map(input => input.shape)),
      contents: call.inputs.length === 2 ? combineContents(call, combine) : undefined,
    },
  ]

const divideContents = (a: Dim, b: Dim) =>
  typeof b === 'number' && b > 0 && !(typeof a === 'number' && a < 0) ? floorDivideDims(a, b) : undefined

const comparison: Rule = call => {
  sameDtype(call)
  return [{ dtype: 'bool', shape: call.broadcast(call.input(0).shape, call.input(1).shape) }]
}

const logical: Rule = call => [{ dtype: 'bool', shape: call.broadcast(call.typed(0, 'bool').shape, call.typed(1, 'bool').shape) }]

const alongAxis =
  (fallback: number): Rule =>
  call => {
    call.axis('axis', call.float(0).shape.length, fallback)
    return floatUnary(call)
  }

const reduce: Rule = call => {
  const { dtype, shape } = call.input(0)
  const keep = call.int('keepdims', 1) === 1
  const given = call.inputs[1] ? call.numbers(1) : []
  if (!given) return keep ? [{ dtype, shape: call.freshShape(shape.length) }] : call.fail('axes must be constant when keepdims is 0')
  const all = given.length === 0 && call.int('noop_with_empty_axes', 0) === 0
  const axes = all ? shape.map((_, axis) => axis) : given.map(axis => call.resolveAxis(axis, shape.length))
  return [{ dtype, shape: removeAxes(shape, axes, keep) }]
}

const argument: Rule = call => {
  const { shape } = call.input(0)
  return [{ dtype: 'int64', shape: removeAxes(shape, [call.axis('axis', shape.length, 0)], call.int('keepdims', 1) === 1) }]
}

const removeAxes = (shape: readonly Dim[], axes: readonly number[], keep: boolean): Dim[] =>
  keep ? shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)) : shape.filter((_, axis) => !axes.includes(axis))

/** Shape of numpy.matmul. */
const matMulShape = (call: Call, a: readonly Dim[], b: readonly Dim[]): Dim[] => {
  if (a.length === 0 || b.length === 0) call.fail('a scalar cannot be multiplied as a matrix')
  const left = a.length === 1 ? [1, ...a] : a
  const right = b.length === 1 ? [...b, 1] : b
  if (!mayEqual(left.at(-1)!, right.at(-2)!)) call.fail(`inner lengths ${left.at(-1)} and ${right.at(-2)} differ`)
  const batch = call.broadcast(left.slice(0, -2), right.slice(0, -2))
  return [...batch, ...(a.length === 1 ? [] : [left.at(-2)!]), ...(b.length === 1 ? [] : [right.at(-1)!])]
}

const matMul: Rule = call => [{ dtype: sameDtype(call), shape: matMulShape(call, call.input(0).shape, call.input(1).shape) }]

const gemm: Rule = call => {
  const [a, b] = [call.float(0, 2).shape, call.float(1, 2).shape]
  const [m, k] = call.int('transA', 0) ? [a[1]!, a[0]!] : [a[0]!, a[1]!]
  const [inner, n] = call.int('transB', 0) ? [b[1]!, b[0]!] : [b[0]!, b[1]!]
  if (!mayEqual(k, inner)) call.fail(`inner lengths ${k} and ${inner} differ`)
  if (call.inputs[2]) call.broadcast([m, n], call.inputs[2].shape)
  return [{ dtype: sameDtype(call), shape: [m, n] }]
}

const topK: Rule = call => {
  const { dtype, shape } = call.input(0)
  const axis = call.axis('axis', shape.length, -1)
  const count = call.contents(1)?.[0] ?? call.fresh()
  const length = shape[axis]!
  if (typeof count === 'number' && typeof length === 'number' && count > length) call.fail(`k is ${count}, but axis ${axis} has ${length}`)
  const result = shape.map((dim, at) => (at === axis ? count : dim))
  return [
    { dtype, shape: result },
    { dtype: 'int64', shape: result },
  ]
}

const where: Rule = call => {
  call.typed(0, 'bool')
  if (call.input(1).dtype !== call.input(2).dtype) call.fail(`element types ${call.input(1).dtype} and ${call.input(2).dtype} differ`)
  return [{ dtype: call.input(1).dtype, shape: call.broadcast(...call.inputs.map((_, index) => call.input(index).shape)) }]
}

const dynamicQuantize: Rule = call => [
  { dtype: 'uint8', shape: call.typed(0, 'float32').shape },
  { dtype: 'float32', shape: [] },
  { dtype: 'uint8', shape: [] },
]

const matMulInteger: Rule = call => {
  const shape = matMulShape(call, call.typed(0, 'uint8', 'int8').shape, call.typed(1, 'uint8', 'int8').shape)
  return [{ dtype: 'int32', shape }]
}

const matMulNBits: Rule = call => {
  const { dtype, shape } = call.float(0)
  const [k, n] = [call.int('K'), call.int('N')]
  if (!mayEqual(shape.at(-1) ?? 1, k)) call.fail(`last axis has ${shape.at(-1)}, expected K = ${k}`)
  const [bits, block] = [call.int('bits', 4), call.int('block_size')]
  call.expectShape(1, [n, Math.ceil(k / block), (block * bits) / 8], 'uint8')
  return [{ dtype, shape: [...shape.slice(0, -1), n] }]
}

const range: Rule = call => {
  const [start, limit, step] = [0, 1, 2].map(index => call.contents(index)?.[0])
  const dtype = sameDtype(call)
  if (start === undefined || limit === undefined || step !== 1) return [{ dtype, shape: [call.fresh()] }]
  return [{ dtype, shape: [subtractDims(limit, start)] }]
}

const cumSum: Rule = call => {
  const axis = call.numbers(1)?.[0]
  if (axis !== undefined) call.resolveAxis(axis, call.input(0).shape.length)
  return numericUnary(call)
}

const clip: Rule = call => {
  for (const index of [1, 2]) call.expectShape(index, [], call.input(0).dtype)
  return numericUnary(call)
}

const each = (names: string, rule: Rule): [string, Rule][] => names.split(' ').map(name => [name, rule])

/** Element-wise, reduction, matrix and quantization operators of ai.onnx and (by the same names) com.microsoft. */
export const mathRules: readonly (readonly [string, Rule])[] = [
  ...each('Sqrt Exp Sin Cos Tanh Sigmoid Relu LeakyRelu Gelu Floor Round', floatUnary),
  ...each('Abs Neg', numericUnary),
  ['Identity', sameAsInput],
  ['Not', call => [{ dtype: 'bool', shape: call.typed(0, 'bool').shape }]],
  ['Add', arithmetic(addDims)],
  ['Sub', arithmetic(subtractDims)],
  ['Mul', arithmetic(multiplyDims)],
  ['Div', arithmetic(divideContents)],
  ...each('Mod Min Max', arithmetic()),
  ['Pow', call => [{ dtype: call.input(0).dtype, shape: call.broadcast(call.input(0).shape, call.input(1).shape) }]],
  ...each('Equal Less Greater LessOrEqual GreaterOrEqual', comparison),
  ...each('And Or', logical),
  ['Where', where],
  ['Clip', clip],
  ...each('Softmax LogSoftmax', alongAxis(-1)),
  ['CumSum', cumSum],
  ...each('ReduceSum ReduceMean ReduceMax', reduce),
  ['ArgMax', argument],
  ['TopK', topK],
  ['MatMul', matMul],
  ['Gemm', gemm],
  ['Range', range],
  ['DynamicQuantizeLinear', dynamicQuantize],
  ['MatMulInteger', matMulInteger],
  ['MatMulNBits', matMulNBits],
]

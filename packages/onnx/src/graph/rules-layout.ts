import type { DType } from '../tensor.ts'
import { addDims, ceilDivideDims, divideDims, formatShape, mayEqual, multiplyDims, productOfDims, subtractDims } from './dims.ts'
import { type Call, longestContents, type Rule } from './inference.ts'
import type { Dim } from './model.ts'

/** Slice bounds at or beyond this mean "to the end"; callers write the int64 or int32 maximum. */
const unbounded = 2 ** 31 - 1

const shapeOf: Rule = call => {
  const { shape } = call.input(0)
  const part = shape.slice(call.int('start', 0), call.attributes.end === undefined ? undefined : call.int('end'))
  return [{ dtype: 'int64', shape: [part.length], contents: part }]
}

const vectorLength = (call: Call, index: number): number => {
  const [length, ...rest] = call.typed(index, 'int64').shape
  if (typeof length !== 'number' || rest.length > 0) return call.fail(`input ${index} must be a vector of known length`)
  return length
}

const reshape: Rule = call => {
  const { dtype, shape } = call.input(0)
  const target = call.contents(1)
  const contents = call.contents(0)
  if (!target) return [{ dtype, shape: call.freshShape(vectorLength(call, 1)) }]
  const result: (Dim | undefined)[] = target.map((dim, axis) => {
    if (dim === -1) return undefined
    if (dim !== 0) return dim
    return shape[axis] ?? call.fail(`0 at axis ${axis} copies an axis that the input lacks`)
  })
  const open = result.indexOf(undefined)
  if (open !== result.lastIndexOf(undefined)) call.fail('more than one -1 in the target shape')
  const [rest, given] = cancel(
    shape,
    result.filter(dim => dim !== undefined),
  )
  const [total, known] = [productOfDims(rest), productOfDims(given)]
  if (open < 0) {
    if (!mayEqual(total, known)) call.fail(`cannot become ${formatShape(target)}: element counts differ`)
  } else {
    if (typeof total === 'number' && typeof known === 'number' && total % known !== 0) call.fail(`cannot become ${formatShape(target)}`)
    result[open] = divideDims(total, known) ?? call.fresh()
  }
  return [{ dtype, shape: result as Dim[], contents }]
}

/** Both lists without the lengths they share. */
const cancel = (a: readonly Dim[], b: readonly Dim[]): [Dim[], Dim[]] => {
  const left = [...a]
  const right = b.filter(dim => {
    const at = left.indexOf(dim)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
  return [left, right]
}

const transpose: Rule = call => {
  const { dtype, shape } = call.input(0)
  const perm = call.ints('perm') ?? shape.map((_, axis) => shape.length - 1 - axis)
  if ([...perm].sort((a, b) => a - b).join() !== shape.map((_, axis) => axis).join()) {
    call.fail(`perm [${perm.join(', ')}] is no permutation of ${shape.length} axes`)
  }
  return [{ dtype, shape: perm.map(axis => shape[axis]!) }]
}

const unsqueeze: Rule = call => {
  const { dtype, shape } = call.input(0)
  const given = call.numbers(1) ?? call.fail('axes must be constant')
  const rank = shape.length + given.length
  const axes = given.map(axis => call.resolveAxis(axis, rank))
  const rest = shape[Symbol.iterator]()
  const result = Array.from({ length: rank }, (_, axis): Dim => (axes.includes(axis) ? 1 : (rest.next().value ?? call.fail('axes repeat'))))
  return [{ dtype, shape: result, contents: call.contents(0) }]
}

const squeeze: Rule = call => {
  const { dtype, shape } = call.input(0)
  const axes = call.inputs[1]
    ? (call.numbers(1) ?? call.fail('axes must be constant')).map(axis => call.resolveAxis(axis, shape.length))
    : shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []))
  const bad = axes.find(axis => !mayEqual(shape[axis]!, 1))
  if (bad !== undefined) call.fail(`axis ${bad} has ${shape[bad]} elements, expected 1`)
  return [{ dtype, shape: shape.filter((_, axis) => !axes.includes(axis)), contents: call.contents(0) }]
}

const concat: Rule = call => {
  const { dtype, shape } = call.input(0)
  const axis = call.axis('axis', shape.length)
  const result = [...shape]
  let contents: readonly Dim[] | undefined = shape.length === 1 ? [] : undefined
  call.inputs.forEach((_, index) => {
    const input = call.typed(index, dtype)
    if (input.shape.length !== shape.length) call.fail(`input ${index} has rank ${input.shape.length}, expected ${shape.length}`)
    const known = call.contents(index)
    contents = contents && known && [...contents, ...known]
    if (index === 0) return
    for (const [at, dim] of input.shape.entries())
      result[at] = at === axis ? addDims(result[at]!, dim) : call.unify(result[at]!, dim, `axis ${at}`)
  })
  return [{ dtype, shape: result, contents: contents && contents.length <= longestContents ? contents : undefined }]
}

const split: Rule = call => {
  const { dtype, shape } = call.input(0)
  const axis = call.axis('axis', shape.length, 0)
  const length = shape[axis]!
  const part = ceilDivideDims(length, call.outputs)
  const sizes: readonly Dim[] = call.inputs[1]
    ? (call.contents(1) ?? call.freshShape(call.outputs))
    : Array.from({ length: call.outputs }, (_, i) =>
        i < call.outputs - 1 ? part : subtractDims(length, multiplyDims(part, call.outputs - 1)),
      )
  if (sizes.length !== call.outputs) call.fail(`${sizes.length} sizes for ${call.outputs} outputs`)
  const sum = sizes.reduce<Dim>(addDims, 0)
  if (!mayEqual(sum, length)) call.fail(`sizes [${sizes.join(', ')}] do not add up to ${length}, the length of axis ${axis}`)
  return sizes.map(dim => ({ dtype, shape: shape.map((old, at) => (at === axis ? dim : old)) }))
}

const slice: Rule = call => {
  const { dtype, shape } = call.input(0)
  const starts = call.contents(1)
  const ends = call.contents(2)
  const axes = call.inputs[3]
    ? (call.numbers(3) ?? call.fail('axes must be constant'))
    : Array.from({ length: vectorLength(call, 1) }, (_, i) => i)
  const steps = call.inputs[4] ? call.numbers(4) : axes.map(() => 1)
  const result = [...shape]
  axes.forEach((given, i) => {
    const axis = call.resolveAxis(given, shape.length)
    const [start, end, step] = [starts?.[i], ends?.[i], steps?.[i]]
    const length = start === undefined || end === undefined || step === undefined ? undefined : sliceLength(shape[axis]!, start, end, step)
    result[axis] = length ?? call.fresh()
  })
  const contents = call.contents(0)
  const [start, end] = [starts?.[0], ends?.[0]]
  const kept = contents && axes.length === 1 && typeof start === 'number' && typeof end === 'number' && steps?.[0] === 1
  return [{ dtype, shape: result, contents: kept ? contents.slice(start, end) : undefined }]
}

/** Length of `x[start:end:step]` on an axis. Bounds are taken to lie inside a symbolic axis; undefined if that is not enough to know. */
const sliceLength = (length: Dim, start: Dim, end: Dim, step: number): Dim | undefined => {
  if (typeof length === 'number' && typeof start === 'number' && typeof end === 'number') {
    const [low, high] = step > 0 ? [0, length] : [-1, length - 1]
    const clamp = (bound: number) => Math.min(Math.max(bound < 0 ? bound + length : bound, low), high)
    return Math.max(0, Math.ceil((clamp(end) - clamp(start)) / step))
  }
  if (step < 0)
    return step === -1 && typeof end === 'number' && end <= -unbounded && typeof start === 'number' && (start === -1 || start >= unbounded)
      ? length
      : undefined
  const from = typeof start === 'number' && start < 0 ? addDims(length, start) : start
  const to = typeof end === 'number' && end >= unbounded ? length : typeof end === 'number' && end < 0 ? addDims(length, end) : end
  const span = subtractDims(to, from)
  return typeof span === 'number' && span < 0 ? 0 : ceilDivideDims(span, step)
}

const pad: Rule = call => {
  const { dtype, shape } = call.input(0)
  const pads = call.contents(1)
  const axes = call.inputs[3] ? (call.numbers(3) ?? call.fail('axes must be constant')) : shape.map((_, axis) => axis)
  if (pads && pads.length !== 2 * axes.length) call.fail(`${pads.length} pads for ${axes.length} axes, expected ${2 * axes.length}`)
  const mode = call.text('mode', 'constant')
  const result = [...shape]
  axes.forEach((given, i) => {
    const axis = call.resolveAxis(given, shape.length)
    const [before, after] = [pads?.[i], pads?.[i + axes.length]]
    const length = shape[axis]!
    if (before === undefined || after === undefined) result[axis] = call.fresh()
    else {
      const longest = Math.max(typeof before === 'number' ? before : 0, typeof after === 'number' ? after : 0)
      if (mode === 'reflect' && typeof length === 'number' && longest >= length) {
        call.fail(`reflect padding of ${longest} needs more than the ${length} elements of axis ${axis}`)
      }
      result[axis] = addDims(addDims(length, before), after)
    }
  })
  return [{ dtype, shape: result }]
}

const expand: Rule = call => {
  const { dtype, shape } = call.input(0)
  const target = call.contents(1) ?? call.freshShape(vectorLength(call, 1))
  return [{ dtype, shape: call.broadcast(shape, target) }]
}

const gather: Rule = call => {
  const { dtype, shape } = call.input(0)
  const indices = call.typed(1, 'int64', 'int32')
  const axis = call.axis('axis', shape.length, 0)
  const [known, at] = [call.contents(0), call.numbers(1)]
  const contents = known && at ? at.map(index => known[index < 0 ? index + known.length : index]!) : undefined
  return [{ dtype, shape: [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)], contents }]
}

/** ONNX data type numbers, as Cast's `to` states them. */
export const castTargets: Readonly<Record<number, DType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
}

const cast: Rule = call => {
  const dtype = castTargets[call.int('to')] ?? call.fail(`unknown target type ${call.int('to')}`)
  return [{ dtype, shape: call.input(0).shape, contents: dtype === 'int64' ? call.contents(0) : undefined }]
}

/** Operators that move, select or describe elements. */
export const layoutRules: readonly (readonly [string, Rule])[] = [
  ['Shape', shapeOf],
  ['Reshape', reshape],
  ['Transpose', transpose],
  ['Unsqueeze', unsqueeze],
  ['Squeeze', squeeze],
  ['Concat', concat],
  ['Split', split],
  ['Slice', slice],
  ['Pad', pad],
  ['Expand', expand],
  ['Gather', gather],
  ['Cast', cast],
]

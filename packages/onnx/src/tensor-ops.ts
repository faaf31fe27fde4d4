import { allocate } from './memory.ts'
import { arrayTypes, bytesPerElement, createTensor, type DType, sizeOf, type Tensor } from './tensor.ts'

/**
 * Tensors one after another along the last axis: frames after frames.
 * @param tensors at least one, equal but for the length of the last axis
 * @throws {RangeError} if they differ otherwise
 */
export function concat<D extends DType>(tensors: readonly Tensor<D>[]): Tensor<D> {
  const [first, ...others] = tensors
  if (!first) throw new RangeError('concat: no tensors')
  if (others.length === 0) return first
  const lead = first.shape.slice(0, -1)
  const wrong = others.find(({ dtype, shape }) => dtype !== first.dtype || shape.slice(0, -1).join() !== lead.join())
  if (wrong) {
    throw new RangeError(`concat: ${wrong.dtype} [${wrong.shape.join(', ')}] does not continue ${first.dtype} [${first.shape.join(', ')}]`)
  }
  const rows = sizeOf(lead)
  const width = tensors.reduce((sum, { shape }) => sum + shape.at(-1)!, 0)
  const data = allocateElements(first.dtype, rows * width)
  let at = 0
  for (const tensor of tensors) {
    const length = tensor.shape.at(-1)!
    for (let row = 0; row < rows; row++) data.set(rowOf(tensor, row * length, length), row * width + at)
    at += length
  }
  return createTensor(first.dtype, data as never, [...lead, width])
}

/** Elements `start` to `end` (exclusive) of the last axis, copied: some of the frames. */
export function slice<D extends DType>(tensor: Tensor<D>, start: number, end: number): Tensor<D> {
  const width = tensor.shape.at(-1)!
  const lead = tensor.shape.slice(0, -1)
  const [rows, length] = [sizeOf(lead), end - start]
  const data = allocateElements(tensor.dtype, rows * length)
  for (let row = 0; row < rows; row++) data.set(rowOf(tensor, row * width + start, length), row * length)
  return createTensor(tensor.dtype, data as never, [...lead, length])
}

/** [rows, columns] → [columns, rows] */
export function transpose2d<D extends DType>({ dtype, shape, data }: Tensor<D>): Tensor<D> {
  const [rows, columns] = shape as readonly [number, number]
  const target = allocateElements(dtype, rows * columns)
  eachElement(rows, columns, (row, column) => {
    target[column * rows + row] = data[row * columns + column]!
  })
  return createTensor(dtype, target as never, [columns, rows])
}

/** Visits all elements of a matrix in blocks, so that rows and columns both stay in the cache. */
export function eachElement(rows: number, columns: number, visit: (row: number, column: number) => void): void {
  const block = 32
  for (let top = 0; top < rows; top += block) {
    for (let left = 0; left < columns; left += block) {
      const [bottom, right] = [Math.min(rows, top + block), Math.min(columns, left + block)]
      for (let row = top; row < bottom; row++) for (let column = left; column < right; column++) visit(row, column)
    }
  }
}

/** What all element types' arrays have in common, as far as elements are only moved. */
interface Elements {
  [index: number]: number | bigint
  set(source: Elements, offset?: number): void
}

function allocateElements(dtype: DType, count: number): Elements {
  return new arrayTypes[dtype](allocate(count * bytesPerElement[dtype]), 0, count) as unknown as Elements
}

function rowOf({ data }: Tensor, start: number, length: number): Elements {
  return data.subarray(start, start + length) as unknown as Elements
}

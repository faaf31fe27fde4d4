import { toFloat32 } from '../checkpoint/stored.ts'
import type { Weights } from '../checkpoint/weights.ts'
import type { Value } from '../graph/model.ts'
import type { Operators } from '../graph/operators.ts'
import { allocateUint8, release } from '../memory.ts'
import { createTensor, type Tensor } from '../tensor.ts'
import { eachElement, transpose2d } from '../tensor-ops.ts'

/** Configuration of a linear layer. */
export interface LinearConfig {
  /**
   * `int8` multiplies in 8 bits: the weight with one scale per output channel, the input with one scale per call. A quarter of the memory; for 1024 × 1024
   * on one AVX-512 VNNI core 2.5 times faster than float32 at one row and 1.6 times at 200, with an RMS error of 0.9 % of the output: gate it by quality.
   * `int8-signed` is the same with signed codes: up to four times as fast, but exact only where `multipliesInt8Exactly`.
   * `int8-blocks` has one scale per 128 weights of a row, and per 128 inputs: more exact and, at one row, faster; slower at hundreds.
   * `int4-blocks` has 4-bit weights and one scale per 32: half of the memory again, and an error some 16 times larger.
   * `stored` multiplies as `int8-blocks` a weight that is stored as int8 with `weight.scale` [out], as it is, and any other in float32. Default `float32`.
   */
  readonly dtype?: 'float32' | 'int8' | 'int8-signed' | 'int8-blocks' | 'int4-blocks' | 'stored'
  /** What the names of its tensors begin with: `in_proj_` for `in_proj_weight` and `in_proj_bias`. Nothing unless told otherwise. */
  readonly prefix?: string
}

/** PyTorch's weight [out, in] transposed to [in, out]; the same tensor is transposed once, so tied weights stay one initializer. */
const transposed = new WeakMap<Tensor, Tensor<'float32'>>()

/**
 * torch.nn.Linear: y = x·Wᵀ + b. Reads `weight` [out, in] and, if there is one, `bias` [out]. For `int8`, a weight stored as int8 with `weight.scale`
 * [out] is used as it is.
 * @param x float32 [..., in]
 * @returns float32 [..., out]
 * @throws {RangeError} if the last axis is not `in` long
 */
export function linear(graph: Operators, x: Value, weights: Weights, config: LinearConfig = {}): Value {
  const { prefix = '' } = config
  const [weightName, biasName] = [`${prefix}weight`, `${prefix}bias`]
  const bias = weights.has(biasName) ? graph.initializer(biasName, weights.get(biasName, [weights.shape(weightName)[0]])) : undefined
  if (config.dtype === 'int8' || config.dtype === 'int8-signed') {
    return quantizedLinear(graph, x, quantizeRows(weights, weightName, config.dtype === 'int8-signed'), bias, weightName)
  }
  const stored = config.dtype === 'stored' ? storedBlocks(weights, weightName) : undefined
  if (stored) return blockQuantizedLinear(graph, x, stored, bias, weightName)
  if (config.dtype === 'int8-blocks' || config.dtype === 'int4-blocks') {
    const bits = config.dtype === 'int8-blocks' ? 8 : 4
    return blockQuantizedLinear(
      graph,
      x,
      quantize(weights, weightName, weight => quantizeBlocks(weight, bits)),
      bias,
      weightName,
    )
  }
  const weight = weights.get(weightName, [undefined, undefined])
  const product = graph.matmul(x, graph.initializer(weightName, transpose(weight)))
  return bias ? graph.add(product, bias) : product
}

function transpose(tensor: Tensor<'float32'>): Tensor<'float32'> {
  const known = transposed.get(tensor)
  if (known && known.data.length === tensor.data.length) return known // one that was given away to the worker is empty
  const result = transpose2d(tensor)
  transposed.set(tensor, result)
  return result
}

/** `make` of a weight [out, in] that is read for this alone, and freed. */
function quantize<Q>(weights: Weights, name: string, make: (weight: Tensor<'float32'>) => Q): Q {
  const stored = weights.raw(name)
  if (stored.shape.length !== 2 || weights.has(`${name}.scale`)) return make(weights.get(name, [undefined, undefined]))
  const weight = toFloat32(stored)
  const quantized = make(weight)
  release(weight.data.buffer)
  return quantized
}

interface QuantizedWeight {
  /** int8 [in, out], or uint8 with zero point 128: onnxruntime's int8 products with a uint8 input can saturate on CPUs without VNNI, uint8 by uint8 never does. */
  readonly codes: Tensor<'int8'> | Tensor<'uint8'>
  /** float32 [out] */
  readonly scale: Tensor<'float32'>
}

/** One symmetric scale per row of [out, in]: code = round(w / scale), scale = max|w| / 127. */
function quantizeRows(weights: Weights, name: string, signed: boolean): QuantizedWeight {
  const stored = weights.has(`${name}.scale`) ? weights.raw(name) : undefined
  if (stored?.dtype === 'int8') {
    const codes = stored.data as Int8Array
    const packed = packCodes(stored.shape, signed, i => codes[i]!)
    return { codes: packed, scale: weights.raw(`${name}.scale`) as Tensor<'float32'> }
  }
  return quantize(weights, name, ({ data, shape }) => {
    const [rows, columns] = shape as readonly [number, number]
    const scale = new Float32Array(rows)
    for (let row = 0; row < rows; row++) {
      const largest = largestMagnitude(data, row * columns, (row + 1) * columns)
      scale[row] = largest === 0 ? 1 : largest / 127
    }
    return {
      codes: packCodes(shape, signed, (i, row) => Math.round(data[i]! / scale[row]!)),
      scale: createTensor('float32', scale, [rows]),
    }
  })
}

/** @param code of element i of [out, in], −128 to 127 */
function packCodes(shape: readonly number[], signed: boolean, code: (i: number, row: number) => number): QuantizedWeight['codes'] {
  const [rows, columns] = shape as readonly [number, number]
  const packed = allocateUint8(rows * columns)
  const zero = signed ? 0 : 128
  eachElement(rows, columns, (row, column) => {
    packed[column * rows + row] = code(row * columns + column, row) + zero
  })
  return signed
    ? createTensor('int8', new Int8Array(packed.buffer, 0, packed.length), [columns, rows])
    : createTensor('uint8', packed, [columns, rows])
}

function largestMagnitude(data: Float32Array, start: number, end: number): number {
  let largest = 0
  for (let i = start; i < end; i++) largest = Math.max(largest, Math.abs(data[i]!))
  return largest
}

/** The pattern that onnxruntime fuses into one DynamicQuantizeMatMul. */
function quantizedLinear(graph: Operators, x: Value, weight: QuantizedWeight, bias: Value | undefined, name: string): Value {
  const [codes, scale, zeroPoint] = graph.nodes('DynamicQuantizeLinear', [x], {}, { outputs: 3 })
  const weightCodes = graph.initializer(name, weight.codes)
  const weightZero = weight.codes.dtype === 'uint8' ? [graph.constant(128, 'uint8')] : []
  const sums = graph.node('MatMulInteger', [codes, weightCodes, zeroPoint, ...weightZero])
  const scales = graph.mul(scale!, graph.initializer(`${name}.scale`, weight.scale))
  const product = graph.mul(graph.cast(sums, 'float32'), scales)
  return bias ? graph.add(product, bias) : product
}

/** Weights that share a scale. At 4 bits more would cost precision, at 8 fewer cost time: their scales are read, too. */
const blockSizes = { 8: 128, 4: 32 } as const
/** MatMulNBits' accuracy level of int8 arithmetic. */
const int8Arithmetic = 4

/** Codes and scales of a weight [rows, columns] as MatMulNBits takes them. */
interface BlockQuantized {
  readonly rows: number
  readonly columns: number
  readonly bits: 4 | 8
  /** [rows, blocks, blockSize · bits / 8], around the middle of their range, which is the operator's zero point; two in a byte at 4 bits. */
  readonly codes: Uint8Array
  /** [rows · blocks] */
  readonly scales: Float32Array
}

/** com.microsoft MatMulNBits. Its accuracy level 4 rounds the input to int8 as well, block by block of each row. */
function blockQuantizedLinear(
  graph: Operators,
  x: Value,
  { rows, columns, bits, codes, scales }: BlockQuantized,
  bias: Value | undefined,
  name: string,
): Value {
  if (x.shape.at(-1) !== columns)
    throw new RangeError(`linear: x is [${x.shape.join(', ')}], the weight "${name}" takes ${columns} channels`)
  const blockSize = blockSizes[bits]
  const blocks = Math.ceil(columns / blockSize)
  const inputs = [
    x,
    graph.initializer(name, createTensor('uint8', codes, [rows, blocks, (blockSize * bits) / 8])),
    graph.initializer(`${name}.scale`, createTensor('float32', scales, [rows * blocks])),
  ]
  const attributes = { K: columns, N: rows, bits, block_size: blockSize, accuracy_level: int8Arithmetic }
  const product = graph.node('MatMulNBits', inputs, attributes, {
    domain: 'com.microsoft',
    types: [{ dtype: 'float32', shape: [...x.shape.slice(0, -1), rows] }],
  })
  return bias ? graph.add(product, bias) : product
}

/** A weight [rows, columns] that is int8 in its file, with one scale per row in `name.scale` beside it; undefined for any other. */
function storedBlocks(weights: Weights, name: string): BlockQuantized | undefined {
  const stored = weights.has(`${name}.scale`) ? weights.raw(name) : undefined
  if (stored?.dtype !== 'int8' || stored.shape.length !== 2) return undefined
  const scale = weights.raw(`${name}.scale`).data as Float32Array
  const [rows, columns] = stored.shape as readonly [number, number]
  const width = Math.ceil(columns / blockSizes[8]) * blockSizes[8]
  const codes = allocateUint8(rows * width).fill(128)
  const scales = new Float32Array((rows * width) / blockSizes[8])
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < columns; i++) codes[row * width + i] = Number(stored.data[row * columns + i]) + 128
    scales.fill(scale[row]!, (row * width) / blockSizes[8], ((row + 1) * width) / blockSizes[8])
  }
  return { rows, columns, bits: 8, codes, scales }
}

function quantizeBlocks({ data, shape }: Tensor<'float32'>, bits: 4 | 8): BlockQuantized {
  const [rows, columns] = shape as readonly [number, number]
  const blockSize = blockSizes[bits]
  const blocks = Math.ceil(columns / blockSize)
  const zero = 2 ** (bits - 1)
  const codes = allocateUint8((rows * blocks * blockSize * bits) / 8).fill(bits === 8 ? zero : zero * 17)
  const scales = new Float32Array(rows * blocks)
  for (let block = 0; block < rows * blocks; block++) {
    const row = Math.floor(block / blocks)
    const start = row * columns + (block % blocks) * blockSize
    const end = Math.min(start + blockSize, (row + 1) * columns)
    const largest = largestMagnitude(data, start, end)
    const scale = largest === 0 ? 1 : largest / (zero - 1)
    scales[block] = scale
    for (let i = start, at = block * blockSize; i < end; i++, at++) {
      const code = Math.round(data[i]! / scale) + zero
      if (bits === 8) codes[at] = code
      else codes[at >> 1] = at % 2 === 0 ? (codes[at >> 1]! & 0xf0) | code : (codes[at >> 1]! & 0x0f) | (code << 4)
    }
  }
  return { rows, columns, bits, codes, scales }
}

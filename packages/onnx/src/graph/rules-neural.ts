import { addDims, floorDivideDims, formatShape, mayEqual, multiplyDims } from './dims.ts'
import type { Call, Rule } from './inference.ts'
import type { Dim } from './model.ts'

interface Window {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly pads: readonly number[]
}

/** Window attributes of a convolution or pooling, completed with ONNX's defaults. */
const windowOf = (call: Call, kernelShape: readonly Dim[]): Window => {
  if (call.text('auto_pad', 'NOTSET') !== 'NOTSET') call.fail('auto_pad is not supported; give explicit pads')
  const kernel =
    call.ints('kernel_shape') ?? kernelShape.map(dim => (typeof dim === 'number' ? dim : call.fail(`kernel length ${dim} must be known`)))
  const filled = (name: string, value: number, length: number) => {
    const list = call.ints(name) ?? Array<number>(length).fill(value)
    if (list.length !== length) call.fail(`attribute "${name}" has ${list.length} elements, expected ${length}`)
    return list
  }
  return {
    kernel,
    strides: filled('strides', 1, kernel.length),
    dilations: filled('dilations', 1, kernel.length),
    pads: filled('pads', 0, 2 * kernel.length),
  }
}

const slide = (call: Call, spatial: readonly Dim[], window: Window): Dim[] =>
  spatial.map((length, i) => {
    const reach = (window.kernel[i]! - 1) * window.dilations[i]! + 1
    const span = call.padded(length, window.pads[i]! + window.pads[i + spatial.length]!, reach, i + 2)
    return addDims(floorDivideDims(span, window.strides[i]!), 1)
  })

const conv: Rule = call => {
  const { dtype, shape } = call.float(0)
  const weight = call.float(1, shape.length).shape
  if (call.input(1).dtype !== dtype) call.fail(`weight is ${call.input(1).dtype}, expected ${dtype}`)
  const groups = call.int('group', 1)
  const channels = multiplyDims(weight[1]!, groups)
  if (!mayEqual(shape[1]!, channels))
    call.fail(`input has ${shape[1]} channels, expected ${channels} (weight ${formatShape(weight)}, ${groups} groups)`)
  if (typeof weight[0] === 'number' && weight[0] % groups !== 0)
    call.fail(`${weight[0]} output channels do not divide into ${groups} groups`)
  call.expectShape(2, [weight[0]!], dtype)
  return [{ dtype, shape: [shape[0]!, weight[0]!, ...slide(call, shape.slice(2), windowOf(call, weight.slice(2)))] }]
}

const convTranspose: Rule = call => {
  const { dtype, shape } = call.float(0)
  const weight = call.float(1, shape.length).shape
  if (call.input(1).dtype !== dtype) call.fail(`weight is ${call.input(1).dtype}, expected ${dtype}`)
  if (call.attributes.output_shape !== undefined) call.fail('output_shape is not supported; give explicit pads')
  if (!mayEqual(shape[1]!, weight[0]!)) call.fail(`input has ${shape[1]} channels, expected ${weight[0]}`)
  const channels = multiplyDims(weight[1]!, call.int('group', 1))
  call.expectShape(2, [channels], dtype)
  const { kernel, strides, dilations, pads } = windowOf(call, weight.slice(2))
  const extra = call.ints('output_padding')
  const spatial = shape.slice(2).map((length, i) => {
    const reach = (kernel[i]! - 1) * dilations[i]! + 1 + (extra?.[i] ?? 0) - pads[i]! - pads[i + kernel.length]!
    const result = addDims(multiplyDims(addDims(length, -1), strides[i]!), reach)
    return typeof result === 'number' && result < 1 ? call.fail(`axis ${i + 2} would have ${result} elements`) : result
  })
  return [{ dtype, shape: [shape[0]!, channels, ...spatial] }]
}

const pool: Rule = call => {
  const { dtype, shape } = call.float(0)
  if (call.int('ceil_mode', 0) !== 0) call.fail('ceil_mode is not supported')
  return [{ dtype, shape: [shape[0]!, shape[1]!, ...slide(call, shape.slice(2), windowOf(call, []))] }]
}

const layerNormalization: Rule = call => {
  const { dtype, shape } = call.float(0)
  const axis = call.axis('axis', shape.length, -1)
  for (const index of [1, 2]) {
    const parameter = call.inputs[index]
    if (parameter) call.broadcast(shape.slice(axis), parameter.shape)
  }
  const statistics = shape.map((dim, at) => (at < axis ? dim : 1))
  return [
    { dtype, shape },
    { dtype: 'float32' as const, shape: statistics },
    { dtype: 'float32' as const, shape: statistics },
  ]
}

const channelNormalization: Rule = call => {
  const { dtype, shape } = call.float(0)
  for (const index of [1, 2]) call.expectShape(index, [shape[1]!], dtype)
  return [{ dtype, shape }]
}

const batchNormalization: Rule = call => {
  const { dtype, shape } = call.float(0)
  for (const index of [1, 2, 3, 4]) call.expectShape(index, [shape[1]!])
  return [{ dtype, shape }]
}

/** X [T, B, I], W [directions, 4H, I], R [directions, 4H, H], bias [directions, 8H], hidden and cell state [directions, B, H]. */
const lstm: Rule = call => {
  const { dtype, shape } = call.float(0, 3)
  const [frames, batch, width] = shape as [Dim, Dim, Dim]
  const hidden = call.int('hidden_size')
  const directions = call.text('direction', 'forward') === 'bidirectional' ? 2 : 1
  call.expectShape(1, [directions, 4 * hidden, width], dtype)
  call.expectShape(2, [directions, 4 * hidden, hidden], dtype)
  call.expectShape(3, [directions, 8 * hidden], dtype)
  for (const state of [5, 6]) call.expectShape(state, [directions, batch, hidden], dtype)
  const last = { dtype, shape: [directions, batch, hidden] as readonly Dim[] }
  return [{ dtype, shape: [frames, directions, batch, hidden] }, last, last]
}

/** com.microsoft: query [B, S, D], key and value [B, L, D] or [B, H, L, Dh], attention_bias [B|1, H|1, S, P+L], past [B, H, P, Dh]. */
const multiHeadAttention: Rule = call => {
  const { dtype, shape } = call.float(0, 3)
  const heads = call.int('num_heads')
  const [batch, queries, width] = shape as [Dim, Dim, Dim]
  if (!mayEqual(multiplyDims(floorDivideDims(width, heads), heads), width)) call.fail(`width ${width} does not divide into ${heads} heads`)
  const key = call.float(1).shape
  const value = call.float(2).shape
  const keys = key.at(-2)!
  const valueWidth = value.length === 4 ? multiplyDims(value[3]!, heads) : value[2]!
  const past = call.inputs[6]
  call.expectShape(6, [batch, heads, past?.shape[2] ?? 0, floorDivideDims(width, heads)], dtype)
  call.expectShape(7, [batch, heads, past?.shape[2] ?? 0, floorDivideDims(valueWidth, heads)], dtype)
  const total = past ? addDims(past.shape[2]!, keys) : keys
  if (call.inputs[5]) call.broadcast([batch, heads, queries, total], call.inputs[5].shape)
  return [
    { dtype, shape: [batch, queries, valueWidth] },
    { dtype, shape: [batch, heads, total, floorDivideDims(width, heads)] },
    { dtype, shape: [batch, heads, total, floorDivideDims(valueWidth, heads)] },
  ]
}

/** Convolutions, normalizations, recurrences and attention. */
export const neuralRules: readonly (readonly [string, Rule])[] = [
  ['Conv', conv],
  ['ConvTranspose', convTranspose],
  ['AveragePool', pool],
  ['LayerNormalization', layerNormalization],
  ['InstanceNormalization', channelNormalization],
  ['BatchNormalization', batchNormalization],
  ['LSTM', lstm],
  ['MultiHeadAttention', multiHeadAttention],
]

import type { DType, Tensor } from '../tensor.ts'
import { type AttributeValue, defaultOpset, type Graph, isGraph, isTensor, type Node, type OnnxModel, type Value } from './model.ts'
import { optimize } from './optimize.ts'
import { MessageWriter } from './protobuf.ts'

const irVersion = 10
/** A protobuf cannot exceed 2 GiB; weights above this many bytes go beside it. */
const externalDataThreshold = 1.5e9
/** Smaller initializers stay inside the protobuf: onnxruntime reads shape constants there while loading. */
const smallestExternalInitializer = 1024

const dataTypes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
}

/** Attributes that ONNX and com.microsoft declare as float or floats. A number in any other attribute is an int. */
const floatAttributes = new Set([
  ...[
    'activation_alpha',
    'activation_beta',
    'alpha',
    'beta',
    'bias',
    'clip',
    'cubic_coeff_a',
    'epsilon',
    'extrapolation_value',
    'gamma',
    'high',
  ],
  ...['lambd', 'low', 'mask_filter_value', 'mean', 'momentum', 'ratio', 'scale', 'seed', 'softcap', 'spatial_scale', 'theta'],
  ...['value_float', 'value_floats'],
])

/** What lies beside the protobuf; files are named after the graph, so that several models may share a folder. */
interface ExternalData {
  readonly prefix: string
  readonly files: { path: string; data: Uint8Array }[]
}

/**
 * Optimizes a graph and serializes it as an ONNX ModelProto, IR version 10. Weights are copied once, into the result; with external data, not at all (the views point
 * into the tensors' own memory).
 * @param options.externalData whether weights go beside the protobuf; by default only when they exceed 1.5 GB
 * @throws {RangeError} if an attribute holds a fraction where ONNX declares an int
 */
export function writeModel(given: Graph, options: { opset?: number; externalData?: boolean } = {}): OnnxModel {
  const graph = optimize(given)
  const weightBytes = graph.initializers.reduce((sum, { tensor }) => sum + tensor.data.byteLength, 0)
  const external: ExternalData | undefined =
    (options.externalData ?? weightBytes > externalDataThreshold) ? { prefix: graph.name, files: [] } : undefined
  const model = new MessageWriter()
    .varint(1, irVersion)
    .string(2, 'mynah')
    .message(7, graphMessage(graph, external))
    .message(8, new MessageWriter().string(1, '').varint(2, options.opset ?? defaultOpset))
  for (const domain of [...domainsOf(graph)].sort()) {
    if (domain !== '') model.message(8, new MessageWriter().string(1, domain).varint(2, 1))
  }
  const { inputs, outputs } = graph
  return external ? { bytes: model.toBytes(), externalData: external.files, inputs, outputs } : { bytes: model.toBytes(), inputs, outputs }
}

function domainsOf(graph: Graph): Set<string> {
  const domains = new Set<string>()
  for (const node of graph.nodes) {
    domains.add(node.domain)
    for (const value of Object.values(node.attributes)) if (isGraph(value)) for (const inner of domainsOf(value)) domains.add(inner)
  }
  return domains
}

function graphMessage(graph: Graph, external: ExternalData | undefined): MessageWriter {
  const message = new MessageWriter()
  for (const node of graph.nodes) message.message(1, nodeMessage(node))
  message.string(2, graph.name)
  for (const { name, tensor } of graph.initializers) message.message(5, tensorMessage(tensor, name, external))
  for (const value of graph.inputs) message.message(11, valueMessage(value))
  for (const value of graph.outputs) message.message(12, valueMessage(value))
  // Lengths after a convolution, which ONNX Runtime does not infer from a symbolic one: where it knows two shapes to be equal, it adds inside of the convolution.
  const named = new Set(graph.outputs.map(({ name }) => name))
  for (const { opType, outputs } of graph.nodes) {
    if (opType === 'Conv' && !named.has(outputs[0]!.name)) message.message(13, valueMessage(outputs[0]!))
  }
  return message
}

function nodeMessage(node: Node): MessageWriter {
  const message = new MessageWriter()
  for (const input of node.inputs) message.string(1, input)
  for (const output of node.outputs) message.string(2, output.name)
  message.string(3, node.name).string(4, node.opType)
  for (const [name, value] of Object.entries(node.attributes)) message.message(5, attributeMessage(name, value, node))
  if (node.domain !== '') message.string(7, node.domain)
  return message
}

function attributeMessage(name: string, value: AttributeValue, node: Node): MessageWriter {
  const message = new MessageWriter().string(1, name)
  const integers = (numbers: readonly number[]) => {
    const fraction = numbers.find(number => !Number.isInteger(number))
    if (fraction !== undefined)
      throw new RangeError(`${node.name}: attribute "${name}" of ${node.opType} is ${fraction}, expected an integer`)
    return numbers
  }
  if (typeof value === 'number') {
    return floatAttributes.has(name) ? message.float(2, value).varint(20, 1) : message.varint(3, integers([value])[0]!).varint(20, 2)
  }
  if (typeof value === 'string') return message.string(4, value).varint(20, 3)
  if (isTensor(value)) return message.message(5, tensorMessage(value, '', undefined)).varint(20, 4)
  if (isGraph(value)) return message.message(6, graphMessage(value, undefined)).varint(20, 5)
  if (typeof value[0] === 'string') {
    for (const text of value as readonly string[]) message.string(9, text)
    return message.varint(20, 8)
  }
  const numbers = value as readonly number[]
  return floatAttributes.has(name)
    ? message.packedFloats(7, numbers).varint(20, 6)
    : message.packedVarints(8, integers(numbers)).varint(20, 7)
}

function tensorMessage(tensor: Tensor, name: string, external: ExternalData | undefined): MessageWriter {
  const message = new MessageWriter().packedVarints(1, tensor.shape).varint(2, dataTypes[tensor.dtype])
  if (name !== '') message.string(8, name)
  // ONNX raw data are little-endian, as is every platform that onnxruntime-node runs on.
  const data = new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)
  if (external === undefined || data.byteLength < smallestExternalInitializer) return message.bytes(9, data)
  const path = `${external.prefix}.weights.${external.files.length}`
  external.files.push({ path, data })
  const entry = (key: string, text: string) => message.message(13, new MessageWriter().string(1, key).string(2, text))
  entry('location', path)
  entry('offset', '0')
  entry('length', `${data.byteLength}`)
  return message.varint(14, 1)
}

function valueMessage(value: Value): MessageWriter {
  const shape = new MessageWriter()
  for (const dim of value.shape) {
    shape.message(1, typeof dim === 'number' ? new MessageWriter().varint(1, dim) : new MessageWriter().string(2, dim))
  }
  const tensorType = new MessageWriter().varint(1, dataTypes[value.dtype]).message(2, shape)
  return new MessageWriter().string(1, value.name).message(2, new MessageWriter().message(1, tensorType))
}

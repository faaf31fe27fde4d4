import type { DType, Tensor } from '../tensor.ts'

/** One axis length: a number, or a symbol or expression such as `T` or `T*256+3` (see dims.ts). */
export type Dim = number | string

/** A typed edge of a graph. */
export interface Value {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly Dim[]
}

/** What a node attribute may hold. Whether a number is written as float or int is decided by the attribute's name, as ONNX fixes it. */
export type AttributeValue = number | string | readonly number[] | readonly string[] | Tensor | Graph

/** One operator call. An input of '' is absent. */
export interface Node {
  readonly opType: string
  readonly name: string
  /** '' is ai.onnx. */
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly Value[]
  readonly attributes: Readonly<Record<string, AttributeValue>>
}

/** A named constant tensor, usually a weight. */
export interface Initializer {
  readonly name: string
  readonly tensor: Tensor
}

/** A graph as plain data: what `GraphBuilder` emits, `writeModel` serializes and `inspectGraph` prints. Nodes are in execution order. */
export interface Graph {
  readonly name: string
  readonly nodes: readonly Node[]
  readonly initializers: readonly Initializer[]
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
}

/** What a Loop body returns. */
export interface LoopStep {
  /** bool scalar: whether to go on; true if left out. */
  readonly while?: Value
  /** The carried values for the next iteration, in the same order. */
  readonly carried: readonly Value[]
  /** Values to stack, one row per iteration. */
  readonly scan?: readonly Value[]
}

/** A serialized model: what onnxruntime loads. `externalData` goes beside the protobuf, as onnxruntime-node's session option of that name. */
export interface OnnxModel {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array }[]
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
}

/** Opset that Mynah emits unless told otherwise: the newest that every supported onnxruntime-node runs. */
export const defaultOpset = 21

/** True if an attribute holds a tensor. */
export function isTensor(value: AttributeValue): value is Tensor {
  return typeof value === 'object' && 'dtype' in value
}

/** True if an attribute holds a subgraph (the body of a Loop or a branch of an If). */
export function isGraph(value: AttributeValue): value is Graph {
  return typeof value === 'object' && 'nodes' in value
}

/** All values that a node reads, those of its subgraphs included. */
export function namesIn({ inputs, attributes }: Node): string[] {
  const inner = Object.values(attributes).filter(isGraph)
  return [...inputs, ...inner.flatMap(graph => [...graph.nodes.flatMap(namesIn), ...graph.outputs.map(({ name }) => name)])]
}

import type { Tensor } from '../tensor.ts'
import { formatShape } from './dims.ts'
import { type AttributeValue, type Graph, isGraph, isTensor, type Value } from './model.ts'

/** Constants of at most this many elements are printed where they are used; longer ones are listed by shape. */
const inlineElements = 8

/**
 * A graph as stable text, for snapshots and `mynah inspect`: inputs, weights, one line per node with the inferred type of each output, outputs.
 * Subgraphs are indented below their node.
 */
export function inspectGraph(graph: Graph): string {
  const inline = new Map<string, string>()
  for (const { name, tensor } of graph.initializers) {
    if (tensor.data.length <= inlineElements && tensor.shape.length <= 1) inline.set(name, constantText(tensor))
  }
  return `${linesOf(graph, inline).join('\n')}\n`
}

function linesOf(graph: Graph, inline: ReadonlyMap<string, string>): string[] {
  const lines = [`graph ${graph.name}`]
  for (const input of graph.inputs) lines.push(`  in   ${typed(input)}`)
  for (const { name, tensor } of graph.initializers) {
    if (!inline.has(name)) lines.push(`  init ${typed({ name, dtype: tensor.dtype, shape: tensor.shape })}`)
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(name => (name === '' ? '–' : (inline.get(name) ?? name)))
    const plain = Object.entries(node.attributes).filter(([, value]) => !isGraph(value))
    const attributes = plain.map(([name, value]) => ` ${name}=${attributeText(value)}`).join('')
    const operator = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`
    lines.push(`  ${node.outputs.map(typed).join(', ')} = ${operator}(${inputs.join(', ')})${attributes}`)
    for (const [name, value] of Object.entries(node.attributes)) {
      if (isGraph(value)) lines.push(...linesOf(value, inline).map((line, index) => `    ${index === 0 ? `${name}: ` : ''}${line}`))
    }
  }
  for (const output of graph.outputs) lines.push(`  out  ${typed(output)}`)
  return lines
}

function typed(value: Value): string {
  return `${value.name} ${value.dtype}${formatShape(value.shape)}`
}

function attributeText(value: AttributeValue): string {
  if (typeof value === 'number' || typeof value === 'string') return `${value}`
  if (isTensor(value)) return constantText(value)
  return isGraph(value) ? value.name : `[${value.join(', ')}]`
}

function constantText(tensor: Tensor): string {
  const text = [...tensor.data].map(element => `${element}`).join(', ')
  return tensor.shape.length === 0 ? text : `[${text}]`
}

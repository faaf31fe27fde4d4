import { isGraph, type Node, type Value } from './model.ts'

/** The same value under another name. */
export function identityNode(input: string, output: Value): Node {
  return { opType: 'Identity', name: `${output.name}/Identity`, domain: '', inputs: [input], outputs: [output], attributes: {} }
}

/** Nodes, and those of their subgraphs, with other names for some values. */
export function renameNodes(nodes: readonly Node[], renamed: ReadonlyMap<string, string>): Node[] {
  if (renamed.size === 0) return [...nodes]
  const rename = (name: string) => renamed.get(name) ?? name
  return nodes.map(node => ({
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(output => ({ ...output, name: rename(output.name) })),
    attributes: Object.fromEntries(
      Object.entries(node.attributes).map(([key, value]) => [
        key,
        isGraph(value) ? { ...value, nodes: renameNodes(value.nodes, renamed) } : value,
      ]),
    ),
  }))
}

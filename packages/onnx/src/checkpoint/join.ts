import { CheckpointError } from '../errors.ts'
import type { Weights } from './weights.ts'

/**
 * Several checkpoints as one: the tensor `name` of the part `ar` is `ar.name`.
 * @param parts names without dots → weights, which the result closes
 */
export function joinWeights(parts: Readonly<Record<string, Weights>>): Weights {
  const all = new Map(Object.entries(parts))
  const source = [...all.values()].map(part => part.source).join(', ')
  const find = (name: string): readonly [Weights | undefined, string] => {
    const dot = name.indexOf('.')
    return dot < 0 ? [all.get(name), ''] : [all.get(name.slice(0, dot)), name.slice(dot + 1)]
  }
  const named = (list: (part: Weights) => readonly string[]) =>
    [...all].flatMap(([prefix, part]) => list(part).map(name => `${prefix}.${name}`))
  const at = <T>(name: string, read: (part: Weights, name: string) => T): T => {
    const [part, rest] = find(name)
    if (part) return read(part, rest)
    throw new CheckpointError(`${source}: none of these files is "${name.split('.')[0]}", where "${name}" would be`, {
      code: 'missing-tensor',
    })
  }
  const close = () => {
    for (const part of all.values()) part.close()
  }
  return {
    source,
    get names() {
      return named(part => part.names)
    },
    has: name => find(name)[0]?.has(find(name)[1]) ?? false,
    shape: name => at(name, (part, rest) => part.shape(rest)),
    get: (name, shape) => at(name, (part, rest) => part.get(rest, shape)),
    raw: name => at(name, (part, rest) => part.raw(rest)),
    scope: prefix => (prefix === '' ? joinWeights(parts) : at(prefix, (part, rest) => part.scope(rest))),
    unread: () => named(part => part.unread()),
    markRead(names) {
      for (const [prefix, part] of all)
        part.markRead(names.filter(name => name.startsWith(`${prefix}.`)).map(name => name.slice(prefix.length + 1)))
    },
    close,
    [Symbol.dispose]: close,
  }
}

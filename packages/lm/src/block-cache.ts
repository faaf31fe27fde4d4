import { float32Tensor, type Graph, GraphBuilder, type KeyValueCache, type Tensor } from '@mynah/onnx'

/**
 * Keys and values of a decoder in two blocks: what came long ago is only read, and what came since then grows with every step, which copies it. Now and then the second joins
 * the first. Why: docs/decisions/2026-11-23-ar-decoding.md.
 */

/** Sizes of a decoder. */
export interface CacheSizes {
  readonly layers: number
  readonly heads: number
  readonly dim: number
}

const layersOf = ({ layers }: CacheSizes) => Array.from({ length: layers }, (_, i) => i)
const slotsOf = (sizes: CacheSizes, pairs: readonly (readonly [slot: string, output: string])[]): Record<string, string> =>
  Object.fromEntries(layersOf(sizes).flatMap(i => pairs.map(([slot, output]) => [`${slot}.${i}`, `${output}.${i}`])))

/** Both blocks of one layer. */
export interface BlockCache {
  readonly past: KeyValueCache
  readonly recent: KeyValueCache
}

/** Which output of a run replaces which slot of the first block. */
export const pastSlots = (sizes: CacheSizes): Record<string, string> =>
  slotsOf(sizes, [
    ['pastKey', 'presentKey'],
    ['pastValue', 'presentValue'],
  ])

/** Which output of a step replaces which slot of the cache. */
export const stepSlots = (sizes: CacheSizes): Record<string, string> =>
  slotsOf(sizes, [
    ['recentKey', 'presentKey'],
    ['recentValue', 'presentValue'],
  ])

/** Which output of `buildCacheMerge` replaces which slot of the cache. */
export const mergeSlots = (sizes: CacheSizes): Record<string, string> =>
  slotsOf(sizes, [
    ['pastKey', 'mergedKey'],
    ['pastValue', 'mergedValue'],
    ['recentKey', 'emptyKey'],
    ['recentValue', 'emptyValue'],
  ])

const empty = (sizes: CacheSizes, slots: object): Record<string, Tensor> => {
  const nothing = float32Tensor([], [1, sizes.heads, 0, sizes.dim / sizes.heads])
  return Object.fromEntries(Object.keys(slots).map(slot => [slot, nothing]))
}

/** What the slots of the first block hold at the beginning. */
export const emptyPast = (sizes: CacheSizes): Record<string, Tensor> => empty(sizes, pastSlots(sizes))
/** What every slot holds before the first step. */
export const emptyCache = (sizes: CacheSizes): Record<string, Tensor> => empty(sizes, mergeSlots(sizes))

const blockInputs = (graph: GraphBuilder, sizes: CacheSizes, block: string, length: string): KeyValueCache[] => {
  const input = (slot: string) => graph.input(slot, 'float32', [1, sizes.heads, length, sizes.dim / sizes.heads])
  return layersOf(sizes).map(i => ({ key: input(`${block}Key.${i}`), value: input(`${block}Value.${i}`) }))
}

/** Declares pastKey.i and pastValue.i [1, H, S, Dh]. */
export const pastInputs = (graph: GraphBuilder, sizes: CacheSizes): KeyValueCache[] => blockInputs(graph, sizes, 'past', 'S')

/** Declares both blocks: those of `pastInputs`, recentKey.i and recentValue.i [1, H, R, Dh]. */
export function cacheInputs(graph: GraphBuilder, sizes: CacheSizes): BlockCache[] {
  const recents = blockInputs(graph, sizes, 'recent', 'R')
  return pastInputs(graph, sizes).map((past, i) => ({ past, recent: recents[i]! }))
}

/** Emits what joins the blocks: past and recent as mergedKey.i and mergedValue.i, and an empty block as emptyKey.i and emptyValue.i. */
export function buildCacheMerge(sizes: CacheSizes): Graph {
  const graph = new GraphBuilder('cache-merge')
  for (const [i, { past, recent }] of cacheInputs(graph, sizes).entries()) {
    graph.output(`mergedKey.${i}`, graph.concat([past.key, recent.key], 2))
    graph.output(`mergedValue.${i}`, graph.concat([past.value, recent.value], 2))
    graph.output(`emptyKey.${i}`, graph.slice(recent.key, 2, 0, 0))
    graph.output(`emptyValue.${i}`, graph.slice(recent.value, 2, 0, 0))
  }
  return graph.toGraph()
}

import { float32Tensor, GraphBuilder, type KeyValueCache, type OnnxModel, type Tensor } from '@mynah/onnx'

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

/** Which output of a prefill fills which slot of the cache. */
export const prefillSlots = (sizes: CacheSizes): Record<string, string> =>
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

/** What every slot holds before the first step. */
export function emptyCache(sizes: CacheSizes): Record<string, Tensor> {
  const empty = float32Tensor([], [1, sizes.heads, 0, sizes.dim / sizes.heads])
  return Object.fromEntries(Object.keys(mergeSlots(sizes)).map(slot => [slot, empty]))
}

/** Declares pastKey.i and pastValue.i [1, H, S, Dh], recentKey.i and recentValue.i [1, H, R, Dh]. */
export function cacheInputs(graph: GraphBuilder, sizes: CacheSizes): BlockCache[] {
  const input = (slot: string, length: string) => graph.input(slot, 'float32', [1, sizes.heads, length, sizes.dim / sizes.heads])
  return layersOf(sizes).map(i => ({
    past: { key: input(`pastKey.${i}`, 'S'), value: input(`pastValue.${i}`, 'S') },
    recent: { key: input(`recentKey.${i}`, 'R'), value: input(`recentValue.${i}`, 'R') },
  }))
}

/** Emits what joins the blocks: past and recent as mergedKey.i and mergedValue.i, and an empty block as emptyKey.i and emptyValue.i. */
export function buildCacheMerge(sizes: CacheSizes): OnnxModel {
  const graph = new GraphBuilder('cache-merge')
  for (const [i, { past, recent }] of cacheInputs(graph, sizes).entries()) {
    graph.output(`mergedKey.${i}`, graph.concat([past.key, recent.key], 2))
    graph.output(`mergedValue.${i}`, graph.concat([past.value, recent.value], 2))
    graph.output(`emptyKey.${i}`, graph.slice(recent.key, 2, 0, 0))
    graph.output(`emptyValue.${i}`, graph.slice(recent.value, 2, 0, 0))
  }
  return graph.build()
}

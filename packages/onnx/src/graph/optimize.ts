import { useHalves } from './halves.ts'
import { useImages } from './images.ts'
import type { Graph } from './model.ts'

/** The same computation in the layout that ONNX Runtime likes: see `useImages` and `useHalves`. Papers' files know nothing of it. */
export function optimize(graph: Graph): Graph {
  return useHalves(useImages(graph))
}

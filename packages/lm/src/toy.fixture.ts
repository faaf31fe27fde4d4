import { buildGraph, GraphBuilder, type GraphOrder, int64Tensor, parseConfig, type Tensor } from '@mynah/onnx'
import { z } from 'zod'
import type { LanguageModelArchitecture } from './architecture.ts'

/** A language model in one file, as docs/guide/add-a-model.md has it: each phoneme lasts `frames` frames, and its latent is its row of a table. */
export const toy: LanguageModelArchitecture = {
  name: 'toy',
  detect: weights => weights.has('toy.weight'),
  describe(weights, config) {
    const { frames } = parseConfig('toy', z.object({ frames: z.int().positive() }), config, weights)
    const [symbols, width] = weights.shape('toy.weight') as [number, number]
    return {
      codebooks: 1,
      codebookSize: symbols,
      symbols,
      build: tensors => ({
        table() {
          const graph = new GraphBuilder('toy')
          const ids = graph.input('ids', 'int64', ['T'])
          const rows = graph.gather(graph.initializer('table', tensors.get('toy.weight', [symbols, width])), ids)
          graph.output('latents', graph.transpose(rows, [1, 0]))
          return graph.toGraph()
        },
      }),
      generator: models =>
        async function* generate(phonemes) {
          const ids = [...phonemes].flatMap(id => Array<number>(frames).fill(id))
          const { latents } = await models.table!.run({ ids: int64Tensor(ids, [ids.length]) })
          yield { latents: latents as Tensor<'float32'>, durations: phonemes.map(() => frames), stopped: 'end' }
        },
    }
  },
}

/** Builds it in the inference thread. */
export const build = (order: GraphOrder) => buildGraph([toy], order)

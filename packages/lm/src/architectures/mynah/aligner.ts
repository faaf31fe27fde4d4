import {
  type Architecture,
  float32Tensor,
  loadGraph,
  loadModel,
  type ModelDescription,
  parseConfig,
  type Runtime,
  type Weights,
} from '@mynah/onnx'
import type { Aligner } from '../../language-model.ts'
import { builder } from '../../load-graphs.ts'
import { type ClassifierConfig, classifierSchema } from './config.ts'
import { buildClassifier } from './graphs.ts'
import { exactCosts, hear, hearingCosts } from './hear.ts'
import { checkPhonemes } from './prompt.ts'
import { type PauseSymbols, withSilence } from './silence.ts'

/** The aligner's file. */
export const aligner: Architecture<ModelDescription & { readonly sizes: ClassifierConfig; readonly bigram: Float32Array }> = {
  name: 'mynah-aligner',
  detect: () => true,
  describe(weights, config) {
    const sizes = parseConfig('mynah-aligner', classifierSchema, config, weights)
    return { sizes, bigram: readBigram(weights, sizes.symbols), build: tensors => ({ classifier: () => buildClassifier(tensors, sizes) }) }
  },
}

/**
 * Loads the aligner of a bundle: a frame classifier, and the likeliest path over its log-probabilities. Its file stays open until it is disposed of.
 * @param pauses what may be silence between any two words
 * @throws {CheckpointError} `bad-config`, `missing-tensor`, `shape-mismatch`; all of readCheckpoint's
 */
export function loadAligner(checkpoint: string, config: unknown, runtime: Runtime, pauses: PauseSymbols): Promise<Aligner> {
  return loadModel([aligner], checkpoint, { config, runtime }, async (opened, _, resources) => {
    const { sizes, bigram } = opened.description
    const model = resources.add(await loadGraph(opened, 'classifier', { runtime, builder }, { name: 'aligner' }))
    return {
      async hear(features, expected, { exact = false } = {}) {
        if (expected) checkPhonemes('hear', expected.phonemes, sizes.symbols)
        if (features.shape.length !== 2 || features.shape[0] !== sizes.nInput) {
          throw new RangeError(`hear: features are [${features.shape.join(', ')}], expected [${sizes.nInput}, T]`)
        }
        const outputs = await model.run({ features: float32Tensor(features.data, [1, ...features.shape]) })
        const logProbabilities = withSilence(outputs.logProbabilities!.data as Float32Array, sizes.symbols, features, pauses)
        return hear(logProbabilities, bigram, pauses, expected, exact ? exactCosts : hearingCosts)
      },
      [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
    }
  })
}

/** log p(phoneme | the one before) [S · S]; all alike in bundles made before there was one. */
function readBigram(weights: Weights, symbols: number): Float32Array {
  if (weights.has('bigram')) return weights.get('bigram', [symbols, symbols]).data as Float32Array
  return new Float32Array(symbols ** 2).fill(-Math.log(symbols))
}

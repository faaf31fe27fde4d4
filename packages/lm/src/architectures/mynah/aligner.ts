import {
  type Architecture,
  float32Tensor,
  loadGraph,
  loadModel,
  type ModelDescription,
  parseConfig,
  type Runtime,
  type Tensor,
} from '@mynah/onnx'
import type { Aligner } from '../../language-model.ts'
import { builder } from '../../load-graphs.ts'
import { type ClassifierConfig, classifierSchema } from './config.ts'
import { buildClassifier } from './graphs.ts'
import { checkPhonemes } from './prompt.ts'
import { type PauseSymbols, punctuatePauses, withSilence } from './silence.ts'
import { viterbi } from './viterbi.ts'

/** The aligner's file. */
export const aligner: Architecture<ModelDescription & { readonly sizes: ClassifierConfig }> = {
  name: 'mynah-aligner',
  detect: () => true,
  describe(weights, config) {
    const sizes = parseConfig('mynah-aligner', classifierSchema, config, weights)
    return { sizes, build: tensors => ({ classifier: () => buildClassifier(tensors, sizes) }) }
  },
}

/**
 * Loads the aligner of a bundle: a frame classifier, and Viterbi over its log-probabilities. Its file stays open until it is disposed of.
 * @param pauses with them, silence may be between any two words of what is aligned
 * @throws {CheckpointError} `bad-config`, `missing-tensor`, `shape-mismatch`; all of readCheckpoint's
 */
export function loadAligner(checkpoint: string, config: unknown, runtime: Runtime, pauses?: PauseSymbols): Promise<Aligner> {
  return loadModel([aligner], checkpoint, { config, runtime }, async (opened, _, resources) => {
    const { sizes } = opened.description
    const model = resources.add(await loadGraph(opened, 'classifier', { runtime, builder }, { name: 'aligner' }))
    return {
      async align(features: Tensor<'float32'>, phonemes: Int32Array) {
        checkPhonemes('align', phonemes, sizes.symbols)
        if (features.shape.length !== 2 || features.shape[0] !== sizes.nInput) {
          throw new RangeError(`align: features are [${features.shape.join(', ')}], expected [${sizes.nInput}, T]`)
        }
        const outputs = await model.run({ features: float32Tensor(features.data, [1, ...features.shape]) })
        const logProbabilities = outputs.logProbabilities!.data as Float32Array
        const { score, ...strict } = viterbi(logProbabilities, sizes.symbols, phonemes)
        if (!pauses) return { ...strict, score, spoken: { phonemes, ...strict } }
        const { durations } = viterbi(withSilence(logProbabilities, sizes.symbols, features, pauses), sizes.symbols, phonemes)
        return { durations, score, spoken: punctuatePauses(phonemes, durations, pauses) }
      },
      [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
    }
  })
}

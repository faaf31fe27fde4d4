import { NoSuchModelError, type ProviderV4 } from '@ai-sdk/provider'
import { type SpeechEngine, SpeechModel } from './speech-model.ts'

/** What a provider is made of. */
export interface MynahProviderOptions {
  /** Speaks. It stays yours to dispose of. */
  readonly synthesizer: SpeechEngine
}

/** Mynah among the providers of the AI SDK: it has speech models, and no others. */
export interface MynahProvider extends ProviderV4 {
  /** The speech model: `generateSpeech({ model: mynah.speech(), … })`. */
  speech(): SpeechModel
  speechModel(modelId: string): SpeechModel
}

/** Makes a synthesizer a provider of the AI SDK (version 7 and later). */
export function createMynah({ synthesizer }: MynahProviderOptions): MynahProvider {
  const model = new SpeechModel(synthesizer)
  const refuse = (modelType: 'languageModel' | 'embeddingModel' | 'imageModel') => (modelId: string) => {
    throw new NoSuchModelError({ modelId, modelType, message: `mynah only speaks: it has no ${modelType} "${modelId}"` })
  }
  return {
    specificationVersion: 'v4',
    speech: () => model,
    speechModel(modelId) {
      if (['mynah', model.modelId].includes(modelId)) return model
      throw new NoSuchModelError({ modelId, modelType: 'speechModel', message: `there is no speech model "${modelId}"; ask for "mynah"` })
    },
    languageModel: refuse('languageModel'),
    embeddingModel: refuse('embeddingModel'),
    imageModel: refuse('imageModel'),
  }
}

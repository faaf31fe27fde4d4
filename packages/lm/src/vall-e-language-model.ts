import type { Tensor } from '@mynah/onnx'
import type { GenerateOptions, LanguageModel } from './language-model.ts'
import { checkSampling } from './sampling.ts'
import type { VallE } from './vall-e.ts'

/** Ids of VALL-E X's language table. */
const languageIds: Readonly<Record<string, number>> = { en: 0, zh: 1, ja: 2 }
/** 2 s at EnCodec's 75 frames a second: speech never has one or two codes for so long. */
const maxStuckFrames = 150

/**
 * VALL-E behind the contract of `LanguageModel`: continues a prompt, and returns latents. It does not know when each phoneme is spoken: `durations` are empty.
 * @param toLatents what the vocoder decodes: codes int32 [K, T] → float32 [L, T]
 */
export function createVallELanguageModel(model: VallE, toLatents: (codes: Tensor<'int32'>) => Tensor<'float32'>): LanguageModel {
  const { name, languages } = model.config
  const idOf = (language: string) => {
    const id = Object.hasOwn(languageIds, language) ? languageIds[language] : undefined
    if (id !== undefined && id < languages) return id
    throw new RangeError(`${name}: language is "${language}", expected one of ${Object.keys(languageIds).slice(0, languages).join(', ')}`)
  }
  return {
    async *generate(phonemes: Int32Array, options: GenerateOptions) {
      const { prompt, speed = 1 } = options
      if (speed !== 1) throw new RangeError(`${name}: speed is ${speed}, expected 1: this model speaks at the prompt's rate`)
      const sampling = {
        temperature: options.temperature ?? 1,
        topK: options.topK ?? 0,
        topP: options.topP ?? 1,
        repetitionPenalty: options.repetitionPenalty ?? 1,
        repetitionAware: options.repetitionAware ?? false,
      }
      checkSampling(sampling)
      const text = Int32Array.of(...prompt.phonemes, ...phonemes)
      const spoken = options.language ?? (prompt.language || 'en')
      const request = { text, promptTextLength: prompt.phonemes.length, prompt: prompt.codes }
      const languageOfText = new Int32Array(text.length)
      if (languages > 0)
        languageOfText.fill(idOf(prompt.language || spoken), 0, prompt.phonemes.length).fill(idOf(spoken), prompt.phonemes.length)
      const { codes, stopped } = await model.generate(languages > 0 ? { ...request, languages: languageOfText } : request, {
        ...sampling,
        seed: options.seed ?? 0,
        maxStuckFrames,
        ...(options.maxFrames === undefined ? {} : { maxFrames: options.maxFrames }),
        ...(options.signal ? { signal: options.signal } : {}),
        ...(options.onFrame ? { onFrame: options.onFrame } : {}),
      })
      yield { latents: toLatents(codes), durations: new Int32Array(0), stopped }
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  }
}

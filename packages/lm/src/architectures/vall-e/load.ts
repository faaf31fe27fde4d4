import { type Architecture, type LoadModelOptions, loadModel } from '@mynah/onnx'
import type { LanguageModelDescription, LanguageModelTarget, ToLatents, WeightType } from '../../architecture.ts'
import { buildCacheMerge, mergeSlots, stepSlots } from '../../block-cache.ts'
import type { LanguageModel } from '../../language-model.ts'
import { loadGraphs } from '../../load-graphs.ts'
import { checkSampling } from '../../sampling.ts'
import { checkTensors, hyperParametersIn, isVallE, readVallEConfig, type VallEConfig } from './config.ts'
import { buildAr, buildNar, buildText, type Precision } from './graphs.ts'
import { createVallE, type VallE, type VallEModels } from './model.ts'

/** What a checkpoint of VALL-E says, and how it is read. */
interface VallEDescription extends LanguageModelDescription {
  readonly config: VallEConfig
}

/** Of the AR model's linear layers. A step of it has one row, a pass of the NAR model hundreds, which is multiplied with one scale: docs/decisions/2026-11-23-ar-decoding.md. */
const arPrecisions = { float32: 'float32', int8: 'int8-blocks', int4: 'int4-blocks' } as const

/** How both models multiply. */
export function precisionsOf({
  weightType,
  exactInt8,
}: Pick<LanguageModelTarget, 'weightType' | 'exactInt8'>): Record<'ar' | 'nar', Precision> {
  const ar = arPrecisions[weightType]
  return { ar: { dtype: ar }, nar: { dtype: ar === 'float32' ? ar : exactInt8 ? 'int8-signed' : 'int8' } }
}

/** VALL-E X (Plachtaa's `vallex-checkpoint.pt`) and VALL-E (lifeiteng's layout). Every tensor's name and shape is checked before one is read. */
export const vallE: Architecture<VallEDescription> = {
  name: 'vall-e',
  detect: isVallE,
  configInside: hyperParametersIn,
  describe(weights, given) {
    const config = readVallEConfig(weights, given)
    checkTensors(weights, config)
    return {
      config,
      codebooks: config.codebooks,
      codebookSize: config.audioTokens,
      symbols: config.textTokens,
      trainingOnly: /./, // checkTensors has accounted for all
      externalData: true,
      slots: { ar: stepSlots(config.ar), cache: mergeSlots(config.ar) },
      build(tensors, target) {
        const { ar, nar } = precisionsOf(target)
        return {
          ...(config.nar && { 'nar-text': () => buildText(tensors, 'nar', config), nar: () => buildNar(tensors, config, nar) }),
          'ar-text': () => buildText(tensors, 'ar', config),
          ar: () => buildAr(tensors, config, ar),
          cache: () => buildCacheMerge(config.ar),
        }
      },
      generator: (models, toLatents) =>
        createGenerator(
          createVallE(config, models as VallEModels, async () => undefined),
          toLatents,
        ),
    }
  },
}

/** Options of `loadVallE`. */
export interface LoadVallEOptions extends Pick<LoadModelOptions, 'runtime'> {
  /** Hyper-parameters in lifeiteng's spelling (`nhead`, `prefix_mode`), or the path of their JSON. Default: `config.json` beside the checkpoint, else those inside it. */
  readonly config?: unknown
  /** `int8` keeps the transformers' weights in a quarter of the memory and multiplies faster, `int4` those of the AR model in an eighth, which is faster still. */
  readonly dtype?: WeightType
}

/**
 * Loads VALL-E as a model of codes; `loadLanguageModel` loads it as one of latents.
 * @throws {CheckpointError} as `loadLanguageModel`
 */
export function loadVallE(checkpoint: string, { dtype, ...options }: LoadVallEOptions = {}): Promise<VallE> {
  return loadModel([vallE], checkpoint, options, async (opened, runtime, resources) => {
    const models = await loadGraphs(opened, runtime, resources, dtype)
    return createVallE(opened.description.config, models as VallEModels, () => resources[Symbol.asyncDispose]())
  })
}

/** VALL-E X's language table. */
const languageIds = ['en', 'zh', 'ja']
/** 2 s at EnCodec's 75 frames a second: speech never has one or two codes for so long. */
const maxStuckFrames = 150

/** VALL-E behind the contract of `LanguageModel`: continues a prompt, and returns latents. It does not know when each phoneme is spoken: `durations` are empty. */
function createGenerator(model: VallE, toLatents: ToLatents): LanguageModel['generate'] {
  const { name, languages } = model.config
  const idOf = (language: string) => {
    const id = languageIds.indexOf(language)
    if (id >= 0 && id < languages) return id
    throw new RangeError(`${name}: language is "${language}", expected one of ${languageIds.slice(0, languages).join(', ')}`)
  }
  return async function* generate(phonemes, options) {
    const { prompt, language, seed = 0, ...rest } = options
    const sampling = {
      temperature: options.temperature ?? 1,
      topK: options.topK ?? 0,
      topP: options.topP ?? 1,
      repetitionPenalty: options.repetitionPenalty ?? 1,
      repetitionAware: options.repetitionAware ?? false,
    }
    checkSampling(sampling)
    const text = Int32Array.of(...prompt.phonemes, ...phonemes)
    const spoken = language ?? (prompt.language || 'en')
    const request = { text, promptTextLength: prompt.phonemes.length, prompt: prompt.codes }
    const languageOfText = new Int32Array(text.length)
    if (languages > 0)
      languageOfText.fill(idOf(prompt.language || spoken), 0, prompt.phonemes.length).fill(idOf(spoken), prompt.phonemes.length)
    const { codes, stopped } = await model.generate(languages > 0 ? { ...request, languages: languageOfText } : request, {
      ...rest,
      ...sampling,
      seed,
      maxStuckFrames,
    })
    yield { latents: toLatents(codes), durations: new Int32Array(0), stopped }
  }
}

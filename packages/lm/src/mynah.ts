import { float32Tensor, int64Tensor, type Model, type Runtime, type Tensor, type Weights } from '@mynah/onnx'
import { type ArModels, generateFirstCodes, type Listening } from './ar.ts'
import { buildCacheMerge, mergeSlots } from './architectures/block-cache.ts'
import {
  arPassageSlots,
  arPrefillSlots,
  buildAligner,
  buildArPassage,
  buildArPrefill,
  buildNar,
  buildPhonemeEncoder,
  type ListenerConfig,
  type Precision,
  parseAlignerConfig,
  parseArConfig,
  parseListenerConfig,
  parseNarConfig,
} from './architectures/mynah.ts'
import type { Aligner, Generated, GenerateOptions, LanguageModel } from './language-model.ts'
import { hear } from './listener.ts'
import { refineLatents } from './nar.ts'
import { checkPhonemes, checkPrompt, cropPrompt } from './prompt.ts'
import { checkSampling } from './sampling.ts'
import { type PauseSymbols, punctuatePauses, withSilence } from './silence.ts'
import { viterbi } from './viterbi.ts'

/** Training prompts last 1.5 to 4 s; more context than this neither helps nor was practised. */
const longestPromptFrames = 200
/** 40 s: far beyond any sentence, a bound for cache and attention memory. */
const longestFrames = 1600
/**
 * Speech is refined in stretches, so that its beginning is heard before its end is known: 1 s first, then until twice as much is known, and so on. A stretch sees the
 * frames around it; with these numbers its latents are as near to the true ones as if it had seen all (docs/decisions/2026-11-26-stretches.md).
 */
const firstStretchFrames = 40
const stretchGrowth = 2
const framesBefore = 48
const framesAfter = 12
const speedRange = [0.5, 2] as const
const mostCandidates = 16

/** One part of the model as a bundle holds it: weights and the config beside them. The weights stay open as long as the model lives: after a crash they are read again. */
export interface ModelPart {
  readonly weights: Weights
  readonly config: unknown
}

/**
 * Loads Mynah's AR and NAR models.
 * @param parts.listener chooses among candidates of the AR model; without it `candidates` is ignored
 * @param parts.codebook all codebooks of the codec, float32 [K, N, L]
 * @throws {CheckpointError} if a weight is missing or misshapen
 * @throws {InferenceError} `bad-config`, or if ONNX Runtime refuses a graph
 */
export async function loadMynahLm(
  parts: { ar: ModelPart; nar: ModelPart; listener?: ModelPart | undefined; codebook: Tensor<'float32'> },
  runtime: Runtime,
): Promise<LanguageModel> {
  const ar = parseArConfig(parts.ar.config)
  const nar = parseNarConfig(parts.nar.config)
  const [codebooks, size, dim] = parts.codebook.shape as [number, number, number]
  if (size !== ar.codebookSize || dim !== ar.latentDim || dim !== nar.latentDim) {
    throw new RangeError(
      `loadMynahLm: the codec's codebooks are [${parts.codebook.shape.join(', ')}], the models expect [K, ${ar.codebookSize}, ${ar.latentDim}] (AR) and vectors of ${nar.latentDim} (NAR); do they belong to this codec?`,
    )
  }
  const books = parts.codebook.data
  const firstBook = books.subarray(0, size * dim)
  const models: Model[] = []
  const load = async (...args: Parameters<Runtime['load']>) => {
    const model = await runtime.load(...args)
    models.push(model)
    return model
  }
  // ONNX Runtime's int8 kernel is the CPU's; other devices compute in float32.
  const precision: Precision = runtime.device === 'cpu' ? 'stored' : 'float32'
  const narModel = await load(() => buildNar(parts.nar.weights, nar, precision), { name: 'nar' })
  const arModels: ArModels = {
    prefill: await load(() => buildArPrefill(parts.ar.weights, ar, firstBook, precision), {
      name: 'ar-prefill',
      state: arPrefillSlots(ar),
    }),
    passage: await load(() => buildArPassage(parts.ar.weights, ar, firstBook, precision), {
      name: 'ar-passage',
      state: arPassageSlots(ar),
    }),
    merge: await load(() => buildCacheMerge(ar), { name: 'ar-cache', state: mergeSlots(ar) }),
  }
  const narEncoder = await load(() => buildPhonemeEncoder(parts.nar.weights, nar, precision), { name: 'nar-encoder' })
  const arEncoder = await load(() => buildPhonemeEncoder(parts.ar.weights, ar, precision), { name: 'ar-encoder' })
  const listener = parts.listener && (await loadListener(parts.listener))

  async function loadListener(part: ModelPart) {
    const config = parseListenerConfig(part.config)
    if (config.nInput !== dim)
      throw new RangeError(
        `loadMynahLm: the listener hears vectors of ${config.nInput}, the codec's codebooks are of ${dim}; do they belong together?`,
      )
    return { config, model: await load(() => buildAligner(part.weights, config), { name: 'listener' }) }
  }

  function listenTo({ config, model }: { config: ListenerConfig; model: Model }, candidates: number, phonemes: Int32Array): Listening {
    return { candidates, clear: config.clear, score: (frames, from) => hear(model, config, firstBook, phonemes, frames, from) }
  }

  /** Rows of `codes` [K, T] summed over the first `levels` codebooks: [T, L]. */
  const vectors = (codes: Int32Array, levels: number, frames: number) => {
    const sum = new Float32Array(frames * dim)
    for (let k = 0; k < levels; k++) {
      for (let t = 0; t < frames; t++) {
        const row = (k * size + codes[k * frames + t]!) * dim
        for (let i = 0; i < dim; i++) sum[t * dim + i]! += books[row + i]!
      }
    }
    return sum
  }

  return {
    async *generate(phonemes: Int32Array, options: GenerateOptions): AsyncGenerator<Generated, void, undefined> {
      checkPhonemes('generate', phonemes, ar.symbols)
      checkPrompt(options.prompt, codebooks, size, ar.symbols)
      const sampling = {
        temperature: options.temperature ?? 0.35,
        topK: options.topK ?? 30,
        topP: options.topP ?? 1,
        repetitionPenalty: options.repetitionPenalty ?? 1,
      }
      checkSampling(sampling)
      const candidates = options.candidates ?? 1
      if (!Number.isInteger(candidates) || candidates < 1 || candidates > mostCandidates)
        throw new RangeError(`candidates is ${candidates}, expected an integer from 1 to ${mostCandidates}`)
      const speed = options.speed ?? 1
      if (!(speed >= speedRange[0] && speed <= speedRange[1]))
        throw new RangeError(`speed is ${speed}, expected ${speedRange[0]} to ${speedRange[1]}`)
      options.signal?.throwIfAborted()
      const prompt = cropPrompt(options.prompt, longestPromptFrames)
      const promptFrames = prompt.codes.shape[1]!
      const promptLatents = vectors(prompt.codes.data, codebooks, promptFrames)
      const voiceFrames = options.prompt.codes.shape[1]!
      const voiceLatents = vectors(options.prompt.codes.data, codebooks, voiceFrames) // all of it tells the voice, what is cropped too
      const promptPhonemes = [...prompt.durations].flatMap((duration, phoneme) => Array<number>(duration).fill(phoneme))
      const ids = Int32Array.of(...prompt.phonemes, ...phonemes)
      const encode = async (model: Model) => {
        const feeds = { ids: int64Tensor(ids, [1, ids.length]), prompt: float32Tensor(voiceLatents, [1, voiceFrames, dim]) }
        return (await model.run(feeds, options.signal ? { signal: options.signal } : {})).encoding as Tensor<'float32'>
      }
      const narEncoding = await encode(narEncoder)
      const codes: number[] = []
      const framePhonemes: number[] = []
      const durations: number[] = []
      let refined = 0

      /** Latents [L, to − refined] of the frames that have not been given yet. */
      async function refine(to: number): Promise<Tensor<'float32'>> {
        const [from, known] = [Math.max(0, refined - framesBefore), Math.min(codes.length, to + framesAfter)]
        const latents = await refineLatents(narModel, nar, {
          encoding: narEncoding,
          framePhonemes: Int32Array.of(...promptPhonemes, ...framePhonemes.slice(from, known)),
          promptLatents,
          firstLatents: vectors(Int32Array.from(codes.slice(from, known)), 1, known - from),
          ...(options.signal ? { signal: options.signal } : {}),
        })
        const count = to - refined
        const columns = new Float32Array(count * dim) // [T, L] → [L, T]
        for (let t = 0; t < count; t++) for (let i = 0; i < dim; i++) columns[i * count + t] = latents[(refined - from + t) * dim + i]!
        refined = to
        return float32Tensor(columns, [dim, count])
      }

      let stretch = firstStretchFrames
      const frames = generateFirstCodes(arModels, ar, {
        encoding: await encode(arEncoder),
        promptDurations: prompt.durations,
        promptLatents,
        sampling,
        speed,
        seed: options.seed ?? 0,
        maxFrames: Math.min(options.maxFrames ?? longestFrames, longestFrames),
        ...(listener && candidates > 1 && sampling.temperature > 0 ? { listening: listenTo(listener, candidates, phonemes) } : {}),
        ...(options.signal ? { signal: options.signal } : {}),
      })
      let age = 0
      for await (const { code, endsPhoneme } of frames) {
        codes.push(code)
        framePhonemes.push(prompt.phonemes.length + durations.length)
        age++
        if (endsPhoneme) {
          durations.push(age)
          age = 0
        }
        options.onFrame?.(codes.length)
        if (codes.length < stretch + framesAfter || durations.length === phonemes.length) continue
        yield { latents: await refine(stretch), durations: Int32Array.from(durations) }
        stretch *= stretchGrowth
      }
      const stopped = durations.length === phonemes.length ? 'end' : 'length'
      if (age > 0) durations.push(age)
      yield { latents: await refine(codes.length), durations: Int32Array.from(durations), stopped }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(models.map(model => model[Symbol.asyncDispose]()))
    },
  }
}

/**
 * Loads the aligner of a bundle: a frame classifier, and Viterbi over its log-probabilities. `weights` stays open as long as the aligner lives.
 * @param pauses with them, silence may be between any two words of what is aligned
 * @throws {CheckpointError} if a weight is missing or misshapen
 */
export async function loadMynahAligner(weights: Weights, config: unknown, runtime: Runtime, pauses?: PauseSymbols): Promise<Aligner> {
  const sizes = parseAlignerConfig(config)
  const model = await runtime.load(() => buildAligner(weights, sizes), { name: 'aligner' })
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
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  }
}

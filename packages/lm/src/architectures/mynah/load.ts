import { CheckpointError, float32Tensor, int64Tensor, type Model, parseConfig, type Tensor, type Weights } from '@mynah/onnx'
import type { LanguageModelArchitecture } from '../../architecture.ts'
import type { Generated, GenerateOptions, LanguageModel } from '../../language-model.ts'
import { checkSampling } from '../../sampling.ts'
import { type ArFrame, generateFirstCodes, type Scoring } from './ar.ts'
import { buildArPassage, buildArPrefill, passageSlots, prefillSlots } from './ar-graphs.ts'
import { type MynahConfig, schema } from './config.ts'
import { buildClassifier, buildNar, buildPhonemeEncoder, type Precision } from './graphs.ts'
import { framesAfter, Refinement } from './nar.ts'
import { checkPhonemes, checkPrompt, cropPrompt } from './prompt.ts'
import { scorePassage } from './scorer.ts'

type GraphName = 'nar' | 'prefill' | 'passage' | 'nar-encoder' | 'ar-encoder' | 'scorer'

/** Training prompts last 1.5 to 4 s; more context than this neither helps nor was practised. */
const longestPromptFrames = 200
/** 40 s: far beyond any sentence, a bound for cache and attention memory. */
const longestFrames = 1600
/** Speech is refined in chunks, so that its beginning is heard before its end is known: 1 s first, then until twice as much is known, and so on. */
const firstChunkFrames = 40
const chunkGrowth = 2
const mostCandidates = 16

/**
 * Mynah's language model. Its weights are several files: `ar`, `nar`, `codec`, whose codebooks are its codes' vectors, and, where passages are chosen among candidates, `scorer`;
 * so is its config. Why it is as it is: docs/decisions/2026-11-23-monotonic-alignment.md.
 */
export const mynah: LanguageModelArchitecture = {
  name: 'mynah',
  detect: weights => weights.has('ar.to_advance.weight') && weights.has('nar.to_residual.weight'),
  describe(weights, config) {
    const sizes = parseConfig('mynah', schema, config, weights)
    const { ar, nar, scorer } = sizes
    const codebooks = checkSizes(weights, sizes)
    const codebook = () => readCodebook(weights, sizes)
    return {
      codebooks,
      codebookSize: ar.codebookSize,
      symbols: ar.symbols,
      trainingOnly: /^codec\./, // what it does not speak with
      slots: { prefill: prefillSlots(ar), passage: passageSlots(ar) },
      build(tensors, { device }) {
        // ONNX Runtime's int8 kernel is the CPU's; other devices compute in float32.
        const precision: Precision = device === 'cpu' ? 'stored' : 'float32'
        const [arTensors, narTensors] = [tensors.scope('ar'), tensors.scope('nar')]
        return {
          nar: () => buildNar(narTensors, nar, precision),
          prefill: () => buildArPrefill(arTensors, ar, codebook().first, precision),
          passage: () => buildArPassage(arTensors, ar, codebook().first, precision),
          'nar-encoder': () => buildPhonemeEncoder(narTensors, nar, precision),
          'ar-encoder': () => buildPhonemeEncoder(arTensors, ar, precision),
          ...(scorer && { scorer: () => buildClassifier(tensors.scope('scorer'), scorer) }),
        }
      },
      generator: models => createGenerator(sizes, models as Models, codebook()),
    }
  },
}

/** @returns K @throws {CheckpointError} `config-mismatch` if the parts are of different models */
function checkSizes(weights: Weights, { ar, nar, scorer }: MynahConfig): number {
  const [codebooks, size, dim] = weights.shape('codec.rvq.codebook') as [number, number, number]
  const claims = [
    ["the codec's codebooks have", size, ar.codebookSize, 'codewords'],
    ["the codec's codewords have", dim, ar.latentDim, 'numbers'],
    ['the NAR model has latents of', nar.latentDim, ar.latentDim, 'numbers'],
    ['the NAR model knows', nar.symbols, ar.symbols, 'symbols'],
    ...(scorer
      ? ([
          ['the scorer takes vectors of', scorer.nInput, ar.latentDim, 'numbers'],
          ['the scorer knows', scorer.symbols, ar.symbols, 'symbols'],
        ] as const)
      : []),
  ] as const
  for (const [what, found, expected, unit] of claims) {
    if (found === expected) continue
    throw new CheckpointError(`mynah: ${what} ${found} ${unit}, the AR model ${expected}; do these files belong together?`, {
      code: 'config-mismatch',
    })
  }
  return codebooks
}

/** The codec's codewords. */
interface Codebooks {
  /** All, float32 [K · N · L]. */
  readonly all: Float32Array
  /** Those of the first codebook, [N · L]. */
  readonly first: Float32Array
}

function readCodebook(weights: Weights, { ar: { codebookSize, latentDim } }: MynahConfig): Codebooks {
  const all = weights.get('codec.rvq.codebook', [undefined, codebookSize, latentDim]).data
  return { all, first: all.subarray(0, codebookSize * latentDim) }
}

type Models = Readonly<Record<Exclude<GraphName, 'scorer'>, Model> & Partial<Record<GraphName, Model>>>

function createGenerator(config: MynahConfig, models: Models, codebook: Codebooks): LanguageModel['generate'] {
  const { ar, nar, scorer } = config
  const dim = ar.latentDim
  const codebooks = codebook.all.length / codebook.first.length

  /** Rows of `codes` [K, T] summed over codebooks: [T, L]. */
  const vectors = (codes: Int32Array, frames: number) => {
    const sum = new Float32Array(frames * dim)
    for (let i = 0; i < codes.length; i++) {
      const [k, t] = [Math.floor(i / frames), i % frames]
      const row = (k * ar.codebookSize + codes[i]!) * dim
      for (let d = 0; d < dim; d++) sum[t * dim + d]! += codebook.all[row + d]!
    }
    return sum
  }

  return async function* generate(phonemes, options) {
    const { sampling, candidates } = readOptions(options)
    checkPhonemes('generate', phonemes, ar.symbols)
    checkPrompt(options.prompt, codebooks, ar.codebookSize, ar.symbols)
    const signal = options.signal ? { signal: options.signal } : {}
    options.signal?.throwIfAborted()
    const prompt = cropPrompt(options.prompt, longestPromptFrames)
    const promptFrames = prompt.codes.shape[1]!
    const promptLatents = vectors(prompt.codes.data, promptFrames)
    const voiceFrames = options.prompt.codes.shape[1]!
    const voiceLatents = vectors(options.prompt.codes.data, voiceFrames) // all of it tells the voice, what is cropped too
    const ids = Int32Array.of(...prompt.phonemes, ...phonemes)
    const encode = async (model: Model) => {
      const feeds = { ids: int64Tensor(ids, [1, ids.length]), prompt: float32Tensor(voiceLatents, [1, voiceFrames, dim]) }
      return (await model.run(feeds, signal)).encoding as Tensor<'float32'>
    }
    const given = { promptDurations: prompt.durations, promptLatents, ...signal, ...(options.turn ? { turn: options.turn } : {}) }
    const refinement = new Refinement(models.nar, nar.latentDim, {
      ...given,
      encoding: await encode(models['nar-encoder']),
      vectors: codes => vectors(codes, codes.length),
    })
    const scoring: Scoring | undefined =
      scorer && models.scorer && candidates > 1 && sampling.temperature > 0
        ? { candidates, clear: scorer.clear, score: (...of) => scorePassage(models.scorer!, scorer, codebook.first, phonemes, ...of) }
        : undefined
    const frames = generateFirstCodes(models, ar, {
      ...given,
      encoding: await encode(models['ar-encoder']),
      sampling,
      seed: options.seed ?? 0,
      maxFrames: Math.min(options.maxFrames ?? longestFrames, longestFrames),
      ...(scoring ? { scoring } : {}),
    })
    yield* inChunks(frames, phonemes.length, refinement, options.onFrame)
  }
}

/** Refines frames as they come, in chunks that grow. */
async function* inChunks(
  frames: AsyncIterable<ArFrame>,
  phonemes: number,
  refinement: Refinement,
  onFrame: GenerateOptions['onFrame'],
): AsyncGenerator<Generated, void, undefined> {
  const known: ArFrame[] = []
  const durations: number[] = []
  let age = 0
  let chunk = firstChunkFrames
  for await (const frame of frames) {
    known.push(frame)
    age++
    if (frame.endsPhoneme) {
      durations.push(age)
      age = 0
    }
    onFrame?.(known.length)
    if (known.length < chunk + framesAfter || durations.length === phonemes) continue
    yield { latents: await refinement.refine(known, chunk), durations: Int32Array.from(durations) }
    chunk *= chunkGrowth
  }
  const stopped = durations.length === phonemes ? 'end' : 'length'
  if (age > 0) durations.push(age)
  yield { latents: await refinement.refine(known, known.length), durations: Int32Array.from(durations), stopped }
}

/** @throws {RangeError} for an option out of range */
function readOptions(options: GenerateOptions) {
  const sampling = {
    temperature: options.temperature ?? 0.35,
    topK: options.topK ?? 30,
    topP: options.topP ?? 1,
    repetitionPenalty: options.repetitionPenalty ?? 1,
  }
  checkSampling(sampling)
  const { candidates = 1 } = options
  if (!Number.isInteger(candidates) || candidates < 1 || candidates > mostCandidates)
    throw new RangeError(`candidates is ${candidates}, expected an integer from 1 to ${mostCandidates}`)
  return { sampling, candidates }
}

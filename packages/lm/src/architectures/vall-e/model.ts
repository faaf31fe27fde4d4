import { createRandom, int64Tensor, type Model, type Tensor } from '@mynah/onnx'
import type { GenerateOptions } from '../../language-model.ts'
import { type SamplingOptions, sample } from '../../sampling.ts'
import type { VallEConfig } from './config.ts'
import { Decoding } from './decoding.ts'

/** What VALL-E continues: the prompt's transcript and the text in one sequence, and the prompt's codes. */
export interface VallERequest {
  /** Text ids [P], the prompt's transcript first. */
  readonly text: Int32Array
  /** How many of them are the transcript. */
  readonly promptTextLength: number
  /** EnCodec codes of the prompt int32 [K, T]; T may be 0 where the checkpoint has a beginning code. */
  readonly prompt: Tensor<'int32'>
  /** Language of each text id [P] for VALL-E X: 0 en, 1 zh, 2 ja. */
  readonly languages?: Int32Array
}

/** Options of `VallE.generate`. */
export interface VallEGenerateOptions extends SamplingOptions, Pick<GenerateOptions, 'signal' | 'turn' | 'onFrame'> {
  readonly seed: number
  /** At most this many frames; the reference's limit of 16 a text id by default. */
  readonly maxFrames?: number
  /** Gives up when one or two codes alone have filled this many frames; never by default. */
  readonly maxStuckFrames?: number
}

/** Codes int32 [K, T], and why there are not more. */
export interface VallECodes {
  readonly codes: Tensor<'int32'>
  readonly stopped: 'end' | 'length' | 'repetition'
}

/** A loaded VALL-E: phoneme ids and a prompt's codes → codes of the same voice. */
export interface VallE extends AsyncDisposable {
  readonly config: VallEConfig
  /**
   * AR model, then NAR model.
   * @throws {RangeError} for ids outside the table, a misshapen prompt, or no prompt where the checkpoint needs one
   */
  generate(request: VallERequest, options: VallEGenerateOptions): Promise<VallECodes>
  /** The first half of `generate`: text and prompt through the AR model. Dispose of the result. @throws {RangeError} as `generate` */
  prefill(request: VallERequest, options?: { chunkFrames?: number; signal?: AbortSignal }): Promise<Decoding>
  /**
   * The second half: codebooks 2 … K for codes of the first. `onStage` sees each stage's logits [T, audioTokens], which cost a copy.
   * @returns int32 [K, T]
   */
  refine(
    request: VallERequest,
    first: Int32Array,
    options?: { signal?: AbortSignal; onStage?: (stage: number, logits: Tensor<'float32'>) => void },
  ): Promise<Tensor<'int32'>>
}

/** The reference ends after this many frames for each text id. */
const framesPerTextId = 16
/** The repetition penalty looks back this far: 0.25 s at EnCodec's 75 frames a second. */
const penaltyFrames = 19

/** Sessions by graph; those of the NAR model are missing for a checkpoint of one codebook. */
export type VallEModels = Readonly<Record<'ar-text' | 'ar' | 'cache', Model> & Partial<Record<'nar-text' | 'nar', Model>>>

/**
 * VALL-E on sessions of its graphs.
 * @param dispose frees them
 */
export function createVallE(config: VallEConfig, models: VallEModels, dispose: () => Promise<void>): VallE {
  const end = config.audioTokens

  const prefill: VallE['prefill'] = async (request, options = {}) => {
    checkRequest(config, request)
    const text = await encodeText(models['ar-text'], request.text, languagesOf(config, request), options.signal)
    const prompt = request.prompt.data.subarray(0, request.prompt.shape[1])
    return Decoding.begin({ step: models.ar, merge: models.cache }, config, { text, prompt }, options)
  }

  const generateFirst = async (request: VallERequest, options: VallEGenerateOptions) => {
    await using decoding = await prefill(request, options)
    const limit = Math.min(
      options.maxFrames ?? Number.POSITIVE_INFINITY,
      framesPerTextId * request.text.length + Number(!config.prependBos),
    )
    const random = createRandom(options.seed)
    const codes: number[] = []
    while (true) {
      const { logits } = decoding
      // A model that says nothing has failed; the reference gives up there, we draw something else.
      if (codes.length === 0) logits[end] = Number.NEGATIVE_INFINITY
      const code = sample(logits, options, random, codes.slice(-penaltyFrames))
      // lifeiteng's reference also ends where the end was merely the likeliest, VALL-E X's only where it was drawn.
      const ended =
        code === end || (config.name === 'vall-e' && codes.length > 0 && sample(logits, { ...options, temperature: 0 }, random) === end)
      if (ended) return { codes, stopped: 'end' as const }
      if (codes.length >= limit) return { codes, stopped: 'length' as const }
      codes.push(code)
      if (isStuck(codes, options.maxStuckFrames)) return { codes: codes.slice(0, -options.maxStuckFrames!), stopped: 'repetition' as const }
      options.onFrame?.(codes.length)
      await options.turn?.()
      await decoding.advance(code, options.signal)
    }
  }

  const refine: VallE['refine'] = (request, first, options = {}) => refineCodes(config, models, request, first, options)

  return {
    config,
    prefill,
    refine,
    async generate(request, options) {
      const { codes, stopped } = await generateFirst(request, options)
      return { codes: await refine(request, Int32Array.from(codes), options), stopped }
    },
    [Symbol.asyncDispose]: dispose,
  }
}

async function encodeText(
  model: Model,
  ids: Int32Array,
  languages: Int32Array | undefined,
  signal: AbortSignal | undefined,
): Promise<Tensor<'float32'>> {
  const feeds = { ids: int64Tensor(ids, [1, ids.length]), ...(languages ? { languages: int64Tensor(languages, [1, ids.length]) } : {}) }
  return (await model.run(feeds, signal ? { signal } : {})).text as Tensor<'float32'>
}

/** All stages of the NAR model: each adds a codebook. */
async function refineCodes(
  config: VallEConfig,
  { nar, 'nar-text': textModel }: VallEModels,
  request: VallERequest,
  first: Int32Array,
  { signal, onStage }: NonNullable<Parameters<VallE['refine']>[2]>,
): Promise<Tensor<'int32'>> {
  checkRequest(config, request)
  const { codebooks, prefixMode } = config
  const frames = first.length
  const prefix = request.prompt.shape[1]!
  const result = new Int32Array(codebooks * frames)
  result.set(first)
  if (!nar || !textModel || frames === 0) return { dtype: 'int32', shape: [codebooks, frames], data: result }
  const { ids, languages } = narText(config, request)
  const text = await encodeText(textModel, ids, languages, signal)
  const total = prefix + frames
  const codes = new BigInt64Array(codebooks * total)
  const write = (codebook: number, at: number, values: ArrayLike<number>) => {
    for (let t = 0; t < values.length; t++) codes[codebook * total + at + t] = BigInt(values[t]!)
  }
  for (let k = 0; k < codebooks; k++) write(k, 0, request.prompt.data.subarray(k * prefix, (k + 1) * prefix))
  write(0, prefix, first)
  for (let stage = 0; stage < codebooks - 1; stage++) {
    const known = new Int32Array(total).fill(stage + 1)
    if (prefixMode !== 0) known.fill(codebooks, 0, prefix)
    const feeds = {
      text,
      codes: { dtype: 'int64', shape: [codebooks, total], data: codes } as const,
      known: int64Tensor(known, [total]),
      prefix: int64Tensor([prefix], []),
      stage: int64Tensor([stage], []),
    }
    const outputs = await nar.run(feeds, { fetch: onStage ? ['chosen', 'logits'] : ['chosen'], ...(signal ? { signal } : {}) })
    const chosen = Int32Array.from(outputs.chosen!.data as BigInt64Array, Number)
    onStage?.(stage, outputs.logits as Tensor<'float32'>)
    result.set(chosen, (stage + 1) * frames)
    write(stage + 1, prefix, chosen)
  }
  return { dtype: 'int32', shape: [codebooks, frames], data: result }
}

function isStuck(codes: readonly number[], frames: number | undefined): boolean {
  return frames !== undefined && codes.length > frames && new Set(codes.slice(-frames)).size <= 2
}

function languagesOf(config: VallEConfig, { languages, text }: VallERequest): Int32Array | undefined {
  return config.languages === 0 ? undefined : (languages ?? new Int32Array(text.length))
}

/** The NAR model of prefix modes 2 and 4 does not see the prompt's transcript: of it, only the first id (the beginning) and the last one stay. */
function narText(config: VallEConfig, request: VallERequest): { ids: Int32Array; languages: Int32Array | undefined } {
  const languages = languagesOf(config, request)
  if (config.prefixMode < 2) return { ids: request.text, languages }
  const start = Math.max(1, request.promptTextLength - 1)
  const cut = (list: Int32Array) => Int32Array.of(list[0]!, ...list.subarray(start))
  return { ids: cut(request.text), languages: languages && cut(languages) }
}

function checkRequest(config: VallEConfig, { text, promptTextLength, prompt, languages }: VallERequest): void {
  const fail = (problem: string) => {
    throw new RangeError(`${config.name}: ${problem}`)
  }
  if (text.length === 0) fail('no text; expected at least one id')
  const wrong = text.find(id => !(id >= 0 && id < config.textTokens))
  if (wrong !== undefined) fail(`text id ${wrong} is outside the table of ${config.textTokens}`)
  if (!Number.isInteger(promptTextLength) || promptTextLength < 0 || promptTextLength > text.length)
    fail(`promptTextLength is ${promptTextLength}, expected 0 to ${text.length}`)
  const [found, frames] = prompt.shape
  if (prompt.shape.length !== 2 || found !== config.codebooks || prompt.data.length !== found * frames!)
    fail(`prompt codes are [${prompt.shape.join(', ')}], expected [${config.codebooks}, T]`)
  const code = prompt.data.find(each => !(each >= 0 && each < config.audioTokens))
  if (code !== undefined) fail(`the prompt has code ${code}, expected 0 to ${config.audioTokens - 1}`)
  if (languages && (languages.length !== text.length || languages.some(id => !(id >= 0 && id < Math.max(1, config.languages)))))
    fail(`languages are not ${text.length} ids from 0 to ${config.languages - 1}`)
}

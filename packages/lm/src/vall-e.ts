import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  CheckpointError,
  createRandom,
  createRuntime,
  int64Tensor,
  loadWeights,
  type Model,
  multipliesInt8Exactly,
  type OnnxModel,
  type Runtime,
  readCheckpoint,
  type Tensor,
  type Weights,
} from '@mynah/onnx'
import { buildCacheMerge, mergeSlots, stepSlots } from './architectures/block-cache.ts'
import { buildAr, buildNar, buildText, type Precision } from './architectures/vall-e.ts'
import { checkTensors, isVallE, readVallEConfig, type VallEConfig } from './architectures/vall-e-config.ts'
import { type SamplingOptions, sample } from './sampling.ts'
import { Decoding, type DecodingModels } from './vall-e-decoding.ts'

/** Options of `loadVallE`. */
export interface LoadVallEOptions {
  /** Hyper-parameters in lifeiteng's spelling (`nhead`, `prefix_mode`), or the path of their JSON. Default: `config.json` beside the checkpoint, else those inside it. */
  readonly config?: unknown
  /**
   * `int8` keeps the transformers' weights in a quarter of the memory and multiplies faster, `int4` those of the AR model in an eighth, which is faster still;
   * `float32` by default.
   */
  readonly dtype?: keyof typeof arPrecisions
  /** Where to run; shared runtimes stay open. Default: one of its own on the CPU, closed with the model. */
  readonly runtime?: Runtime
}

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
export interface VallEGenerateOptions extends SamplingOptions {
  readonly seed: number
  /** At most this many frames; the reference's limit of 16 a text id by default. */
  readonly maxFrames?: number
  /** Gives up when one or two codes alone have filled this many frames; never by default. */
  readonly maxStuckFrames?: number
  readonly signal?: AbortSignal
  /** Called after every generated frame with the number of frames so far. */
  readonly onFrame?: (frames: number) => void
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

/** Of the AR model's linear layers. A step of it has one row, a pass of the NAR model hundreds, which is multiplied with one scale: docs/decisions/2026-11-23-ar-decoding.md. */
const arPrecisions = { float32: 'float32', int8: 'int8-blocks', int4: 'int4-blocks' } as const

/** How both models multiply on this runtime. */
export async function precisionsOf(
  dtype: keyof typeof arPrecisions,
  runtime: Runtime,
): Promise<{ ar: Precision['dtype']; nar: Precision['dtype'] }> {
  const ar = arPrecisions[dtype]
  if (ar === 'float32') return { ar, nar: ar }
  return { ar, nar: (await multipliesInt8Exactly(runtime)) ? 'int8-signed' : 'int8' }
}

/** Published configs have a few kilobytes. */
const maxConfigBytes = 1 << 20
/** The reference ends after this many frames for each text id. */
const framesPerTextId = 16
/** The repetition penalty looks back this far: 0.25 s at EnCodec's 75 frames a second. */
const penaltyFrames = 19

/**
 * Loads VALL-E X (Plachtaa's `vallex-checkpoint.pt`) or VALL-E (lifeiteng's layout) from its checkpoint; every tensor's name and shape is checked first.
 * @throws {CheckpointError} `unknown-architecture`, `missing-config`, `bad-config`, `config-mismatch`, `missing-tensor`, `shape-mismatch`, `unexpected-tensor`, and all
 *   of readCheckpoint's
 * @throws {InferenceError} if ONNX Runtime cannot open the model
 */
export async function loadVallE(checkpoint: string, options: LoadVallEOptions = {}): Promise<VallE> {
  const config = describe(checkpoint, options.config)
  const runtime = options.runtime ?? (await createRuntime({ device: 'cpu' }))
  const models: Model[] = []
  // Factories, so that tensors are freed once they are in the worker, and read again should it crash.
  const load = async (name: string, build: (weights: Weights) => OnnxModel, state: Record<string, string> = {}) => {
    const model = await runtime.load(() => withWeights(checkpoint, build), { name: `${config.name} ${name}`, state, transfer: true })
    models.push(model)
    return model
  }
  const dispose = async () => {
    await Promise.all(models.map(model => model.dispose()))
    if (!options.runtime) await runtime.dispose()
  }
  try {
    const { ar: arDtype, nar: narDtype } = await precisionsOf(options.dtype ?? 'float32', runtime)
    // The larger one first: loading it takes the most memory.
    const nar = config.nar && {
      text: await load('nar-text', weights => buildText(weights, 'nar', config)),
      model: await load('nar', weights => buildNar(weights, config, { dtype: narDtype })),
    }
    const arText = await load('ar-text', weights => buildText(weights, 'ar', config))
    const ar = {
      step: await load('ar', weights => buildAr(weights, config, { dtype: arDtype }), stepSlots(config.ar)),
      merge: await load('cache', () => buildCacheMerge(config.ar), mergeSlots(config.ar)),
    }
    return createVallE(config, { ar, arText, nar }, dispose)
  } catch (error) {
    await dispose()
    throw error
  }
}

function describe(checkpoint: string, given: unknown): VallEConfig {
  return withWeights(checkpoint, (weights, root) => {
    if (!isVallE(weights)) {
      throw new CheckpointError(
        `${checkpoint}: holds ${weights.names.slice(0, 3).join(', ')}, …; expected VALL-E or VALL-E X in lifeiteng's layout`,
        {
          code: 'unknown-architecture',
        },
      )
    }
    const beside = join(dirname(checkpoint), 'config.json')
    const found = given ?? (existsSync(beside) ? beside : root)
    const config = readVallEConfig(weights, typeof found === 'string' ? readConfig(found) : found)
    checkTensors(weights, config)
    return config
  })
}

function withWeights<T>(path: string, use: (weights: Weights, root: unknown) => T): T {
  const checkpoint = readCheckpoint(path)
  try {
    return use(loadWeights(checkpoint), checkpoint.root)
  } finally {
    checkpoint.close()
  }
}

function readConfig(path: string): unknown {
  try {
    const { size } = statSync(path)
    if (size <= maxConfigBytes) return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new CheckpointError(`${path}: is not a readable JSON file; pass config`, { code: 'bad-config', cause })
  }
  throw new CheckpointError(`${path}: has more than ${maxConfigBytes} bytes; is it a config? pass config`, { code: 'bad-config' })
}

interface Parts {
  readonly ar: DecodingModels
  readonly arText: Model
  readonly nar: { readonly text: Model; readonly model: Model } | undefined
}

function createVallE(config: VallEConfig, parts: Parts, dispose: () => Promise<void>): VallE {
  const { audioTokens, codebooks } = config
  const end = audioTokens

  const encodeText = async (model: Model, ids: Int32Array, languages: Int32Array | undefined, signal: AbortSignal | undefined) => {
    const feeds = { ids: int64Tensor(ids, [1, ids.length]), ...(languages ? { languages: int64Tensor(languages, [1, ids.length]) } : {}) }
    return (await model.run(feeds, signal ? { signal } : {})).text as Tensor<'float32'>
  }

  const prefill: VallE['prefill'] = async (request, options = {}) => {
    checkRequest(config, request)
    const text = await encodeText(parts.arText, request.text, languagesOf(config, request), options.signal)
    const prompt = request.prompt.data.subarray(0, request.prompt.shape[1])
    return Decoding.begin(parts.ar, config, { text, prompt }, options)
  }

  const refine: VallE['refine'] = async (request, first, options = {}) => {
    checkRequest(config, request)
    const { signal, onStage } = options
    const frames = first.length
    const prefix = request.prompt.shape[1]!
    const result = new Int32Array(codebooks * frames)
    result.set(first)
    if (parts.nar && frames > 0) {
      const { ids, languages } = narText(config, request)
      const text = await encodeText(parts.nar.text, ids, languages, signal)
      const total = prefix + frames
      const codes = new BigInt64Array(codebooks * total)
      const write = (level: number, at: number, values: ArrayLike<number>) => {
        for (let t = 0; t < values.length; t++) codes[level * total + at + t] = BigInt(values[t]!)
      }
      for (let k = 0; k < codebooks; k++) write(k, 0, request.prompt.data.subarray(k * prefix, (k + 1) * prefix))
      write(0, prefix, first)
      for (let stage = 0; stage < codebooks - 1; stage++) {
        const known = new Int32Array(total).fill(stage + 1)
        if (config.prefixMode !== 0) known.fill(codebooks, 0, prefix)
        const feeds = {
          text,
          codes: { dtype: 'int64', shape: [codebooks, total], data: codes } as const,
          known: int64Tensor(known, [total]),
          prefix: int64Tensor([prefix], []),
          stage: int64Tensor([stage], []),
        }
        const outputs = await parts.nar.model.run(feeds, {
          fetch: onStage ? ['chosen', 'logits'] : ['chosen'],
          ...(signal ? { signal } : {}),
        })
        const chosen = Int32Array.from(outputs.chosen!.data as BigInt64Array, Number)
        onStage?.(stage, outputs.logits as Tensor<'float32'>)
        result.set(chosen, (stage + 1) * frames)
        write(stage + 1, prefix, chosen)
      }
    }
    return { dtype: 'int32', shape: [codebooks, frames], data: result }
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
      await decoding.advance(code, options.signal)
    }
  }

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
  const [levels, frames] = prompt.shape
  if (prompt.shape.length !== 2 || levels !== config.codebooks || prompt.data.length !== levels * frames!)
    fail(`prompt codes are [${prompt.shape.join(', ')}], expected [${config.codebooks}, T]`)
  const code = prompt.data.find(each => !(each >= 0 && each < config.audioTokens))
  if (code !== undefined) fail(`the prompt has code ${code}, expected 0 to ${config.audioTokens - 1}`)
  if (languages && (languages.length !== text.length || languages.some(id => !(id >= 0 && id < Math.max(1, config.languages)))))
    fail(`languages are not ${text.length} ids from 0 to ${config.languages - 1}`)
}

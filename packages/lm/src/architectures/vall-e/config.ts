import { CheckpointError, type Weights } from '@mynah/onnx'
import { z } from 'zod'

/** Sizes of one of VALL-E's two transformers. */
export interface DecoderSizes {
  /** D, the width. */
  readonly dim: number
  readonly heads: number
  readonly layers: number
}

/** What a VALL-E checkpoint is: nearly all of it is read from tensor shapes. */
export interface VallEConfig {
  /** `vall-e-x` has language embeddings. */
  readonly name: 'vall-e' | 'vall-e-x'
  readonly ar: DecoderSizes
  /** Undefined for a model of one codebook. */
  readonly nar: DecoderSizes | undefined
  /** Rows of the text table. */
  readonly textTokens: number
  /** Codewords of each codebook; as a code of the AR model this number means the end, the next one the beginning. */
  readonly audioTokens: number
  /** K */
  readonly codebooks: number
  /** Languages that the model tells apart, 0 for one that does not. */
  readonly languages: number
  /** Whether a beginning code precedes the prompt's. */
  readonly prependBos: boolean
  /** Whether norms come before attention and feed-forward layers instead of after the sums. */
  readonly normFirst: boolean
  /** Whether convolutions and linear layers lie between embeddings and positions. */
  readonly prenet: boolean
  /**
   * What the NAR model sees of the prompt. 0: its codes up to the present stage; 1: all of them; 2 and 4: all of them, but not its transcript.
   */
  readonly prefixMode: 0 | 1 | 2 | 4
}

/** Hyper-parameters as lifeiteng/vall-e's trainer keeps them beside the weights, or as the constructor names them. What the weights tell is only checked. */
const schema = z.object({
  nhead: z.int().positive().optional(),
  scale_factor: z.number().positive().optional(),
  prefix_mode: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(4)]).optional(),
  d_model: z.int().optional(),
  num_layers: z.int().optional(),
  num_quantizers: z.int().optional(),
  num_text_tokens: z.int().optional(),
  norm_first: z.boolean().optional(),
  add_prenet: z.boolean().optional(),
  prepend_bos: z.boolean().optional(),
})

/** Other spellings of the same values → the schema's. */
const renames: Readonly<Record<string, string>> = {
  decoder_dim: 'd_model',
  num_decoder_layers: 'num_layers',
  nar_scale_factor: 'scale_factor',
}

/** The hyper-parameters that a trainer kept beside the weights. @param root what was saved @returns undefined if there are none */
export function hyperParametersIn(root: unknown): unknown {
  if (typeof root !== 'object' || root === null) return undefined
  const known = [...Object.keys(schema.shape), ...Object.keys(renames)]
  return known.some(name => Object.hasOwn(root, name)) ? root : undefined
}

/** macros.py of Plachtaa/VALL-E-X: the one value of the published checkpoint that its shapes do not tell. */
const published = { dim: 1024, heads: 16 } as const
/** Deep enough for any transformer; bounds the search for layers. */
const mostLayers = 1000

/** Whether these are the weights of VALL-E or VALL-E X in lifeiteng's layout. */
export function isVallE(weights: Weights): boolean {
  return weights.has('ar_audio_embedding.word_embeddings.weight') && weights.has('ar_decoder.layers.0.self_attn.in_proj_weight')
}

/**
 * Reads sizes from shapes, the rest from `config`.
 * @param config hyper-parameters in lifeiteng's spelling; undefined where none were found
 * @throws {CheckpointError} `bad-config`, `missing-config` without the number of heads, `config-mismatch`, `missing-tensor`
 */
export function readVallEConfig(weights: Weights, config: unknown): VallEConfig {
  const values = parse(weights, config)
  const [audioRows, dim] = weights.shape('ar_audio_embedding.word_embeddings.weight') as [number, number]
  const audioTokens = weights.shape('ar_predict_layer.weight')[0]! - 1
  const codebooks = Math.max(
    1,
    count(weights, i => `nar_audio_embeddings.${i}.word_embeddings.weight`),
  )
  const name = weights.has('ar_language_embedding.word_embeddings.weight') ? 'vall-e-x' : 'vall-e'
  const nhead = values.nhead ?? (name === 'vall-e-x' && dim === published.dim ? published.heads : undefined)
  if (nhead === undefined) {
    throw new CheckpointError(
      `${name}: ${weights.source} does not say how many attention heads it has; pass config { nhead }, or put it in config.json beside it`,
      { code: 'missing-config' },
    )
  }
  const narDim = codebooks > 1 ? weights.shape('nar_text_embedding.word_embeddings.weight')[1]! : dim
  const layersOf = (part: string) => count(weights, i => `${part}.layers.${i}.self_attn.in_proj_weight`)
  const result: VallEConfig = {
    name,
    ar: { dim, heads: nhead, layers: layersOf('ar_decoder') },
    nar:
      codebooks > 1
        ? { dim: narDim, heads: Math.floor(nhead * (values.scale_factor ?? narDim / dim)), layers: layersOf('nar_decoder') }
        : undefined,
    textTokens: weights.shape('ar_text_embedding.word_embeddings.weight')[0]!,
    audioTokens,
    codebooks,
    languages: name === 'vall-e-x' ? weights.shape('ar_language_embedding.word_embeddings.weight')[0]! : 0,
    prependBos: audioRows === audioTokens + 2,
    normFirst: weights.has('ar_decoder.norm.weight'),
    prenet: weights.has('ar_text_prenet.1.weight'),
    prefixMode: values.prefix_mode ?? (name === 'vall-e-x' ? 1 : 0),
  }
  checkAgainst(weights, values, result)
  return result
}

function parse(weights: Weights, config: unknown): z.infer<typeof schema> {
  const fields = typeof config === 'object' && config !== null ? Object.entries(config) : []
  const known = new Set(Object.keys(schema.shape))
  const named = fields.map(([key, value]) => [renames[key] ?? key, value] as const).filter(([key]) => known.has(key))
  const parsed = schema.safeParse(Object.fromEntries(named))
  if (parsed.success) return parsed.data
  throw new CheckpointError(`vall-e: the config of ${weights.source}: ${z.prettifyError(parsed.error)}`, {
    code: 'bad-config',
    cause: parsed.error,
  })
}

function checkAgainst(weights: Weights, values: z.infer<typeof schema>, found: VallEConfig): void {
  const fail = (problem: string) => {
    throw new CheckpointError(`${found.name}: ${weights.source}: ${problem}; does the config belong to this checkpoint?`, {
      code: 'config-mismatch',
    })
  }
  const pairs = {
    d_model: found.ar.dim,
    num_layers: found.ar.layers,
    num_quantizers: found.codebooks,
    num_text_tokens: found.textTokens,
    norm_first: found.normFirst,
    add_prenet: found.prenet,
    prepend_bos: found.prependBos,
  }
  for (const [field, value] of Object.entries(pairs)) {
    const configured = values[field as keyof typeof pairs]
    if (configured !== undefined && configured !== value) fail(`its config says ${field} ${configured}, the weights have ${value}`)
  }
  for (const [part, { dim, heads }] of Object.entries({ AR: found.ar, NAR: found.nar ?? found.ar })) {
    if (heads < 1 || dim % heads !== 0) fail(`${heads} heads do not divide the ${part} model's width ${dim}`)
    if (dim % 2 !== 0) fail(`the ${part} model's width ${dim} is odd, which sinusoidal positions cannot be`)
  }
}

function count(weights: Weights, name: (i: number) => string): number {
  let found = 0
  while (found < mostLayers && weights.has(name(found))) found++
  return found
}

/** Buffers that training keeps beside the weights. */
const trainingOnly = /(^|_)accuracy_metric\.|\.num_batches_tracked$/
/** What a model of one codebook has of the NAR model, and does not use. */
const unusedEmbeddings = /^nar_(text|language)_embedding\./

/**
 * Checks name and shape of every tensor without reading one.
 * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`, `unexpected-tensor`
 */
export function checkTensors(weights: Weights, config: VallEConfig): void {
  const expected = expectedShapes(config)
  for (const [tensor, shape] of expected) {
    const found = weights.shape(tensor)
    if (found.length === shape.length && shape.every((size, axis) => size === found[axis])) continue
    throw new CheckpointError(
      `${config.name}: "${tensor}" of ${weights.source} is [${found.join(', ')}], expected [${shape.join(', ')}]; is the checkpoint damaged, or of a fork?`,
      { code: 'shape-mismatch' },
    )
  }
  const unused = (tensor: string) => trainingOnly.test(tensor) || (!config.nar && unusedEmbeddings.test(tensor))
  const left = weights.names.filter(tensor => !expected.has(tensor) && !unused(tensor))
  if (left.length === 0) return
  const shown = left.slice(0, 4).map(tensor => `"${tensor}"`)
  throw new CheckpointError(
    `${config.name}: ${weights.source} holds ${left.length} tensors that this model has no place for: ${shown.join(', ')}; VALL-F and other forks are not supported`,
    { code: 'unexpected-tensor' },
  )
}

/** Name → shape of every tensor that the model reads. */
export function expectedShapes(config: VallEConfig): Map<string, readonly number[]> {
  const { audioTokens, codebooks, prependBos } = config
  const shapes = new Map<string, readonly number[]>()
  const { dim } = config.ar
  addTransformer(shapes, 'ar', config.ar, config)
  shapes.set('ar_audio_embedding.word_embeddings.weight', [audioTokens + 1 + Number(prependBos), dim])
  shapes.set('ar_predict_layer.weight', [audioTokens + 1, dim])
  if (!config.nar) return shapes
  addTransformer(shapes, 'nar', config.nar, config)
  for (let k = 0; k < codebooks; k++)
    shapes.set(`nar_audio_embeddings.${k}.word_embeddings.weight`, [audioTokens + Number(k === 0), config.nar.dim])
  for (let stage = 0; stage < codebooks - 1; stage++) {
    shapes.set(`nar_predict_layers.${stage}.weight`, [audioTokens, config.nar.dim])
    shapes.set(`nar_stage_embeddings.${stage}.word_embeddings.weight`, [1, config.nar.dim])
  }
  return shapes
}

/** Text side and transformer, which the AR and the NAR model have in common. */
function addTransformer(shapes: Map<string, readonly number[]>, part: 'ar' | 'nar', { dim, layers }: DecoderSizes, config: VallEConfig) {
  const add = (name: string, shape: readonly number[], bias = true) => {
    shapes.set(`${name}.weight`, shape)
    if (bias) shapes.set(`${name}.bias`, [shape[0]!])
  }
  const norm = (name: string) => {
    if (part === 'nar') add(`${name}.project_layer`, [2 * dim, dim])
    add(part === 'nar' ? `${name}.norm` : name, [dim])
  }
  add(`${part}_text_embedding.word_embeddings`, [config.textTokens, dim], false)
  if (config.languages > 0) add(`${part}_language_embedding.word_embeddings`, [config.languages, dim], false)
  for (const side of ['text', 'audio']) shapes.set(`${part}_${side}_position.alpha`, [1])
  if (config.prenet) {
    for (const i of textPrenet.convolutions) {
      add(`${part}_text_prenet.${i}`, [dim, dim, textPrenet.kernel])
      add(`${part}_text_prenet.${i + 1}`, [dim])
      for (const statistic of ['running_mean', 'running_var']) shapes.set(`${part}_text_prenet.${i + 1}.${statistic}`, [dim])
    }
    add(`${part}_text_prenet.${textPrenet.linear}`, [dim, dim])
    const { linears, width } = audioPrenet
    for (const [n, i] of linears.entries()) add(`${part}_audio_prenet.${i}`, [n === 2 ? dim : width, n === 0 ? dim : width])
  }
  for (let i = 0; i < layers; i++) {
    const layer = `${part}_decoder.layers.${i}`
    shapes.set(`${layer}.self_attn.in_proj_weight`, [3 * dim, dim])
    shapes.set(`${layer}.self_attn.in_proj_bias`, [3 * dim])
    add(`${layer}.self_attn.out_proj`, [dim, dim])
    add(`${layer}.linear1`, [4 * dim, dim])
    add(`${layer}.linear2`, [dim, 4 * dim])
    for (const n of [1, 2]) norm(`${layer}.norm${n}`)
  }
  if (config.normFirst) norm(`${part}_decoder.norm`)
}

/** Places of layers in the prenets' nn.Sequential: each convolution is followed by its batch norm. */
export const textPrenet = { convolutions: [1, 5, 9], linear: 14, kernel: 5 } as const
/** Places of the three linear layers, and the width between them. */
export const audioPrenet = { linears: [0, 3, 6], width: 256 } as const

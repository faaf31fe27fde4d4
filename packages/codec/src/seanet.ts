import {
  CheckpointError,
  conv1d,
  convTranspose1d,
  type Dim,
  elu,
  type GraphBuilder,
  groupNorm1,
  lstm,
  type Operand,
  type Value,
  type Weights,
} from '@mynah/onnx'
import type { Carry } from './carry.ts'

/** What the weights do not say about a SEANet. */
export interface SeanetConfig {
  /** Pads only before (encoder) and trims only after (decoder). */
  readonly causal: boolean
  readonly padMode: 'reflect' | 'constant'
  /** Residual unit number j of a stage has dilation `dilationBase`^j; the published ones have one unit. */
  readonly dilationBase: number
  /**
   * Emits the reference's rule for audio shorter than a reflection: append zeros, reflect, cut as much off. Right for every length, but slower;
   * without it the graph needs more than `longestPadding` frames.
   */
  readonly short: boolean
  /** Emits a causal network that runs on a stream, chunk by chunk. */
  readonly carry?: Carry
}

/** One entry of the sequential network. Entries without weights are ELUs. */
interface Layer {
  readonly index: number
  readonly kind: 'conv' | 'lstm' | 'residual' | 'elu'
  readonly weights: Weights
}

const TIME = 2
/** Published encoders have 16 entries; a checkpoint that claims more than this is not one. */
const MAX_LAYERS = 256
/** Name of the convolution in an entry: facebookresearch/encodec's wrappers, then transformers'. */
const CONVOLUTIONS = ['conv.conv', 'convtr.convtr', 'conv'] as const
const NORMS = ['conv.norm', 'convtr.norm', 'norm'] as const

/**
 * Emits the encoder of SEANet: convolution, stages of residual units and strided convolutions, LSTM where there is one, convolution.
 * Papers: SEANet arXiv:2009.02095, SoundStream arXiv:2107.03312, EnCodec arXiv:2210.13438. Every size comes from the weights; a strided kernel is twice its stride.
 * @param x float32 [1, C, S]
 * @param weights the network's own scope, `encoder.model` or `encoder.layers`
 * @returns float32 [1, D, ⌈S / hop⌉]
 */
export function seanetEncoder(graph: GraphBuilder, x: Value, weights: Weights, config: SeanetConfig): Value {
  const layers = layersOf(weights)
  const ends = endsOf(layers)
  return emit(graph, x, layers, config, (value, layer) => {
    const { scope, shape } = convolutionOf(layer.weights)
    return paddedConv(graph, value, layer.weights, config, { stride: ends.has(layer.index) ? 1 : strideOf(scope, shape), dilation: 1 })
  })
}

/**
 * Emits the decoder of SEANet, the mirror image with transposed convolutions.
 * @param x float32 [1, D, T]
 * @returns float32 [1, C, T · hop]
 */
export function seanetDecoder(graph: GraphBuilder, x: Value, weights: Weights, config: SeanetConfig): Value {
  const layers = layersOf(weights)
  const ends = endsOf(layers)
  return emit(graph, x, layers, config, (value, layer) =>
    ends.has(layer.index)
      ? paddedConv(graph, value, layer.weights, config, { stride: 1, dilation: 1 })
      : trimmedConvTranspose(graph, value, layer.weights, config),
  )
}

/** Strides of the encoder's downsampling convolutions, in order of execution. */
export function seanetStrides(weights: Weights): readonly number[] {
  const layers = layersOf(weights)
  const ends = endsOf(layers)
  return layers
    .filter(({ kind, index }) => kind === 'conv' && !ends.has(index))
    .map(layer => {
      const { scope, shape } = convolutionOf(layer.weights)
      return strideOf(scope, shape)
    })
}

/** Channels that the encoder takes. */
export function seanetChannels(weights: Weights): number {
  const name = weights.names.find(first => /^0\..*weight$/.test(first) && weights.shape(first).length === 3)
  return name ? weights.shape(name)[1]! : 1
}

/** Shapes of the weights of all convolutions, residual units' and shortcuts' included, in the order of the file. */
export function seanetShapes(weights: Weights): readonly (readonly number[])[] {
  const names = weights.names.filter(name => name.endsWith('.weight') && !name.includes('norm.') && weights.shape(name).length === 3)
  return names.map(name => weights.shape(name))
}

/** Whether an LSTM reads backwards, too (SpeechTokenizer's encoder). */
export function seanetLooksAhead(weights: Weights): boolean {
  return weights.names.some(name => name.endsWith('_reverse'))
}

/** Whether the network normalizes over channels and time after its convolutions (EnCodec 48 kHz), which only non-causal ones do. */
export function seanetNormalizes(weights: Weights): boolean {
  return weights.names.some(name => /\bnorm\.weight$/.test(name))
}

/** Whether there is an LSTM: EnCodec has one, SoundStream none. */
export function seanetHasLstm(weights: Weights): boolean {
  return weights.names.some(name => name.includes('.lstm.'))
}

/** The most elements that one convolution reflects at one end; with more frames than this, no layer is short of elements. */
export function longestPadding(weights: Weights, dilationBase: number): number {
  return Math.max(0, ...paddingsOf(weights, dilationBase).map(({ total, stride }) => Math.max(total, Math.floor(total / 2) + stride - 1)))
}

/**
 * Frames that the first chunk of a stream must have: every causal convolution reflects its first elements, and must see all of them.
 * @param side which of the two networks these weights are
 */
export function seanetFirstFrames(
  weights: Weights,
  side: 'encoder' | 'decoder',
  config: Pick<SeanetConfig, 'dilationBase' | 'padMode'>,
): number {
  if (config.padMode === 'constant') return 1
  const paddings = paddingsOf(weights, config.dilationBase)
  // Elements per frame: in the encoder those that the strides to come divide by, in the decoder those that the strides before have made.
  let elements = side === 'encoder' ? paddings.reduce((product, { stride }) => product * stride, 1) : 1
  let longest = 1
  for (const { total, stride } of paddings) {
    const transposed = side === 'decoder' && stride > 1
    if (!transposed) longest = Math.max(longest, Math.ceil((total + 1) / elements))
    elements = side === 'encoder' ? elements / stride : elements * stride
  }
  return longest
}

/** Of every convolution in order: its stride, and the elements that its window has besides one stride. */
function paddingsOf(weights: Weights, dilationBase: number): { total: number; stride: number }[] {
  const layers = layersOf(weights)
  const ends = endsOf(layers)
  let units = 0
  const padding = ({ scope, shape }: { scope: Weights; shape: readonly number[] }, dilation: number, resamples: boolean) => {
    const stride = resamples ? strideOf(scope, shape) : 1
    return { total: (shape[2]! - 1) * dilation + 1 - stride, stride }
  }
  return layers.flatMap(layer => {
    units = layer.kind === 'residual' ? units + 1 : layer.kind === 'conv' ? 0 : units
    if (layer.kind === 'conv') return [padding(convolutionOf(layer.weights), 1, !ends.has(layer.index))]
    if (layer.kind !== 'residual') return []
    const inner = layersOf(layer.weights.scope('block')).filter(({ kind }) => kind === 'conv')
    return inner.map((conv, i) => padding(convolutionOf(conv.weights), i === 0 ? dilationBase ** (units - 1) : 1, false))
  })
}

function layersOf(weights: Weights): Layer[] {
  const numbers = weights.names.map(name => /^(\d+)\./.exec(name)?.[1]).filter(text => text !== undefined)
  const last = Math.max(-1, ...numbers.map(Number))
  if (last < 0 || last >= MAX_LAYERS) {
    throw new CheckpointError(`${weights.source}: no SEANet layers (found ${last + 1}, expected 1 to ${MAX_LAYERS})`, {
      code: 'unknown-architecture',
    })
  }
  return Array.from({ length: last + 1 }, (_, index) => {
    const layer = weights.scope(`${index}`)
    if (layer.has('lstm.weight_ih_l0')) return { index, kind: 'lstm', weights: layer }
    if (layer.names.some(name => name.startsWith('block.'))) return { index, kind: 'residual', weights: layer }
    return { index, kind: layer.names.length > 0 ? 'conv' : 'elu', weights: layer }
  })
}

/** Indices of the first and the last convolution, which have stride 1. */
function endsOf(layers: readonly Layer[]): ReadonlySet<number> {
  const convs = layers.filter(({ kind }) => kind === 'conv').map(({ index }) => index)
  return new Set([convs[0]!, convs.at(-1)!])
}

function emit(
  graph: GraphBuilder,
  x: Value,
  layers: readonly Layer[],
  config: SeanetConfig,
  convolve: (value: Value, layer: Layer) => Value,
): Value {
  let units = 0
  return layers.reduce((value, layer) => {
    units = layer.kind === 'residual' ? units + 1 : layer.kind === 'conv' ? 0 : units
    return graph.scope(`${layer.index}`, () => {
      if (layer.kind === 'elu') return elu(graph, value)
      if (layer.kind === 'lstm') return skipLstm(graph, value, layer.weights.scope('lstm'), config.carry)
      if (layer.kind === 'residual') return residualUnit(graph, value, layer.weights, config, config.dilationBase ** (units - 1))
      return convolve(value, layer)
    })
  }, x)
}

/** LSTM over frames, added to its input; one of two directions to its input twice. */
function skipLstm(graph: GraphBuilder, x: Value, weights: Weights, carry: Carry | undefined): Value {
  const frames = graph.transpose(x, [2, 0, 1]) // [T, 1, D]
  const { output } = carry ? carry.lstm(frames, weights) : lstm(graph, frames, weights)
  const both = output.shape[2] === frames.shape[2] ? frames : graph.concat([frames, frames], 2)
  return graph.transpose(graph.add(output, both), [1, 2, 0])
}

/** ELU and convolutions, added to the input, which passes a convolution of its own where there is a `shortcut`. The dilation is the first convolution's. */
function residualUnit(graph: GraphBuilder, x: Value, weights: Weights, config: SeanetConfig, dilation: number): Value {
  let first = true
  const y = layersOf(weights.scope('block')).reduce((value, layer) => {
    if (layer.kind === 'elu') return elu(graph, value)
    const convolved = paddedConv(graph, value, layer.weights, config, { stride: 1, dilation: first ? dilation : 1 })
    first = false
    return convolved
  }, x)
  const shortcut = weights.scope('shortcut')
  return graph.add(shortcut.names.length > 0 ? paddedConv(graph, x, shortcut, config, { stride: 1, dilation: 1 }) : x, y)
}

/**
 * Convolution padded as the reference does, so that its tokens come out: (k − 1)·d + 1 − stride elements, before (causal) or the larger half before,
 * and as many more after as complete the last window. Reflected, even where causal.
 */
function paddedConv(
  graph: GraphBuilder,
  x: Value,
  weights: Weights,
  config: SeanetConfig,
  { stride, dilation }: { stride: number; dilation: number },
): Value {
  const { scope, shape } = convolutionOf(weights)
  const total = (shape[2]! - 1) * dilation + 1 - stride
  const right = config.causal ? 0 : Math.floor(total / 2)
  const left = total - right
  const extra = stride === 1 ? undefined : graph.mod(graph.neg(graph.lengthOf(x, TIME)), stride)
  const after = extra ? graph.add(extra, right) : right
  const { carry } = config
  const padded = total === 0 ? x : carry ? precede(graph, x, total, after, { ...config, carry }) : pad(graph, x, left, after, config)
  return normalized(graph, conv1d(graph, padded, scope, { stride, dilation }), weights)
}

/** On a stream: the elements before x, and padding for those that are missing at its start. */
function precede(graph: GraphBuilder, x: Value, total: number, after: Operand, config: SeanetConfig & { carry: Carry }): Value {
  const { joined, carried } = config.carry.before(x, total)
  const missing = graph.sub(graph.constant([total], 'int64'), carried)
  const padded = graph.pad(joined, TIME, missing, after, { mode: config.padMode })
  return typeof after === 'number' ? graph.assume(padded, ofLength(x, `${x.shape[TIME]}+${total + after}`)) : padded
}

function pad(graph: GraphBuilder, x: Value, left: number, right: Operand, config: SeanetConfig): Value {
  if (config.padMode === 'constant') return graph.pad(x, TIME, left, right)
  if (!config.short) return graph.pad(x, TIME, left, right, { mode: 'reflect' })
  const largest = typeof right === 'number' ? Math.max(left, right) : graph.max(right, left)
  const length = graph.lengthOf(x, TIME)
  const missing = graph.max(graph.sub(graph.add(graph.constant([1], 'int64'), largest), length), 0)
  const reflected = graph.pad(graph.pad(x, TIME, 0, missing), TIME, left, right, { mode: 'reflect' })
  const cut = graph.slice(reflected, TIME, 0, graph.sub(graph.lengthOf(reflected, TIME), missing))
  return typeof right === 'number' && typeof x.shape[TIME] === 'string'
    ? graph.assume(cut, ofLength(x, `${x.shape[TIME]}+${left + right}`))
    : cut
}

/** Transposed convolution without the k − stride elements that overlap the neighbours' frames. Norm comes before trimming. */
function trimmedConvTranspose(graph: GraphBuilder, x: Value, weights: Weights, config: SeanetConfig): Value {
  const { scope, shape } = convolutionOf(weights)
  const stride = strideOf(scope, shape)
  const total = shape[2]! - stride
  const right = config.causal ? total : Math.floor(total / 2)
  if (config.carry) {
    // A window of two strides: the first stride of a chunk is made of its first element and the last one before.
    const { joined, carried } = config.carry.before(x, 1)
    const whole = convTranspose1d(graph, joined, scope, { stride, padding: [0, stride] })
    const own = graph.slice(whole, TIME, graph.mul(carried, stride))
    return graph.assume(own, ofLength(whole, `(${x.shape[TIME]})*${stride}`))
  }
  if (!normOf(weights)) return convTranspose1d(graph, x, scope, { stride, padding: [total - right, right] })
  const whole = normalized(graph, convTranspose1d(graph, x, scope, { stride }), weights)
  return graph.slice(whole, TIME, total - right, right === 0 ? undefined : -right)
}

/** The shape of x with another length. */
function ofLength(x: Value, length: Dim): Dim[] {
  return [...x.shape.slice(0, TIME), length]
}

function normalized(graph: GraphBuilder, x: Value, weights: Weights): Value {
  const norm = normOf(weights)
  return norm ? groupNorm1(graph, x, norm) : x
}

function normOf(weights: Weights): Weights | undefined {
  const name = NORMS.find(norm => weights.has(`${norm}.weight`))
  return name && weights.scope(name)
}

function convolutionOf(weights: Weights): { scope: Weights; shape: readonly number[] } {
  const name = CONVOLUTIONS.find(conv => weights.has(`${conv}.weight`))
  const shape = name && weights.shape(`${name}.weight`)
  if (!name || shape?.length !== 3) {
    const found = shape ? `weight [${shape.join(', ')}]` : `[${weights.names.slice(0, 4).join(', ')}]`
    throw new CheckpointError(`${weights.source}: a SEANet layer has ${found}, expected a convolution's weight [out, in, k]`, {
      code: shape ? 'shape-mismatch' : 'missing-tensor',
    })
  }
  return { scope: weights.scope(name), shape }
}

function strideOf(scope: Weights, shape: readonly number[]): number {
  const stride = shape[2]! / 2
  if (!Number.isInteger(stride)) {
    throw new CheckpointError(`${scope.source}: a resampling kernel has ${shape[2]} elements, expected twice its stride`, {
      code: 'shape-mismatch',
    })
  }
  return stride
}

import { CheckpointError, type Dim, elu, type Net, type Operand, type Value, type Weights } from '@mynah/onnx'
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
 * @param net the network's own place, `encoder.model` or `encoder.layers`
 * @param x float32 [1, C, S]
 * @returns float32 [1, D, ⌈S / hop⌉]
 */
export function seanetEncoder(net: Net, x: Value, config: SeanetConfig): Value {
  return emit(net, x, config, (layer, value, isEnd) => {
    const stride = isEnd ? 1 : strideOf(layer.weights)
    return paddedConv(layer, value, config, { stride })
  })
}

/**
 * Emits the decoder of SEANet, the mirror image with transposed convolutions.
 * @param x float32 [1, D, T]
 * @returns float32 [1, C, T · hop]
 */
export function seanetDecoder(net: Net, x: Value, config: SeanetConfig): Value {
  return emit(net, x, config, (layer, value, isEnd) =>
    isEnd ? paddedConv(layer, value, config) : trimmedConvTranspose(layer, value, config),
  )
}

/** Strides of the encoder's downsampling convolutions, in order of execution. */
export function seanetStrides(weights: Weights): readonly number[] {
  const layers = layersOf(weights)
  const ends = endsOf(layers)
  return layers.filter(({ kind, index }) => kind === 'conv' && !ends.has(index)).map(layer => strideOf(layer.weights))
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
  const padding = (layer: Weights, dilation: number, resamples: boolean) => {
    const stride = resamples ? strideOf(layer) : 1
    return { total: windowBesides(layer, stride, dilation), stride }
  }
  return layers.flatMap(layer => {
    units = layer.kind === 'residual' ? units + 1 : layer.kind === 'conv' ? 0 : units
    if (layer.kind === 'conv') return [padding(layer.weights, 1, !ends.has(layer.index))]
    if (layer.kind !== 'residual') return []
    const inner = layersOf(layer.weights.scope('block')).filter(({ kind }) => kind === 'conv')
    return inner.map((conv, i) => padding(conv.weights, i === 0 ? dilationBase ** (units - 1) : 1, false))
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

function emit(net: Net, x: Value, config: SeanetConfig, convolve: (layer: Net, x: Value, isEnd: boolean) => Value): Value {
  const layers = layersOf(net.weights)
  const ends = endsOf(layers)
  let units = 0
  return layers.reduce((value, { index, kind }) => {
    const layer = net.at(`${index}`)
    units = kind === 'residual' ? units + 1 : kind === 'conv' ? 0 : units
    if (kind === 'elu') return elu(layer, value)
    if (kind === 'lstm') return skipLstm(layer, value, config.carry)
    if (kind === 'residual') return residualUnit(layer, value, config, config.dilationBase ** (units - 1))
    return convolve(layer, value, ends.has(index))
  }, x)
}

/** LSTM over frames, added to its input; one of two directions to its input twice. */
function skipLstm(net: Net, x: Value, carry: Carry | undefined): Value {
  const frames = net.transpose(x, [2, 0, 1]) // [T, 1, D]
  const { output } = carry ? carry.lstm(net, 'lstm', frames) : net.lstm('lstm', frames)
  const both = output.shape[2] === frames.shape[2] ? frames : net.concat([frames, frames], 2)
  return net.transpose(net.add(output, both), [1, 2, 0])
}

/** ELU and convolutions, added to the input, which passes a convolution of its own where there is a `shortcut`. The dilation is the first convolution's. */
function residualUnit(net: Net, x: Value, config: SeanetConfig, dilation: number): Value {
  const [block, shortcut] = [net.at('block'), net.at('shortcut')]
  let first = true
  const y = layersOf(block.weights).reduce((value, { index, kind }) => {
    const layer = block.at(`${index}`)
    if (kind === 'elu') return elu(layer, value)
    const convolved = paddedConv(layer, value, config, { dilation: first ? dilation : 1 })
    first = false
    return convolved
  }, x)
  return net.add(shortcut.weights.names.length > 0 ? paddedConv(shortcut, x, config) : x, y)
}

/**
 * Convolution padded as the reference does, so that its tokens come out: (k − 1)·d + 1 − stride elements, before (causal) or the larger half before,
 * and as many more after as complete the last window. Reflected, even where causal.
 */
function paddedConv(net: Net, x: Value, config: SeanetConfig, { stride = 1, dilation = 1 } = {}): Value {
  const total = windowBesides(net.weights, stride, dilation)
  const right = config.causal ? 0 : Math.floor(total / 2)
  const left = total - right
  const extra = stride === 1 ? undefined : net.mod(net.neg(net.lengthOf(x, TIME)), stride)
  const after = extra ? net.add(extra, right) : right
  const { carry } = config
  const padded = total === 0 ? x : carry ? precede(net, x, total, after, { ...config, carry }) : pad(net, x, left, after, config)
  return normalized(net, net.conv1d(convolutionOf(net.weights).name, padded, { stride, dilation }))
}

/** On a stream: the elements before x, and padding for those that are missing at its start. */
function precede(net: Net, x: Value, total: number, after: Operand, config: SeanetConfig & { carry: Carry }): Value {
  const { joined, carried } = config.carry.before(net, x, total)
  const missing = net.sub(net.constant([total], 'int64'), carried)
  const padded = net.pad(joined, TIME, missing, after, { mode: config.padMode })
  return typeof after === 'number' ? net.assume(padded, ofLength(x, `${x.shape[TIME]}+${total + after}`)) : padded
}

function pad(net: Net, x: Value, left: number, right: Operand, config: SeanetConfig): Value {
  if (config.padMode === 'constant') return net.pad(x, TIME, left, right)
  if (!config.short) return net.pad(x, TIME, left, right, { mode: 'reflect' })
  const largest = typeof right === 'number' ? Math.max(left, right) : net.max(right, left)
  const length = net.lengthOf(x, TIME)
  const missing = net.max(net.sub(net.add(net.constant([1], 'int64'), largest), length), 0)
  const reflected = net.pad(net.pad(x, TIME, 0, missing), TIME, left, right, { mode: 'reflect' })
  const cut = net.slice(reflected, TIME, 0, net.sub(net.lengthOf(reflected, TIME), missing))
  return typeof right === 'number' && typeof x.shape[TIME] === 'string'
    ? net.assume(cut, ofLength(x, `${x.shape[TIME]}+${left + right}`))
    : cut
}

/** Transposed convolution without the k − stride elements that overlap the neighbours' frames. Norm comes before trimming. */
function trimmedConvTranspose(net: Net, x: Value, config: SeanetConfig): Value {
  const { name } = convolutionOf(net.weights)
  const stride = strideOf(net.weights)
  const total = windowBesides(net.weights, stride)
  const right = config.causal ? total : Math.floor(total / 2)
  if (config.carry) {
    // A window of two strides: the first stride of a chunk is made of its first element and the last one before.
    const { joined, carried } = config.carry.before(net, x, 1)
    const whole = net.convTranspose1d(name, joined, { stride, padding: [0, stride] })
    const own = net.slice(whole, TIME, net.mul(carried, stride))
    return net.assume(own, ofLength(whole, `(${x.shape[TIME]})*${stride}`))
  }
  if (!normOf(net.weights)) return net.convTranspose1d(name, x, { stride, padding: [total - right, right] })
  const whole = normalized(net, net.convTranspose1d(name, x, { stride }))
  return net.slice(whole, TIME, total - right, right === 0 ? undefined : -right)
}

/** The shape of x with another length. */
function ofLength(x: Value, length: Dim): Dim[] {
  return [...x.shape.slice(0, TIME), length]
}

function normalized(net: Net, x: Value): Value {
  const norm = normOf(net.weights)
  return norm ? net.groupNorm(norm, x) : x
}

function normOf(layer: Weights): string | undefined {
  return NORMS.find(norm => layer.has(`${norm}.weight`))
}

/** The convolution of an entry. */
function convolutionOf(layer: Weights): { name: string; shape: readonly number[] } {
  const name = CONVOLUTIONS.find(conv => layer.has(`${conv}.weight`))
  const shape = name && layer.shape(`${name}.weight`)
  if (name && shape?.length === 3) return { name, shape }
  const found = shape ? `weight [${shape.join(', ')}]` : `[${layer.names.slice(0, 4).join(', ')}]`
  throw new CheckpointError(`${layer.source}: a SEANet layer has ${found}, expected a convolution's weight [out, in, k]`, {
    code: shape ? 'shape-mismatch' : 'missing-tensor',
  })
}

/** Elements that a convolution's window has besides one stride. */
function windowBesides(layer: Weights, stride: number, dilation = 1): number {
  return (convolutionOf(layer).shape[2]! - 1) * dilation + 1 - stride
}

function strideOf(layer: Weights): number {
  const kernel = convolutionOf(layer).shape[2]!
  if (kernel % 2 === 0) return kernel / 2
  throw new CheckpointError(`${layer.source}: a resampling kernel has ${kernel} elements, expected twice its stride`, {
    code: 'shape-mismatch',
  })
}

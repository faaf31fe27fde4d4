import { CheckpointError, float32Tensor, type Net, type Value, type Weights } from '@mynah/onnx'

/** What the weights do not say about the networks that DAC and SNAC share. */
export interface DacNetworkConfig {
  /** Whether transposed convolutions of odd stride add one element, so that every frame decodes to `hop` samples: SNAC does, DAC does not. */
  readonly outputPadding: boolean
  /** Frames per attention window (SNAC 32 and 44 kHz). */
  readonly attentionWindow?: number
  /** The noise of decoder block `index`, [1, 1, T] for an x [1, C, T]; without it noise blocks are left out, which is what noise of zeros gives. */
  readonly noise?: (x: Value, index: number) => Value
}

/** Published networks have eight entries or fewer; a checkpoint that claims more than this is not one. */
const MAX_LAYERS = 64
/** Dilations of the three residual units in every block. */
const dilations = [1, 3, 9]
/** Width of an attention head where the file lacks the table of rotary frequencies. */
const defaultHeadDim = 64
const rotaryBase = 10000

/**
 * Emits waveform or latents through one of the two networks: convolution, blocks that resample with Snake and dilated residual units, convolution.
 * Papers: DAC arXiv:2306.06546, SNAC arXiv:2410.14411. Reads descript-audio-codec's and SNAC's names or transformers'. Sizes come from the weights;
 * a resampling kernel is twice its stride.
 * @param net the place `encoder` or `decoder`
 * @param x float32 [1, C, T]
 */
export function dacNetwork(net: Net, x: Value, config: DacNetworkConfig): Value {
  let block = 0
  return dacLayers(net.weights).reduce((value, { name, weights }) => {
    if (weights.has('alpha')) return net.snake(name, value)
    if (weights.has('to_qkv.weight')) return localAttention(net.at(name), value, config.attentionWindow)
    const parts = blockParts(weights)
    if (parts?.kind === 'encoder') return encoderBlock(net.at(name), value, parts)
    if (parts?.kind === 'decoder') return decoderBlock(net.at(name), value, parts, config, block++)
    return sameConv(net, name, value)
  }, x)
}

/** Strides of the blocks, in order of execution. */
export function dacStrides(weights: Weights): readonly number[] {
  return dacLayers(weights).flatMap(({ weights: layer }) => {
    const parts = blockParts(layer)
    return parts ? [strideOf(layer, parts.resample)] : []
  })
}

/** Output channels of the first and the last convolution. */
export function dacWidths(weights: Weights): readonly number[] {
  const convs = dacLayers(weights).filter(layer => layer.weights.has('weight'))
  return [convs[0]!, convs.at(-1)!].map(layer => layer.weights.shape('weight')[0]!)
}

/** Whether a Snake comes before the last convolution: in DAC's encoder, not in SNAC's. */
export function dacEndsInSnake(weights: Weights): boolean {
  return dacLayers(weights).some(layer => layer.weights.has('alpha'))
}

/** How many decoder blocks add noise. */
export function dacNoiseBlocks(weights: Weights): number {
  return dacLayers(weights).filter(layer => blockParts(layer.weights)?.noise).length
}

/** Whether attention runs between blocks and convolutions. */
export function dacAttends(weights: Weights): boolean {
  return dacLayers(weights).some(layer => layer.weights.has('to_qkv.weight'))
}

/** The network's entries in order, whichever way they are named. */
function dacLayers(weights: Weights): readonly { readonly name: string; readonly weights: Weights }[] {
  const entry = (name: string) => ({ name, weights: weights.scope(name) })
  const list = (scope: string) => {
    const numbers = weights.scope(scope).names.map(name => /^(\d+)\./.exec(name)?.[1])
    const count = Math.max(-1, ...numbers.filter(text => text !== undefined).map(Number)) + 1
    if (count < 1 || count > MAX_LAYERS) {
      throw new CheckpointError(`${weights.source}: ${count} layers in a DAC network, expected 1 to ${MAX_LAYERS}`, {
        code: 'unknown-architecture',
      })
    }
    const entries = Array.from({ length: count }, (_, index) => entry(`${scope}.${index}`))
    return entries.filter(layer => layer.weights.names.length > 0)
  }
  if (!weights.has('conv1.weight')) return list(weights.names.some(name => name.startsWith('model.')) ? 'model' : 'block')
  return [entry('conv1'), ...list('block'), entry('snake1'), entry('conv2')]
}

/** Names of the parts of a resampling block. */
interface BlockParts {
  readonly kind: 'encoder' | 'decoder'
  readonly snake: string
  readonly resample: string
  readonly noise?: string
  readonly units: readonly string[]
}

/** Parts of a resampling block; undefined if the layer is something else. */
function blockParts(layer: Weights): BlockParts | undefined {
  if (layer.has('block.4.weight')) {
    return { kind: 'encoder', units: ['block.0', 'block.1', 'block.2'], snake: 'block.3', resample: 'block.4' }
  }
  if (layer.has('block.0.alpha')) {
    const resampling = { kind: 'decoder', snake: 'block.0', resample: 'block.1' } as const
    return layer.has('block.2.linear.weight')
      ? { ...resampling, noise: 'block.2.linear', units: ['block.3', 'block.4', 'block.5'] }
      : { ...resampling, units: ['block.2', 'block.3', 'block.4'] }
  }
  const units = ['res_unit1', 'res_unit2', 'res_unit3']
  if (layer.has('conv_t1.weight')) return { kind: 'decoder', snake: 'snake1', resample: 'conv_t1', units }
  if (layer.has('conv1.weight')) return { kind: 'encoder', snake: 'snake1', resample: 'conv1', units }
  return undefined
}

function encoderBlock(net: Net, x: Value, { units, snake, resample }: BlockParts): Value {
  const y = net.snake(snake, residualUnits(net, x, units))
  const stride = strideOf(net.weights, resample)
  return net.conv1d(resample, y, { stride, kernel: 2 * stride, padding: Math.ceil(stride / 2) })
}

function decoderBlock(net: Net, x: Value, { units, snake, resample, noise }: BlockParts, config: DacNetworkConfig, index: number): Value {
  const stride = strideOf(net.weights, resample)
  const y = net.convTranspose1d(resample, net.snake(snake, x), {
    ...{ stride, kernel: 2 * stride, padding: Math.ceil(stride / 2) },
    outputPadding: config.outputPadding ? stride % 2 : 0,
  })
  if (!noise || !config.noise) return residualUnits(net, y, units)
  const amplitude = net.conv1d(noise, y, { out: y.shape[1] as number, kernel: 1, bias: false })
  return residualUnits(net, net.add(y, net.mul(config.noise(y, index), amplitude)), units)
}

/** Snake, dilated convolution (depthwise in SNAC), Snake, 1 × 1 convolution, added to the input; three in a row. */
function residualUnits(net: Net, x: Value, units: readonly string[]): Value {
  return units.reduce((sum, unit, i) => {
    const at = net.at(unit)
    const [snake1, conv1, snake2, conv2] = at.weights.has('block.0.alpha')
      ? (['block.0', 'block.1', 'block.2', 'block.3'] as const)
      : (['snake1', 'conv1', 'snake2', 'conv2'] as const)
    const y = sameConv(at, conv1, at.snake(snake1, sum), dilations[i])
    return at.add(sum, sameConv(at, conv2, at.snake(snake2, y)))
  }, x)
}

/** Convolution that keeps the length, in as many groups as the weight's channels say. */
function sameConv(net: Net, name: string, x: Value, dilation = 1): Value {
  const groups = (x.shape[1] as number) / net.weights.shape(`${name}.weight`)[1]!
  return net.conv1d(name, x, { dilation, groups, padding: 'same' })
}

/**
 * Attention inside windows of frames, with rotary positions that start anew in each, added to the input. T must be a multiple of the window.
 * Reads `norm`, `to_qkv`, `to_out` and, if there, `rel_pos.inv_freq`.
 */
function localAttention(net: Net, x: Value, window = 32): Value {
  const [, width, frames] = x.shape as [number, number, string]
  const frequencies = net.weights.has('rel_pos.inv_freq')
    ? net.weight('rel_pos.inv_freq', [undefined]).data
    : Float32Array.from({ length: defaultHeadDim / 2 }, (_, i) => rotaryBase ** ((-2 * i) / defaultHeadDim))
  const headDim = 2 * frequencies.length
  const heads = width / headDim
  const table = (name: string, of: (angle: number) => number) => {
    const data = Float32Array.from({ length: window * headDim }, (_, i) =>
      of(Math.fround(Math.floor(i / headDim) * frequencies[i % frequencies.length]!)),
    )
    return net.initializer(name, float32Tensor(data, [window, headDim]))
  }
  const [cos, sin] = [table('cos', Math.cos), table('sin', Math.sin)]
  const rotate = (value: Value) => {
    const [first, second] = net.split(value, [headDim / 2, headDim / 2], 3) as [Value, Value]
    return net.add(net.mul(value, cos), net.mul(net.concat([net.neg(second), first], 3), sin))
  }
  const normal = net.layerNorm('norm', net.transpose(x, [0, 2, 1])) // [1, T, C]
  const packed = net.linear('to_qkv', normal, { out: 3 * width, bias: false })
  const all = net.reshape(packed, [-1, window, 3, heads, headDim])
  const [q, k, v] = net.split(net.transpose(all, [2, 0, 3, 1, 4]), [1, 1, 1], 0).map(value => net.squeeze(value, [0])) as [
    Value,
    Value,
    Value,
  ] // [windows, heads, window, headDim]
  const scores = net.mul(net.matmul(rotate(q), net.transpose(rotate(k), [0, 1, 3, 2])), 1 / Math.sqrt(headDim))
  const mixed = net.matmul(net.softmax(scores), v)
  const joined = net.reshape(net.transpose(mixed, [0, 2, 1, 3]), [1, -1, width])
  const out = net.linear('to_out', net.assume(joined, [1, frames, width]), { out: width, bias: false })
  return net.add(net.transpose(out, [0, 2, 1]), x)
}

function strideOf(layer: Weights, resample: string): number {
  const kernel = layer.shape(`${resample}.weight`)[2] ?? 0
  if (kernel >= 2 && kernel % 2 === 0) return kernel / 2
  throw new CheckpointError(`${layer.source}: a resampling kernel has ${kernel} elements, expected twice its stride`, {
    code: 'shape-mismatch',
  })
}

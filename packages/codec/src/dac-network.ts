import {
  CheckpointError,
  conv1d,
  convTranspose1d,
  float32Tensor,
  type GraphBuilder,
  layerNorm,
  linear,
  snake,
  type Value,
  type Weights,
} from '@mynah/onnx'

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
 * @param x float32 [1, C, T]
 * @param weights scope `encoder` or `decoder`
 */
export function dacNetwork(graph: GraphBuilder, x: Value, weights: Weights, config: DacNetworkConfig): Value {
  let block = 0
  return dacLayers(weights).reduce(
    (value, layer, index) =>
      graph.scope(`${index}`, () => {
        if (layer.has('alpha')) return snake(graph, value, layer)
        if (layer.has('to_qkv.weight')) return localAttention(graph, value, layer, config.attentionWindow)
        const parts = blockParts(layer)
        if (parts?.kind === 'encoder') return encoderBlock(graph, value, parts)
        if (parts?.kind === 'decoder') return decoderBlock(graph, value, parts, config, block++)
        return sameConv(graph, value, layer)
      }),
    x,
  )
}

/** Strides of the blocks, in order of execution. */
export function dacStrides(weights: Weights): readonly number[] {
  return dacLayers(weights).flatMap(layer => {
    const parts = blockParts(layer)
    return parts ? [strideOf(parts.resample)] : []
  })
}

/** Output channels of the first and the last convolution. */
export function dacWidths(weights: Weights): readonly number[] {
  const convs = dacLayers(weights).filter(layer => layer.has('weight'))
  return [convs[0]!, convs.at(-1)!].map(layer => layer.shape('weight')[0]!)
}

/** Whether a Snake comes before the last convolution: in DAC's encoder, not in SNAC's. */
export function dacEndsInSnake(weights: Weights): boolean {
  return dacLayers(weights).some(layer => layer.has('alpha'))
}

/** How many decoder blocks add noise. */
export function dacNoiseBlocks(weights: Weights): number {
  return dacLayers(weights).filter(layer => blockParts(layer)?.noise).length
}

/** Whether attention runs between blocks and convolutions. */
export function dacAttends(weights: Weights): boolean {
  return dacLayers(weights).some(layer => layer.has('to_qkv.weight'))
}

/** The network's entries in order, whichever way they are named. */
export function dacLayers(weights: Weights): readonly Weights[] {
  const list = (scope: Weights) => {
    const numbers = scope.names.map(name => /^(\d+)\./.exec(name)?.[1]).filter(text => text !== undefined)
    const count = Math.max(-1, ...numbers.map(Number)) + 1
    if (count < 1 || count > MAX_LAYERS) {
      throw new CheckpointError(`${weights.source}: ${count} layers in a DAC network, expected 1 to ${MAX_LAYERS}`, {
        code: 'unknown-architecture',
      })
    }
    return Array.from({ length: count }, (_, index) => scope.scope(`${index}`)).filter(layer => layer.names.length > 0)
  }
  if (!weights.has('conv1.weight')) return list(weights.scope(weights.names.some(name => name.startsWith('model.')) ? 'model' : 'block'))
  return [weights.scope('conv1'), ...list(weights.scope('block')), weights.scope('snake1'), weights.scope('conv2')]
}

interface BlockParts {
  readonly kind: 'encoder' | 'decoder'
  readonly snake: Weights
  readonly resample: Weights
  readonly noise?: Weights
  readonly units: readonly Weights[]
}

/** Parts of a resampling block; undefined if the layer is something else. */
function blockParts(layer: Weights): BlockParts | undefined {
  const scopes = (...names: string[]) => names.map(name => layer.scope(name))
  if (layer.has('block.4.weight')) {
    return {
      kind: 'encoder',
      units: scopes('block.0', 'block.1', 'block.2'),
      snake: layer.scope('block.3'),
      resample: layer.scope('block.4'),
    }
  }
  if (layer.has('block.0.alpha')) {
    const noisy = layer.has('block.2.linear.weight')
    const units = noisy ? scopes('block.3', 'block.4', 'block.5') : scopes('block.2', 'block.3', 'block.4')
    const noise = noisy ? { noise: layer.scope('block.2.linear') } : {}
    return { kind: 'decoder', snake: layer.scope('block.0'), resample: layer.scope('block.1'), ...noise, units }
  }
  const units = scopes('res_unit1', 'res_unit2', 'res_unit3')
  if (layer.has('conv_t1.weight')) return { kind: 'decoder', snake: layer.scope('snake1'), resample: layer.scope('conv_t1'), units }
  if (layer.has('conv1.weight')) return { kind: 'encoder', snake: layer.scope('snake1'), resample: layer.scope('conv1'), units }
  return undefined
}

function encoderBlock(graph: GraphBuilder, x: Value, { units, snake: activation, resample }: BlockParts): Value {
  const y = snake(graph, residualUnits(graph, x, units), activation)
  const stride = strideOf(resample)
  return conv1d(graph, y, resample, { stride, padding: Math.ceil(stride / 2) })
}

function decoderBlock(graph: GraphBuilder, x: Value, parts: BlockParts, config: DacNetworkConfig, index: number): Value {
  const stride = strideOf(parts.resample)
  const y = convTranspose1d(graph, snake(graph, x, parts.snake), parts.resample, {
    stride,
    padding: Math.ceil(stride / 2),
    outputPadding: config.outputPadding ? stride % 2 : 0,
  })
  const { noise } = parts
  const noisy = noise && config.noise ? graph.add(y, graph.mul(config.noise(y, index), conv1d(graph, y, noise))) : y
  return residualUnits(graph, noisy, parts.units)
}

/** Snake, dilated convolution (depthwise in SNAC), Snake, 1 × 1 convolution, added to the input; three in a row. */
function residualUnits(graph: GraphBuilder, x: Value, units: readonly Weights[]): Value {
  return units.reduce((sum, unit, i) => {
    const [snake1, conv1, snake2, conv2] = unit.has('block.0.alpha')
      ? ['block.0', 'block.1', 'block.2', 'block.3']
      : ['snake1', 'conv1', 'snake2', 'conv2']
    return graph.scope(`unit${i}`, () => {
      const y = sameConv(graph, snake(graph, sum, unit.scope(snake1!)), unit.scope(conv1!), dilations[i]!)
      return graph.add(sum, sameConv(graph, snake(graph, y, unit.scope(snake2!)), unit.scope(conv2!)))
    })
  }, x)
}

/** Convolution that keeps the length, in as many groups as the weight's channels say. */
function sameConv(graph: GraphBuilder, x: Value, weights: Weights, dilation = 1): Value {
  const groups = (x.shape[1] as number) / weights.shape('weight')[1]!
  return conv1d(graph, x, weights, { dilation, groups, padding: 'same' })
}

/**
 * Attention inside windows of frames, with rotary positions that start anew in each, added to the input. T must be a multiple of the window.
 * Reads `norm`, `to_qkv`, `to_out` and, if there, `rel_pos.inv_freq`.
 */
function localAttention(graph: GraphBuilder, x: Value, weights: Weights, window = 32): Value {
  const [, width, frames] = x.shape as [number, number, string]
  const frequencies = weights.has('rel_pos.inv_freq')
    ? weights.get('rel_pos.inv_freq').data
    : Float32Array.from({ length: defaultHeadDim / 2 }, (_, i) => rotaryBase ** ((-2 * i) / defaultHeadDim))
  const headDim = 2 * frequencies.length
  const heads = width / headDim
  const table = (name: string, of: (angle: number) => number) => {
    const data = Float32Array.from({ length: window * headDim }, (_, i) =>
      of(Math.fround(Math.floor(i / headDim) * frequencies[i % frequencies.length]!)),
    )
    return graph.initializer(name, float32Tensor(data, [window, headDim]))
  }
  const [cos, sin] = [table('cos', Math.cos), table('sin', Math.sin)]
  const rotate = (value: Value) => {
    const [first, second] = graph.split(value, [headDim / 2, headDim / 2], 3) as [Value, Value]
    return graph.add(graph.mul(value, cos), graph.mul(graph.concat([graph.neg(second), first], 3), sin))
  }
  const normal = layerNorm(graph, graph.transpose(x, [0, 2, 1]), weights.scope('norm')) // [1, T, C]
  const all = graph.reshape(linear(graph, normal, weights.scope('to_qkv')), [-1, window, 3, heads, headDim])
  const [q, k, v] = graph.split(graph.transpose(all, [2, 0, 3, 1, 4]), [1, 1, 1], 0).map(value => graph.squeeze(value, [0])) as [
    Value,
    Value,
    Value,
  ] // [windows, heads, window, headDim]
  const scores = graph.mul(graph.matmul(rotate(q), graph.transpose(rotate(k), [0, 1, 3, 2])), 1 / Math.sqrt(headDim))
  const mixed = graph.matmul(graph.softmax(scores), v)
  const joined = graph.reshape(graph.transpose(mixed, [0, 2, 1, 3]), [1, -1, width])
  const out = linear(graph, graph.assume(joined, [1, frames, width]), weights.scope('to_out'))
  return graph.add(graph.transpose(out, [0, 2, 1]), x)
}

function strideOf(weights: Weights): number {
  const kernel = weights.shape('weight')[2] ?? 0
  if (kernel >= 2 && kernel % 2 === 0) return kernel / 2
  throw new CheckpointError(`${weights.source}: a resampling kernel has ${kernel} elements, expected twice its stride`, {
    code: 'shape-mismatch',
  })
}

import { melPresets } from '@mynah/audio'
import {
  float32Tensor,
  type Graph,
  type GraphBuilder,
  int64Tensor,
  type LoopStep,
  Net,
  parseConfig,
  type Tensor,
  type Value,
  type Weights,
} from '@mynah/onnx'
import { z } from 'zod'
import type { Decoding, VocoderArchitecture } from '../architecture.ts'
import { createNoise, type NoiseSource } from '../noise.ts'

const name = 'wavenet'

const size = z.int().positive()
const schema = z
  .object({
    sampling_rate: size,
    n_fft: size,
    hop_size: size,
    num_mels: size,
    channels: size,
    skip_channels: size,
    layers: size,
    stacks: size,
    classes: z.int().min(2),
    upsample_scales: z.array(size).min(1),
  })
  .refine(({ layers, stacks }) => layers % stacks === 0, 'layers must be a multiple of stacks')
  .refine(
    ({ hop_size, upsample_scales }) => upsample_scales.reduce((a, b) => a * b) === hop_size,
    'the product of upsample_scales must be hop_size',
  )

type Config = z.infer<typeof schema>

/**
 * WaveNet: mel → waveform, one μ-law sample after the other. Paper: arXiv:1609.03499. No official code exists; config and weight names are those of
 * training/papers/vocoders/wavenet.py. The noise is uniform in [0, 1): for each sample where in the distribution of its value it lies.
 */
export const waveNet: VocoderArchitecture = {
  name,
  detect: weights => weights.has('first.weight') && weights.has('layers.0.past.weight'),
  describe(weights, config) {
    const sizes = parseConfig(name, schema, config, weights)
    const { sampling_rate: sampleRate, n_fft: nFft, hop_size: hop, num_mels: nMels } = sizes
    const noiseShape = (frames: number) => [1, 1, frames * hop]
    return {
      sampleRate,
      hopLength: hop,
      featureDim: nMels,
      mel: { ...melPresets.mynah24k, sampleRate, nFft, winLength: nFft, hopLength: hop, nMels, fMax: null },
      contextFrames: contextFrames(sizes),
      noiseShape,
      begin(options, frames) {
        const lengths = frames === undefined ? undefined : [frames]
        return decoding(sizes, createNoise(name, noiseShape, lengths, options, random => random.uniform()).source)
      },
      build: tensors => ({ decoder: () => buildWaveNet(tensors, sizes) }),
    }
  },
}

/** Dilations double from layer to layer and start over with each stack. */
const dilationsOf = ({ layers, stacks }: Config) => Array.from({ length: layers }, (_, layer) => 2 ** (layer % (layers / stacks)))

/** Each upsampling reaches one of its own frames to either side. */
function contextFrames({ upsample_scales: scales }: Config): number {
  let frames = 0
  for (const scale of [...scales].reverse()) frames = 1 + frames / scale
  return Math.ceil(frames)
}

/** What has been said goes on from run to run: the sample before, and what the layers remember. */
function decoding(config: Config, noise: NoiseSource): Decoding {
  const rows = dilationsOf(config).reduce((a, b) => a + b)
  let state: Tensor = float32Tensor(new Float32Array(rows * config.channels), [rows, config.channels])
  let previous: Tensor = int64Tensor([Math.floor(config.classes / 2)], [1])
  return {
    feeds: (from, _, start, end) => ({
      noise: noise(start, end),
      skipped: int64Tensor([(start - from) * config.hop_size], [1]),
      state,
      previous,
    }),
    carry(results) {
      state = results.nextState!
      previous = results.nextPrevious!
    },
  }
}

/** Samples that the inner loop speaks at most: what a layer of a longer dilation has seen is known before, and computed for all of them at once. */
const longestBlock = 16

/**
 * Emits log-mel [1, M, T] → waveform [1, 1, T · hop], spoken in a loop within the graph: `noise` [1, 1, N] says which N samples, and `skipped` [1] after how many of the mel's; the
 * others are zero. `previous` int64 [1] is the value of the sample before, `state` [R, C] what each layer has seen last, as many rows as its dilation, oldest first; `nextPrevious` and
 * `nextState` are theirs after the last sample.
 */
function buildWaveNet(weights: Weights, config: Config): Graph {
  const { channels, classes, hop_size: hop, num_mels: bands } = config
  const dilations = dilationsOf(config)
  const block = largestDivisor(hop, longestBlock)
  const net = new Net(name, weights)
  const mel = net.input('mel', 'float32', [1, bands, 'T'])
  const noise = net.squeeze(net.input('noise', 'float32', [1, 1, 'N']), [0, 1])
  const skipped = net.input('skipped', 'int64', [1])
  const state = net.input('state', 'float32', [dilations.reduce((a, b) => a + b), channels])
  const previous = net.input('previous', 'int64', [1])
  const spoken = net.lengthOf(noise, 0)
  const end = net.add(skipped, spoken)
  const upsampled = net.transpose(net.squeeze(upsampleMel(net, mel, config), [0]), [1, 0]) // [S, M]
  const condition = net.slice(upsampled, 0, skipped, end)
  const network = readNetwork(net, config, block)
  const trips = net.squeeze(net.div(spoken, block), [0])
  const { carried, scan } = net.graph.loop({ trips, carried: [previous, ...net.split(state, dilations, 0)] }, (body, i, values) => {
    const rows = (x: Value) => {
      const from = body.unsqueeze(body.mul(i, block), [0])
      return body.slice(x, 0, from, body.add(from, block))
    }
    return speakBlock(body, network, body.assume(rows(condition), [block, bands]), body.assume(rows(noise), [block]), values)
  })
  const levels = net.initializer('levels', float32Tensor(muLaw(classes), [classes]))
  const waveform = net.gather(levels, net.reshape(scan[0]!, [1, 1, -1]))
  const samples = net.mul(net.lengthOf(mel, 2), hop)
  net.output('waveform', net.pad(waveform, 2, skipped, net.sub(samples, end)))
  net.output('nextPrevious', carried[0]!)
  net.output('nextState', net.concat(carried.slice(1), 0))
  return net.toGraph()
}

/** Values of the μ-law codes, as ITU-T G.711's curve has them. */
function muLaw(classes: number): Float32Array {
  const mu = classes - 1
  return Float32Array.from({ length: classes }, (_, code) => {
    const y = (2 * code) / mu - 1
    return (Math.sign(y) * Math.expm1(Math.abs(y) * Math.log1p(mu))) / mu
  })
}

function largestDivisor(of: number, most: number): number {
  let divisor = Math.min(of, most)
  while (of % divisor !== 0) divisor--
  return divisor
}

/** Log-mel [1, M, T] → [1, M, T · hop]. */
function upsampleMel(net: Net, mel: Value, { upsample_scales: scales, num_mels: bands }: Config): Value {
  return scales.reduce((x, scale, i) => {
    const padding = Math.floor(scale / 2)
    return net.convTranspose1d(`upsample.${i}`, x, { out: bands, kernel: scale + 2 * padding, stride: scale, padding })
  }, mel)
}

/** A matrix [out, in] and its bias [out]. */
interface Linear {
  readonly weight: Value
  readonly bias: Value
}

/** One layer, but for its condition. */
interface Layer {
  readonly dilation: number
  /** Of what was said before the block, [2C, C], for a layer that needs nothing else of the past. */
  readonly past: Value | undefined
  /** Of what is said now, [2C, C]; where the past is within the block, of past and now, [2C, 2C]. */
  readonly heard: Value
  /** None for the last layer: nobody hears what it passes on. */
  readonly out: Linear | undefined
}

/** What the loops multiply with. Joined matrices are constants that ONNX Runtime folds when it loads the graph. */
interface Network {
  readonly block: number
  /** Code → what the first layer hears, [classes, C]. */
  readonly first: Value
  readonly layers: readonly Layer[]
  /** Of all layers: [L · 2C, M]. */
  readonly condition: Linear
  /** Of all layers, which are added up: [skips, L · C]. */
  readonly skip: Linear
  readonly last: readonly [Linear, Linear]
}

function readNetwork(net: Net, config: Config, block: number): Network {
  const { channels, skip_channels: skips, classes, layers: count, num_mels: bands } = config
  const places = Array.from({ length: count }, (_, i) => net.at(`layers.${i}`))
  const vector = (place: Net, tensor: string, length: number) => place.initializer(tensor, place.weight(tensor, [length]))
  const matrix = (place: Net, tensor: string, rows: number, columns: number) =>
    place.squeeze(place.initializer(tensor, place.weight(tensor, [rows, columns, 1])), [2])
  const linear = (place: Net, rows: number, columns: number): Linear => ({
    weight: matrix(place, 'weight', rows, columns),
    bias: vector(place, 'bias', rows),
  })
  const scale = count ** -0.5
  return {
    block,
    first: net.initializer('first', net.weight('first.weight', [classes, channels])),
    layers: dilationsOf(config).map((dilation, i) => {
      const place = places[i]!
      const [past, now] = ['past.weight', 'now.weight'].map(tensor => matrix(place, tensor, 2 * channels, channels)) as [Value, Value]
      const known = dilation >= block
      const out = linear(place.at('out'), channels, channels)
      return {
        dilation,
        past: known ? past : undefined,
        heard: known ? now : net.concat([past, now], 1),
        out: i < count - 1 ? out : undefined,
      }
    }),
    condition: {
      weight: net.concat(
        places.map(place => matrix(place, 'condition.weight', 2 * channels, bands)),
        0,
      ),
      bias: net.concat(
        places.map(place => vector(place, 'now.bias', 2 * channels)),
        0,
      ),
    },
    skip: {
      weight: net.mul(
        net.concat(
          places.map(place => matrix(place, 'skip.weight', skips, channels)),
          1,
        ),
        scale,
      ),
      bias: net.mul(
        places.map(place => vector(place, 'skip.bias', skips)).reduce((a, b) => net.add(a, b)),
        scale,
      ),
    },
    last: [linear(net.at('last.1'), skips, skips), linear(net.at('last.3'), classes, skips)],
  }
}

const applied = (graph: GraphBuilder, x: Value, { weight, bias }: Linear) => graph.gemm(x, weight, bias, { transB: true })

/**
 * Emits a block of samples.
 * @param condition [block, M]
 * @param noise [block]
 * @param carried the code of the sample before, int64 [1], and the past of each layer, [dilation, C]
 * @returns these after the block, and its codes [block, 1]
 */
function speakBlock(graph: GraphBuilder, network: Network, condition: Value, noise: Value, carried: readonly Value[]): LoopStep {
  const { layers, block } = network
  const [previous, ...pasts] = carried as [Value, ...Value[]]
  const gates = layers[0]!.heard.shape[0] as number
  const conditions = graph.split(applied(graph, condition, network.condition), Array(layers.length).fill(gates), 1)
  const known = graph.concat(
    layers.map(({ past }, i) =>
      past ? graph.gemm(graph.slice(pasts[i]!, 0, 0, block), past, conditions[i]!, { transB: true }) : conditions[i]!,
    ),
    1,
  )
  const within = layers.flatMap(({ past }, i) => (past ? [] : [pasts[i]!]))
  const trips = graph.constant(block, 'int64')
  const said = graph.loop({ trips, carried: [previous, ...within] }, (body, i, [code, ...recent]) => {
    const at = body.unsqueeze(i, [0])
    return speakSample(body, network, body.gather(known, at), body.gather(noise, at), code!, recent)
  })
  const [codes, ...heard] = said.scan as [Value, ...Value[]]
  let [short, long] = [1, 0]
  const after = layers.map(({ dilation, past }, i) => {
    if (!past) return said.carried[short++]!
    const seen = graph.squeeze(heard[long++]!, [1])
    return dilation === block ? seen : graph.concat([graph.slice(pasts[i]!, 0, block), seen], 0)
  })
  return { carried: [said.carried[0]!, ...after], scan: [codes!] }
}

/**
 * Emits one sample.
 * @param known what condition and known past contribute to each layer, [1, L · 2C]
 * @param noise [1]
 * @param code of the sample before, int64 [1]
 * @param recent pasts [dilation, C] of the layers whose past is within the block
 * @returns code and pasts after it; the code, and what each of the other layers heard, [1, C]
 */
function speakSample(graph: GraphBuilder, network: Network, known: Value, noise: Value, code: Value, recent: readonly Value[]): LoopStep {
  const { layers, first, skip, last } = network
  const gates = layers[0]!.heard.shape[0] as number
  const contributions = graph.split(known, Array(layers.length).fill(gates), 1)
  const [after, heard, gated]: [Value[], Value[], Value[]] = [[], [], []]
  let x = graph.gather(first, code) // [1, C]
  for (const [i, layer] of layers.entries()) {
    let inputs = x
    if (layer.past) heard.push(x)
    else {
      const past = recent[after.length]!
      const before = layer.dilation === 1 ? past : graph.slice(past, 0, 0, 1)
      inputs = graph.concat([before, x], 1)
      after.push(layer.dilation === 1 ? x : graph.concat([graph.slice(past, 0, 1), x], 0))
    }
    const [a, b] = graph.split(graph.gemm(inputs, layer.heard, contributions[i]!, { transB: true }), [gates / 2, gates / 2], 1) as [
      Value,
      Value,
    ]
    const y = graph.mul(graph.tanh(a), graph.sigmoid(b))
    gated.push(y)
    if (layer.out) x = graph.add(x, applied(graph, y, layer.out))
  }
  const hidden = graph.relu(applied(graph, graph.relu(applied(graph, graph.concat(gated, 1), skip)), last[0]))
  const upTo = graph.cumSum(graph.softmax(applied(graph, hidden, last[1])), 1) // [1, classes]
  const below = graph.reduceSum(graph.cast(graph.lessOrEqual(upTo, noise), 'int64'), [1], false)
  const next = graph.min(below, (upTo.shape[1] as number) - 1) // [1]
  return { carried: [next, ...after], scan: [next, ...heard] }
}

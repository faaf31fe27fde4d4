import { type Graph, GraphBuilder, Net, type Value, type Weights } from '@mynah/onnx'
import type { CodecDescription } from './architecture.ts'
import { Carry } from './carry.ts'

/** How a network is to run. Without any of these: on the whole, and on more frames than any layer reflects. */
export interface NetworkMode {
  /** On input of any length, however short. */
  readonly short?: boolean
  /** On a stream, chunk by chunk. */
  readonly carry?: Carry
  /** With noise as its inputs `noise0`, …, for a decoder that has some. */
  readonly noise?: boolean
}

/** The four parts of a codec, each emitted where its weights are: at the root of the checkpoint. */
export interface CodecNetworks {
  /** waveform float32 [1, C, S] → latents float32 [1, D, T] */
  encode(net: Net, waveform: Value, mode: NetworkMode): Value
  /** latents → codes int64 [K', T] of the first K' codebooks, those of strided ones repeated */
  quantize(net: Net, latents: Value, codebooks: number): Value
  /** codes int64 [K, T], −1 for a codebook that is left out → latents */
  sumCodewords(net: Net, codes: Value): Value
  /** latents → waveform */
  decode(net: Net, latents: Value, mode: NetworkMode): Value
}

/** The quantizer of the first so many codebooks. */
export const quantizerOf = (codebooks: number) => `quantizer-${codebooks}`

/** The graphs that are the whole codec, for other runtimes. */
export const wholeGraphs = ['waveform-to-codes', 'codes-to-waveform'] as const

/**
 * All graphs of a codec by name. `encoder`: `waveform` → `latents`; `decoder`: `latents` → `waveform`; each also `-short` and `-stream`, and `decoder-noise`. `quantizer-K`:
 * `latents` → `codes`. For other runtimes whole: `waveform-to-codes` and `codes-to-waveform`, for input of any length.
 */
export function codecGraphs(
  name: string,
  weights: Weights,
  { layout, latentDim }: Pick<CodecDescription, 'layout' | 'latentDim'>,
  networks: CodecNetworks,
): Readonly<Record<string, () => Graph>> {
  const { channels, codebooks } = layout
  const emit = (part: string, body: (net: Net) => void) => () => {
    const net = new Net(name, weights, new GraphBuilder(`${name}-${part}`))
    body(net)
    return net.toGraph()
  }
  const waveformOf = (net: Net) => net.input('waveform', 'float32', [1, channels, 'S'])
  const latentsOf = (net: Net) => net.input('latents', 'float32', [1, latentDim, 'T'])
  const encoder = (mode: () => NetworkMode) => emit('encoder', net => net.output('latents', networks.encode(net, waveformOf(net), mode())))
  const decoder = (mode: () => NetworkMode) => emit('decoder', net => net.output('waveform', networks.decode(net, latentsOf(net), mode())))
  const quantizers = Array.from({ length: codebooks }, (_, i) => [
    quantizerOf(i + 1),
    emit(quantizerOf(i + 1), net => net.output('codes', networks.quantize(net, latentsOf(net), i + 1))),
  ])
  return {
    encoder: encoder(() => ({})),
    'encoder-short': encoder(() => ({ short: true })),
    'encoder-stream': encoder(() => ({ carry: new Carry() })),
    decoder: decoder(() => ({})),
    'decoder-short': decoder(() => ({ short: true })),
    'decoder-stream': decoder(() => ({ carry: new Carry() })),
    'decoder-noise': decoder(() => ({ noise: true })),
    ...Object.fromEntries(quantizers),
    'waveform-to-codes': emit('encoder', net => {
      const latents = networks.encode(net, waveformOf(net), { short: true })
      net.output('codes', networks.quantize(net, latents, codebooks))
    }),
    'codes-to-waveform': emit('decoder', net => {
      const latents = networks.sumCodewords(net, net.input('codes', 'int64', [codebooks, 'T']))
      net.output('waveform', networks.decode(net, latents, { short: true }))
    }),
  }
}

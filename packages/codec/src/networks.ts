import { type Graph, GraphBuilder, type Value } from '@mynah/onnx'
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

/** The four parts of a codec, each emitted into a graph. */
export interface CodecNetworks {
  /** waveform float32 [1, C, S] → latents float32 [1, D, T] */
  encode(graph: GraphBuilder, waveform: Value, mode: NetworkMode): Value
  /** latents → codes int64 [K', T] of the first K' codebooks, those of strided ones repeated */
  quantize(graph: GraphBuilder, latents: Value, codebooks: number): Value
  /** codes int64 [K, T], −1 for a codebook that is left out → latents */
  sumCodewords(graph: GraphBuilder, codes: Value): Value
  /** latents → waveform */
  decode(graph: GraphBuilder, latents: Value, mode: NetworkMode): Value
}

/** The quantizer of the first so many codebooks. */
export const quantizerOf = (codebooks: number) => `quantizer-${codebooks}`

/**
 * All graphs of a codec by name. `encoder`: `waveform` → `latents`; `decoder`: `latents` → `waveform`; each also `-short` and `-stream`, and `decoder-noise`. `quantizer-K`:
 * `latents` → `codes`. For other runtimes whole: `waveform-to-codes` and `codes-to-waveform`, for input of any length.
 */
export function codecGraphs(
  name: string,
  { layout, latentDim }: Pick<CodecDescription, 'layout' | 'latentDim'>,
  networks: CodecNetworks,
): Readonly<Record<string, () => Graph>> {
  const { channels, codebooks } = layout
  const emit = (part: string, body: (graph: GraphBuilder) => void) => () => {
    const graph = new GraphBuilder(`${name}-${part}`)
    body(graph)
    return graph.toGraph()
  }
  const waveformOf = (graph: GraphBuilder) => graph.input('waveform', 'float32', [1, channels, 'S'])
  const latentsOf = (graph: GraphBuilder) => graph.input('latents', 'float32', [1, latentDim, 'T'])
  const scoped = (graph: GraphBuilder, body: () => Value) => graph.scope('quantizer', body)
  const encoder = (part: string, mode: (graph: GraphBuilder) => NetworkMode) =>
    emit(part, graph => graph.output('latents', networks.encode(graph, waveformOf(graph), mode(graph))))
  const decoder = (part: string, mode: (graph: GraphBuilder) => NetworkMode) =>
    emit(part, graph => graph.output('waveform', networks.decode(graph, latentsOf(graph), mode(graph))))
  const quantizers = Array.from({ length: codebooks }, (_, i) => [
    quantizerOf(i + 1),
    emit(quantizerOf(i + 1), graph => graph.output('codes', networks.quantize(graph, latentsOf(graph), i + 1))),
  ])
  return {
    encoder: encoder('encoder', () => ({})),
    'encoder-short': encoder('encoder', () => ({ short: true })),
    'encoder-stream': encoder('encoder', graph => ({ carry: new Carry(graph) })),
    decoder: decoder('decoder', () => ({})),
    'decoder-short': decoder('decoder', () => ({ short: true })),
    'decoder-stream': decoder('decoder', graph => ({ carry: new Carry(graph) })),
    'decoder-noise': decoder('decoder', () => ({ noise: true })),
    ...Object.fromEntries(quantizers),
    'waveform-to-codes': emit('encoder', graph => {
      const latents = networks.encode(graph, waveformOf(graph), { short: true })
      graph.output(
        'codes',
        scoped(graph, () => networks.quantize(graph, latents, codebooks)),
      )
    }),
    'codes-to-waveform': emit('decoder', graph => {
      const codes = graph.input('codes', 'int64', [codebooks, 'T'])
      const latents = scoped(graph, () => networks.sumCodewords(graph, codes))
      graph.output('waveform', networks.decode(graph, latents, { short: true }))
    }),
  }
}

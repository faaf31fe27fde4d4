import {
  convNextBlock,
  float32Tensor,
  type Graph,
  GraphBuilder,
  int64Tensor,
  istft,
  type LinearConfig,
  layerNorm,
  linear,
  parseConfig,
  type Value,
  vocosBackbone,
  type Weights,
} from '@mynah/onnx'
import { z } from 'zod'
import type { Decoding, VocoderArchitecture } from '../architecture.ts'

const schema = z.object({
  latentDim: z.int().positive(),
  decoderDim: z.int().positive(),
  decoderLayers: z.int().positive(),
  upsampledDim: z.int().positive(),
  upsampledLayers: z.int().nonnegative(),
  nFft: z.int().positive(),
  hopLength: z.int().positive(),
})

type Config = z.infer<typeof schema>

/** How the matrices of the ConvNeXt blocks are multiplied: `stored` computes in int8 what is stored in int8. */
type Precision = NonNullable<LinearConfig['dtype']>

/** The rate that Mynah's codec is trained at. */
const sampleRate = 24000
/** Vocos clips its magnitudes here, before a badly placed frame can blow up. */
const largestMagnitude = 100
/** A sample depends on some 30 frames on either side, but hardly on the farther ones: with 16, what two chunks say at their joint differs by 39 dB less than it is (docs/decisions/2026-11-27-harmonics.md). */
const contextFrames = 16

/** What the pitch head's tanh spans: typical · e^(±range) Hz. */
const pitch = { typical: 175, range: Math.log(3.3) }

/** The decoder half of Mynah's own codec: latents at 40 Hz → waveform at 24 kHz. Weight names: training/mynah/codec.py. */
export const mynah: VocoderArchitecture = {
  name: 'mynah',
  detect: weights => weights.has('harmonic_head.weight') && weights.has('comb.weight'),
  describe(weights, config) {
    const sizes = parseConfig('mynah', schema, config, weights)
    return {
      sampleRate,
      hopLength: 2 * sizes.hopLength,
      featureDim: sizes.latentDim,
      input: 'latents',
      contextFrames,
      begin: () => carryPhases(),
      build: (tensors, { device } = { device: 'cpu' }) => ({
        decoder: () => buildMynahDecoder(tensors, sizes, device === 'cpu' ? 'stored' : 'float32'),
      }),
    }
  },
}

/** The tones of a chunk go on where those of the chunk before were at its joint. */
function carryPhases(): Decoding {
  const periods: number[] = [] // of the pitch, at the end of each half frame of the whole
  return {
    feeds: (from, _, start) => ({
      start: float32Tensor([periods[2 * start - 1] ?? 0], [1, 1, 1]),
      joint: int64Tensor([2 * (start - from)], [1]),
    }),
    carry(results, from) {
      for (const [i, phase] of (results.periods!.data as Float32Array).entries()) periods[2 * from + i] = phase % 1
    },
  }
}

/**
 * Emits latents [1, L, T] → waveform [1, T · 2 · hop]: Vocos (arXiv:2306.00814) backbone at the codec's frame rate, a linear map to twice the rate, ConvNeXt blocks there,
 * then magnitude and phase of noise, and of what is added to it: the harmonics of a predicted pitch; iSTFT with "same" padding. Reference: training/mynah/codec.py.
 * `start` [1, 1, 1] is the phase in periods that the pitch has where `joint` [1] of the 2T frames have passed, and `periods` [1, 2T, 1] its phase at the end of each: where speech is
 * decoded in chunks, the next goes on from there.
 */
function buildMynahDecoder(weights: Weights, config: Config, precision: Precision): Graph {
  const graph = new GraphBuilder('mynah-decoder')
  const latents = graph.input('latents', 'float32', [1, config.latentDim, 'T'])
  let x = vocosBackbone(graph, latents, weights.scope('decoder'), config.decoderLayers, { dtype: precision })
  x = linear(graph, graph.transpose(x, [0, 2, 1]), weights.scope('upsample')) // [1, T, 2C]
  x = graph.reshape(x, [1, -1, config.upsampledDim]) // [1, 2T, C]
  const hidden = graph.gelu(linear(graph, x, weights.scope('pitch.0')))
  const hertz = graph.mul(graph.exp(graph.mul(graph.tanh(linear(graph, hidden, weights.scope('pitch.2'))), pitch.range)), pitch.typical) // [1, 2T, 1]
  const { lobes, phases, periods } = harmonics(graph, hertz, config)
  x = graph.transpose(graph.add(x, linear(graph, lobes, weights.scope('comb'))), [0, 2, 1]) // [1, C, 2T]
  for (let i = 0; i < config.upsampledLayers; i++) x = convNextBlock(graph, x, weights.scope(`upsampled.${i}`), { dtype: precision })
  const normal = layerNorm(graph, graph.transpose(x, [0, 2, 1]), weights.scope('head_norm'), { epsilon: 1e-6 })
  const bins = config.nFft / 2 + 1
  const polar = (head: string) => {
    const [logMagnitude, phase] = graph.split(linear(graph, normal, weights.scope(head)), [bins, bins], 2) as [Value, Value]
    return { magnitude: graph.clip(graph.exp(logMagnitude), undefined, largestMagnitude), phase } // [1, 2T, bins]
  }
  const [noise, voiced] = [polar('head'), polar('harmonic_head')]
  const voicedMagnitude = graph.mul(voiced.magnitude, lobes)
  const voicedPhase = graph.add(voiced.phase, phases)
  const part = (wave: 'cos' | 'sin') =>
    graph.transpose(
      graph.add(graph.mul(noise.magnitude, graph[wave](noise.phase)), graph.mul(voicedMagnitude, graph[wave](voicedPhase))),
      [0, 2, 1],
    )
  const [real, imaginary] = [part('cos'), part('sin')]
  graph.output('periods', periods)
  graph.output('waveform', istft(graph, real, imaginary, { nFft: config.nFft, hopLength: config.hopLength, padding: 'same' }))
  return graph.toGraph()
}

/**
 * Pitch in Hz [1, 2T, 1] → the STFT of its harmonics, all of amplitude 1: magnitudes and phases [1, 2T, nFft / 2 + 1]. A bin sees the harmonic that is nearest, through the main lobe
 * of a Hann window (all but exactly). `periods` [1, 2T, 1]: how far the pitch has turned by the end of each frame, but for whole periods.
 */
function harmonics(graph: GraphBuilder, hertz: Value, { nFft, hopLength }: Config) {
  const fraction = (x: Value) => graph.sub(x, graph.floor(x))
  const perBin = (name: string, value: (bin: number) => number) =>
    graph.initializer(
      name,
      float32Tensor(
        Float32Array.from({ length: nFft / 2 + 1 }, (_, bin) => value(bin)),
        [nFft / 2 + 1],
      ),
    )
  const bins = perBin('bins', bin => bin)
  const turned = graph.mul(hertz, hopLength / sampleRate)
  const passed = graph.cumSum(fraction(turned), 1)
  const [start, joint] = [graph.input('start', 'float32', [1, 1, 1]), graph.input('joint', 'int64', [1])]
  const atJoint = graph.gather(graph.concat([graph.fill([1, 1, 1], 0), passed], 1), joint, 1)
  const periods = graph.add(graph.sub(passed, atJoint), start)
  const atCentre = graph.sub(periods, graph.mul(turned, 0.5))
  const spacing = graph.mul(hertz, nFft / sampleRate) // in bins
  const number = graph.max(graph.round(graph.div(bins, spacing)), 1)
  const distance = graph.min(graph.abs(graph.sub(bins, graph.mul(number, spacing))), 2)
  const root = graph.cos(graph.mul(distance, Math.PI / 4))
  // a frame's phase counts from its first sample, half a window before its centre: every other bin is turned by half a period
  const turns = graph.add(
    fraction(graph.mul(number, atCentre)),
    perBin('half_turns', bin => (bin % 2) / 2),
  )
  return { lobes: graph.mul(root, root), phases: graph.mul(turns, 2 * Math.PI), periods }
}

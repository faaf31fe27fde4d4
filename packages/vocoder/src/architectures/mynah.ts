import {
  convNextBlock,
  convNextNorm,
  float32Tensor,
  type Graph,
  int64Tensor,
  istft,
  type LinearConfig,
  Net,
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
  const net = new Net('mynah-decoder', weights)
  const { decoderDim, upsampledDim, nFft, hopLength } = config
  const dtype = precision
  const latents = net.input('latents', 'float32', [1, config.latentDim, 'T'])
  let x = vocosBackbone(net.at('decoder'), latents, { dim: decoderDim, layers: config.decoderLayers, dtype }) // [1, T, D]
  x = net.reshape(net.linear('upsample', x, { out: 2 * upsampledDim }), [1, -1, upsampledDim]) // [1, 2T, C]
  const hidden = net.gelu(net.linear('pitch.0', x))
  const hertz = net.mul(net.exp(net.mul(net.tanh(net.linear('pitch.2', hidden, { out: 1 })), pitch.range)), pitch.typical) // [1, 2T, 1]
  const { lobes, phases, periods } = harmonics(net, hertz, config)
  x = net.transpose(net.add(x, net.linear('comb', lobes, { out: upsampledDim })), [0, 2, 1]) // [1, C, 2T]
  for (let i = 0; i < config.upsampledLayers; i++) x = convNextBlock(net.at(`upsampled.${i}`), x, { dtype })
  const normal = convNextNorm(net, 'head_norm', net.transpose(x, [0, 2, 1]))
  const bins = nFft / 2 + 1
  const polar = (head: string) => {
    const [logMagnitude, phase] = net.split(net.linear(head, normal, { out: 2 * bins }), [bins, bins], 2) as [Value, Value]
    return { magnitude: net.clip(net.exp(logMagnitude), undefined, largestMagnitude), phase } // [1, 2T, bins]
  }
  const [noise, voiced] = [polar('head'), polar('harmonic_head')]
  const voicedMagnitude = net.mul(voiced.magnitude, lobes)
  const voicedPhase = net.add(voiced.phase, phases)
  const part = (wave: 'cos' | 'sin') =>
    net.transpose(net.add(net.mul(noise.magnitude, net[wave](noise.phase)), net.mul(voicedMagnitude, net[wave](voicedPhase))), [0, 2, 1])
  const [real, imaginary] = [part('cos'), part('sin')]
  net.output('periods', periods)
  net.output('waveform', istft(net, real, imaginary, { nFft, hopLength, padding: 'same' }))
  return net.toGraph()
}

/**
 * Pitch in Hz [1, 2T, 1] → the STFT of its harmonics, all of amplitude 1: magnitudes and phases [1, 2T, nFft / 2 + 1]. A bin sees the harmonic that is nearest, through the main lobe
 * of a Hann window (all but exactly). `periods` [1, 2T, 1]: how far the pitch has turned by the end of each frame, but for whole periods.
 */
function harmonics(net: Net, hertz: Value, { nFft, hopLength }: Config) {
  const fraction = (x: Value) => net.sub(x, net.floor(x))
  const perBin = (name: string, value: (bin: number) => number) =>
    net.initializer(
      name,
      float32Tensor(
        Float32Array.from({ length: nFft / 2 + 1 }, (_, bin) => value(bin)),
        [nFft / 2 + 1],
      ),
    )
  const bins = perBin('bins', bin => bin)
  const turned = net.mul(hertz, hopLength / sampleRate)
  const passed = net.cumSum(fraction(turned), 1)
  const [start, joint] = [net.input('start', 'float32', [1, 1, 1]), net.input('joint', 'int64', [1])]
  const atJoint = net.gather(net.concat([net.fill([1, 1, 1], 0), passed], 1), joint, 1)
  const periods = net.add(net.sub(passed, atJoint), start)
  const atCentre = net.sub(periods, net.mul(turned, 0.5))
  const spacing = net.mul(hertz, nFft / sampleRate) // in bins
  const number = net.max(net.round(net.div(bins, spacing)), 1)
  const distance = net.min(net.abs(net.sub(bins, net.mul(number, spacing))), 2)
  const root = net.cos(net.mul(distance, Math.PI / 4))
  // a frame's phase counts from its first sample, half a window before its centre: every other bin is turned by half a period
  const turns = net.add(
    fraction(net.mul(number, atCentre)),
    perBin('half_turns', bin => (bin % 2) / 2),
  )
  return { lobes: net.mul(root, root), phases: net.mul(turns, 2 * Math.PI), periods }
}

import type { Runtime, Tensor } from '@mynah/onnx'
import { type DecodeOptions, loadVocoder, type MelVocoder } from '@mynah/vocoder'
import { type Comparison, largestDifference, type ParityCase, type Runner, runsOf, withoutBatch } from '../case.ts'

/** What stands between input and audio in some cases: right if the audio is. */
const intermediates = ['mag', 'phase']

/** mel (and noise) → audio, whole and in chunks; waveform → mel where the case has one. */
export const runMelVocoder: Runner = (parityCase, runtime) => runMelCase(parityCase, runtime, parityCase.arch)

/** The same for a vocoder that has another name than its cases. */
export async function runMelCase({ io, tolerance, checkpoint }: ParityCase, runtime: Runtime, name: string): Promise<Comparison[]> {
  await using vocoder = await loadVocoder(checkpoint(), { runtime })
  if (vocoder.name !== name) throw new Error(`the checkpoint was taken for ${vocoder.name}`)
  const comparisons: Comparison[] = []
  for (const run of runsOf(io, 'audio')) {
    const mel = withoutBatch(io.get(`mel${run}`))
    const options = io.has(`noise${run}`) ? { noise: io.get(`noise${run}`) } : {}
    comparisons.push(...(await compareDecoding(vocoder, mel, io.get(`audio${run}`).data, { output: `audio${run}`, tolerance, options })))
  }
  for (const run of runsOf(io, 'wave')) comparisons.push(compareFrontEnd(vocoder, io.get(`wave${run}`).data, io.get(`mel${run}`).data, run))
  for (const name of intermediates) for (const run of runsOf(io, name)) io.get(`${name}${run}`)
  return comparisons
}

/** Energies, not their logarithms: near the floor these amplify the rounding of float32 FFTs. golden/mel allows 1e-5 of energies around 1. */
function compareFrontEnd(vocoder: MelVocoder, wave: Float32Array, expected: Float32Array, run: string): Comparison {
  const energies = (mel: Float32Array) => mel.map(value => (vocoder.melConfig?.log === 'log10' ? 10 ** value : Math.exp(value)))
  const reference = energies(expected)
  const peak = reference.reduce((largest, value) => Math.max(largest, value), 1)
  const error = largestDifference(energies(vocoder.mel(wave).data), reference)
  return { output: `mel${run} of wave${run} without logarithm`, error, tolerance: 1e-5 * peak }
}

/** Decodes features whole and in chunks, and holds both against the reference. */
export async function compareDecoding(
  vocoder: MelVocoder,
  features: Tensor<'float32'>,
  expected: Float32Array,
  { output, tolerance, options }: { readonly output: string; readonly tolerance: number; readonly options: DecodeOptions },
): Promise<Comparison[]> {
  const pieces: number[] = []
  const chunkFrames = Math.max(1, Math.ceil(features.shape[1]! / 3))
  for await (const piece of vocoder.decodeChunks(features, { ...options, chunkFrames })) pieces.push(...piece)
  return [
    { output, error: largestDifference(await vocoder.decode(features, options), expected), tolerance },
    { output: `${output} in chunks`, error: largestDifference(pieces, expected), tolerance },
  ]
}

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
  for (const run of runsOf(io, 'wave')) {
    const mel = vocoder.mel(io.get(`wave${run}`).data)
    // float32 FFTs err most next to the floor of the logarithm: golden/mel allows 5e-4 there.
    comparisons.push({ output: `mel${run} of wave${run}`, error: largestDifference(mel.data, io.get(`mel${run}`).data), tolerance: 5e-4 })
  }
  for (const name of intermediates) for (const run of runsOf(io, name)) io.get(`${name}${run}`)
  return comparisons
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

import { loadVocoder } from '@mynah/vocoder'
import { largestDifference, type Runner, runsOf, withoutBatch } from '../case.ts'
import { compareDecoding } from './mel-vocoder.ts'

/** Mel and noise → audio, the network alone (`audio`) and as published inference runs it, with frames of silence appended (`audio_inference`). */
export const runUnivNet: Runner = async ({ io, tolerance, checkpoint }, runtime) => {
  await using vocoder = await loadVocoder(checkpoint(), { runtime })
  if (vocoder.name !== 'univnet') throw new Error(`the checkpoint was taken for ${vocoder.name}`)
  const runs = [
    ...runsOf(io, 'audio').map(run => ({ mel: `mel${run}`, noise: `noise${run}`, output: `audio${run}` })),
    ...(io.has('audio_inference') ? [{ mel: 'mel', noise: 'noise_inference', output: 'audio_inference' }] : []),
  ]
  const comparisons = []
  for (const { mel, noise, output } of runs) {
    const options = { noise: io.get(noise) }
    comparisons.push(...(await compareDecoding(vocoder, withoutBatch(io.get(mel)), io.get(output).data, { output, tolerance, options })))
  }
  if (io.has('audio_inference_int16')) {
    const audio = await vocoder.decode(withoutBatch(io.get('mel')), { noise: io.get('noise_inference') })
    const rounded = Array.from(audio, value => Math.trunc(Math.max(-32768, Math.min(32767, 32768 * value))))
    const error = largestDifference(rounded, io.raw('audio_inference_int16').data as Int32Array)
    // A difference of rounding moves a sample next to a whole number over it.
    comparisons.push({ output: 'audio_inference_int16', error, tolerance: Math.ceil(32768 * tolerance) })
  }
  return comparisons
}

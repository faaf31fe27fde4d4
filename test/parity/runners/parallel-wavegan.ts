import { loadVocoder } from '@mynah/vocoder'
import { type Comparison, largestDifference, type Runner, runsOf, withoutBatch } from '../case.ts'
import { compareDecoding } from './mel-vocoder.ts'

/** Normalized mel and noise → audio; the log-mel before it, by the recipe's statistics, → normalized mel. */
export const runParallelWaveGan: Runner = async ({ io, tolerance, checkpoint }, runtime) => {
  await using vocoder = await loadVocoder(checkpoint(), { runtime })
  if (vocoder.name !== 'parallel-wavegan') throw new Error(`the checkpoint was taken for ${vocoder.name}`)
  const comparisons: Comparison[] = []
  for (const run of runsOf(io, 'audio')) {
    const mel = withoutBatch(io.get(`mel_normalized${run}`))
    const options = { noise: io.get(`noise${run}`) }
    comparisons.push(...(await compareDecoding(vocoder, mel, io.get(`audio${run}`).data, { output: `audio${run}`, tolerance, options })))
    if (!io.has(`logmel${run}`)) continue
    const statistics = vocoder.melConfig?.normalize
    if (!statistics) throw new Error('found no statistics (stats.h5, stats.npy)')
    const frames = mel.shape[1]!
    const normalized = io.get(`logmel${run}`).data.map((value, i) => {
      const band = Math.floor(i / frames)
      return (value - statistics.mean[band]!) / statistics.scale[band]!
    })
    comparisons.push({ output: `mel_normalized${run}`, error: largestDifference(normalized, mel.data), tolerance })
  }
  return comparisons
}

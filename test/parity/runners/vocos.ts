import type { Tensor } from '@mynah/onnx'
import { loadVocoder } from '@mynah/vocoder'
import { asRecord, type Comparison, largestDifference, type Runner, withoutBatch } from '../case.ts'
import { compareDecoding, runMelCase } from './mel-vocoder.ts'

/** Mel → audio, waveform → mel. */
export const runVocosMel: Runner = (parityCase, runtime) => runMelCase(parityCase, runtime, 'vocos')

/** EnCodec's codes → features → audio, for each bandwidth that the case has. */
export const runVocosEncodec: Runner = async ({ io, json, tolerance, checkpoint }, runtime) => {
  await using vocoder = await loadVocoder(checkpoint(), { runtime })
  if (vocoder.name !== 'vocos') throw new Error(`the checkpoint was taken for ${vocoder.name}`)
  const { codebook_size: size } = asRecord(json.checkpoint)
  const codebook = typeof size === 'number' ? { codebookSize: size } : {}
  const comparisons: Comparison[] = []
  for (const output of io.names.filter(name => /^audio_bw\d+(_\d+)?$/.test(name))) {
    const run = output.slice('audio'.length)
    const options = { bandwidthId: Number(/\d+/.exec(run)![0]) }
    const { shape, data } = withoutBatch(io.raw(`codes${run}`))
    const codes: Tensor<'int32'> = { dtype: 'int32', shape, data: Int32Array.from(data as BigInt64Array, Number) }
    const features = vocoder.toFeatures(codes, codebook)
    if (io.has(`features${run}`)) {
      const error = largestDifference(features.data, io.get(`features${run}`).data)
      comparisons.push({ output: `features${run}`, error, tolerance })
    }
    comparisons.push(...(await compareDecoding(vocoder, features, io.get(output).data, { output, tolerance, options })))
  }
  return comparisons
}

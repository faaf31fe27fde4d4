import { setImmediate as nextTurn } from 'node:timers/promises'
import { concat, type Tensor } from '@mynah/onnx'
import { joinPieces } from './audio.ts'
import { createMelStream, type MelConfig } from './mel.ts'
import { createResampler } from './resample.ts'

/** Samples of a turn: each takes some milliseconds. */
const turnSamples = 12_000

/** `melSpectrogram`, leaving the event loop its turns: for recordings, whose spectrogram takes a tenth of a second and more. */
export async function melSpectrogramInTurns(samples: Float32Array, config: MelConfig): Promise<Tensor<'float32'>> {
  const stream = createMelStream(config)
  const columns: Tensor<'float32'>[] = []
  for (let from = 0; from < samples.length; from += turnSamples) {
    columns.push(stream.push(samples.subarray(from, from + turnSamples)))
    await nextTurn()
  }
  return concat([...columns, stream.finish()])
}

/** `resample`, leaving the event loop its turns. */
export async function resampleInTurns(samples: Float32Array, fromRate: number, toRate: number): Promise<Float32Array> {
  const resampler = createResampler(fromRate, toRate)
  const pieces: Float32Array[] = []
  for (let from = 0; from < samples.length; from += turnSamples) {
    pieces.push(resampler.push(samples.subarray(from, from + turnSamples)))
    if (fromRate !== toRate) await nextTurn()
  }
  return joinPieces([...pieces, resampler.finish()])
}

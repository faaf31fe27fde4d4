import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { MelConfig } from '@mynah/audio'
import { CheckpointError, type ModelFiles, readHdf5, readNpy, type Tensor, type Weights } from '@mynah/onnx'
import { z } from 'zod'
import type { VocoderDescription } from './architecture.ts'

// What kan-bayashi/ParallelWaveGAN@8674037 has in common for all its vocoders: the audio part of `config.yml`, and the statistics of the corpus.

/** The audio part of a recipe's `config.yml`; the network's part is its architecture's. */
export const recipeAudioSchema = z.object({
  sampling_rate: z.number().positive(),
  fft_size: z.int().positive(),
  hop_size: z.int().positive(),
  win_length: z.int().positive().nullish(),
  window: z.literal('hann').default('hann'),
  num_mels: z.int().positive(),
  fmin: z.number().nonnegative().nullish(),
  fmax: z.number().positive().nullish(),
  /** Older recipes do not name it: 10. null is the natural logarithm. */
  log_base: z
    .union([z.literal(10), z.null()])
    .optional()
    .transform(base => (base === null ? null : 10)),
})

/** Mean and scale of every log-mel band over the training corpus, both [nMels]. */
export type Statistics = NonNullable<MelConfig['normalize']>

/**
 * The log-mel front-end of a recipe, normalized by the statistics that the caller named, that the checkpoint holds (`mean`, `scale`), or that lie beside it
 * (`stats.h5`, `stats.npy`). Without statistics there is a warning, and the caller has to normalize.
 * @throws {CheckpointError} as `readStatistics`
 */
export function recipeMel(
  audio: z.infer<typeof recipeAudioSchema>,
  weights: Weights,
  files: ModelFiles,
): Pick<VocoderDescription, 'warnings'> & { readonly mel: MelConfig } {
  const statistics = findStatistics(weights, files, audio.num_mels)
  const mel: MelConfig = {
    sampleRate: audio.sampling_rate,
    nFft: audio.fft_size,
    hopLength: audio.hop_size,
    winLength: audio.win_length ?? audio.fft_size,
    nMels: audio.num_mels,
    fMin: audio.fmin ?? 0,
    fMax: audio.fmax ?? null,
    scale: 'slaney',
    norm: 'slaney',
    magnitude: 'abs',
    log: audio.log_base === null ? 'ln' : 'log10',
    floor: 1e-10,
    padding: 'center',
  }
  if (statistics) return { mel: { ...mel, normalize: statistics } }
  const warning = `found no stats.h5 or stats.npy beside ${files.checkpoint}: mel() is not normalized, but decode() expects it to be; pass { stats }`
  return { mel, warnings: [warning] }
}

function findStatistics(weights: Weights, { checkpoint, stats }: ModelFiles, nMels: number): Statistics | undefined {
  if (stats !== undefined) return readStatistics(stats, nMels)
  if (weights.has('mean') && weights.has('scale')) return checkStatistics(weights.source, weights.get('mean'), weights.get('scale'), nMels)
  const beside = ['stats.h5', 'stats.npy'].map(name => join(dirname(checkpoint), name)).find(path => existsSync(path))
  return beside === undefined ? undefined : readStatistics(beside, nMels)
}

/**
 * Reads a recipe's statistics: `stats.h5` with datasets `mean` and `scale`, or `stats.npy` [2, nMels], by the name's ending.
 * @throws {CheckpointError} `bad-statistics` if they are not nMels finite numbers each, or a scale is zero; all of readHdf5's and readNpy's
 */
export function readStatistics(path: string, nMels: number): Statistics {
  const { mean, scale } = path.endsWith('.npy') ? splitRows(readNpy(path)) : readHdf5(path)
  return checkStatistics(path, mean, scale, nMels)
}

type Numbers = Pick<Tensor, 'data'>

function checkStatistics(source: string, mean: Numbers | undefined, scale: Numbers | undefined, nMels: number): Statistics {
  if (!mean || !scale || mean.data.length !== nMels || scale.data.length !== nMels) {
    const found = `${mean?.data.length ?? 'no'} means and ${scale?.data.length ?? 'no'} scales`
    throw new CheckpointError(`${source}: holds ${found}, expected ${nMels} of each; is it the recipe's stats.h5 or stats.npy?`, {
      code: 'bad-statistics',
    })
  }
  const [means, scales] = [Float64Array.from(mean.data, Number), Float64Array.from(scale.data, Number)]
  const wrong = means.findIndex((value, i) => !Number.isFinite(value) || !(scales[i]! > 0 && scales[i]! < Number.POSITIVE_INFINITY))
  if (wrong < 0) return { mean: means, scale: scales }
  const found = `mean ${means[wrong]} and scale ${scales[wrong]}`
  throw new CheckpointError(`${source}: band ${wrong} has ${found}, expected finite numbers and a positive scale`, {
    code: 'bad-statistics',
  })
}

/** [2, n] → its two rows. */
function splitRows({ shape, data }: Tensor): { readonly mean?: Numbers; readonly scale?: Numbers } {
  if (shape.length !== 2 || shape[0] !== 2) return {}
  const width = shape[1]!
  return { mean: { data: data.subarray(0, width) } as Numbers, scale: { data: data.subarray(width) } as Numbers }
}

import type { Tensor } from '@mynah/onnx'

/** What may be silence, as phoneme ids. */
export interface PauseSymbols {
  /** Boundary, space and punctuation. */
  readonly silent: readonly number[]
  readonly space: number
  readonly comma: number
}

/** A pause between two words of this many frames (0.2 s) or more is one, as if there were a comma. */
const shortestPause = 8
/** A frame is quiet that lies this much below the loud ones, and near the quietest. */
const belowLoud = 25
const aboveQuietest = 8
const quietLogProbability = -0.3

/**
 * Lets silence be anywhere between two words. The aligner knows pauses at punctuation only, as its synthetic corpus has them; people also pause where their
 * texts have none, and their silence would go to the last sound before it. Training aligns its corpus in the same way (training/data/align.py).
 * @param logProbabilities [T · S] of every frame
 * @param features log-mel [160, T], whose energy says which frames are quiet
 * @returns another [T · S]
 */
export function withSilence(
  logProbabilities: Float32Array,
  symbols: number,
  features: Tensor<'float32'>,
  { silent }: PauseSymbols,
): Float32Array {
  const quiet = quietFrames(features)
  const changed = logProbabilities.slice()
  for (const [t, isQuiet] of quiet.entries()) {
    const row = logProbabilities.subarray(t * symbols, (t + 1) * symbols)
    const silence = Math.max(...silent.map(id => row[id]!), isQuiet ? quietLogProbability : Number.NEGATIVE_INFINITY)
    for (const id of silent) changed[t * symbols + id] = silence
  }
  return changed
}

/** log-mel [B, T] of magnitudes → whether each frame is nearly as quiet as the quietest ones. */
function quietFrames({ shape, data }: Tensor<'float32'>): boolean[] {
  const [bands, frames] = shape as [number, number]
  const level = Array.from({ length: frames }, (_, t) => {
    let energy = 1e-10
    for (let band = 0; band < bands; band++) energy += Math.exp(2 * data[band * frames + t]!)
    return 10 * Math.log10(energy)
  })
  const sorted = [...level].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(frames - 1, Math.floor(share * frames))]!
  const limit = Math.min(at(0.95) - belowLoud, at(0.05) + aboveQuietest)
  return level.map(value => value < limit)
}

/** Writes a comma where somebody paused between two words that have no punctuation between them. */
export function punctuatePauses<T extends { readonly id: number; readonly frames: number }>(
  spoken: readonly T[],
  { silent, space, comma }: PauseSymbols,
): T[] {
  const out: T[] = []
  for (const each of spoken) {
    const pause = each.id === space && each.frames >= shortestPause && out.length > 0 && !silent.includes(out.at(-1)!.id)
    if (pause) out.push({ ...each, id: comma, frames: each.frames - 1 }, { ...each, frames: 1 })
    else out.push(each)
  }
  return out
}

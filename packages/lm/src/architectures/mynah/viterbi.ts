/**
 * The most likely monotonic alignment: every phoneme in order, each for at least one frame.
 * @param logProbabilities [T · S] row-major, log-probability of each of S symbols in each frame
 * @param phonemes ids [P], P ≤ T
 * @returns frames per phoneme and the mean log-probability along the path
 * @throws {RangeError} if there are more phonemes than frames, or none
 */
export function viterbi(logProbabilities: Float32Array, symbols: number, phonemes: Int32Array): { durations: Int32Array; score: number } {
  const frames = logProbabilities.length / symbols
  const count = phonemes.length
  if (count === 0 || count > frames)
    throw new RangeError(`viterbi: ${count} phonemes cannot be aligned with ${frames} frames; at least one frame each`)
  const advanced = new Uint8Array(frames * count)
  let best = new Float64Array(count).fill(Number.NEGATIVE_INFINITY)
  best[0] = logProbabilities[phonemes[0]!]!
  for (let t = 1; t < frames; t++) {
    const next = new Float64Array(count)
    for (let p = 0; p < count; p++) {
      const stay = best[p]!
      const move = p > 0 ? best[p - 1]! : Number.NEGATIVE_INFINITY
      if (move > stay) advanced[t * count + p] = 1
      next[p] = Math.max(stay, move) + logProbabilities[t * symbols + phonemes[p]!]!
    }
    best = next
  }
  const durations = new Int32Array(count)
  for (let t = frames - 1, p = count - 1; t >= 0; t--) {
    durations[p]!++
    if (advanced[t * count + p]) p--
  }
  return { durations, score: best[count - 1]! / frames }
}

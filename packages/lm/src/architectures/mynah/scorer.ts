import { float32Tensor, type Model } from '@mynah/onnx'
import type { ArFrame } from './ar.ts'
import type { ScorerConfig } from './config.ts'

/** Frames before a passage that are scored with it, so that the passage itself is scored as in the middle of speech. */
const framesBefore = 40
/** One unclear phoneme spoils a word, whatever the others are like: of few phonemes the worst third counts, of many the worst three. */
const worstPart = 1 / 3
const mostWorst = 3
/** Log-probability of a frame that is something else altogether: how much else says nothing. */
const leastLogProbability = -8

/**
 * How well the frames from number `from` on sound like their phonemes: the mean log-probability of the worst phonemes (a third, at most three), of those that end there (if
 * none does, of the one that goes on). 0 is the best, −8 the worst.
 * @param model `buildClassifier` of first codes
 * @param codebook first codebook, float32 [N, L] row-major
 * @param phonemes ids of the target
 */
export async function scorePassage(
  model: Model,
  { nInput, symbols }: ScorerConfig,
  codebook: Float32Array,
  phonemes: Int32Array,
  frames: readonly ArFrame[],
  from: number,
): Promise<number> {
  const first = Math.max(0, from - framesBefore)
  const scored = frames.slice(first)
  const features = new Float32Array(nInput * scored.length) // [L, T]
  scored.forEach(({ code }, t) => {
    for (let i = 0; i < nInput; i++) features[i * scored.length + t] = codebook[code * nInput + i]!
  })
  const outputs = await model.run({ features: float32Tensor(features, [1, nInput, scored.length]) })
  const logProbabilities = outputs.logProbabilities!.data as Float32Array
  const scores: number[] = []
  let [sum, count] = [0, 0]
  scored.forEach(({ phoneme, endsPhoneme }, t) => {
    sum += Math.max(logProbabilities[t * symbols + phonemes[phoneme]!]!, leastLogProbability)
    count++
    if (!endsPhoneme) return
    if (first + t >= from) scores.push(sum / count)
    ;[sum, count] = [0, 0]
  })
  if (scores.length === 0) return sum / count
  const worst = scores.sort((a, b) => a - b).slice(0, Math.min(mostWorst, Math.ceil(scores.length * worstPart)))
  return worst.reduce((total, score) => total + score) / worst.length
}

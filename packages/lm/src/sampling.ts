import type { Random } from '@mynah/onnx'

/** How one code is drawn from logits. Diversity against quality: lower temperature, topK or topP mean safer, flatter speech. */
export interface SamplingOptions {
  /** Divides the logits; 0 takes the most likely code. ≥ 0. */
  readonly temperature: number
  /** Keeps the `topK` most likely codes; 0 keeps all. */
  readonly topK: number
  /** Keeps the smallest set of codes whose probabilities sum to at least `topP`, in (0, 1]. */
  readonly topP: number
  /** Logits of codes in `recent` are divided (positive) or multiplied (negative) by this; 1 is off. CTRL, arXiv:1909.05858. */
  readonly repetitionPenalty: number
  /** Draws a code that fills too much of the last few anew, from the whole distribution. VALL-E 2, arXiv:2406.05370. Off by default. */
  readonly repetitionAware?: boolean
}

/** VALL-E 2's window and ratio: a code is drawn anew if it is more than a tenth of the last ten. */
const repetitionWindow = 10
const repetitionRatio = 0.1

/** @throws {RangeError} naming the option that is out of range */
export function checkSampling(options: SamplingOptions): void {
  const check = (name: keyof SamplingOptions, fits: boolean, range: string) => {
    if (!fits) throw new RangeError(`${name} is ${options[name]}, expected ${range}`)
  }
  check('temperature', Number.isFinite(options.temperature) && options.temperature >= 0, 'a number ≥ 0')
  check('topK', Number.isInteger(options.topK) && options.topK >= 0, 'an integer ≥ 0 (0 keeps all codes)')
  check('topP', options.topP > 0 && options.topP <= 1, 'a number in (0, 1]')
  check('repetitionPenalty', Number.isFinite(options.repetitionPenalty) && options.repetitionPenalty > 0, 'a number > 0 (1 is off)')
}

/**
 * Draws a code: repetition penalty → temperature → top-k → top-p → draw → repetition-aware redraw.
 * @param logits [N], not changed
 * @param recent codes that the penalty applies to, the last one last
 * @returns an index into `logits`
 */
export function sample(logits: Float32Array, options: SamplingOptions, random: Random, recent: readonly number[] = []): number {
  const scores = Float64Array.from(logits)
  if (options.repetitionPenalty !== 1) {
    for (const code of new Set(recent))
      scores[code] = scores[code]! > 0 ? scores[code]! / options.repetitionPenalty : scores[code]! * options.repetitionPenalty
  }
  if (options.temperature === 0) return argMax(scores)
  const drawn = draw(scores, options, random)
  if (!options.repetitionAware) return drawn
  const window = recent.slice(-repetitionWindow)
  const repeated = window.filter(code => code === drawn).length > repetitionRatio * repetitionWindow
  return repeated ? draw(scores, { temperature: options.temperature, topK: 0, topP: 1 }, random) : drawn
}

function draw(scores: Float64Array, options: Pick<SamplingOptions, 'temperature' | 'topK' | 'topP'>, random: Random): number {
  const kept = options.topK === 0 || options.topK >= scores.length ? scores.length : options.topK
  const order = likeliest(scores, kept)
  const highest = scores[order[0]!]!
  const weights = order.map(code => Math.exp((scores[code]! - highest) / options.temperature))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let nucleus = 0
  let mass = 0
  while (nucleus < weights.length && mass < options.topP * total) mass += weights[nucleus++]!
  let left = random.uniform() * mass
  for (let i = 0; i < nucleus; i++) {
    left -= weights[i]!
    if (left < 0) return order[i]!
  }
  return order[nucleus - 1]!
}

/** The codes of the `count` highest scores, highest first, of equal ones the lower code. Sorts only what can be among them: a code is drawn 40 times a second of speech. */
function likeliest(scores: Float64Array, count: number): number[] {
  const threshold = count < scores.length ? scores.toSorted()[scores.length - count]! : Number.NEGATIVE_INFINITY
  const candidates: number[] = []
  for (let code = 0; code < scores.length; code++) if (!(scores[code]! < threshold)) candidates.push(code)
  return candidates.sort((a, b) => scores[b]! - scores[a]! || a - b).slice(0, count)
}

function argMax(scores: Float64Array): number {
  let best = 0
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i
  return best
}

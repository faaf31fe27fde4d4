import { createTimeScaler, type TimeScaler } from '@mynah/audio'

/** Faster speech keeps this much of every phoneme, as far as that is possible: people shorten vowels and pauses, not plosives. */
const keptSeconds = 0.0375
/** A chunk may stay longer than asked by this much, for the sake of what is kept. */
export const paceTolerance = 1.03
/** In slower speech what lasts this long is stretched half as much as what lasts for ever. */
const halfStretchedSeconds = 0.05

/**
 * How long each phoneme becomes at another pace, so that all together last `1 / speed` times as long (up to 3 % longer). Measured against stretching all alike, by words that a
 * recognizer hears wrongly: 8.3 instead of 10.4 % at half the speed, 5.5 instead of 15.9 % at twice the speed, 6.9 % as they were (docs/decisions/2026-11-29-pace.md).
 * @param seconds of each phoneme
 */
export function paceDurations(seconds: readonly number[], speed: number): number[] {
  const total = seconds.reduce((sum, each) => sum + each, 0)
  const goal = total / speed
  if (speed === 1 || total === 0) return [...seconds]
  if (speed < 1) {
    const stretched = (factor: number) => seconds.map(each => each * (1 + ((factor - 1) * each) / (each + halfStretchedSeconds)))
    return solve(stretched, goal, [1, 100])
  }
  const kept = seconds.map(each => Math.min(each, keptSeconds))
  const share = Math.min(1, (goal * paceTolerance) / kept.reduce((sum, each) => sum + each, 0))
  return solve(factor => seconds.map((each, i) => Math.max(kept[i]! * share, each * factor)), goal, [1e-3, 1])
}

/** What a rising function of a factor gives where its sum comes nearest to `goal`: bisection. */
function solve(apply: (factor: number) => number[], goal: number, [low, high]: [number, number]): number[] {
  for (let i = 0; i < 40; i++) {
    const middle = Math.sqrt(low * high)
    if (apply(middle).reduce((sum, each) => sum + each, 0) < goal) low = middle
    else high = middle
  }
  return apply(high)
}

/** Changes the pace of an utterance, chunk by chunk. */
export class Pace {
  readonly #speed: number
  readonly #sampleRate: number
  readonly #scaler: TimeScaler
  /** Samples that were given, and that they all became, or will become. */
  #given = 0
  #becomes = 0

  constructor(speed: number, sampleRate: number) {
    this.#speed = speed
    this.#sampleRate = sampleRate
    this.#scaler = createTimeScaler(sampleRate)
  }

  /**
   * @param samples of a chunk
   * @param seconds of its phonemes, which together last as long
   * @returns its audio, which may lag behind by some 30 ms until the last chunk, and when in it a time of the chunk comes, in seconds
   */
  push(samples: Float32Array, seconds: readonly number[], last: boolean): { audio: Float32Array; timeOf: (seconds: number) => number } {
    if (this.#speed === 1) return { audio: samples, timeOf: time => time }
    const total = seconds.reduce((sum, each) => sum + each, 0)
    const rate = total > 0 ? samples.length / total : 0
    const paced = total > 0 ? paceDurations(seconds, this.#speed) : []
    const spans = paced.map((each, i) => ({ input: seconds[i]! * rate, output: each * rate }))
    const audio = this.#scaler.push(samples, spans.length ? spans : [{ input: samples.length, output: samples.length / this.#speed }], last)
    const late = (this.#becomes - this.#given) / this.#sampleRate
    this.#becomes += spans.reduce((sum, { output }) => sum + output, 0)
    this.#given += audio.length
    return { audio, timeOf: time => late + becoming(time, seconds, paced) }
  }
}

/** Where a moment comes when stretches of `from` become stretches of `to`. */
function becoming(time: number, from: readonly number[], to: readonly number[]): number {
  let before = 0
  let after = 0
  for (const [i, length] of from.entries()) {
    if (time <= before + length) return after + (length > 0 ? ((time - before) / length) * to[i]! : 0)
    before += length
    after += to[i]!
  }
  return after
}

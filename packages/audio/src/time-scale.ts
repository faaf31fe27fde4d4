import { joinPieces } from './audio.ts'

/** Segments follow one another by this much, and overlap by as much: a window holds two periods of a voice of 83 Hz. */
const hopSeconds = 0.012
/** A segment may be taken from this much earlier or later, so that it continues the one before: half a period of a voice of 70 Hz. */
const searchSeconds = 0.0072

/** A piece of the input, and how long it becomes, in samples; `output` may be a fraction. */
export interface TimeSpan {
  readonly input: number
  readonly output: number
}

/** Changes the pace of audio while it arrives. */
export interface TimeScaler {
  /**
   * Takes mono samples, and gives those that can be computed so far: some 30 ms are kept back until what follows them is known.
   * @param spans what becomes of these samples, in order
   * @param last whether no more will come: then all is given, as many samples as all `output` together, rounded
   * @throws {RangeError} unless the inputs of `spans` add up to `samples`, and no output is negative
   */
  push(samples: Float32Array, spans: readonly TimeSpan[], last?: boolean): Float32Array
}

/**
 * Waveform similarity overlap-add (WSOLA, Verhelst and Roelands, ICASSP 1993): speech becomes longer or shorter, pitch and timbre stay. Segments of 24 ms are laid over each other
 * 12 ms apart, each from where the input resembles most what would have followed the one before. Where nothing is to be changed, nothing is.
 * @param sampleRate Hz
 */
export function createTimeScaler(sampleRate: number): TimeScaler {
  const hop = Math.round(hopSeconds * sampleRate)
  const reach = Math.round(searchSeconds * sampleRate)
  const window = Float32Array.from({ length: 2 * hop }, (_, i) => 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / hop))
  let input: Float32Array = new Float32Array(0)
  let dropped = 0 // samples of the input that are no longer kept
  const edges: { at: number; becomes: number }[] = [{ at: 0, becomes: 0 }]
  let edge = 0
  let given = 0
  let position = -hop // where the segment before was taken from
  let tail: Float32Array | undefined // its second half, windowed

  /** Where the output sample `t` comes from. */
  function origin(t: number): number {
    while (edge < edges.length - 2 && edges[edge + 1]!.becomes <= t) edge++
    const [from, to] = [edges[edge]!, edges[edge + 1] ?? edges[edge]!]
    const length = to.becomes - from.becomes
    return length > 0 ? from.at + ((t - from.becomes) * (to.at - from.at)) / length : to.at
  }

  /** Samples from position `at`, zeros beyond both ends. */
  function segment(at: number): Float32Array {
    const found = new Float32Array(2 * hop)
    const from = Math.max(0, dropped - at)
    const to = Math.min(2 * hop, dropped + input.length - at)
    if (to > from) found.set(input.subarray(at + from - dropped, at + to - dropped), from)
    return found
  }

  /** The place within reach of `ideal` whose samples resemble most the `hop` samples from `natural`. */
  function bestPlace(ideal: number, natural: number): number {
    if (Math.abs(natural - ideal) < 1) return natural
    const goal = segment(natural)
    const lowest = Math.max(ideal - reach, Math.min(dropped, ideal))
    const highest = Math.min(ideal + reach, Math.max(ideal, dropped + input.length - 2 * hop))
    let best = ideal
    let bestLikeness = Number.NEGATIVE_INFINITY
    for (let place = lowest; place <= highest; place++) {
      const offset = place - dropped
      let product = 0
      let energy = 1e-9
      for (let i = 0; i < hop; i++) {
        const sample = input[offset + i] ?? 0
        product += sample * goal[i]!
        energy += sample * sample
      }
      const likeness = product / Math.sqrt(energy)
      if (likeness <= bestLikeness) continue
      bestLikeness = likeness
      best = place
    }
    return best
  }

  return {
    push(samples, spans, last = false) {
      const total = spans.reduce((sum, span) => sum + span.input, 0)
      if (Math.abs(total - samples.length) > 1e-6 || spans.some(span => !(span.output >= 0 && span.input >= 0))) {
        throw new RangeError(`time scaler: spans of ${total} samples for ${samples.length}, expected as many, and no negative ones`)
      }
      for (const span of spans) {
        const end = edges.at(-1)!
        edges.push({ at: end.at + span.input, becomes: end.becomes + span.output })
      }
      input = joinPieces([input, samples])
      const known = dropped + input.length
      const length = Math.round(edges.at(-1)!.becomes)
      const parts: Float32Array[] = []
      while (given < length) {
        const ideal = Math.round(origin(given))
        const natural = position + hop
        if (!last && Math.max(ideal + reach, natural) + 2 * hop > known) break
        const place = bestPlace(ideal, natural)
        const found = segment(place)
        const half = found.slice(0, hop)
        if (tail) for (let i = 0; i < hop; i++) half[i] = half[i]! * window[i]! + tail[i]!
        tail = found.slice(hop).map((sample, i) => sample * window[hop + i]!)
        parts.push(half)
        given += hop
        position = place
        const needed = Math.min(position + hop, Math.round(origin(given))) - reach
        if (needed - dropped > 4 * sampleRate) {
          input = input.slice(needed - dropped)
          dropped = needed
        }
      }
      return joinPieces(parts, parts.length * hop - (last ? Math.max(0, given - length) : 0))
    },
  }
}

/**
 * Makes speech faster (`speed` above 1) or slower, all of it alike. WSOLA, see `createTimeScaler`.
 * @returns float32 [S / speed], rounded
 * @throws {RangeError} unless `speed` is a positive number
 */
export function timeScale(samples: Float32Array, sampleRate: number, speed: number): Float32Array {
  if (!(speed > 0 && Number.isFinite(speed))) throw new RangeError(`timeScale: speed is ${speed}, expected a positive number`)
  return createTimeScaler(sampleRate).push(samples, [{ input: samples.length, output: samples.length / speed }], true)
}

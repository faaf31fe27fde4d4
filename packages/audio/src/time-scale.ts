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
  return new Wsola(sampleRate)
}

class Wsola implements TimeScaler {
  readonly #hop: number
  readonly #reach: number
  /** Of the input at the beginning that need not be kept any longer: so many are dropped at once, since that copies the rest. */
  readonly #droppedAtOnce: number
  readonly #window: Float32Array
  #input: Float32Array = new Float32Array(0)
  /** Samples of the input that are no longer kept. */
  #dropped = 0
  readonly #edges: { at: number; becomes: number }[] = [{ at: 0, becomes: 0 }]
  #edge = 0
  #given = 0
  /** Where the segment before was taken from. */
  #position: number
  /** Its second half, windowed. */
  #tail: Float32Array | undefined

  constructor(sampleRate: number) {
    const hop = Math.round(hopSeconds * sampleRate)
    this.#hop = hop
    this.#reach = Math.round(searchSeconds * sampleRate)
    this.#droppedAtOnce = 4 * sampleRate
    this.#window = Float32Array.from({ length: 2 * hop }, (_, i) => 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / hop))
    this.#position = -hop
  }

  push(samples: Float32Array, spans: readonly TimeSpan[], last = false): Float32Array {
    this.#add(samples, spans)
    const hop = this.#hop
    const known = this.#dropped + this.#input.length
    const length = Math.round(this.#edges.at(-1)!.becomes)
    const parts: Float32Array[] = []
    while (this.#given < length) {
      const ideal = Math.round(this.#origin(this.#given))
      const natural = this.#position + hop
      if (!last && Math.max(ideal + this.#reach, natural) + 2 * hop > known) break
      this.#position = this.#bestPlace(ideal, natural)
      parts.push(this.#overlap(this.#segment(this.#position)))
      this.#given += hop
      this.#drop()
    }
    return joinPieces(parts, parts.length * hop - (last ? Math.max(0, this.#given - length) : 0))
  }

  #add(samples: Float32Array, spans: readonly TimeSpan[]): void {
    const total = spans.reduce((sum, span) => sum + span.input, 0)
    if (Math.abs(total - samples.length) > 1e-6 || spans.some(span => !(span.output >= 0 && span.input >= 0))) {
      throw new RangeError(`time scaler: spans of ${total} samples for ${samples.length}, expected as many, and no negative ones`)
    }
    for (const span of spans) {
      const end = this.#edges.at(-1)!
      this.#edges.push({ at: end.at + span.input, becomes: end.becomes + span.output })
    }
    this.#input = joinPieces([this.#input, samples])
  }

  /** The first half of a segment, laid over the second half of the one before. */
  #overlap(segment: Float32Array): Float32Array {
    const hop = this.#hop
    const half = segment.slice(0, hop)
    if (this.#tail) for (let i = 0; i < hop; i++) half[i] = half[i]! * this.#window[i]! + this.#tail[i]!
    this.#tail = segment.slice(hop).map((sample, i) => sample * this.#window[hop + i]!)
    return half
  }

  /** Forgets input that no segment can be taken from any more. */
  #drop(): void {
    const needed = Math.min(this.#position + this.#hop, Math.round(this.#origin(this.#given))) - this.#reach
    if (needed - this.#dropped <= this.#droppedAtOnce) return
    this.#input = this.#input.slice(needed - this.#dropped)
    this.#dropped = needed
  }

  /** Where the output sample `t` comes from. */
  #origin(t: number): number {
    const edges = this.#edges
    while (this.#edge < edges.length - 2 && edges[this.#edge + 1]!.becomes <= t) this.#edge++
    const [from, to] = [edges[this.#edge]!, edges[this.#edge + 1] ?? edges[this.#edge]!]
    const length = to.becomes - from.becomes
    return length > 0 ? from.at + ((t - from.becomes) * (to.at - from.at)) / length : to.at
  }

  /** Samples from position `at`, zeros beyond both ends. */
  #segment(at: number): Float32Array {
    const length = 2 * this.#hop
    const found = new Float32Array(length)
    const from = Math.max(0, this.#dropped - at)
    const to = Math.min(length, this.#dropped + this.#input.length - at)
    if (to > from) found.set(this.#input.subarray(at + from - this.#dropped, at + to - this.#dropped), from)
    return found
  }

  /** The place within reach of `ideal` whose samples resemble most the `hop` samples from `natural`. */
  #bestPlace(ideal: number, natural: number): number {
    if (Math.abs(natural - ideal) < 1) return natural
    const goal = this.#segment(natural)
    const [input, dropped, hop] = [this.#input, this.#dropped, this.#hop]
    const lowest = Math.max(ideal - this.#reach, Math.min(dropped, ideal))
    const highest = Math.min(ideal + this.#reach, Math.max(ideal, dropped + input.length - 2 * hop))
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

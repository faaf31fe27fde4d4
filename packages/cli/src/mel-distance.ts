import { createMelStream, frameCount, type MelConfig, type MelStream } from '@mynah/audio'

/** A signal's frames that the other signal has not reached yet. */
interface Side {
  readonly stream: MelStream
  samples: number
  /** One log-mel column per frame. */
  readonly waiting: Float32Array[]
}

/**
 * How far apart two recordings of the same words are: the mean absolute difference of their natural log-mels, band by band and frame by frame. Takes both in pieces,
 * and keeps only what one is ahead of the other.
 */
export class MelDistance {
  readonly #config: MelConfig
  readonly #before: Side
  readonly #after: Side
  #sum = 0
  #frames = 0

  /** @param config a front-end, whose logarithm and normalization do not count */
  constructor({ normalize: _, ...config }: MelConfig) {
    this.#config = { ...config, log: 'ln' }
    const side = (): Side => ({ stream: createMelStream(this.#config), samples: 0, waiting: [] })
    this.#before = side()
    this.#after = side()
  }

  /** Frames that were compared. */
  get frames(): number {
    return this.#frames
  }

  addBefore(samples: Float32Array): void {
    this.#add(this.#before, samples)
  }

  addAfter(samples: Float32Array): void {
    this.#add(this.#after, samples)
  }

  /** Compares what is left; frames that only one recording has do not count. @returns undefined if one is too short for a frame */
  finish(): number | undefined {
    for (const side of [this.#before, this.#after]) {
      if (!hasFrames(side.samples, this.#config)) return undefined
      this.#take(side, side.stream.finish())
    }
    return this.#sum / (this.#frames * this.#config.nMels)
  }

  #add(side: Side, samples: Float32Array): void {
    side.samples += samples.length
    this.#take(side, side.stream.push(samples))
  }

  #take(side: Side, { shape, data }: ReturnType<MelStream['push']>): void {
    const [bands, frames] = shape as [number, number]
    for (let t = 0; t < frames; t++) side.waiting.push(Float32Array.from({ length: bands }, (_, band) => data[band * frames + t]!))
    const [before, after] = [this.#before.waiting, this.#after.waiting]
    const ready = Math.min(before.length, after.length)
    for (let t = 0; t < ready; t++) for (let band = 0; band < bands; band++) this.#sum += Math.abs(before[t]![band]! - after[t]![band]!)
    for (const waiting of [before, after]) waiting.splice(0, ready)
    this.#frames += ready
  }
}

function hasFrames(samples: number, config: MelConfig): boolean {
  try {
    return frameCount(samples, config) > 0
  } catch {
    return false
  }
}

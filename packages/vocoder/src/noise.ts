import { createRandom, float32Tensor, sizeOf, type Tensor } from '@mynah/onnx'
import type { VocoderDescription } from './architecture.ts'
import { sliceFrames } from './features.ts'

/** Options of decoding that concern noise. */
export interface NoiseOptions {
  /** Gaussian noise in the shape that `noiseShape` says, for vocoders that have one. */
  readonly noise?: Tensor<'float32'>
  /** Draws the noise if none is given; 0 by default. Same seed, same samples. */
  readonly seed?: number
}

/** Noise of a stretch of frames, in the graph's layout; undefined for a deterministic vocoder. Stretches are asked for in order, and may overlap. */
export type NoiseSource = (from: number, to: number) => Tensor<'float32'> | undefined

/**
 * The noise to decode with, given or drawn, and the tail to append: none if the noise given is for the features alone.
 * @param frames of the features; undefined if they are not known yet, when noise cannot be given
 * @throws {RangeError} if noise has another shape or numbers that are not finite
 * @throws {TypeError} if it is given to a vocoder that takes none, or for features of unknown length
 */
export function createNoise(
  name: string,
  description: VocoderDescription,
  frames: number | undefined,
  { noise, seed = 0 }: NoiseOptions,
): { source: NoiseSource; tail: VocoderDescription['tail'] } {
  const { tail } = description
  if (!description.noiseShape) {
    if (noise) throw new TypeError(`${name}: is deterministic and takes no noise; leave it out`)
    return { source: () => undefined, tail }
  }
  if (!noise) return { source: drawNoise(description.noiseShape, seed), tail }
  if (frames === undefined)
    throw new TypeError(`${name}: noise is given for features of unknown length; pass a seed, or the features as one tensor`)
  const wrong = noise.data.findIndex(value => !Number.isFinite(value))
  if (wrong >= 0) throw new RangeError(`${name}: noise[${wrong}] is ${noise.data[wrong]}, expected finite numbers`)
  const shape = description.noiseShape(frames + (tail?.frames ?? 0))
  const isWhole = noise.data.length === sizeOf(shape)
  if (!isWhole && !(tail && noise.data.length === sizeOf(description.noiseShape(frames)))) {
    throw new RangeError(`${name}: noise is [${noise.shape.join(', ')}], expected [${shape.join(', ')}] for this mel`)
  }
  const all = isWhole ? frames + (tail?.frames ?? 0) : frames
  const tensor = float32Tensor(noise.data, description.noiseShape(all))
  return { source: (from, to) => sliceFrames(tensor, all, from, to), tail: isWhole ? tail : undefined }
}

/** Draws frame by frame, so that the noise of a frame does not depend on how many follow, and keeps what may be asked for again. */
function drawNoise(shapeOf: (frames: number) => readonly number[], seed: number): NoiseSource {
  const random = createRandom(seed)
  const perFrame = sizeOf(shapeOf(1))
  const width = shapeOf(1).at(-1)!
  let kept: Float32Array[] = []
  let first = 0
  return (from, to) => {
    while (first + kept.length < to) kept.push(Float32Array.from({ length: perFrame }, () => random.normal()))
    kept = kept.slice(from - first)
    first = from
    const shape = shapeOf(to - from)
    const row = width * (to - from)
    const data = new Float32Array(sizeOf(shape))
    for (let t = 0; t < to - from; t++) {
      for (let r = 0; r * width < perFrame; r++) data.set(kept[t]!.subarray(r * width, (r + 1) * width), r * row + t * width)
    }
    return float32Tensor(data, shape)
  }
}

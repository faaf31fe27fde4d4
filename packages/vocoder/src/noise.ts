import { createRandom, float32Tensor, type Random, sizeOf, slice, type Tensor } from '@mynah/onnx'

/** Options of decoding that concern noise. */
export interface NoiseOptions {
  /** Noise in the shape that `noiseShape` says, for vocoders that have one: Gaussian, or for WaveNet uniform in [0, 1). */
  readonly noise?: Tensor<'float32'>
  /** Draws the noise if none is given; 0 by default. Same seed, same samples. */
  readonly seed?: number
}

/** Noise of frames `from` to `to`, in the graph's layout. Asked for in order; what is asked for may overlap. */
export type NoiseSource = (from: number, to: number) => Tensor<'float32'>

/**
 * The noise to decode with, given or drawn.
 * @param shapeOf shape of the noise of so many frames; the last axis is as long as a multiple of them
 * @param lengths numbers of frames that noise may be given for; undefined if the features' length is not known yet, when it cannot be given
 * @param draw one number of it; Gaussian by default
 * @returns the source, and how many frames the noise was given for
 * @throws {RangeError} if noise has another shape or numbers that are not finite
 * @throws {TypeError} if it is given for features of unknown length
 */
export function createNoise(
  name: string,
  shapeOf: (frames: number) => readonly number[],
  lengths: readonly number[] | undefined,
  { noise, seed = 0 }: NoiseOptions,
  draw: (random: Random) => number = random => random.normal(),
): { readonly source: NoiseSource; readonly givenFrames?: number } {
  if (!noise) return { source: drawNoise(shapeOf, seed, draw) }
  if (!lengths) throw new TypeError(`${name}: noise is given for features of unknown length; pass a seed, or the features as one tensor`)
  const wrong = noise.data.findIndex(value => !Number.isFinite(value))
  if (wrong >= 0) throw new RangeError(`${name}: noise[${wrong}] is ${noise.data[wrong]}, expected finite numbers`)
  const frames = lengths.find(count => sizeOf(shapeOf(count)) === noise.data.length)
  if (frames === undefined) {
    throw new RangeError(
      `${name}: noise is [${noise.shape.join(', ')}], expected [${shapeOf(lengths[0]!).join(', ')}] for this mel; leave it out to draw some`,
    )
  }
  const tensor = float32Tensor(noise.data, shapeOf(frames))
  const width = tensor.shape.at(-1)! / frames
  return { source: (from, to) => slice(tensor, from * width, to * width), givenFrames: frames }
}

/** Draws frame by frame, so that the noise of a frame does not depend on how many follow, and keeps what may be asked for again. */
function drawNoise(shapeOf: (frames: number) => readonly number[], seed: number, draw: (random: Random) => number): NoiseSource {
  const random = createRandom(seed)
  const perFrame = sizeOf(shapeOf(1))
  const width = shapeOf(1).at(-1)!
  let kept: Float32Array[] = []
  let first = 0
  return (from, to) => {
    while (first + kept.length < to) kept.push(Float32Array.from({ length: perFrame }, () => draw(random)))
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

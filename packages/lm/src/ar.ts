import { createRandom, float32Tensor, int64Tensor, type Model, type Tensor } from '@mynah/onnx'
import type { ArConfig } from './architectures/mynah.ts'
import { type SamplingOptions, sample } from './sampling.ts'

/** What the AR model speaks: phonemes of prompt and target in one list, and the prompt's timing and latents. */
export interface ArRequest {
  /** float32 [P, D], prompt phonemes first. */
  readonly encoding: Tensor<'float32'>
  /** Frames of each prompt phoneme; their count is where the target begins. */
  readonly promptDurations: Int32Array
  /** Sum of all codebooks of the prompt, float32 [Tp, L] row-major. */
  readonly promptLatents: Float32Array
  /** First codebook, float32 [N, L] row-major. */
  readonly codebook: Float32Array
  readonly sampling: SamplingOptions
  readonly seed: number
  readonly speed: number
  readonly maxFrames: number
  readonly signal?: AbortSignal
}

/** One frame of the target. */
export interface ArFrame {
  /** Of the first codebook. */
  readonly code: number
  /** Whether this is the last frame of its phoneme. */
  readonly endsPhoneme: boolean
}

/** No phoneme of the corpus lasts longer than 31 frames (0.8 s); a model that lingers is moved on here. */
const longestPhonemeFrames = 60
/** The repetition penalty looks back this far: 0.25 s. */
const penaltyFrames = 10

/**
 * Runs prefill over the prompt, then one frame a step; at each frame a code is drawn, and the phoneme ends at the median of its predicted duration. Ends with the last
 * phoneme, or after `maxFrames`.
 */
export async function* generateFirstCodes(model: Model, config: ArConfig, request: ArRequest): AsyncGenerator<ArFrame, void, undefined> {
  const { encoding, promptDurations, promptLatents, codebook, sampling } = request
  const { dim, heads, latentDim } = config
  const random = createRandom(request.seed)
  const first = promptDurations.length
  const target = encoding.shape[0]! - first
  const promptFrames = promptLatents.length / latentDim
  // The cache lives in the worker; an empty one begins every utterance.
  const empty = float32Tensor([], [1, heads, 0, dim / heads])
  const caches = Array.from({ length: config.layers }, (_, i) => [`pastKey.${i}`, `pastValue.${i}`]).flat()
  await using state = await model.createState(Object.fromEntries(caches.map(name => [name, empty])))

  // Prefill: frame t sees the phoneme of frame t and the vector of frame t − 1; the last one is the first target frame.
  const rows = promptFrames + 1
  const condition = new Float32Array(rows * dim)
  const ages = new Int32Array(rows)
  let frame = 0
  promptDurations.forEach((duration, phoneme) => {
    for (let age = 0; age < duration; age++, frame++) {
      condition.set(encoding.data.subarray(phoneme * dim, (phoneme + 1) * dim), frame * dim)
      ages[frame] = age
    }
  })
  condition.set(encoding.data.subarray(first * dim, (first + 1) * dim), frame * dim)
  const previous = new Float32Array(rows * latentDim)
  previous.set(promptLatents, latentDim)
  const kinds = Int32Array.from({ length: rows }, (_, i) => (i === 0 ? 0 : 1))
  const run = (condition: Float32Array, previous: Float32Array, kinds: Int32Array, ages: Int32Array) => {
    const count = kinds.length
    const feeds = {
      condition: float32Tensor(condition, [1, count, dim]),
      previous: float32Tensor(previous, [1, count, latentDim]),
      kind: int64Tensor(kinds, [1, count]),
      age: int64Tensor(ages, [1, count]),
    }
    return model.run(feeds, { state, fetch: ['logits', 'advance'], ...(request.signal ? { signal: request.signal } : {}) })
  }

  const codes: number[] = []
  let outputs = await run(condition, previous, kinds, ages)
  let phoneme = 0
  let age = 0
  let survival = 1
  // A phoneme ends when the probability that it lasts longer falls below one half (the median), earlier or later for another speed.
  const threshold = 0.5 ** (1 / request.speed)
  while (true) {
    const code = sample(outputs.logits!.data as Float32Array, sampling, random, codes.slice(-penaltyFrames))
    codes.push(code)
    age++
    survival *= 1 - 1 / (1 + Math.exp(-(outputs.advance!.data as Float32Array)[0]!))
    const endsPhoneme = survival < threshold || age >= longestPhonemeFrames
    if (endsPhoneme) {
      phoneme++
      age = 0
      survival = 1
    }
    yield { code, endsPhoneme }
    if (phoneme === target || codes.length >= request.maxFrames) return
    const row = first + phoneme
    outputs = await run(
      encoding.data.slice(row * dim, (row + 1) * dim),
      codebook.slice(code * latentDim, (code + 1) * latentDim),
      Int32Array.of(2),
      Int32Array.of(age),
    )
  }
}

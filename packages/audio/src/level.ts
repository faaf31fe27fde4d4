/**
 * How loud a recording is, where in it somebody speaks, and whether it is clipped: the checks that a voice prompt goes through.
 * Levels are in dBFS: 0 is an amplitude of 1, silence is −Infinity.
 */

/** Frames of the activity detector. */
const frameSeconds = 0.01
/** Speech spans some 30 dB from its loudest vowels to its soft consonants; what lies deeper below the loud frames is room. */
const speechRangeDecibels = 35
/** Active frames must stand out of the background by this much. */
const aboveNoiseDecibels = 6
/** Below this there is no speech: the quietest step of 16-bit audio is −90 dBFS. */
const silenceDbfs = -65
/** Pauses up to this long lie within speech; clicks shorter than the other bound are no speech. */
const longestGapSeconds = 0.3
const shortestBurstSeconds = 0.03
/** Quiet frames are sought among the lowest tenth; loud ones at the 95th percentile, so that one click does not count. */
const quietQuantile = 0.1
const loudQuantile = 0.95
/** This close to full scale, this many samples in a row are a clipped crest: a clean crest of speech is narrower. */
const clipThreshold = 0.985
const clipRunLength = 3

/** A stretch of audio, in samples: [start, end). */
export interface Span {
  readonly start: number
  readonly end: number
}

/** What `measureLevel` finds. */
export interface AudioLevel {
  /** Largest absolute sample, dBFS. */
  readonly peakDbfs: number
  /** Root mean square of everything, dBFS. */
  readonly rmsDbfs: number
  /** Root mean square of the frames in which somebody speaks, dBFS; −Infinity where nobody does. */
  readonly speechDbfs: number
  /** Level of the background, dBFS: the quietest tenth of the frames. */
  readonly noiseDbfs: number
  /** Length of all active stretches together, seconds. */
  readonly speechSeconds: number
  /** Part of all samples that lies in clipped crests, 0 to 1. Clean speech has 0; above 0.001 it is heard. */
  readonly clippedFraction: number
  /** True where nothing rises above −65 dBFS or out of the background. */
  readonly isSilent: boolean
}

/** Amplitude → decibels: 20·log10. @param amplitude ≥ 0 */
export function toDecibels(amplitude: number): number {
  return 20 * Math.log10(amplitude)
}

/** Largest absolute value; 0 for no samples. */
export function peakAmplitude(samples: Float32Array): number {
  let peak = 0
  for (let i = 0; i < samples.length; i++) peak = Math.max(peak, Math.abs(samples[i]!))
  return peak
}

/** Root mean square; 0 for no samples. */
export function rmsAmplitude(samples: Float32Array): number {
  let sum = 0
  for (let i = 0; i < samples.length; i++) sum += samples[i]! * samples[i]!
  return samples.length === 0 ? 0 : Math.sqrt(sum / samples.length)
}

/**
 * Part of the samples that lies in clipped crests: three or more in a row at 98.5 % of full scale or beyond, with one sign.
 * @returns 0 to 1
 */
export function clippedFraction(samples: Float32Array): number {
  let clipped = 0
  let run = 0
  let sign = 0
  for (let i = 0; i <= samples.length; i++) {
    const value = i < samples.length ? samples[i]! : 0
    const side = value >= clipThreshold ? 1 : value <= -clipThreshold ? -1 : 0
    if (side !== 0 && side === sign) {
      run++
      continue
    }
    if (run >= clipRunLength) clipped += run
    sign = side
    run = side === 0 ? 0 : 1
  }
  return samples.length === 0 ? 0 : clipped / samples.length
}

/** Mean square of each 10 ms frame, the last one possibly shorter. */
function frameEnergies(samples: Float32Array, frame: number): Float64Array {
  return Float64Array.from(
    { length: Math.ceil(samples.length / frame) },
    (_, index) => rmsAmplitude(samples.subarray(index * frame, (index + 1) * frame)) ** 2,
  )
}

function quantile(sorted: Float64Array, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0
}

function frameSize(sampleRate: number): number {
  if (!(sampleRate > 0) || !Number.isFinite(sampleRate))
    throw new RangeError(`level: sampleRate is ${sampleRate}, expected a positive number of Hz`)
  return Math.max(1, Math.round(sampleRate * frameSeconds))
}

/**
 * The stretches in which somebody speaks, by energy: frames within 35 dB of the loud ones that stand 6 dB out of the background (where the recording has one:
 * pauses at least a tenth of the time) and above −65 dBFS. Gaps up to 0.3 s are closed; bursts below 30 ms are dropped.
 * @param samples float32 [S] mono
 * @returns spans in order, none where there is silence
 * @throws {RangeError} for an impossible sample rate
 */
export function findSpeech(samples: Float32Array, sampleRate: number): Span[] {
  const frame = frameSize(sampleRate)
  const energies = frameEnergies(samples, frame)
  const sorted = energies.slice().sort()
  const loud = toDecibels(Math.sqrt(quantile(sorted, loudQuantile)))
  const noise = toDecibels(Math.sqrt(quantile(sorted, quietQuantile)))
  // where speech fills the recording, its quiet tenth is speech too, and must not raise the bar
  const noiseBar = loud - noise > 2 * aboveNoiseDecibels ? noise + aboveNoiseDecibels : Number.NEGATIVE_INFINITY
  const bar = 10 ** (Math.max(silenceDbfs, loud - speechRangeDecibels, noiseBar) / 10)
  const bursts: { start: number; end: number }[] = []
  for (let index = 0; index < energies.length; index++) {
    if (energies[index]! <= bar) continue
    const last = bursts.at(-1)
    if (last?.end === index) last.end++
    else bursts.push({ start: index, end: index + 1 })
  }
  const merged: { start: number; end: number }[] = []
  for (const burst of bursts.filter(({ start, end }) => (end - start) * frameSeconds >= shortestBurstSeconds)) {
    const last = merged.at(-1)
    if (last && (burst.start - last.end) * frameSeconds <= longestGapSeconds) last.end = burst.end
    else merged.push(burst)
  }
  return merged.map(({ start, end }) => ({ start: start * frame, end: Math.min(samples.length, end * frame) }))
}

/**
 * Measures a recording.
 * @param samples float32 [S] mono
 * @throws {RangeError} for an impossible sample rate
 */
export function measureLevel(samples: Float32Array, sampleRate: number): AudioLevel {
  const spans = findSpeech(samples, sampleRate)
  const sorted = frameEnergies(samples, frameSize(sampleRate)).sort()
  const speechSamples = spans.reduce((sum, { start, end }) => sum + end - start, 0)
  const speechEnergy = spans.reduce((sum, { start, end }) => sum + rmsAmplitude(samples.subarray(start, end)) ** 2 * (end - start), 0)
  return {
    peakDbfs: toDecibels(peakAmplitude(samples)),
    rmsDbfs: toDecibels(rmsAmplitude(samples)),
    speechDbfs: speechSamples === 0 ? Number.NEGATIVE_INFINITY : toDecibels(Math.sqrt(speechEnergy / speechSamples)),
    noiseDbfs: toDecibels(Math.sqrt(quantile(sorted, quietQuantile))),
    speechSeconds: speechSamples / sampleRate,
    clippedFraction: clippedFraction(samples),
    isSilent: spans.length === 0,
  }
}

/**
 * The part from the first to the last speech, with a margin on both sides.
 * @param options `marginSeconds`: kept before and after, 0.1 by default
 * @returns a view of `samples`, empty where there is silence
 * @throws {RangeError} for an impossible sample rate or margin
 */
export function trimSilence(samples: Float32Array, sampleRate: number, options: { marginSeconds?: number } = {}): Float32Array {
  const margin = Math.round((options.marginSeconds ?? 0.1) * sampleRate)
  if (!(margin >= 0)) throw new RangeError(`trimSilence: marginSeconds is ${options.marginSeconds}, expected a number ≥ 0`)
  const spans = findSpeech(samples, sampleRate)
  const [first, last] = [spans[0], spans.at(-1)]
  if (!first || !last) return samples.subarray(0, 0)
  return samples.subarray(Math.max(0, first.start - margin), Math.min(samples.length, last.end + margin))
}

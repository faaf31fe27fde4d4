import { createLoudnessMeter, peakAmplitude } from '@mynah/audio'

/** How loud speech comes out unless told otherwise, LUFS: between broadcast (−23) and streaming services (−16), with room for the peaks of speech. */
export const defaultLoudness = -20
/** Peaks stay below this, about −0.3 dBFS. */
const ceiling = 0.966
/** More than this is no level any more, but noise that would be raised. */
const mostGainDecibels = 40
const rampSeconds = 0.05
/** A peak is rounded off over this time on either side. */
const limiterSeconds = 0.004

/** Brings speech to one loudness while it is being made. */
export interface Leveller {
  /** Scales a chunk in place. */
  push(samples: Float32Array): void
}

/**
 * A leveller towards `loudness` LUFS (integrated, ITU-R BS.1770). Each chunk is scaled by what all speech so far, the chunk included, lacks; from one gain to the next it glides.
 * Peaks that would clip are turned down for a few milliseconds. What comes out depends on the samples and on where they are cut, on nothing else.
 */
export function createLeveller(loudness: number, sampleRate: number): Leveller {
  const meter = createLoudnessMeter(sampleRate)
  let gain: number | undefined
  return {
    push(samples) {
      meter.push(samples)
      const measured = meter.integrated
      if (!Number.isFinite(measured)) return
      const goal = 10 ** (Math.min(loudness - measured, mostGainDecibels) / 20)
      const from = gain ?? goal
      const ramp = Math.min(Math.round(rampSeconds * sampleRate), samples.length)
      for (let i = 0; i < samples.length; i++) samples[i]! *= i < ramp ? from + ((goal - from) * i) / ramp : goal
      gain = goal
      limit(samples, Math.round(limiterSeconds * sampleRate))
    },
  }
}

/** Turns down what lies above the ceiling, by a raised cosine of `reach` samples on either side of each peak, in place. */
function limit(samples: Float32Array, reach: number): void {
  if (peakAmplitude(samples) <= ceiling) return
  const gains = new Float32Array(samples.length).fill(1)
  for (let i = 0; i < samples.length; i++) {
    const excess = Math.abs(samples[i]!) / ceiling
    if (excess <= 1) continue
    const depth = 1 - 1 / excess
    for (let j = Math.max(0, i - reach); j <= Math.min(samples.length - 1, i + reach); j++) {
      const window = 0.5 + 0.5 * Math.cos((Math.PI * (j - i)) / (reach + 1))
      gains[j] = Math.min(gains[j]!, 1 - depth * window)
    }
  }
  for (let i = 0; i < samples.length; i++) samples[i]! *= gains[i]!
}

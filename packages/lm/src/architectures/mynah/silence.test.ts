import { describe, expect, it } from 'vitest'
import { punctuatePauses, withSilence } from './silence.ts'
import { viterbi } from './viterbi.ts'

// Symbols: 0 boundary, 1 comma, 2 space, 3 t, 4 a.
const pauses = { silent: [0, 1, 2], space: 2, comma: 1 }
const symbols = 5
const sounds = [0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 0, 0] // "t", a pause of 8 frames, "a"
/** The aligner hears a boundary in the pause, and would rather have more of "t" there than a space. */
const logProbabilities = Float32Array.from(
  sounds.flatMap(sound => [0, 1, 2, 3, 4].map(symbol => (symbol === sound ? -0.1 : symbol === 3 ? -3 : -9))),
)
const features = {
  dtype: 'float32' as const,
  shape: [1, sounds.length],
  data: Float32Array.from(sounds, sound => (sound === 0 ? -8 : 0)),
}
const phonemes = Int32Array.of(0, 3, 2, 4, 0)

describe('silence between words', () => {
  it('goes to the space instead of to the last sound', () => {
    expect([...viterbi(logProbabilities, symbols, phonemes).durations]).toEqual([2, 9, 1, 2, 2])
    const { durations } = viterbi(withSilence(logProbabilities, symbols, features, pauses), symbols, phonemes)
    expect([...durations]).toEqual([2, 2, 8, 2, 2])
  })

  it('is found by its energy where no symbol is likely', () => {
    const deaf = logProbabilities.map((_, i) => (i % symbols >= 3 ? -4 : -5))
    const { durations } = viterbi(withSilence(deaf, symbols, features, pauses), symbols, phonemes)
    expect([...durations]).toEqual([2, 2, 8, 2, 2])
  })

  it('becomes a comma of all of it but a frame', () => {
    const spoken = punctuatePauses(phonemes, Int32Array.of(2, 2, 8, 2, 2), pauses)
    expect([...spoken.phonemes]).toEqual([0, 3, 1, 2, 4, 0])
    expect([...spoken.durations]).toEqual([2, 2, 7, 1, 2, 2])
  })

  it('stays a space where it is short, or punctuated already', () => {
    for (const [ids, frames] of [
      [phonemes, Int32Array.of(2, 2, 7, 2, 2)],
      [Int32Array.of(0, 3, 1, 2, 4, 0), Int32Array.of(2, 2, 9, 9, 2, 2)],
    ] as const)
      expect(punctuatePauses(ids, frames, pauses)).toEqual({ phonemes: ids, durations: frames })
  })
})

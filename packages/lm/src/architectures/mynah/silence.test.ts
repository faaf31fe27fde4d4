import { describe, expect, it } from 'vitest'
import { exactCosts, hear } from './hear.ts'
import { punctuatePauses, withSilence } from './silence.ts'

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
const words = [
  { start: 1, end: 2 },
  { start: 3, end: 4 },
]
const pairs = (ids: readonly number[], frames: readonly number[]) => ids.map((id, i) => ({ id, frames: frames[i]! }))
/** [phoneme, frames] of the exact path. */
const spokenIn = (of: Float32Array) => {
  const heard = hear(of, new Float32Array(symbols ** 2), pauses, { phonemes, words }, exactCosts)
  return pairs([...heard.phonemes], [...heard.durations])
}

describe('silence between words', () => {
  const withComma = pairs([0, 3, 1, 2, 4, 0], [2, 2, 7, 1, 2, 2])

  it('goes to a comma and a space instead of to the last sound', () => {
    expect(spokenIn(logProbabilities)).toEqual(pairs([0, 3, 2, 4, 0], [2, 9, 1, 2, 2]))
    expect(spokenIn(withSilence(logProbabilities, symbols, features, pauses))).toEqual(withComma)
  })

  it('is found by its energy where no symbol is likely', () => {
    const deaf = logProbabilities.map((_, i) => (i % symbols >= 3 ? -4 : -5))
    expect(spokenIn(withSilence(deaf, symbols, features, pauses))).toEqual(withComma)
  })

  it('becomes a comma of all of it but a frame', () => {
    expect(punctuatePauses(pairs([...phonemes], [2, 2, 8, 2, 2]), pauses)).toEqual(withComma)
  })

  it('stays a space where it is short, or punctuated already', () => {
    for (const spoken of [pairs([...phonemes], [2, 2, 7, 2, 2]), pairs([0, 3, 1, 2, 4, 0], [2, 2, 9, 9, 2, 2])])
      expect(punctuatePauses(spoken, pauses)).toEqual(spoken)
  })
})

import { describe, expect, it } from 'vitest'
import type { Expected } from '../../language-model.ts'
import { exactCosts, hear } from './hear.ts'

// Symbols: 0 boundary, 1 comma, 2 space, 3 t, 4 a, 5 k, 6 o.
const names = '_, tako'
const symbols = names.length
const pauses = { silent: [0, 1, 2], space: 2, comma: 1 }
const idsOf = (text: string) => [...text].map(symbol => names.indexOf(symbol))
const even = new Float32Array(symbols ** 2).fill(-Math.log(symbols))

/** Log-probabilities of frames that sound like these symbols, three frames each. */
const sound = (text: string) =>
  Float32Array.from(
    [...text]
      .flatMap(symbol => Array.from({ length: 3 }, () => idsOf(symbol)[0]!))
      .flatMap(id => [...names].map((_, i) => (i === id ? -0.1 : -6))),
  )
/** Words between boundaries, with a space between any two. */
function say(...words: string[]): Expected {
  const phonemes = idsOf(`_${words.join(' ')}_`)
  let at = 1
  const places = words.map(word => {
    const start = at
    at += word.length + 1
    return { start, end: start + word.length }
  })
  return { phonemes: Int32Array.from(phonemes), words: places }
}
const hearing = (spoken: string, expected?: Expected, bigram = even) => {
  const heard = hear(sound(spoken), bigram, pauses, expected)
  expect(heard.durations.reduce((sum, frames) => sum + frames, 0)).toBe(3 * spoken.length)
  expect(heard.durations.every(frames => frames >= 1)).toBe(true)
  const text = [...heard.phonemes].map(id => names[id]).join('')
  return { text, words: heard.words.map(word => word.expected ?? text.slice(word.start, word.end)) }
}

describe('hear', () => {
  it('writes down phonemes and words where nothing is expected', () => {
    expect(hearing('_tak ota_')).toEqual({ text: '_tak ota_', words: ['tak', 'ota'] })
  })

  it('keeps a transcript that fits, though other phonemes fit a little better', () => {
    expect(hearing('_tak oka tako_', say('tak', 'ota', 'tako'))).toEqual({ text: '_tak ota tako_', words: [0, 1, 2] })
  })

  it('passes over words that are not there: the first, one in the middle, all of the last', () => {
    expect(hearing('_takoka ota_', say('kaotok', 'takoka', 'ota')).words).toEqual([1, 2])
    expect(hearing('_takoka ota_', say('takoka', 'kaotok', 'ota')).words).toEqual([0, 2])
    expect(hearing('_takoka ota_', say('takoka', 'ota', 'kaotok', 'katoka', 'otokat'))).toEqual({ text: '_takoka ota_', words: [0, 1] })
  })

  it('writes down a word that the transcript lacks, where it is', () => {
    expect(hearing('_tak otakoto kat_', say('tak', 'kat'))).toEqual({ text: '_tak otakoto kat_', words: [0, 'otakoto', 1] })
    expect(hearing('_tak kat otakoto_', say('tak', 'kat')).words).toEqual([0, 1, 'otakoto'])
    expect(hearing('_otakoto tak kat_', say('tak', 'kat')).words).toEqual(['otakoto', 0, 1])
  })

  it('writes down what is said instead of a word', () => {
    expect(hearing('_tak otakoto kat_', say('tak', 'kakkakka', 'kat')).words).toEqual([0, 'otakoto', 2])
  })

  it('hears a wrong transcript as if there were none', () => {
    expect(hearing('_tak otakoto kat_', say('ooo', 'kkkkkk', 'aaaaaaa')).words).toEqual(['tak', 'otakoto', 'kat'])
  })

  it('follows the bigram where sounds alone leave it open', () => {
    const probabilities = sound('_ta_')
    for (let t = 3; t < 6; t++) for (const id of idsOf('tk')) probabilities[t * symbols + id] = -0.7
    const likes = (first: string) => {
      const bigram = even.slice()
      bigram[idsOf(first)[0]!] = -0.1
      return [...hear(probabilities, bigram, pauses).phonemes].map(id => names[id]).join('')
    }
    expect(likes('t')).toBe('_ta_')
    expect(likes('k')).toBe('_ka_')
  })

  it('is as certain of a word as its frames are', () => {
    const { words } = hear(sound('_tak_'), even, pauses, say('tak'))
    expect(words).toEqual([{ start: 1, end: 4, expected: 0, frames: 9, certainty: expect.closeTo(Math.exp(-0.1), 5) }])
  })

  it('finds only the times of what is said for certain', () => {
    const heard = hear(sound('_otakoto_'), even, pauses, say('tak', 'kat'), exactCosts)
    expect([...heard.phonemes]).toEqual(idsOf('_tak kat_'))
  })

  it('refuses fewer frames than phonemes where none may be passed over', () => {
    expect(() => hear(sound('_t'), even, pauses, say('takotako'), exactCosts)).toThrow(/10 phonemes cannot be in 6 frames/)
    expect(() => hear(sound('').subarray(0), even, pauses)).toThrow(RangeError)
  })
})

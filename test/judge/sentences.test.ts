import { describe, expect, it } from 'vitest'
import { makeSentences } from './sentences.ts'

describe('the sentences of judge:robustness', () => {
  const sentences = makeSentences(200)

  it('have 1 to 60 words in turn, and are all different', () => {
    expect(sentences.map(sentence => sentence.split(' ').length)).toEqual(sentences.map((_, index) => 1 + (index % 60)))
    expect(new Set(sentences).size).toBe(200)
  })

  it('never say three words twice, so that whatever is heard again is a mistake', () => {
    for (const sentence of sentences) {
      const words = sentence
        .toLowerCase()
        .replace(/[^a-z' ]/g, '')
        .split(' ')
      const phrases = words.slice(2).map((_, i) => words.slice(i, i + 3).join(' '))
      if (sentence !== 'No, no, no, no.') expect(new Set(phrases).size, sentence).toBe(phrases.length)
    }
  })

  it('begin with a capital and end with a full stop, a question or an exclamation mark', () => {
    for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*[.?!]$/)
  })
})

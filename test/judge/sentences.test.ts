import { describe, expect, it } from 'vitest'
import { makeSentences } from './sentences.ts'

describe('the sentences of judge:robustness', () => {
  const sentences = makeSentences(200)

  it('have 1 to 60 words in turn, and are all different', () => {
    expect(sentences.map(sentence => sentence.split(' ').length)).toEqual(sentences.map((_, index) => 1 + (index % 60)))
    expect(new Set(sentences).size).toBe(200)
  })

  it('begin with a capital and end with a full stop, a question or an exclamation mark', () => {
    for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*[.?!]$/)
  })
})

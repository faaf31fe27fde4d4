import { describe, expect, it } from 'vitest'
import { createLexicon } from './lexicon.ts'

describe('createLexicon', () => {
  const lexicon = createLexicon({
    nginx: 'engine ex',
    US: '/jˌuːˈɛs/',
    mynah: '/mˈaɪnə/',
    Fox: '/fˈɑːks/',
    cat: '/kˈæt/',
    "y'all": '/jˈɔːl/',
  })

  it('matches an entry in lower case in any case', () => {
    for (const word of ['nginx', 'Nginx', 'NGINX']) expect(lexicon.lookup(word)).toEqual({ respelling: 'engine ex' })
  })

  it('matches an entry with a capital only exactly, and prefers it', () => {
    expect(lexicon.lookup('US')).toEqual({ phonemes: 'jˌuːˈɛs' })
    expect(lexicon.lookup('us')).toBeUndefined()
    const both = createLexicon({ us: 'us', US: 'you ess' })
    expect([both.lookup('US'), both.lookup('Us')]).toEqual([{ respelling: 'you ess' }, { respelling: 'us' }])
  })

  it('adds the possessive by rule, straight or curly', () => {
    expect(lexicon.lookup('Mynah’s')).toEqual({ phonemes: 'mˈaɪnəz' })
    expect(lexicon.lookup("Fox's")).toEqual({ phonemes: 'fˈɑːksᵻz' })
    expect(lexicon.lookup("cat's")).toEqual({ phonemes: 'kˈæts' })
    expect(lexicon.lookup("NGINX's")).toEqual({ respelling: "engine ex's" })
    expect(lexicon.lookup('y’all')).toEqual({ phonemes: 'jˈɔːl' })
  })

  it('does not find what Object.prototype holds', () => expect(lexicon.lookup('constructor')).toBeUndefined())

  it.each([
    [{ '': 'x' }, /not one word/],
    [{ 'two words': 'x' }, /not one word/],
    [{ word: '' }, /has 0 characters/],
    [{ word: '//' }, /has 0 characters/],
    [{ word: 'x'.repeat(201) }, /has 201 characters/],
  ])('refuses a bad entry %#', (entries, message) => {
    expect(() => createLexicon(entries as Record<string, string>)).toThrow(RangeError)
    expect(() => createLexicon(entries as Record<string, string>)).toThrow(message)
  })
})

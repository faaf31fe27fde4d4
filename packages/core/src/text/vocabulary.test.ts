import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createVocabulary } from './vocabulary.ts'

const symbols: string[] = JSON.parse(readFileSync(new URL('../../../../training/assets/phonemes.json', import.meta.url), 'utf8'))
const corpus: { phonemes: string }[] = JSON.parse(
  readFileSync(new URL('../../../../test/fixtures/text/corpus.json', import.meta.url), 'utf8'),
)

describe('createVocabulary', () => {
  const vocabulary = createVocabulary(symbols)

  it('has padding at 0, and every symbol at its place', () => {
    expect(vocabulary.symbols[0]).toBe('_')
    expect(vocabulary.idOf('_')).toBeUndefined()
    for (const [id, symbol] of symbols.entries()) if (id > 0) expect(vocabulary.idOf(symbol)).toBe(id)
  })

  it('gives one id a character of the corpus, and the characters back', () => {
    for (const { phonemes } of corpus) {
      const { ids, dropped } = vocabulary.toIds(phonemes)
      expect(dropped).toEqual([])
      expect(ids).toHaveLength(phonemes.length)
      expect(vocabulary.toIpa(ids)).toBe(phonemes)
    }
  })

  it('replaces symbols that the table lacks by the nearest that it has', () => {
    const near = (ipa: string) => vocabulary.toIpa(vocabulary.toIds(ipa).ids)
    expect(near('ʁød — “ɫɒst”…')).toBe('ɹɜd , "lɑst".')
    expect(near('ɡɝl')).toBe('ɡɜl')
    expect(near('t͡ʃɪn̩tʲ')).toBe('tʃɪnt')
  })

  it('lists what it drops once each, and keeps the order of the rest', () => {
    expect(vocabulary.toIds('aǃb★ǃc')).toEqual({ ids: ['a', 'b', 'k'].map(symbol => symbols.indexOf(symbol)), dropped: ['ǃ', '★'] })
  })

  it('gives ids inside the table for any string', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const { ids } = vocabulary.toIds(`${text}\ud800`)
        expect(ids.every(id => id > 0 && id < symbols.length)).toBe(true)
      }),
    )
  })

  it('refuses ids outside the table', () => expect(() => vocabulary.toIpa([symbols.length])).toThrow(RangeError))

  it.each([
    [['_'], /1 symbols/],
    [['_', 'ab'], /symbol 1 is "ab"/],
    [['_', ''], /symbol 1 is ""/],
    [['_', 'a', 'a'], /symbol 2 "a" is the same as symbol 1/],
  ])('refuses the table %j', (bad, message) => {
    expect(() => createVocabulary(bad)).toThrow(RangeError)
    expect(() => createVocabulary(bad)).toThrow(message)
  })
})

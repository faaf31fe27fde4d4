import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldIpa, isIpa } from './ipa.ts'
import { findMarkup, MAX_PAUSE_SECONDS, parseMarkup, splitTags } from './markup.ts'
import { createTags, withoutTags } from './tags.ts'

describe('parseMarkup', () => {
  it('splits text, phoneme overrides and pauses, with their offsets', () => {
    expect(parseMarkup('Say [Mynah](/mˈaɪnə/) now. [pause 0.4s] Done')).toEqual({
      parts: [
        { kind: 'text', text: 'Say ', start: 0, end: 4 },
        { kind: 'phonemes', text: 'Mynah', phonemes: 'mˈaɪnə', start: 4, end: 21 },
        { kind: 'text', text: ' now. ', start: 21, end: 27 },
        { kind: 'pause', seconds: 0.4, start: 27, end: 39 },
        { kind: 'text', text: ' Done', start: 39, end: 44 },
      ],
      warnings: [],
    })
  })

  it.each([
    ['[pause 400ms]', 0.4],
    ['[pause 10s]', MAX_PAUSE_SECONDS],
    ['[Pause 0s]', 0],
    ['[pause .5 s]', 0.5],
    ['[pause 1.5sec]', 1.5],
  ])('%s lasts %f s', (text, seconds) => expect(parseMarkup(text).parts).toMatchObject([{ kind: 'pause', seconds }]))

  it.each(['[pause 11s]', '[pause -1s]', '[pause 5]', '[pause NaNs]', '[pause soon]', '[pause 1e9s]', '[pause 99999ms]', '[pause 1 2 s]'])(
    'takes %s for text, and says so',
    tag => {
      const text = `One. ${tag} Two.`
      expect(parseMarkup(text).parts).toEqual([{ kind: 'text', text, start: 0, end: text.length }])
      expect(parseMarkup(text).warnings).toEqual([expect.stringContaining(`"${tag}" is no pause of 0 to ${MAX_PAUSE_SECONDS} seconds`)])
    },
  )

  it.each(['[documentation](/docs/)', '[b](//)', '[home](/Home-2/)', '[profil](/ñandú/)'])(
    'takes %s for a link, of which the word is read',
    text => {
      expect(parseMarkup(text).parts).toMatchObject([{ kind: 'link', text: /\[(.*)\]/.exec(text)?.[1], start: 0, end: text.length }])
    },
  )

  it('says what looked like phonemes', () => {
    expect(parseMarkup('[cat](/kat/)').warnings).toEqual([expect.stringContaining('taken for a link')])
    expect(parseMarkup('[docs](/docs/v2.html/)').warnings).toEqual([])
  })

  it.each(['[tomato](/tə(ˈ)meɪtoʊ/)', '[tomato](/[tə.ˈmeɪ.toʊ]/)', '[the](/ð(ə)/)'])(
    'reads the brackets of %s as a part of its IPA',
    text => expect(parseMarkup(text).parts).toMatchObject([{ kind: 'phonemes' }]),
  )

  it.each([
    '[pause]',
    '[pause for effect]',
    '[see note 3]',
    '[a](b)',
    '[link](https://example.com/)',
    '[',
    ']',
    '[]()',
    '[x](/y',
    '[paused 3s]',
  ])('leaves %s as text', text =>
    expect(parseMarkup(text)).toEqual({ parts: [{ kind: 'text', text, start: 0, end: text.length }], warnings: [] }),
  )

  it('covers every character of any text exactly once, and throws for none', () => {
    const tokens = ['[', ']', '(/', '/)', 'pause ', '1s', 'a', 'ə', '\n', '[pause 1s]', '[pause 99s]', '[a](/ə/)', '[a](/b/)']
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...tokens)).map(pieces => pieces.join('')),
        text => {
          const { parts } = parseMarkup(text)
          let at = 0
          for (const part of parts) {
            expect(part.start).toBe(at)
            at = part.end
          }
          expect(at).toBe(text.length)
          expect(findMarkup(text).length).toBeGreaterThanOrEqual(parts.filter(part => part.kind !== 'text').length)
        },
      ),
    )
  })

  it('reads 100,000 opening brackets in well under a second', () => {
    const started = performance.now()
    parseMarkup(`${'[a](/'.repeat(10_000)}${'[pause for '.repeat(5_000)}`)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

describe('IPA', () => {
  it.each([
    ['ʤʌʤ', 'dʒʌdʒ'],
    ['t͡ʃɜːt͜ʃ', 'tʃɜːtʃ'],
    ["'gr:n", 'ˈɡɹːn'],
    ['tə(ˈ)meɪtoʊ', 'təˈmeɪtoʊ'],
    ['ʧiz', 'tʃiz'],
  ])('folds %s to %s', (written, folded) => expect(foldIpa(written)).toBe(folded))

  it('is told from paths by its signs', () => {
    expect(['mˈaɪnə', 'wɜːd', 'ˈɒ.tə', 'æ̃'].every(isIpa)).toBe(true)
    expect(['docs', 'a/ə', 'ñandú', 'ˈA', '', 'ə1', 'привет'].some(isIpa)).toBe(false)
  })
})

describe('tags', () => {
  it('stand in a text as one character each and are found again', () => {
    const tags = createTags()
    const text = `a ${tags.add({ kind: 'pause', seconds: 1 })} b${tags.add({ kind: 'bookmark', name: 'x' })}`
    expect(splitTags(text, tags)).toMatchObject([
      { kind: 'text', text: 'a ' },
      { kind: 'pause', seconds: 1, start: 2, end: 4 },
      { kind: 'text', text: ' b' },
      { kind: 'bookmark', name: 'x' },
    ])
    expect(splitTags(withoutTags(text), tags)).toMatchObject([{ kind: 'text' }])
  })
})

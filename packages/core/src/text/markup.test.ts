import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findMarkup, MAX_PAUSE_SECONDS, parseMarkup } from './markup.ts'

describe('parseMarkup', () => {
  it('splits text, phoneme overrides and pauses, with their offsets', () => {
    expect(parseMarkup('Say [Mynah](/mˈaɪnə/) now. [pause 0.4s] Done')).toEqual([
      { kind: 'text', text: 'Say ', start: 0, end: 4 },
      { kind: 'phonemes', text: 'Mynah', phonemes: 'mˈaɪnə', start: 4, end: 21 },
      { kind: 'text', text: ' now. ', start: 21, end: 27 },
      { kind: 'pause', seconds: 0.4, start: 27, end: 39 },
      { kind: 'text', text: ' Done', start: 39, end: 44 },
    ])
  })

  it.each([
    ['[pause 400ms]', 0.4],
    ['[pause 10s]', MAX_PAUSE_SECONDS],
    ['[Pause 0s]', 0],
    ['[pause .5 s]', 0.5],
    ['[pause 1.5sec]', 1.5],
  ])('%s lasts %f s', (text, seconds) => expect(parseMarkup(text)).toMatchObject([{ kind: 'pause', seconds }]))

  it.each(['[pause 11s]', '[pause -1s]', '[pause 5]', '[pause NaNs]', '[pause soon]', '[pause 1e9s]', '[pause 99999ms]', '[pause 1 2 s]'])(
    'refuses %s and says where it is',
    text => expect(() => parseMarkup(`One. ${text} Two.`)).toThrow(new RegExp(`character 5 .*0 to ${MAX_PAUSE_SECONDS} seconds`)),
  )

  it('refuses an override without phonemes', () => expect(() => parseMarkup('a [b](//) c')).toThrow(/character 2 has no phonemes/))

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
  ])('leaves %s as text', text => expect(parseMarkup(text)).toEqual([{ kind: 'text', text, start: 0, end: text.length }]))

  it('covers every character of any text exactly once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('[', ']', '(/', '/)', 'pause ', '1s', 'a', '\n', '[pause 1s]', '[a](/b/)')).map(p => p.join('')),
        text => {
          let parts: ReturnType<typeof parseMarkup>
          try {
            parts = parseMarkup(text)
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError)
            return
          }
          let at = 0
          for (const part of parts) {
            expect(part.start).toBe(at)
            at = part.end
          }
          expect(at).toBe(text.length)
          expect(findMarkup(text)).toHaveLength(parts.filter(part => part.kind !== 'text').length)
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

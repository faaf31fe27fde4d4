import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { segment, segmentStream, splitLong } from './segment.ts'

const texts = (text: string) => segment(text).map(sentence => sentence.text)

/** Texts with `|` where a careful reader ends a sentence. */
const CASES = [
  'Hello there.| How are you?| Fine!',
  'Dr. Smith met Mrs. Jones.| They talked.',
  'It costs 3.50 today.| Good.',
  'J. R. R. Tolkien wrote it.| I read it.',
  'John F. Kennedy spoke.| He stopped.',
  'He said, "Stop!" and left.| Then he ran.',
  '"Stop!" he said.| "Why?" she asked.| "Because."',
  '“It is late.”| “I know.”',
  '(See page 5.)| Then go on.',
  'Wait... what?| No.',
  'Well...| Maybe.',
  'Wait.| [pause 0.4s] Go on.',
  'I take vitamin C.| It helps.',
  'I was thinking…| Then I stopped.',
  'We use e.g. Python.| It works.',
  'Cats, dogs, etc. are pets.| Cats, dogs, etc.| Birds too.',
  'The U.S. Army came.| It left the U.S.| The end.',
  'At 5 p.m. we left.| We came at 6 p.m.| Nobody was there.',
  'Call at 3 a.m. Monday.| Thanks.',
  'Acme Inc. sells it.| He works for Acme Inc.| The pay is bad.',
  'See No. 5 and Fig. 3.| No.| Never.',
  'He lives on Main St. in Boston.| She lives on Elm St.| They met.',
  'St. Paul is big.| So is St. Louis.',
  'Version 2.1.3 is out.| Get it at example.com.| Now!',
  'Really?!| Yes!!!| Okay.',
  'Title\n\n|Some text here.',
  'First paragraph without a dot\n\n|Second one.',
  'This line is wrapped in the middle of the sentence by the\nEditor of the text.| Fine.',
  '- one\n|- two\n|- three',
  '1. First thing\n|2. Second thing',
  'Roses are red\n|Violets are blue',
  'Say [Dr. No](/dˌɑːktɚ nˈoʊ/) now.| Next.',
  'On Jan. 5 it began.| In Feb. 2020 it ended.',
  'Plan B. Smith agreed.',
  'Is it 5?| Yes, it is 5.| OK.',
  'no capitals here. none at all. fine',
  '你好。|再见。',
]

describe('segment', () => {
  it.each(CASES)('cuts %j', marked => {
    const expected = marked.split('|').map(part => part.trim())
    expect(texts(marked.replaceAll('|', ''))).toEqual(expected)
  })

  it('tells offsets and where paragraphs end', () => {
    expect(segment('One. Two.\n\n Three')).toEqual([
      { text: 'One.', start: 0, endsParagraph: false },
      { text: 'Two.', start: 5, endsParagraph: true },
      { text: 'Three', start: 12, endsParagraph: true },
    ])
  })

  it('gives nothing for text without words', () => {
    expect(segment('')).toEqual([])
    expect(segment(' \n\n\t ')).toEqual([])
  })

  it('keeps every character but white space, in order, within the limit, adding nothing but commas, whatever the text', () => {
    fc.assert(
      fc.property(hostileText, fc.integer({ min: 20, max: 60 }), (text, maxCharacters) => {
        const sentences = segment(text, { maxCharacters })
        const plain = (string: string) => string.replace(/[\s,]/g, '')
        expect(plain(sentences.map(s => s.text).join(''))).toBe(plain(text))
        for (const { text: sentence, start } of sentences) {
          const own = text.startsWith(sentence, start) ? sentence : sentence.replace(/,$/, '')
          expect(text.slice(start, start + own.length)).toBe(own)
          expect(sentence.length).toBeLessThanOrEqual(maxCharacters)
        }
      }),
      { numRuns: 300 },
    )
  })

  it.each([19, 0, -1, 1.5, Number.NaN])('refuses maxCharacters %d', maxCharacters =>
    expect(() => segment('a', { maxCharacters })).toThrow(RangeError),
  )
})

describe('splitLong', () => {
  it('cuts after clauses, into pieces of similar length', () => {
    const text = 'When the evening came and the lamps were lit, the old man sat down by the fire, and he began to tell his story.'
    expect(splitLong(text, 80)).toEqual([
      'When the evening came and the lamps were lit,',
      'the old man sat down by the fire, and he began to tell his story.',
    ])
  })

  it('cuts at spaces where there are no clauses, and anywhere where there are no spaces', () => {
    expect(splitLong('one two three four five six seven', 20)).toEqual(['one two three four,', 'five six seven'])
    expect(splitLong('x'.repeat(45), 20).map(piece => piece.length)).toEqual([20, 20, 7])
    expect(splitLong('😀'.repeat(20), 21).every(piece => !/^[\udc00-\udfff]|[\ud800-\udbff]$/.test(piece))).toBe(true)
  })

  it('leaves markup whole', () => {
    const text = 'aaaa bbbb [cc dd](/ɛ ɛ ɛ ɛ/) eeee ffff'
    expect(splitLong(text, 24)).toContain('[cc dd](/ɛ ɛ ɛ ɛ/)')
  })
})

describe('segmentStream', () => {
  async function collect(pieces: Iterable<string>, options = {}) {
    const sentences = []
    for await (const sentence of segmentStream(pieces, options)) sentences.push(sentence)
    return sentences
  }

  it('gives the sentences of the whole text, however it is cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(hostileText, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 20, max: 60 }), async (text, size, maxCharacters) => {
        const pieces = text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? []
        expect(await collect(pieces, { maxCharacters })).toEqual(segment(text, { maxCharacters }))
      }),
      { numRuns: 300 },
    )
  })

  it('gives the cases above character by character, too', async () => {
    for (const marked of CASES) {
      const text = marked.replaceAll('|', '')
      expect(await collect([...text])).toEqual(segment(text))
    }
  })

  it('yields a sentence with the first character of the next, not later', async () => {
    let given = ''
    async function* tokens() {
      for (const token of ['Hel', 'lo.', ' ', 'H', 'ow are', ' you?', '\n', '\n', 'Fine']) {
        given += token
        yield token
      }
    }
    const seen: [string, string][] = []
    for await (const { text } of segmentStream(tokens())) seen.push([text, given])
    expect(seen).toEqual([
      ['Hello.', 'Hello. H'],
      ['How are you?', 'Hello. How are you?\n\n'],
      ['Fine', 'Hello. How are you?\n\nFine'],
    ])
  })

  it('bounds what it holds when no sentence ends', async () => {
    let given = 0
    let first = 0
    async function* words() {
      for (let i = 0; i < 1000; i++, given += 5) yield 'word '
    }
    for await (const { text } of segmentStream(words(), { maxCharacters: 100 })) {
      first ||= given
      expect(text.length).toBeLessThanOrEqual(100)
    }
    expect(first).toBeLessThan(600)
  })

  it('refuses pieces that are not strings', async () => {
    await expect(collect([1 as unknown as string])).rejects.toThrow(TypeError)
  })
})

const hostileText = fc
  .array(
    fc.constantFrom(
      '.',
      '. ',
      '! ',
      '?" ',
      '…',
      '\n',
      '\n\n',
      ' ',
      'Dr',
      'Mr. ',
      'U.S. ',
      'a',
      'The ',
      'word ',
      '5',
      '3.1',
      '[',
      '](/',
      '/)',
      '[pause 1s]',
      '- ',
      '1. ',
      ', ',
      '😀',
      '\ud800',
      '"',
      'p.m. ',
      'J. ',
      'etc. ',
    ),
    { maxLength: 60 },
  )
  .map(parts => parts.join(''))

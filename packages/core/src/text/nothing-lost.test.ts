import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readTextCases } from './cases.fixture.ts'
import { normalize, toSpokenText } from './normalize.ts'

const root = new URL('../../../../', import.meta.url)
const file = (path: string) => readFileSync(new URL(path, root), 'utf8')
const speak = (text: string) => toSpokenText(normalize(text).tokens)

/** What needs no word: white space, controls, what joins to another character, and the marks of a sentence. */
const MARK = /^[\s\p{Z}\p{Cc}\p{Cf}\p{M}.,;:!?…—–\-()"'’‘“”„‟«»‹›ʼʹ`´‚‛「」『』〝〞‐‑⁃−‒―⸺⸻⋯。｡、，！？：；]$/u
/** Layout that has letters or digits: tags and comments, addresses of links and their names, languages of code, ticked boxes, emoticons. */
const LETTERED_LAYOUT = /^(?:<.*>|\]\(.*\)|\]\[.*\]|[-*+•] \[[xX]\]|`{3,}[\w+#-]*|[:;=]['-]?[DPp])$/s

/** Characters that are in no token, no layout and no warning. */
function lost(text: string): string[] {
  const { tokens, layout, warnings } = normalize(text)
  const covered = new Uint8Array(text.length)
  for (const { start, end } of [...tokens, ...layout]) covered.fill(1, start, end)
  for (const { 0: space, index } of text.matchAll(/&(?:nbsp|ensp|emsp|thinsp|shy);/g)) covered.fill(1, index, index + space.length)
  const warned = warnings.join(' ')
  const missing: string[] = []
  for (let i = 0; i < text.length; i++) {
    const character = String.fromCodePoint(text.codePointAt(i) as number)
    const isLow = i > 0 && character >= '\udc00' && character <= '\udfff' && /[\ud800-\udbff]/.test(text[i - 1] as string)
    const known = warned.includes(character) || warned.includes('\ufffd') || warned.includes(' …')
    if (!covered[i] && !isLow && ![...character.normalize('NFKD')].every(part => MARK.test(part)) && !known)
      missing.push(`${character} at ${i}: ${text.slice(Math.max(0, i - 20), i + 20)}`)
  }
  return missing
}

/** Layout with letters, digits or currencies that is none of the known forms. */
const letteredLayout = (text: string) =>
  normalize(text)
    .layout.map(({ start, end }) => text.slice(start, end).trim())
    .filter(span => /[\p{L}\p{N}\p{Sc}]/u.test(span) && !LETTERED_LAYOUT.test(span))

const SOURCES = [
  'README.md',
  'CONTRIBUTING.md',
  'packages/core/src/text/signs.ts',
  'packages/core/src/text/normalize.test.ts',
  'package.json',
]
const SIGNS = [...'+=<>%@#$\\^/&~|*§€£¥¢°±×÷≠≤≥≈√∞∑∈∪→©‰', '<=', '>=', '==', '!=', '->', '=>', '&&', '||', '++', '+=', '::', ':=']
/** Signs that are layout in a place: emphasis and notes, alternatives of a table, quoting, strike-through, escapes. */
const LAYOUT_IN: Readonly<Record<string, readonly string[]>> = {
  'word*': ['*'],
  '5*': ['*'],
  '5~': ['~'],
  '*word': ['*'],
  'word~': ['~'],
  'word|': ['|'],
  '|word': ['|'],
  'word\\': ['\\'],
}

describe('nothing is lost in silence', () => {
  it.each(SOURCES)('every character of %s is spoken, layout, or in a warning', path => {
    const text = file(path)
    expect(text.split('\n').flatMap(lost)).toEqual([])
    expect(text.split('\n').flatMap(letteredLayout)).toEqual([])
  })

  it('every character of the collection is spoken, layout, or in a warning', () => {
    const texts = readTextCases().map(({ text }) => text)
    expect(texts.flatMap(lost)).toEqual([])
    expect(texts.flatMap(letteredLayout)).toEqual([])
  })

  it('every character of any string is spoken, layout, or in a warning', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom(
          ...readTextCases().map(({ text }) => text),
          ...SIGNS,
          ' ',
          '\n',
          'word',
          'a',
          'A',
          '5',
          '1,000',
          '3.5',
          'μ',
          'λόγος',
          '١٢',
          'é',
          '你',
          '👍',
        ),
        fc.string({ maxLength: 3 }),
      ),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 60 }),
          pieces.map(parts => parts.join('')),
        ),
        text => {
          expect(lost(text)).toEqual([])
        },
      ),
      { numRuns: 1500 },
    )
  })

  it.each(SIGNS)('%s is heard between, before and after words and numbers, or is layout by rule', sign => {
    for (const [written, without] of [
      [`five ${sign} six`, 'five six'],
      [`x${sign}y`, 'x y'],
      [`word ${sign}word`, 'word word'],
      [`word${sign} word`, 'word word'],
      [`5 ${sign} 6`, '5 6'],
      [`5${sign} x`, '5 x'],
    ] as const) {
      const isLayout = Object.entries(LAYOUT_IN).some(([place, signs]) => signs.includes(sign) && written.includes(place))
      if (!isLayout) expect(speak(written), written).not.toBe(speak(without))
    }
  })

  it.each([
    ['When a<b and c>d', 'less than'],
    ['John <john@example.com>', 'john at example dot com'],
    ['<https://example.com>', 'example dot com'],
    ['Press <Enter>', 'enter'],
    ['List<String>', 'String'],
    ['Map<String, Integer> map', 'Integer'],
    ['<notatag>', 'notatag'],
    ['if a<b then c', 'less than'],
  ])('what is no HTML tag is read: %s', (text, said) => expect(speak(text)).toContain(said))

  it.each([
    '<b>word</b>',
    '<br/>word',
    '<a href="https://x.org/a b" target=_blank>word</a>',
    '<img src=x.png alt="">word',
    '<INPUT disabled>word',
    '<!-- no -->word',
  ])('what is an HTML tag is not: %s', text => expect(speak(text)).toBe('word'))
})

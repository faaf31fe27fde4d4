import { sentenceMark } from './dots.ts'
import { cardinalToWords, toPlural, twoDigitsToWords, yearToWords } from './numbers.ts'
import { before, END, type Rule, spell, sticky } from './rules.ts'

/** Decades, eras and short years. */
export const YEAR_RULES: readonly Rule[] = [
  {
    name: "decade: 1990s, '90s, his 20s, 1960s-80s",
    pattern: sticky(`(['′])?(?:(\\d{3}0)|([1-9]0))['′]?s${END}`),
    say([match, apostrophe, century, decade = ''], context) {
      const certain =
        century ||
        apostrophe ||
        match.length > 3 ||
        /^(?:the|(?:mid|early|late|pre|post)-?|my|your|h[ie]s|her|their|our|\p{L}+'s)$/iu.test(context.previous) ||
        /\d0'?s(?:-|\s?–\s?| and | or | to |, | through |\/)(?:the |early |mid-?|late )?$/i.test(before(context))
      return certain ? toPlural(yearToWords(century ?? decade)) : undefined
    },
  },
  {
    name: 'numbers of people: under-12s, the over-60s',
    pattern: sticky(`(under|over)([- ])(\\d{1,2})s${END}`, 'i'),
    say: ([, side, , digits = '']) => `${side} ${toPlural(cardinalToWords(digits))}`,
  },
  { name: 'decades: 1960s-80s', pattern: sticky('(?<=\\ds)(?:-|–)(?=\\d\\d)'), say: () => 'to' },
  {
    name: 'era: 44 BC, 500 AD',
    pattern: sticky(`(\\d{1,4}|\\d{1,3},\\d{3})\\s?(BCE?|CE|AD|B\\.C\\.(?:E\\.)?|C\\.E\\.|A\\.D\\.)${END}`),
    say(match, context) {
      const text = `${yearToWords((match[1] as string).replace(',', ''))} ${spell(match[2] as string)}`
      return match[0].endsWith('.') ? { text, ...sentenceMark(context, context.index + match[0].length, true) } : text
    },
  },
  {
    name: "short year: '98",
    pattern: sticky(`'(\\d\\d)${END}(?!['"])`),
    say: ([, year = '']) => twoDigitsToWords(year),
  },
  { name: 'era first: AD 79', pattern: sticky(`A\\.?D\\.?\\s(\\d{1,4})${END}`), say: ([, year = '']) => `A D ${yearToWords(year)}` },
  {
    name: "quoted number: '5'",
    pattern: sticky(`'(\\d{1,9})'(?![\\p{L}\\d])`),
    say: ([, digits = '']) => cardinalToWords(digits),
  },
]

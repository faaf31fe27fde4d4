import { FRACTION, isYear, sayAmount, yearOrNumber } from './amounts.ts'
import { isDate, monthName, sayDate } from './dates.ts'
import { cardinalToWords, digitsToWords, numberToWords, ordinalToWords, yearToWords } from './numbers.ts'
import { DASH, END, NUMBER, type Rule, sticky } from './rules.ts'
import { table } from './table.ts'

const SIGNS = table<string>([
  ['-', 'minus'],
  ['+', 'plus'],
  ['±', 'plus or minus'],
  ['~', 'about'],
  ['≈', 'about'],
  ['<', 'less than'],
  ['>', 'more than'],
  ['≤', 'at most'],
  ['≥', 'at least'],
  ['#', 'number'],
  ['№', 'number'],
])

/** Ratios, fractions, ordinals, ranges and plain numbers: what no row above took. */
export const QUANTITY_RULES: readonly Rule[] = [
  { name: 'ratio: 16:9', pattern: sticky(`(\\d{1,9}):(?=\\d)`), say: ([, first = '']) => `${cardinalToWords(first)} to` },
  {
    name: 'out of: 10/10, 24/7, 9/11, on 12/25, 2020/21',
    pattern: sticky(`(\\d{1,4})/(\\d{1,3})${END}(?!/)`),
    say([match, first = '', second = ''], { previous }) {
      if (isYear(first)) return `${yearToWords(first)} ${cardinalToWords(second)}`
      if (isDate(Number(first), Number(second)) && /^(?:on|by|until|since|from|before|after|dated)$/i.test(previous)) {
        return sayDate(monthName(Number(first)), second)
      }
      if (match === '24/7' || match === '9/11' || match === '50/50') return `${cardinalToWords(first)} ${cardinalToWords(second)}`
      return second === '10' || second === '100' || first === second
        ? `${cardinalToWords(first)} out of ${cardinalToWords(second)}`
        : undefined
    },
  },
  { name: 'fraction: 1/2, 2 3/4, ¾', pattern: sticky(`(${FRACTION})(?![\\d/])`), say: ([, amount = '']) => sayAmount(amount) },
  {
    name: 'scientific: 6.02e23',
    pattern: sticky(`(-?${NUMBER})[eE]([-+]?)(\\d{1,4})${END}`),
    say: ([, number = '', sign, power = '']) =>
      `${numberToWords(number)} times ten to the ${sign === '-' ? 'minus ' : ''}${ordinalToWords(power)}`,
  },
  {
    name: 'ordinal: 1st, 22nd',
    pattern: sticky(`(\\d{1,3}(?:,\\d{3}){1,5}|\\d{1,9})(?:st|nd|rd|th)${END}`, 'i'),
    say: ([, digits = '']) => ordinalToWords(digits.replaceAll(',', '')),
  },
  {
    name: 'range: 1914–1918, 3-5',
    pattern: sticky(`([-]?${NUMBER})(?:${DASH})(?=[$€£]?\\.?\\d)`),
    say: ([, first = '']) => `${yearOrNumber(first)} to`,
  },
  {
    name: 'power: x^2, 10²',
    pattern: sticky(`\\^\\(?(-?)(\\d{1,4})\\)?|([⁻]?[⁰¹²³⁴-⁹]{1,4})`),
    say([, caretSign, caret, superscript]) {
      const plain = superscript ? superscript.normalize('NFKD').replace('−', '-') : `${caretSign}${caret}`
      if (plain === '2') return 'squared'
      if (plain === '3') return 'cubed'
      return `to the ${plain.startsWith('-') ? 'minus ' : ''}${ordinalToWords(plain.replace('-', ''))}`
    },
  },
  { name: 'leading zeros: 007', pattern: sticky(`(0\\d{1,40})${END}(?![.,]\\d)`), say: ([, digits = '']) => digitsToWords(digits) },
  {
    name: 'year: 1984',
    pattern: sticky(`(\\d{4})${END}(?!,\\d{3}|\\.\\d)`),
    say: ([, digits = ''], { previous }) =>
      isYear(digits) || (/[x×]\s?$/.test(previous) && digits < '2000') ? yearToWords(digits) : undefined,
  },
  {
    name: 'sign: -5, +3, ~5, ±2, #1',
    pattern: sticky(`([-+±~≈<>≤≥#]|№ ?)(?=[$€£¥]?\\.?\\d)`),
    say([, sign = ''], { text, index }) {
      if (sign === '-' && index > 0 && !/[\s(["'=<>+*/^×÷]/.test(text[index - 1] as string)) return undefined
      return SIGNS.get(sign.trim())
    },
  },
  {
    name: 'long code: 1234567890',
    pattern: sticky(`(\\d{10,40})${END}(?![.,]\\d)`),
    say: ([, digits = '']) => (/0{4}$/.test(digits) ? undefined : digitsToWords(digits)),
  },
  { name: 'number: 1,234.5', pattern: sticky(`(${NUMBER})${END}`), say: ([, number = '']) => numberToWords(number) },
]

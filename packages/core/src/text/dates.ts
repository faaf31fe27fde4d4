import { cardinalToWords, digitsToWords, ordinalToWords, toPlural, yearToWords } from './numbers.ts'
import { DASH, END, type Rule, sentenceMark, spell, sticky } from './rules.ts'
import { anyOf, rows, table } from './table.ts'

/** Months by calendar order. */
export const MONTHS = 'January February March April May June July August September October November December'.split(' ')

/** Month names and abbreviations → full name. */
export const MONTH_NAMES = table<string>(
  MONTHS.map(month => [month, month] as const),
  MONTHS.filter(month => month !== 'May').map(month => [month.slice(0, 3), month] as const),
  [['Sept', 'September']],
)
const DAY_NAMES = table<string>(rows('Mo=Monday Tu=Tuesday We=Wednesday Th=Thursday Fr=Friday Sa=Saturday Su=Sunday', ' '))

const MONTH = `(${anyOf(MONTH_NAMES.keys())})`
const DAY = '(\\d{1,2})(?:st|nd|rd|th)?'

/** Whether month and day are possible. */
export const isDate = (month: number, day: number) => month >= 1 && month <= 12 && day >= 1 && day <= 31
/** The name of a month by its number, 1 to 12. */
export const monthName = (month: number) => MONTHS[month - 1] as string
/** "November twenty-third, twenty twenty-six". */
export const sayDate = (month: string, day: string, year?: string) =>
  `${month} ${ordinalToWords(day)}${year ? `, ${yearToWords(year)}` : ''}`

/** Dates, days and years that are written as such; the first row that matches and answers wins. */
export const DATE_RULES: readonly Rule[] = [
  {
    name: 'ISO date: 2026-11-23',
    pattern: sticky(`(\\d{4})-(\\d{2})-(\\d{2})(?:T(?=\\d))?${END.replace('\\p{N}', '')}`),
    say: ([, year = '', month = '', day = '']) =>
      isDate(Number(month), Number(day)) ? sayDate(monthName(Number(month)), day, year) : undefined,
  },
  {
    name: 'numeric date: 11/23/2026, 23/11/2026, 23.11.2026',
    pattern: sticky(`(\\d{1,2})([/.])(\\d{1,2})\\2(\\d{4}|\\d{2})${END}(?!\\.?\\d)`),
    say([, first = '', separator, second = '', year = '']) {
      if (separator === '.' && year.length === 2) return undefined
      const dayFirst = separator === '.' || Number(first) > 12
      const [month, day] = dayFirst ? [second, first] : [first, second]
      if (!isDate(Number(month), Number(day))) return undefined
      return sayDate(monthName(Number(month)), day, year.length === 2 ? `${Number(year) < 50 ? '20' : '19'}${year}` : year)
    },
  },
  {
    name: 'day month: 23 November 2026, 4th of July',
    pattern: sticky(`${DAY}\\s{1,9}(of\\s{1,9})?${MONTH}(?:\\.(?=,?\\s{1,9}\\d{4})|${END})(?:,?\\s{1,9}(\\d{4})${END})?`),
    say([, day = '', of, month = '', year], { previous }) {
      if (!isDate(1, Number(day))) return undefined
      const article = of || /^(?:the|\p{Lu}\p{L}*day)$/iu.test(previous) ? '' : 'the '
      return `${article}${ordinalToWords(day)} of ${MONTH_NAMES.get(month)}${year ? `, ${yearToWords(year)}` : ''}`
    },
  },
  {
    name: 'month day: Nov. 23, 2026; March 5–7',
    pattern: sticky(`${MONTH}\\.?\\s{1,9}${DAY}(?:(?:${DASH})${DAY})?(?![\\p{L}\\p{N}%:/]|[.,]\\d)(?:,?\\s{1,9}(\\d{4})${END})?`),
    say([, month = '', day = '', last, year]) {
      if (!isDate(1, Number(day))) return undefined
      const to = last ? ` to ${ordinalToWords(last)}` : ''
      return `${MONTH_NAMES.get(month)} ${ordinalToWords(day)}${to}${year ? `, ${yearToWords(year)}` : ''}`
    },
  },
  {
    name: 'month year: Nov. 2026',
    pattern: sticky(`${MONTH}\\.?,?\\s{1,9}(\\d{4})${END}`),
    say: ([, month = '', year = '']) => `${MONTH_NAMES.get(month)} ${yearToWords(year)}`,
  },
  {
    name: "decade: 1990s, '90s, his 20s",
    pattern: sticky(`(['′])?(?:(\\d{3}0)|([1-9]0))['′]?s${END}`),
    say([match, apostrophe, century, decade = ''], { previous }) {
      const certain =
        century ||
        apostrophe ||
        match.length > 3 ||
        /^(?:the|(?:mid|early|late|pre|post)-?|my|your|h[ie]s|her|their|our|\p{L}+'s)$/iu.test(previous)
      return certain ? toPlural(yearToWords(century ?? decade)) : undefined
    },
  },
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
    pattern: sticky(`'(\\d)(\\d)${END}`),
    say: ([, tens = '', ones = '']) => (tens === '0' ? `oh ${digitsToWords(ones)}` : cardinalToWords(tens + ones)),
  },
  { name: 'era first: AD 79', pattern: sticky(`A\\.?D\\.?\\s(\\d{1,4})${END}`), say: ([, year = '']) => `A D ${yearToWords(year)}` },
  {
    name: 'month abbreviation',
    pattern: sticky(`(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\\.`),
    say(match, context) {
      const end = context.index + match[0].length
      const dated = /^(?:in|by|since|until|from|of|last|next|this|early|late|mid|to)$/i.test(context.previous)
      if (!dated && !/^(?:,? \p{Ll}|[,;)])/u.test(context.text.slice(end, end + 3))) return undefined
      return { text: MONTH_NAMES.get(match[1] as string) as string, ...sentenceMark(context, end, true) }
    },
  },
  {
    name: 'days: Mon–Fri, Tues. 5 May',
    pattern: sticky(
      `(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)(?:(?:\\s?–\\s?|-)(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)${END}|\\.?(?=,? (?:\\d|${[...MONTH_NAMES.keys()].join('|')}))|(?<=Mon|Tues|Wed|Thurs|Fri)\\.(?= \\p{Ll}|[,;)]))`,
    ),
    say: ([, first = '', last]) => `${DAY_NAMES.get(first.slice(0, 2))}${last ? ` to ${DAY_NAMES.get(last.slice(0, 2))}` : ''}`,
  },
]

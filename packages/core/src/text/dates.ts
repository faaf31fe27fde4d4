import { MONTH_NAMES, MONTHS, SHORT_DAYS } from './calendar.ts'
import { sentenceMark } from './dots.ts'
import { cardinalToWords, ordinalToWords, yearToWords } from './numbers.ts'
import { after, before, END, type Rule, type RuleContext, type Spoken, sticky } from './rules.ts'
import { anyOf, rows, table } from './table.ts'

const BY_LOWER = table<string>([...MONTH_NAMES].map(([key, month]) => [key.toLowerCase(), month] as const))
const DAY_NAMES = table<string>(rows('mo=Monday tu=Tuesday we=Wednesday th=Thursday fr=Friday sa=Saturday su=Sunday', ' '))

const MONTH = `(${anyOf(MONTH_NAMES.keys())})`
const DAY = '(\\d{1,2})(?:st|nd|rd|th)?'
const YEAR = '(\\d{4})(?![\\p{L}\\d%]|[.,]\\d)'
const TO = '\\s?[–—~]\\s?|-|\\s-\\s'
/** Between day, month and year: spaces, a comma, or one and the same separator. */
const GAP = '\\s{1,9}'

/** Whether month and day are possible. */
export const isDate = (month: number, day: number) => month >= 1 && month <= 12 && day >= 1 && day <= 31
/** The name of a month by its number, 1 to 12. */
export const monthName = (month: number) => MONTHS[month - 1] as string
/** "November twenty-third, twenty twenty-six". */
export const sayDate = (month: string, day: string, year?: string) =>
  `${month} ${ordinalToWords(day)}${year ? `, ${yearToWords(fullYear(year))}` : ''}`

/** A year of two digits with its century: '26 is 2026, '50 is 1950. */
export const fullYear = (year: string) => (year.length === 2 ? `${Number(year) < 50 ? '20' : '19'}${year}` : year)
const nameOf = (written: string) => BY_LOWER.get(written.toLowerCase()) as string

/**
 * Whether a month's name before a number is the verb or the modal: "they March 10 miles", "we may 3 times". In small letters, "may", "march" and "mar" need
 * more than a day to be months.
 */
function isVerb(written: string, rest: string, context: RuleContext, certain: boolean): boolean {
  if (!/^ma(?:y|r|rch)$/i.test(written)) return false
  if (certain) return false
  if (/^(?:I|you|he|she|it|we|they|who|to|will|would|must|should|shall|can|could|that|which|not|and)$/i.test(context.previous)) {
    return !/^(?:that|which|and)$/i.test(context.previous) || written === written.toLowerCase()
  }
  if (written === written.toLowerCase()) return true
  return /^ (?:more |or more )?(?:miles?|km|kilometers?|meters?|feet|steps?|times?|yards?|paces|people|persons|of|hours?|days?|weeks?|abreast)(?!\p{L})/u.test(
    rest,
  )
}

/** A month and a day, with or without a year, in any order of them. */
function sayMonthDay(context: RuleContext, match: string, written: string, day: string, year: string | undefined): string | undefined {
  if (!isDate(1, Number(day))) return undefined
  const certain = year !== undefined || /\d(?:st|nd|rd|th)/i.test(match)
  return isVerb(written, after(context, match), context, certain) ? undefined : sayDate(nameOf(written), day, year)
}

/** Three numbers with one separator: the year first, else by separator (dots: day first) and by what is possible. */
function sayNumericDate(first: string, separator: string, second: string, third: string): string | undefined {
  if (first.length === 4) return isDate(Number(second), Number(third)) ? sayDate(monthName(Number(second)), third, first) : undefined
  if (third.length === 2 && separator !== '/' && !(first.length === 2 && second.length === 2 && separator === '.')) return undefined
  const dayFirst = separator === '.' || Number(first) > 12
  const [month, day] = dayFirst ? [second, first] : [first, second]
  return isDate(Number(month), Number(day)) ? sayDate(monthName(Number(month)), day, third) : undefined
}

/** Words after which "6/15" is a date. */
const DATED =
  /(?:^|[^\p{L}])(?:on|by|until|till|since|from|before|after|dated?|due|expires?|exp|through|thru|starting|starts|ends|deadline|valid|published|updated|born|effective)[:.]?\s$/iu

/** Dates that are written as such; the first row that matches and answers wins. */
export const DATE_RULES: readonly Rule[] = [
  {
    name: 'numeric date: 2026-11-23, 2016/07/03, 2023.12.31, 11/23/2026, 15-01-2020',
    pattern: sticky(`(\\d{4}|\\d{1,2})([-/.])(\\d{1,2})\\2(\\d{4}|\\d{1,2})(?:T(?=\\d)|(?![\\p{L}\\d])(?!\\.?\\d|[-/]\\d))`),
    say: ([, first = '', separator = '', second = '', third = '']) =>
      first.length === 4 || third.length !== 1 ? sayNumericDate(first, separator, second, third) : undefined,
  },
  {
    name: 'numeric month: 2020-12, 2020/12, 12/2020',
    pattern: sticky(`(?:((?:19|20)\\d\\d)[-/](0[1-9]|1[0-2])|(0?[1-9]|1[0-2])/((?:19|20)\\d\\d))${END}(?![-/.,]\\d)`),
    say([, year = '', month = '', monthFirst, yearLast]) {
      if (yearLast) return `${monthName(Number(monthFirst))} ${yearToWords(yearLast)}`
      const isNext = (Number(year) + 1) % 100 === Number(month)
      return isNext ? undefined : `${monthName(Number(month))} ${yearToWords(year)}`
    },
  },
  {
    name: 'day month: 23 November 2026, 4th of July, 15-Jan-2020, 25 DEC',
    pattern: sticky(
      `${DAY}(?:(-|/|\\.|${GAP})|${GAP}(of)${GAP})${MONTH}(?:\\.(?=,?\\s{1,9}\\d{4})|(?!\\p{L}))(?:(?:,?${GAP}|-|/|\\.)${YEAR}|\\2(\\d{2})${END}|)`,
      'i',
    ),
    say([match, day = '', gap, of, written = '', year, shortYear], context) {
      const loose = gap !== undefined && !/[-/.]/.test(gap)
      if (!isDate(1, Number(day)) || (!loose && !of && !year && !shortYear && gap === '.')) return undefined
      if (shortYear && loose) return undefined
      const certain = of !== undefined || year !== undefined || shortYear !== undefined || /^\d{1,2}\p{L}/u.test(match)
      if (/^(?:may|march|mar)$/.test(written) && !certain) return undefined
      const month = nameOf(written)
      const end = year ?? shortYear
      const isDay = /^(?:Mon|Tues?|Wed|Thu|Fri|Sat|Sun)/.test(context.previous)
      const isOpened = /^(?:the|\p{Lu}\p{L}*day|Mon|Tues?|Wed|Thu|Fri|Sat|Sun)$/iu.test(context.previous)
      const article = of || (isOpened && !isDay) ? '' : 'the '
      return `${article}${ordinalToWords(day)} of ${month}${end ? `, ${yearToWords(fullYear(end))}` : ''}`
    },
  },
  {
    name: 'months and days: June 30–July 4, Dec. 24-26',
    pattern: sticky(
      `${MONTH}\\.?\\s${DAY}(?:${TO})(?:${MONTH}\\.?\\s)?${DAY}(?![\\p{L}\\d%:/]|[.,]\\d|\\s?[ap]\\.?m)(?:,?${GAP}${YEAR})?`,
      'i',
    ),
    say([match, first = '', from = '', last, to = '', year], context) {
      if (!isDate(1, Number(from)) || !isDate(1, Number(to)) || isVerb(first, after(context, match), context, year !== undefined))
        return undefined
      const end = last ? `${nameOf(last)} ${ordinalToWords(to)}` : ordinalToWords(to)
      return `${nameOf(first)} ${ordinalToWords(from)} to ${end}${year ? `, ${yearToWords(year)}` : ''}`
    },
  },
  {
    name: 'month day: Nov. 23, 2026; july 25 2012; Jan-15-2020; JAN 15',
    pattern: sticky(
      `${MONTH}(?:\\.?${GAP}${DAY}|([-/])(\\d{1,2})(?=\\3\\d{2}))(?![\\p{L}\\d%:]|[.,]\\d|\\s?[ap]\\.?m(?!\\p{L}))(?:(?:,?${GAP}|\\3)${YEAR}|,?\\s'(\\d\\d)${END}|\\3(\\d\\d)${END}|)`,
      'i',
    ),
    say([match, written = '', day, , dashed, year, short, shortDashed], context) {
      if (shortDashed && !dashed) return undefined
      return sayMonthDay(context, match, written, (day ?? dashed) as string, year ?? short ?? shortDashed)
    },
  },
  {
    name: 'months: Jan-Mar 2024, June–July',
    pattern: sticky(`${MONTH}\\.?(?:${TO})${MONTH}(?!\\p{L})\\.?(?:,?${GAP}${YEAR})?`),
    say([match, first = '', last = '', year], context) {
      const dotted = match.endsWith('.')
      const text = `${nameOf(first)} to ${nameOf(last)}${year ? ` ${yearToWords(year)}` : ''}`
      return { text, ...(dotted ? sentenceMark(context, context.index + match.length, true) : {}) }
    },
  },
  {
    name: 'month year: Nov. 2026',
    pattern: sticky(`${MONTH}\\.?(?:,?${GAP}|-)(?:((?:1[0-9]|20)\\d\\d)${END}(?![.,]\\d)|'(\\d\\d)${END})`, 'i'),
    say([match, written = '', year, short], context) {
      if (/^mar?y?$/.test(written) && !/(?:in|of|since|until|by|from|early|late|mid-?)\s?$/i.test(before(context, 8))) return undefined
      if (/^(?:march|may)$/i.test(written) && isVerb(written, after(context, match), context, false)) return undefined
      return `${nameOf(written)} ${year ? yearToWords(year) : cardinalToWords(short as string)}`
    },
  },
  {
    name: 'month abbreviation: in Oct. we met, mid-Oct, until Feb',
    pattern: sticky('(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)(?:(\\.)|(?![\\p{L}\\d.-]))'),
    say([match, written = '', dot], context): Spoken | undefined {
      const name = nameOf(written)
      const cued =
        /(?:^|[^\p{L}])(?:in|by|since|until|till|from|of|last|next|this|early|late|mid|to|through|and|every|each|during|after|before)[ -]$/iu.test(
          before(context, 10),
        )
      if (!dot) return cued || /^(?:Feb|Aug|Sept|Oct|Nov|Dec)$/.test(written) ? { text: name } : undefined
      return { text: name, ...sentenceMark(context, context.index + match.length, true) }
    },
  },
  {
    name: 'month and day in numbers: on 12/25, due: 6/15, 03/15',
    pattern: sticky(`(\\d{1,2})/(\\d{1,2})${END}(?![/\\d])`),
    say: ([, month = '', day = ''], context) =>
      (DATED.test(before(context, 16)) || /^0/.test(month)) && isDate(Number(month), Number(day)) && `${month}/${day}` !== '9/11'
        ? sayDate(monthName(Number(month)), day)
        : undefined,
  },
]

const DAYS = `(${SHORT_DAYS})`
/** Another day before it, in a list or a range. */
const AFTER_DAY = new RegExp(`${DAYS}\\.?(?:\\s?[–/&-]\\s?|, | and | to | or | through |, and )$`)
/** A date or a time behind it. */
const BEFORE_DATE = new RegExp(
  `^,? (?:\\d{1,2}(?:st|nd|rd|th|:\\d\\d| ?[ap]\\.?m|\\s?[–-]\\s?\\d|\\s${MONTH})|noon|${MONTH}(?!\\p{L}))`,
  'iu',
)
const dayName = (written: string) => DAY_NAMES.get(written.slice(0, 2).toLowerCase()) as string

/** Abbreviated days of the week: only where they cannot be the words "sat", "sun" and "wed". */
export const DAY_RULES: readonly Rule[] = [
  {
    name: 'days: Mon–Fri, Sat & Sun, Mon/Wed/Fri',
    pattern: sticky(`${DAYS}\\.?(${TO}|\\s?[/&]\\s?|, | and | to | or | through )(?=${DAYS}(?!\\p{L}))`),
    say: ([match, first = '', between = '']) => {
      const joined = /and|&/.test(between)
        ? ' and'
        : /or|to|through/.test(between)
          ? ` ${between.trim()}`
          : /[/,]/.test(between)
            ? ','
            : ' to'
      return { text: dayName(first) + joined, length: match.length }
    },
  },
  {
    name: 'day: Tues. 5 May, Mon 9am, on Mon., and Sun.',
    pattern: sticky(`${DAYS}(\\.)?(?!\\p{L}|'s)`),
    say([match, written = '', dot], context): Spoken | undefined {
      const rest = after(context, match, 16)
      const listed = AFTER_DAY.test(before(context, 18))
      const dated = BEFORE_DATE.test(rest)
      const cued = /(?:^|[^\p{L}])(?:on|every|each|by|until|last|next|this|since|closed|open)\s$/iu.test(before(context, 10))
      const word = /^(?:Sat|Sun|Wed)$/.test(written)
      if (!listed && !dated && !(dot && (!word || /^ \p{Ll}/u.test(rest))) && !(cued && (dot || !word))) return undefined
      return { text: dayName(written), ...(dot ? sentenceMark(context, context.index + match.length, true) : {}) }
    },
  },
]

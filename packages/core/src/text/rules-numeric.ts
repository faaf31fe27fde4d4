import { cardinalToWords, digitsToWords, fractionToWords, numberToWords, ordinalToWords, toPlural, yearToWords } from './numbers.ts'
import { END, NUMBER, type Rule, type RuleContext, type Spoken, sentenceMark, spell, sticky } from './rules.ts'
import { CURRENCIES, MAGNITUDES, MONTH_NAMES, MONTHS, UNITS } from './tables.ts'

const MONTH = `(${Object.keys(MONTH_NAMES)
  .sort((a, b) => b.length - a.length)
  .join('|')})`
const DAY = '(\\d{1,2})(?:st|nd|rd|th)?'
const VULGAR = '¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞'
const FRACTION = `(?:\\d{1,9} )?\\d{1,4}/\\d{1,4}|\\d{0,9} ?[${VULGAR}]`
const AMOUNT = `(${FRACTION}|(?:(?<![\\p{L}\\p{N}%°)])[-+±])?${NUMBER})`
const MERIDIEM = '([ap])\\.?\\s?m(\\.|(?![\\p{L}\\p{N}]))'
const CURRENCY = `(?:US|CA|AU|NZ|HK|A|C)?[${Object.keys(CURRENCIES)
  .filter(key => key.length === 1)
  .join('')}]`
const CURRENCY_CODE = `${Object.keys(CURRENCIES)
  .filter(key => key.length > 1)
  .join('|')}`
const MAGNITUDE = `(?:\\s?(${Object.keys(MAGNITUDES).join('|')})${END})?`
const UNIT = Object.keys(UNITS)
  .sort((a, b) => b.length - a.length)
  .map(unit => unit.replace(/[.^$/]/g, '\\$&'))
  .join('|')
const DASH = '\\s?–\\s?|-'
const RANGE_END = sticky(`${CURRENCY}?(${NUMBER})${MAGNITUDE}`)

/** Four digits that are said in pairs even where no year is meant. */
const isYear = (digits: string) => /^(?:1[1-9]|20)\d\d$/.test(digits)
const yearOrNumber = (digits: string) => (isYear(digits) ? yearToWords(digits) : numberToWords(digits))
const isDate = (month: number, day: number) => month >= 1 && month <= 12 && day >= 1 && day <= 31
const monthName = (month: number) => MONTHS[month - 1] as string
const sayDate = (month: string, day: string, year?: string) => `${month} ${ordinalToWords(day)}${year ? `, ${yearToWords(year)}` : ''}`
const isArticle = (word: string) => /^(?:an?|per|every|each)$/i.test(word)

/** An amount as {@link AMOUNT} matches it: number, fraction or mixed number. */
function sayAmount(amount: string): string {
  const sign = { '-': 'minus ', '+': 'plus ', '±': 'plus or minus ' }[amount[0] as string] ?? ''
  const match = /^(?:(\d+) )?(?:(\d+)\/(\d+)|(\d*) ?([¼-¾⅐-⅞]))$/.exec(amount)
  if (!match) return sign + numberToWords(amount.replace(/^[-+±]/, ''))
  const [numerator = '', denominator = ''] = match[5] ? match[5].normalize('NFKD').split('⁄') : [match[2], match[3]]
  const fraction = fractionToWords(numerator, denominator)
  const whole = match[1] || match[4]
  return whole ? `${cardinalToWords(whole)} and ${fraction.replace(/^one /, /^one eigh/.test(fraction) ? 'an ' : 'a ')}` : fraction
}

/** At most one: "one half kilometer", "one kilometer", but "zero kilometers". */
const isSingular = (amount: string) => /^[-+±]?1$|^\d{1,4}\/|^[¼-¾⅐-⅞]$/.test(amount)

function sayMoney(number: string, symbol: string, magnitude: string | undefined, context: RuleContext): string {
  const [one, many, cent, cents] = CURRENCIES[symbol] as readonly string[]
  const negative = number.startsWith('-') ? 'minus ' : ''
  const plain = number.replace(/[-,]/g, '')
  const adjective = isArticle(context.previous)
  if (magnitude) return `${negative}${numberToWords(plain)} ${MAGNITUDES[magnitude]} ${adjective ? one : many}`
  const [whole = '', fraction = ''] = plain.split('.')
  const unit = Number(whole) === 1 || adjective ? one : many
  if (fraction === '' || Number(fraction) === 0) return `${negative}${cardinalToWords(whole || '0')} ${unit}`
  if (fraction.length !== 2 || !cent) return `${negative}${numberToWords(plain)} ${many}`
  const small = `${cardinalToWords(fraction)} ${Number(fraction) === 1 ? cent : cents}`
  return negative + (Number(whole) === 0 ? small : `${cardinalToWords(whole)} ${unit} and ${small}`)
}

function sayTime(hour: string, minute: string | undefined, second: string | undefined, half: string | undefined): string | undefined {
  const [h, m] = [Number(hour), Number(minute ?? 0)]
  if (h > 24 || m > 59 || Number(second ?? 0) > 59 || (half && (h > 12 || h === 0))) return undefined
  let words = cardinalToWords(hour)
  if (m > 0) words += m < 10 ? ` oh ${cardinalToWords(String(m))}` : ` ${cardinalToWords(String(m))}`
  else if (minute !== undefined && !half) words = h > 12 ? `${words} hundred` : h === 0 ? 'midnight' : `${words} o'clock`
  if (second !== undefined) words += ` and ${cardinalToWords(second)} seconds`
  return half ? `${words} ${half.toUpperCase()} M` : words
}

function withMeridiem(
  match: RegExpExecArray,
  context: RuleContext,
  words: string | undefined,
  dot: string | undefined,
): Spoken | undefined {
  if (words === undefined) return undefined
  return {
    text: words,
    ...(dot === '.'
      ? sentenceMark(
          context,
          context.index + match[0].length,
          !AFTER_HOUR.test(context.text.slice(context.index + match[0].length, context.index + match[0].length + 16)),
        )
      : {}),
  }
}
/** What follows "3 a.m." in the same sentence although it has a capital. */
const AFTER_HOUR = /^ \(?(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|[A-Z]{2,4}\b|(?:Eastern|Pacific|Central|Mountain|Greenwich)\b)/

/** Dates, times, money, units, ranges and plain numbers; the first row that matches and answers wins. */
export const NUMERIC_RULES: readonly Rule[] = [
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
    pattern: sticky(`${DAY}\\s+(of\\s+)?${MONTH}(?:\\.(?=,?\\s+\\d{4})|${END})(?:,?\\s+(\\d{4})${END})?`),
    say([, day = '', of, month = '', year], { previous }) {
      if (!isDate(1, Number(day))) return undefined
      const article = of || /^(?:the|\p{Lu}\p{L}*day)$/iu.test(previous) ? '' : 'the '
      return `${article}${ordinalToWords(day)} of ${MONTH_NAMES[month]}${year ? `, ${yearToWords(year)}` : ''}`
    },
  },
  {
    name: 'month day: Nov. 23, 2026; March 5–7',
    pattern: sticky(`${MONTH}\\.?\\s+${DAY}(?:(?:${DASH})${DAY})?(?![\\p{L}\\p{N}%:/]|[.,]\\d)(?:,?\\s+(\\d{4})${END})?`),
    say([, month = '', day = '', last, year]) {
      if (!isDate(1, Number(day))) return undefined
      const to = last ? ` to ${ordinalToWords(last)}` : ''
      return `${MONTH_NAMES[month]} ${ordinalToWords(day)}${to}${year ? `, ${yearToWords(year)}` : ''}`
    },
  },
  {
    name: 'month year: Nov. 2026',
    pattern: sticky(`${MONTH}\\.?,?\\s+(\\d{4})${END}`),
    say: ([, month = '', year = '']) => `${MONTH_NAMES[month]} ${yearToWords(year)}`,
  },
  {
    name: 'time: 7:09, 19:30, 10:15:30 a.m.',
    pattern: sticky(`(\\d{1,2}):(\\d{2})(?::(\\d{2}))?(?:\\s?${MERIDIEM}|${END})(?!:)`, 'i'),
    say: (match, context) => withMeridiem(match, context, sayTime(match[1] as string, match[2], match[3], match[4]), match[5]),
  },
  {
    name: 'hour: 5pm, 12 a.m.',
    pattern: sticky(`(\\d{1,2})\\s?${MERIDIEM}`, 'i'),
    say: (match, context) => withMeridiem(match, context, sayTime(match[1] as string, undefined, undefined, match[2]), match[3]),
  },
  { name: 'ratio: 16:9', pattern: sticky(`(\\d{1,9}):(?=\\d)`), say: ([, first = '']) => `${cardinalToWords(first)} to` },
  {
    name: 'phone: +1 (555) 123-4567, 555-1234',
    pattern: sticky(
      `(?:\\+?\\d{1,3}[-. ])?(?:\\(\\d{3}\\) ?|\\d{3}[-. ])\\d{3}[-. ]\\d{4}${END}|\\+\\d{1,3}(?:[ -]\\d{2,5}){2,5}${END}|\\d{3}-\\d{4}(?<!00)${END}|\\d{1,6}(?:-\\d{1,6}){2,6}${END}`,
    ),
    say: ([phone]) =>
      (phone.startsWith('+') ? 'plus ' : '') +
      phone
        .split(/\D+/)
        .filter(group => group !== '')
        .map(digitsToWords)
        .join(', '),
  },
  {
    name: 'emergency number: call 911',
    pattern: sticky(`(\\d{3})${END}(?![.,:/-]\\d)`),
    say: ([, digits = ''], { previous }) =>
      /^(?:call|calls|called|calling|dial|dials|dialed|dialing|phone)$/i.test(previous) ? digitsToWords(digits) : undefined,
  },
  {
    name: 'IP address: 192.168.0.1',
    pattern: sticky(`(\\d{1,3}(?:\\.\\d{1,3}){3})${END}(?!\\.\\d)`),
    say: ([address]) => address.split('.').map(digitsToWords).join(' dot '),
  },
  {
    name: 'version: v2.1.3, 2.1.3',
    pattern: sticky(`(v(?=\\d))?(\\d{1,6}(?:\\.\\d{1,6}){0,5})${END}`, 'i'),
    say([, v, version = '']) {
      const parts = version.split('.')
      if (!v && parts.length < 3) return undefined
      return (v ? 'version ' : '') + parts.map(cardinalToWords).join(' point ')
    },
  },
  {
    name: 'money: $3.50, £1m, -€20, $2.5 billion, $5–10',
    pattern: sticky(`(-?)(${CURRENCY})\\s?(-?${NUMBER})${MAGNITUDE}(?:(${DASH})(?=${CURRENCY}?\\d))?`),
    say([match, minus, currency = '', number = '', magnitude, dash], context) {
      const symbol = currency.slice(-1)
      if (!dash) return sayMoney((minus ?? '') + number, symbol, magnitude, context)
      RANGE_END.lastIndex = context.index + match.length
      const last = RANGE_END.exec(context.text) as RegExpExecArray
      const words = `${numberToWords(number)} to ${sayMoney(last[1] as string, symbol, last[2] ?? magnitude, context)}`
      return { text: words, length: match.length + last[0].length }
    },
  },
  {
    name: 'money, unit behind: 20€, 50¢, 100 USD',
    pattern: sticky(`(-?${NUMBER})${MAGNITUDE}(?:\\s?([€£¥₹¢])|\\s?(${CURRENCY_CODE})${END})`),
    say: ([, number = '', magnitude, symbol, code], context) => sayMoney(number, (symbol ?? code) as string, magnitude, context),
  },
  {
    name: 'size: 1920x1080, 4 x 4, 3 × 4',
    pattern: sticky(`(${NUMBER})(\\s?x\\s?|×|\\s×\\s)(?=\\d)`),
    say: ([, number = '', operator = '']) => `${yearOrNumber(number)} ${operator === ' × ' ? 'times' : 'by'}`,
  },
  { name: 'times: 10x', pattern: sticky(`(${NUMBER})[x×]${END}`), say: ([, number = '']) => `${numberToWords(number)} times` },
  {
    name: 'feet and inches: 5\'11"',
    pattern: sticky(`(\\d{1,3})['′]\\s?(\\d{1,2})(?:["″]|'')?${END}`),
    say: ([, feet = '', inches = '']) => `${cardinalToWords(feet)} foot ${cardinalToWords(inches)}`,
  },
  {
    name: 'feet or inches: 6\', 27"',
    pattern: sticky(`(${NUMBER})(?:(['′])|(["″]))${END}`),
    say([match, number = '', feet], { quoted, text, index }) {
      const rest = text.slice(index + match.length, index + match.length + 8)
      if (feet ? /^[^\s.,;)]/.test(rest) && !match.endsWith('′') : quoted && match.endsWith('"')) return undefined
      const [one, many] = feet ? ['foot', 'feet'] : ['inch', 'inches']
      const adjective = !feet && /^ (?!(?:wide|long|tall|deep|thick|high|of|in|and|or|by|to|x)\b)[a-z]/.test(rest)
      return `${numberToWords(number)} ${number === '1' || adjective ? one : many}`
    },
  },
  {
    name: 'percent: 12.5%',
    pattern: sticky(`${AMOUNT}\\s?%`),
    say: ([, amount = '']) => `${sayAmount(amount)} percent`,
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
    name: 'unit: 5 km, 20°C, 60 mph, 3 GB, ½ cup',
    pattern: sticky(`${AMOUNT}([ -]?)(${UNIT})(\\.(?!\\p{L}))?${END}`),
    say(match, context) {
      const [, amount = '', gap, unit = '', dot] = match
      const row = UNITS[unit] as readonly string[]
      if (gap !== '' && row[2] === 'attached' && !dot && !/(?:ft\.?|')$/.test(context.previous)) return undefined
      const singular = isSingular(amount) || gap === '-' || isArticle(context.previous)
      const text = `${sayAmount(amount)} ${singular ? row[0] : row[1]}`
      return dot ? { text, ...sentenceMark(context, context.index + match[0].length, true) } : text
    },
  },
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
    name: "short year: '98",
    pattern: sticky(`'(\\d)(\\d)${END}`),
    say: ([, tens = '', ones = '']) => (tens === '0' ? `oh ${digitsToWords(ones)}` : cardinalToWords(tens + ones)),
  },
  { name: 'era first: AD 79', pattern: sticky(`A\\.?D\\.?\\s(\\d{1,4})${END}`), say: ([, year = '']) => `A D ${yearToWords(year)}` },
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
      return SIGNS[sign.trim()]
    },
  },
  {
    name: 'long code: 1234567890',
    pattern: sticky(`(\\d{10,40})${END}(?![.,]\\d)`),
    say: ([, digits = '']) => (/0{4}$/.test(digits) ? undefined : digitsToWords(digits)),
  },
  { name: 'number: 1,234.5', pattern: sticky(`(${NUMBER})${END}`), say: ([, number = '']) => numberToWords(number) },
]

const SIGNS: Readonly<Record<string, string>> = {
  '-': 'minus',
  '+': 'plus',
  '±': 'plus or minus',
  '~': 'about',
  '≈': 'about',
  '<': 'less than',
  '>': 'more than',
  '≤': 'at most',
  '≥': 'at least',
  '#': 'number',
  '№': 'number',
}

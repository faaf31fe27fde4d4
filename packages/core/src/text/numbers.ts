const ONES = [
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen',
  'fifteen sixteen seventeen eighteen nineteen',
]
  .join(' ')
  .split(' ')
const TENS = '_ _ twenty thirty forty fifty sixty seventy eighty ninety'.split(' ')
const SCALES = ['', 'thousand', 'million', 'billion', 'trillion', 'quadrillion', 'quintillion', 'sextillion', 'septillion', 'octillion']
/** Longest integer read as a quantity: above it no English scale word is in use, so digits are read one by one. */
const MAX_QUANTITY_DIGITS = 3 * SCALES.length
const IRREGULAR_ORDINALS: Readonly<Record<string, string>> = {
  one: 'first',
  two: 'second',
  three: 'third',
  five: 'fifth',
  eight: 'eighth',
  nine: 'ninth',
  twelve: 'twelfth',
}

/** 0…999 in words, US style (no "and"). */
function belowThousand(value: number): string {
  const parts: string[] = []
  if (value >= 100) parts.push(`${ONES[Math.floor(value / 100)]} hundred`)
  const rest = value % 100
  if (rest >= 20) parts.push(TENS[Math.floor(rest / 10)] + (rest % 10 ? `-${ONES[rest % 10]}` : ''))
  else if (rest > 0 || value === 0) parts.push(ONES[rest] as string)
  return parts.join(' ')
}

/** Reads digits one by one: `'407'` → "four zero seven". Anything but ASCII digits is skipped. */
export function digitsToWords(digits: string): string {
  return [...digits]
    .filter(digit => digit >= '0' && digit <= '9')
    .map(digit => ONES[Number(digit)])
    .join(' ')
}

/** A non-negative integer as a quantity, US style: `'1234'` → "one thousand two hundred thirty-four". Beyond 30 digits, digit by digit. */
export function cardinalToWords(digits: string): string {
  const significant = digits.replace(/^0+(?=\d)/, '')
  if (significant.length > MAX_QUANTITY_DIGITS) return digitsToWords(digits)
  const parts: string[] = []
  for (let end = significant.length, scale = 0; end > 0; end -= 3, scale += 1) {
    const group = Number(significant.slice(Math.max(0, end - 3), end))
    if (group > 0) parts.unshift(belowThousand(group) + (scale ? ` ${SCALES[scale]}` : ''))
  }
  return parts.join(' ') || 'zero'
}

/** The ordinal of words such as "twenty-one": "twenty-first". */
export function toOrdinal(words: string): string {
  const start = Math.max(words.lastIndexOf(' '), words.lastIndexOf('-')) + 1
  const last = words.slice(start)
  const ordinal = IRREGULAR_ORDINALS[last] ?? (last.endsWith('y') ? `${last.slice(0, -1)}ieth` : `${last}th`)
  return words.slice(0, start) + ordinal
}

/** `'22'` → "twenty-second". */
export function ordinalToWords(digits: string): string {
  return toOrdinal(cardinalToWords(digits))
}

/** The plural of words such as "twenty-six" or "eighty": "twenty-sixes", "eighties". */
export function toPlural(words: string): string {
  if (words.endsWith('y')) return `${words.slice(0, -1)}ies`
  return words + (/(?:s|x|sh|ch)$/.test(words) ? 'es' : 's')
}

/** A year as it is said: 1984 "nineteen eighty-four", 1905 "nineteen oh five", 2007 "two thousand seven", 2026 "twenty twenty-six", 44 "forty-four". */
export function yearToWords(digits: string): string {
  const year = Number(digits)
  const [century, rest] = [Math.floor(year / 100), year % 100]
  if (digits.length !== 4 || (century % 10 === 0 && rest < 10)) return cardinalToWords(digits)
  if (rest === 0) return `${belowThousand(century)} hundred`
  return `${belowThousand(century)} ${twoDigitsToWords(digits.slice(2))}`
}

/** Two digits as minutes and years are said: `'05'` → "oh five", `'15'` → "fifteen". */
export function twoDigitsToWords(digits: string): string {
  return digits.startsWith('0') ? `oh ${digitsToWords(digits.slice(1))}` : cardinalToWords(digits)
}

/** Digits in groups as rooms, flights and houses are named: 204 "two oh four", 370 "three seventy", 1205 "twelve oh five", 1200 "twelve hundred". */
export function pairsToWords(digits: string): string {
  if (digits.startsWith('0') || digits.length > 4) return digitsToWords(digits)
  if (digits.length < 3 || /000$/.test(digits)) return cardinalToWords(digits)
  const head = cardinalToWords(digits.slice(0, -2))
  const tail = digits.slice(-2)
  return `${head} ${tail === '00' ? 'hundred' : twoDigitsToWords(tail)}`
}

/** A number in any spelling of its groups and its decimals → digits, at most one dot: `'1.234,56'` → "1234.56". */
export function plainNumber(text: string): string {
  if (/^\d{1,3}(?:[. ]\d{3})+,\d{1,2}$|^\d+,\d{1,2}$/.test(text)) return text.replace(/[. ]/g, '').replace(',', '.')
  return /^\d{1,3}(?:\.\d{3}){2,}$/.test(text) ? text.replaceAll('.', '') : text.replace(/[,' ]/g, '')
}

/** A number as written, in any spelling that {@link plainNumber} knows, with an optional sign: `'-1,234.05'` → "minus one thousand two hundred thirty-four point zero five". */
export function numberToWords(text: string): string {
  const negative = text.startsWith('-')
  const [whole = '', fraction] = plainNumber(text.replace(/^[-+]/, '')).split('.')
  const words = (whole ? cardinalToWords(whole) : '') + (fraction ? `${whole ? ' ' : ''}point ${digitsToWords(fraction)}` : '')
  return (negative ? 'minus ' : '') + words
}

const FRACTION_NAMES: Readonly<Record<string, readonly [string, string]>> = {
  '2': ['half', 'halves'],
  '4': ['quarter', 'quarters'],
}

/** `('3', '4')` → "three quarters", `('1', '2')` → "one half", `('5', '8')` → "five eighths"; large or improper denominators: "x over y". */
export function fractionToWords(numerator: string, denominator: string): string {
  const [top, bottom] = [Number(numerator), Number(denominator)]
  if (bottom < 2 || bottom > 100 || top === 0) return `${cardinalToWords(numerator)} over ${cardinalToWords(denominator)}`
  const [one, many] = FRACTION_NAMES[String(bottom)] ?? [ordinalToWords(denominator), toPlural(ordinalToWords(denominator))]
  return `${cardinalToWords(numerator)} ${top === 1 ? one : many}`
}

const ROMAN_NUMERAL = /^M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})$/
const ROMAN_VALUES: Readonly<Record<string, number>> = { I: 1, V: 5, X: 10, L: 50, C: 100, D: 500, M: 1000 }

/** The value of a well-formed upper-case Roman numeral, else undefined: `'XIV'` → 14. */
export function romanToNumber(text: string): number | undefined {
  if (text === '' || !ROMAN_NUMERAL.test(text)) return undefined
  let total = 0
  for (let i = 0; i < text.length; i++) {
    const value = ROMAN_VALUES[text[i] as string] as number
    const next = ROMAN_VALUES[text[i + 1] ?? ''] ?? 0
    total += value < next ? -value : value
  }
  return total
}

import { AMOUNT, isArticle, isSingular, sayAmount, yearOrNumber } from './amounts.ts'
import { cardinalToWords, numberToWords } from './numbers.ts'
import { END, NUMBER, type Rule, sentenceMark, sticky } from './rules.ts'
import { anyOf } from './table.ts'
import { UNITS } from './units.ts'

const UNIT = anyOf(UNITS.keys())

/** Amounts of a unit. */
export const MEASURE_RULES: readonly Rule[] = [
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
    name: 'unit: 5 km, 20°C, 60 mph, 3 GB, ½ cup',
    pattern: sticky(`${AMOUNT}([ -]?)(${UNIT})(\\.(?!\\p{L}))?${END}`),
    say(match, context) {
      const [, amount = '', gap, unit = '', dot] = match
      const row = UNITS.get(unit) as readonly string[]
      if (gap !== '' && row[2] === 'attached' && !dot && !/(?:ft\.?|')$/.test(context.previous)) return undefined
      const singular = isSingular(amount) || gap === '-' || isArticle(context.previous)
      const text = `${sayAmount(amount)} ${singular ? row[0] : row[1]}`
      return dot ? { text, ...sentenceMark(context, context.index + match[0].length, true) } : text
    },
  },
]

import { isArticle } from './amounts.ts'
import { cardinalToWords, numberToWords } from './numbers.ts'
import { DASH, END, NUMBER, type Rule, type RuleContext, sticky } from './rules.ts'
import { anyOf, table } from './table.ts'

/** Currency symbol or code → one, many, one hundredth, hundredths. */
const CURRENCIES = table<readonly string[]>([
  ['$', ['dollar', 'dollars', 'cent', 'cents']],
  ['€', ['euro', 'euros', 'cent', 'cents']],
  ['£', ['pound', 'pounds', 'penny', 'pence']],
  ['¥', ['yen', 'yen']],
  ['₹', ['rupee', 'rupees', 'paisa', 'paise']],
  ['₩', ['won', 'won']],
  ['₽', ['ruble', 'rubles', 'kopeck', 'kopecks']],
  ['₺', ['lira', 'lira']],
  ['₿', ['bitcoin', 'bitcoins']],
  ['¢', ['cent', 'cents']],
  ['USD', ['dollar', 'dollars', 'cent', 'cents']],
  ['EUR', ['euro', 'euros', 'cent', 'cents']],
  ['GBP', ['pound', 'pounds', 'penny', 'pence']],
  ['JPY', ['yen', 'yen']],
  ['CHF', ['Swiss franc', 'Swiss francs']],
])

/** Letters and words after an amount of money → scale word. */
const MAGNITUDES = table<string>([
  ['thousand', 'thousand'],
  ['million', 'million'],
  ['billion', 'billion'],
  ['trillion', 'trillion'],
  ['mn', 'million'],
  ['bn', 'billion'],
  ['tn', 'trillion'],
  ['k', 'thousand'],
  ['K', 'thousand'],
  ['m', 'million'],
  ['M', 'million'],
  ['b', 'billion'],
  ['B', 'billion'],
  ['T', 'trillion'],
])

const keys = [...CURRENCIES.keys()]
const CURRENCY = `(?:US|CA|AU|NZ|HK|A|C)?[${keys.filter(key => key.length === 1).join('')}]`
const CURRENCY_CODE = keys.filter(key => key.length > 1).join('|')
const MAGNITUDE = `(?:\\s?(${anyOf(MAGNITUDES.keys())})${END})?`
const RANGE_END = sticky(`${CURRENCY}?(${NUMBER})${MAGNITUDE}`)

function sayMoney(number: string, symbol: string, magnitude: string | undefined, context: RuleContext): string {
  const [one, many, cent, cents] = CURRENCIES.get(symbol) as readonly string[]
  const negative = number.startsWith('-') ? 'minus ' : ''
  const plain = number.replace(/[-,]/g, '')
  const adjective = isArticle(context.previous)
  if (magnitude) return `${negative}${numberToWords(plain)} ${MAGNITUDES.get(magnitude)} ${adjective ? one : many}`
  const [whole = '', fraction = ''] = plain.split('.')
  const unit = Number(whole) === 1 || adjective ? one : many
  if (fraction === '' || Number(fraction) === 0) return `${negative}${cardinalToWords(whole || '0')} ${unit}`
  if (fraction.length !== 2 || !cent) return `${negative}${numberToWords(plain)} ${many}`
  const small = `${cardinalToWords(fraction)} ${Number(fraction) === 1 ? cent : cents}`
  return negative + (Number(whole) === 0 ? small : `${cardinalToWords(whole)} ${unit} and ${small}`)
}

/** Amounts of money. */
export const MONEY_RULES: readonly Rule[] = [
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
]

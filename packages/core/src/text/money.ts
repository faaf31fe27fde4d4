import { isAdjective, SCALES } from './amounts.ts'
import { cardinalToWords, numberToWords, plainNumber } from './numbers.ts'
import { DASH, DECIMAL_COMMA, END, NUMBER, type Rule, type RuleContext, type Spoken, sticky } from './rules.ts'
import { anyOf, rows, table } from './table.ts'
import { readPer } from './units.ts'

/** one, many, one hundredth, hundredths. */
type Currency = readonly [one: string, many: string, cent?: string, cents?: string]

const dollars = (text: string) =>
  rows(text).map(([key, country]) => [key, [`${country} dollar`, `${country} dollars`, 'cent', 'cents']] as [string, Currency])

/** Currency signs, with the letters that tell whose they are. */
const SIGNS = table<Currency>(
  dollars(
    'US$=U S|CA$=Canadian|C$=Canadian|AU$=Australian|A$=Australian|NZ$=New Zealand|HK$=Hong Kong|S$=Singapore|SG$=Singapore|NT$=Taiwan',
  ),
  [
    ['$', ['dollar', 'dollars', 'cent', 'cents']],
    ['MX$', ['Mexican peso', 'Mexican pesos', 'centavo', 'centavos']],
    ['R$', ['real', 'reais', 'centavo', 'centavos']],
    ['€', ['euro', 'euros', 'cent', 'cents']],
    ['£', ['pound', 'pounds', 'penny', 'pence']],
    ['¥', ['yen', 'yen']],
    ['₹', ['rupee', 'rupees', 'paisa', 'paise']],
    ['Rs.', ['rupee', 'rupees', 'paisa', 'paise']],
    ['Rs', ['rupee', 'rupees', 'paisa', 'paise']],
    ['₩', ['won', 'won']],
    ['₽', ['ruble', 'rubles', 'kopeck', 'kopecks']],
    ['₺', ['lira', 'lira']],
    ['₴', ['hryvnia', 'hryvnias']],
    ['₪', ['shekel', 'shekels']],
    ['₫', ['dong', 'dong']],
    ['₱', ['peso', 'pesos', 'centavo', 'centavos']],
    ['฿', ['baht', 'baht']],
    ['₦', ['naira', 'naira', 'kobo', 'kobo']],
    ['₿', ['bitcoin', 'bitcoins']],
  ],
)
/** Signs that only stand behind the amount. */
const BEHIND = table<Currency>([
  ['¢', ['cent', 'cents']],
  ['zl', ['zloty', 'zlotys']],
  ['kr', ['krone', 'kroner']],
])
/** Codes of ISO 4217 in common use, before the amount or behind it. */
const CODES = table<Currency>(dollars('USD=U S|CAD=Canadian|AUD=Australian|NZD=New Zealand|HKD=Hong Kong|SGD=Singapore'), [
  ['EUR', ['euro', 'euros', 'cent', 'cents']],
  ['GBP', ['pound', 'pounds', 'penny', 'pence']],
  ['JPY', ['yen', 'yen']],
  ['CHF', ['Swiss franc', 'Swiss francs', 'centime', 'centimes']],
  ['CNY', ['yuan', 'yuan']],
  ['RMB', ['yuan', 'yuan']],
  ['INR', ['Indian rupee', 'Indian rupees', 'paisa', 'paise']],
  ['KRW', ['won', 'won']],
  ['SEK', ['Swedish krona', 'Swedish kronor']],
  ['NOK', ['Norwegian krone', 'Norwegian kroner']],
  ['DKK', ['Danish krone', 'Danish kroner']],
  ['PLN', ['zloty', 'zlotys']],
  ['CZK', ['Czech koruna', 'Czech korunas']],
  ['HUF', ['forint', 'forints']],
  ['MXN', ['Mexican peso', 'Mexican pesos', 'centavo', 'centavos']],
  ['BRL', ['real', 'reais', 'centavo', 'centavos']],
  ['ZAR', ['rand', 'rand', 'cent', 'cents']],
  ['RUB', ['ruble', 'rubles', 'kopeck', 'kopecks']],
  ['TRY', ['lira', 'lira']],
  ['ILS', ['shekel', 'shekels']],
  ['AED', ['dirham', 'dirhams']],
  ['SAR', ['riyal', 'riyals']],
  ['THB', ['baht', 'baht']],
  ['PHP', ['Philippine peso', 'Philippine pesos', 'centavo', 'centavos']],
  ['BTC', ['bitcoin', 'bitcoin']],
  ['ETH', ['ether', 'ether']],
])

/** Letters and words after an amount of money → scale word. */
const MAGNITUDES = table<string>(
  [...SCALES],
  rows('thousand=thousand|million=million|billion=billion|trillion=trillion|lakh=lakh|lakhs=lakh|crore=crore|crores=crore'),
  rows('bln=billion|MM=million|b=billion'),
)

const SIGN = `(?:${anyOf(SIGNS.keys())})`
const CODE = [...CODES.keys()].join('|')
const MONEY_NUMBER = `(?:${DECIMAL_COMMA}|${NUMBER})`
const MAGNITUDE = `(?:(?:\\s|-(?=[mbt]illion))?(${anyOf(MAGNITUDES.keys())})${END})?`
const RANGE_END = sticky(`${SIGN}?(${MONEY_NUMBER})${MAGNITUDE}`)

/** @param adjective "a five dollar bill" */
function sayMoney(number: string, currency: Currency, magnitude: string | undefined, adjective: boolean): string {
  const [one, many, cent, cents] = currency
  const negative = number.startsWith('-') ? 'minus ' : ''
  const plain = plainNumber(number.replace(/^-/, ''))
  if (magnitude) return `${negative}${numberToWords(plain)} ${MAGNITUDES.get(magnitude)} ${adjective ? one : many}`
  const [whole = '', fraction = ''] = plain.split('.')
  const unit = Number(whole) === 1 || adjective ? one : many
  if (fraction === '' || Number(fraction) === 0) return `${negative}${cardinalToWords(whole || '0')} ${unit}`
  if (fraction.length !== 2 || !cent) return `${negative}${numberToWords(plain)} ${adjective ? one : many}`
  const small = `${cardinalToWords(fraction)} ${Number(fraction) === 1 ? cent : cents}`
  return negative + (Number(whole) === 0 ? small : `${cardinalToWords(whole)} ${unit} and ${small}`)
}

/** An amount with what it is per: "$20/mo". */
function withPer(match: string, number: string, currency: Currency, magnitude: string | undefined, context: RuleContext): Spoken {
  const per = readPer(context.text, context.index + match.length, true)
  const words = sayMoney(number, currency, magnitude, per.length === 0 && isAdjective(context, match))
  return { text: words + per.text, length: match.length + per.length }
}

/** Amounts of money: sign or code, before or behind. */
export const MONEY_RULES: readonly Rule[] = [
  {
    name: 'money: $3.50, £1m, -€20, $2.5 billion, $5–10, CA$30',
    pattern: sticky(
      `((?<![\\p{L}\\p{N}%)])-|)(${SIGN})\\s?(-?${MONEY_NUMBER})${MAGNITUDE}(?:(${DASH}|\\s[–-]\\s(?=${SIGN}))(?=${SIGN}?\\d))?`,
    ),
    say([match, minus = '', sign = '', number = '', magnitude, dash], context) {
      const currency = SIGNS.get(sign) as Currency
      if (!dash) return withPer(match, minus + number, currency, magnitude, context)
      RANGE_END.lastIndex = context.index + match.length
      const last = RANGE_END.exec(context.text) as RegExpExecArray
      const scale = magnitude && last[2] && magnitude !== last[2] ? ` ${MAGNITUDES.get(magnitude)}` : ''
      const whole = withPer(match + last[0], last[1] as string, currency, last[2] ?? magnitude, context)
      const isExact = !magnitude && !last[2] && /[.,]\d\d$/.test(number)
      const first = isExact ? sayMoney(number, currency, undefined, false) : numberToWords(number) + scale
      return { ...whole, text: `${minus && 'minus '}${first} to ${whole.text}` }
    },
  },
  {
    name: 'money, code before: USD 50, EUR 20.5 million',
    pattern: sticky(`(${CODE})\\s?(-?${MONEY_NUMBER})${MAGNITUDE}`),
    say: ([match, code = '', number = '', magnitude], context) => withPer(match, number, CODES.get(code) as Currency, magnitude, context),
  },
  {
    name: 'money, sign or code behind: 20€, 50¢, 100 USD, 100$',
    pattern: sticky(`(-?${MONEY_NUMBER})${MAGNITUDE}\\s?(?:([¢€£¥₹₩₽₺₴₪₫₱฿₿]|\\$(?![\\d\\p{L}])|(?:zl|kr)${END})|(${CODE})${END})`),
    say([match, number = '', magnitude, sign = '', code = ''], context) {
      const currency = (CODES.get(code) ?? BEHIND.get(sign) ?? SIGNS.get(sign)) as Currency
      return withPer(match, number, currency, magnitude, context)
    },
  },
  {
    name: 'pence: 99p',
    pattern: sticky(`(?<![:.]\\d?)(\\d{1,3})p${END}`),
    say: ([, number = '']) =>
      /^(?:144|240|360|480|720)$/.test(number) ? undefined : `${cardinalToWords(number)} ${number === '1' ? 'penny' : 'pence'}`,
  },
]

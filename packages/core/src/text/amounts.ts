import { cardinalToWords, fractionToWords, numberToWords, yearToWords } from './numbers.ts'
import { NUMBER } from './rules.ts'

const VULGAR = '¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞'
/** Pattern of a fraction or mixed number. */
export const FRACTION = `(?:\\d{1,9} )?\\d{1,4}/\\d{1,4}|\\d{0,9} ?[${VULGAR}]`
/** Pattern of a number with sign, a fraction or a mixed number; one group. */
export const AMOUNT = `(${FRACTION}|(?:(?<![\\p{L}\\p{N}%°)])[-+±])?${NUMBER})`

/** Four digits that are said in pairs even where no year is meant. */
export const isYear = (digits: string) => /^(?:1[1-9]|20)\d\d$/.test(digits)
/** A year in pairs, else a quantity. */
export const yearOrNumber = (digits: string) => (isYear(digits) ? yearToWords(digits) : numberToWords(digits))

/** True for "a", "per", "every": what follows is an adjective, in the singular. */
export const isArticle = (word: string) => /^(?:an?|per|every|each)$/i.test(word)

/** An amount as {@link AMOUNT} matches it: number, fraction or mixed number. */
export function sayAmount(amount: string): string {
  const sign = { '-': 'minus ', '+': 'plus ', '±': 'plus or minus ' }[amount[0] as string] ?? ''
  const match = /^(?:(\d+) )?(?:(\d+)\/(\d+)|(\d*) ?([¼-¾⅐-⅞]))$/.exec(amount)
  if (!match) return sign + numberToWords(amount.replace(/^[-+±]/, ''))
  const [numerator = '', denominator = ''] = match[5] ? match[5].normalize('NFKD').split('⁄') : [match[2], match[3]]
  const fraction = fractionToWords(numerator, denominator)
  const whole = match[1] || match[4]
  return whole ? `${cardinalToWords(whole)} and ${fraction.replace(/^one /, /^one eigh/.test(fraction) ? 'an ' : 'a ')}` : fraction
}

/** At most one: "one half kilometer", "one kilometer", but "zero kilometers". */
export const isSingular = (amount: string) => /^[-+±]?1$|^\d{1,4}\/|^[¼-¾⅐-⅞]$/.test(amount)

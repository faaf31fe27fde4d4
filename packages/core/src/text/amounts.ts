import { cardinalToWords, fractionToWords, numberToWords, yearToWords } from './numbers.ts'
import { after, DECIMAL_COMMA, NUMBER, type RuleContext } from './rules.ts'
import { rows, table, wordSet } from './table.ts'

const VULGAR = '¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞'
/** Pattern of a fraction or mixed number. */
export const FRACTION = `(?:\\d{1,9} |\\d{1,3}-(?=\\d/(?:2|3|4|8|16)(?!\\d)))?\\d{1,4}/\\d{1,4}(?![/\\d])|\\d{0,9} ?[${VULGAR}]`
/** Pattern of a number with sign, a fraction or a mixed number; one group. */
export const AMOUNT = `(${FRACTION}|(?:(?<![\\p{L}\\p{N}%°)])[-+±])?(?:${DECIMAL_COMMA}|${NUMBER}))`
/** Pattern of a scale word between a number and what is counted. */
export const SCALE = '(?: (hundred|thousand|million|billion|trillion|dozen))?'
/** Letters behind a number that scale it: "1.5M users", "$2.3bn". */
export const SCALES = table<string>(
  rows('K=thousand|k=thousand|M=million|B=billion|T=trillion|mn=million|mln=million|bn=billion|tn=trillion|m=million'),
)

/** Four digits that are said in pairs even where no year is meant. */
export const isYear = (digits: string) => /^(?:1[1-9]|20)\d\d$/.test(digits)
/** A year in pairs, else a quantity. */
export const yearOrNumber = (digits: string) => (isYear(digits) ? yearToWords(digits) : numberToWords(digits))

/** An amount as {@link AMOUNT} matches it: number, fraction or mixed number. */
export function sayAmount(amount: string): string {
  const sign = { '-': 'minus ', '+': 'plus ', '±': 'plus or minus ' }[amount[0] as string] ?? ''
  const match = /^(?:(\d+)[ -])?(?:(\d+)\/(\d+)|(\d*) ?([¼-¾⅐-⅞]))$/.exec(amount)
  if (!match) return sign + numberToWords(amount.replace(/^[-+±]/, ''))
  const [numerator = '', denominator = ''] = match[5] ? match[5].normalize('NFKD').split('⁄') : [match[2], match[3]]
  const fraction = fractionToWords(numerator, denominator)
  const whole = match[1] || match[4]
  return whole ? `${cardinalToWords(whole)} and ${fraction.replace(/^one /, /^one eigh/.test(fraction) ? 'an ' : 'a ')}` : fraction
}

/** At most one: "one half kilometer", "one kilometer", but "zero kilometers". */
export const isSingular = (amount: string) => /^[-+±]?1$|^\d{1,4}\/|^[¼-¾⅐-⅞]$/.test(amount)

/** Lower-case words that do not make what stands before them an adjective: "the 5 km is long", but "the 5 km run". */
const NO_NOUN = wordSet(
  'of in and or to per for from at is was are were be been on with by as than more less over under each a an the that this which who but if when while until since into onto off up down out away ago later earlier long wide tall deep high thick worth apart above below across ahead behind before after only total left right back back-to-back extra cheaper now today it he she we they you can could will would may might must should has have had do does did not so then there here again better faster slower higher lower further farther all both just about around between during through via versus vs because too also either nor yet',
)

/**
 * Whether an amount stands before what it describes, and so has its unit in the singular: "a 5 km run", "my $1,000 laptop". An article suffices, another
 * determiner needs a noun behind the amount; with `bare` the noun suffices ("12V battery").
 */
export function isAdjective(context: RuleContext, match: string, bare = false): boolean {
  if (/^an?$/i.test(context.previous)) return true
  if (!bare && !/^(?:the|my|your|his|her|its|our|their|this|that|each|every|another|one|\p{L}+'s)$/iu.test(context.previous)) return false
  const noun = /^ ([a-z][a-z-]{1,30})(?![\p{L}\d])/u.exec(after(context, match, 32))?.[1]
  return noun !== undefined && !NO_NOUN.has(noun)
}

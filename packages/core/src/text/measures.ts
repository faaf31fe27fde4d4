import { AMOUNT, isAdjective, isSingular, SCALE, sayAmount, yearOrNumber } from './amounts.ts'
import { sentenceMark } from './dots.ts'
import { cardinalToWords, numberToWords, pairsToWords, toPlural } from './numbers.ts'
import { after, before, END, NUMBER, type Rule, type RuleContext, type Spoken, sticky } from './rules.ts'
import { readPer, readUnit } from './units.ts'

/** Reads an amount with the unit behind it, in the singular where it is an adjective. */
function sayMeasure(match: RegExpExecArray, context: RuleContext): Spoken | undefined {
  const [written, amount = '', scale, gap] = match
  const unit = readUnit(context.text, context.index + written.length)
  if (!unit) return undefined
  const end = context.index + written.length + unit.length
  const dotted = context.text[end] === '.' && !/^\.\p{L}/u.test(context.text.slice(end, end + 2))
  const closed = dotted || /^(?:[),;]|$)/.test(context.text.slice(end, end + 1))
  if (unit.attached && gap !== '' && gap !== '-' && !closed && !/(?:ft\.?|')$/.test(context.previous)) return undefined
  if (unit.attached && gap === '-' && context.text[end] === '-') return undefined
  const whole = context.text.slice(context.index, end)
  const singular =
    (isSingular(amount) && !scale) || gap === '-' || isAdjective(context, whole, /watt$|volt$|amp(?: hour)?$|byte$|pixel$/.test(unit.one))
  const words = `${sayAmount(amount)} ${scale ? `${scale} ` : ''}${singular ? unit.one : unit.many}`
  if (!dotted || /[°²³‰]$/.test(whole)) return { text: words, length: end - context.index }
  return { text: words, length: end + 1 - context.index, ...sentenceMark(context, end + 1, true) }
}

/** Amounts of a unit, and sizes. */
export const MEASURE_RULES: readonly Rule[] = [
  {
    name: 'blood pressure: 120/80 mmHg',
    pattern: sticky(`(\\d{2,3})/(\\d{2,3})(?=\\s?mm\\s?Hg)`),
    say: ([, upper = '', lower = ''], context) => {
      const unit = /^\s?mm\s?Hg/.exec(after(context, `${upper}/${lower}`))?.[0] ?? ''
      const words = `${cardinalToWords(upper)} over ${cardinalToWords(lower)} millimeters of mercury`
      return { text: words, length: upper.length + 1 + lower.length + unit.length }
    },
  },
  {
    name: 'two values of one unit: 28/36 mpg',
    pattern: sticky('(\\d{2,3})/(?=\\d{2,3} ?(?:mpg|MPG|psi|kbps|Mbps)(?!\\p{L}))'),
    say: ([, first = '']) => `${cardinalToWords(first)} slash`,
  },
  {
    name: 'oil: 5W-30',
    pattern: sticky(`(\\d{1,2})W-(\\d{2})${END}`),
    say: ([, cold = '', hot = '']) => `${cardinalToWords(cold)} W ${cardinalToWords(hot)}`,
  },
  {
    name: 'caliber: .50 cal. rifle',
    pattern: sticky('\\.(\\d{2,3})(?:[ -]cal(?:\\.|iber)?(?![\\p{L}]))'),
    say: ([, digits = '']) => `${cardinalToWords(digits)} caliber`,
  },
  {
    name: 'size: 1920x1080, 4 x 4, 3 × 4',
    pattern: sticky(`(${NUMBER})(\\s?x\\s?|×|\\s×\\s)(${NUMBER})(\\^|\\s?[x×]\\s?(${NUMBER})(?!\\^))?`),
    say([match, first = '', operator = '', second = '', third, last = ''], { text, index }) {
      const times = operator === ' × ' || third === '^'
      if (times) return { text: `${numberToWords(first)} times`, length: first.length + operator.length }
      const size = `${yearOrSize(first)} by ${yearOrSize(second)}${last && ` by ${yearOrSize(last)}`}`
      const gap = /^ ?/.exec(text.slice(index + match.length))?.[0].length ?? 0
      const unit = readUnit(text, index + match.length + gap)
      const closed = unit && /^(?:[.),;]|$)/.test(text.slice(index + match.length + gap + unit.length)[0] ?? '')
      return unit && (!unit.attached || closed) ? { text: `${size} ${unit.many}`, length: match.length + gap + unit.length } : size
    },
  },
  {
    name: 'times: 10x', // but 2x + 1
    pattern: sticky(`(${NUMBER})[x×]${END}`),
    say([match, number = ''], context) {
      const formula = /[=+*/^(-] ?$/.test(before(context, 2)) || /^(?: ?[=^²³]| [+*-] [\da-z(])/.test(after(context, match, 6))
      return match.endsWith('x') && formula ? `${numberToWords(number)} X` : `${numberToWords(number)} times`
    },
  },
  {
    name: 'by: 8.5" x 11", 50 cm x 70 cm',
    pattern: sticky('[x×]\\s?(?=\\d)'),
    say: (_, context) => {
      if (/^x ?\d{1,2} (?:days?|weeks?|months?|doses)(?!\p{L})/u.test(after(context, '', 20))) return 'for'
      return /\d\s?(?:["'″′%]|'')?\s?(?:[a-z]{1,3}\.?)? ?$/.test(before(context, 12)) ? 'by' : undefined
    },
  },
  {
    name: 'position: 40°42\'46"N, 51.5° N',
    pattern: sticky(`(${NUMBER})°\\s?(?:(${NUMBER})['′]\\s?)?(?:(${NUMBER})(?:["″]|'')\\s?)?([NSEW])${END}`),
    say([, degrees = '', minutes, seconds, side = '']) {
      const parts = [`${numberToWords(degrees)} degrees`]
      if (minutes) parts.push(`${numberToWords(minutes)} minutes`)
      if (seconds) parts.push(`${numberToWords(seconds)} seconds`)
      return `${parts.join(' ')} ${{ N: 'north', S: 'south', E: 'east', W: 'west' }[side]}`
    },
  },
  {
    name: 'feet and inches: 5\'11"',
    pattern: sticky(`(\\d{1,3})['′]\\s?(\\d{1,2})(?:["″]|'')?${END}(?!')`),
    say: ([, feet = '', inches = '']) => `${cardinalToWords(feet)} foot ${cardinalToWords(inches)}`,
  },
  {
    name: 'feet or inches: 6\', 27", 3/4"',
    pattern: sticky(`${AMOUNT}(?:(['′])|(["″]))(?:${END}|(?=[x×]\\d))`),
    say([match, amount = '', feet], context) {
      const { text, index, quoted } = context
      const rest = after(context, match, 12)
      if (feet && /'$/.test(text.slice(Math.max(0, index - 1), index))) return undefined
      if (feet ? /^[^\s.,;)]/.test(rest) && !match.endsWith('′') : quoted && match.endsWith('"')) return undefined
      const [one, many] = feet ? ['foot', 'feet'] : ['inch', 'inches']
      const noun =
        /^ (?!(?:wide|long|tall|deep|thick|high|of|in|and|or|by|to|x|away|apart|expected|thick|is|was|for|with|from|on|at|are|long,)\b)(?:[A-Za-z]|\d{1,3}[A-Z])/.test(
          rest,
        )
      const side = /^ ?[x×] ?\d/.test(rest) || /[x×] ?$/.test(before(context, 4))
      return `${sayAmount(amount)} ${isSingular(amount) || noun || side ? one : many}`
    },
  },
  {
    name: 'percent: 12.5%, 10,5 percent',
    pattern: sticky(`${AMOUNT}(?:\\s?%|(?<=,\\d{1,2})(?= percent))`),
    say: ([match, amount = '']) => `${sayAmount(amount)}${match.endsWith('%') ? ' percent' : ''}`,
  },
  {
    name: 'name with an s: iPhone 5s, Boeing 747s',
    pattern: sticky(`(\\d{1,3})s${END}`),
    say: ([, digits = ''], { previous }) => {
      if (!/\p{Ll}\p{Lu}|^\p{Lu}{2,}$|^(?:Boeing|Airbus|Galaxy|Nexus|Pixel|Model|Type|Peugeot|Porsche)$/u.test(previous)) return undefined
      return digits.length > 2 ? toPlural(pairsToWords(digits)) : `${cardinalToWords(digits)} S`
    },
  },
  {
    name: 'many: 100s of, 1,000s of',
    pattern: sticky('(10|100|1,?000)s(?= of(?!\\p{L}))'),
    say: ([, digits = '']) => ({ 2: 'tens', 3: 'hundreds' })[digits.length] ?? 'thousands',
  },
  {
    name: 'unit: 5 km, 20°C, 100 million kg, 3 GB, ½ cup, 5 mg/kg/day',
    pattern: sticky(`${AMOUNT}${SCALE}([ -]?)(?=[\\p{L}°‰µΩ])`),
    say: sayMeasure,
  },
  {
    name: 'unit by itself: km/h, mg/dL',
    pattern: sticky(
      '(?=(?:km|mg|kg|µg|mcg|mmol|MB|GB|kB|Mbit|kbit|kWh|mL|ft|lb|m|g)[²³]?/(?:h|hr|s|sec|min|day|dL|L|kg|m|cm|ft|in|mL|l)[²³2]?(?![\\p{L}\\d/]))(?<!\\d ?)',
    ),
    say(_, { text, index }) {
      const unit = readUnit(text, index)
      return unit && { text: unit.many, length: unit.length }
    },
  },
  {
    name: 'dose every hours: q.6h., q4h',
    pattern: sticky('q\\.?\\s?(\\d{1,2})(?:-(\\d{1,2}))?\\s?h(?:rs?)?\\.?(?![\\p{L}\\d])'),
    say: ([, hours = '', last]) => `every ${cardinalToWords(hours)}${last ? ` to ${cardinalToWords(last)}` : ''} hours`,
  },
  {
    name: 'count per time: 72 beats/min',
    pattern: sticky(`${AMOUNT} (\\p{L}{3,20})(?=/)`),
    say([match, amount = '', noun = ''], { text, index }) {
      const per = readPer(text, index + match.length)
      return per.length === 0 ? undefined : { text: `${sayAmount(amount)} ${noun}${per.text}`, length: match.length + per.length }
    },
  },
]

/** Sides of a screen are said in pairs: "nineteen twenty by ten eighty". */
const yearOrSize = (digits: string) => (/^10[1-9]\d$/.test(digits) ? `ten ${cardinalToWords(digits.slice(2))}` : yearOrNumber(digits))

import { cardinalToWords } from './numbers.ts'
import { END, type Rule, type RuleContext, type Spoken, sentenceMark, sticky } from './rules.ts'

const MERIDIEM = '([ap])\\.?\\s?m(\\.|(?![\\p{L}\\p{N}]))'

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

/** Times of day. */
export const TIME_RULES: readonly Rule[] = [
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
]

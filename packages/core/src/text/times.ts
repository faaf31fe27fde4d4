import { sentenceMark } from './dots.ts'
import { cardinalToWords, digitsToWords, twoDigitsToWords } from './numbers.ts'
import { before, END, type Rule, type RuleContext, type Spoken, spell, sticky } from './rules.ts'
import { readPer } from './units.ts'

/** "pm", "p.m.", "P. M."; its last group is the dot, which may be a full stop too. */
const MERIDIEM = '(?:([ap])m(?![\\p{L}\\d])|([ap])\\.\\s?m(\\.|(?![\\p{L}\\d])))'
const ZONES = 'EST|EDT|ET|CST|CDT|CT|MST|MDT|MT|PST|PDT|PT|GMT|UTC|BST|CET|CEST|IST|JST|AEST|AEDT|Z'
const ZONE = `(?:\\s?(${ZONES})(?![\\p{L}\\d])|((?<=:\\d\\d:\\d\\d(?:\\.\\d{1,6})?)-|\\+)(\\d{2}):?(\\d{2})${END})?`
/** A dash between times: "to". */
const TO_TIME = sticky(`\\s?[–—-]\\s?(?=\\d{1,2}(?::\\d{2}|\\s?[ap]\\.?m|\\.\\d\\d\\s?[ap])|noon|midnight|\\d{1,2}(?!\\d|[.,]\\d))`, 'i')
const TO_LATER = sticky('\\s?[–—]\\s?(?=\\p{L})|-(?=\\p{L})', 'i')

function sayClock(hour: string, minute: string | undefined, second: string | undefined, half: string | undefined): string | undefined {
  const [h, m] = [Number(hour), Number(minute ?? 0)]
  if (h > 24 || m > 59 || Number(second ?? 0) > 59 || (half && h > 12)) return undefined
  let words = cardinalToWords(half && h === 0 ? '12' : hour)
  const seconds = second !== undefined && Number(second) > 0
  if (m > 0) words += ` ${twoDigitsToWords(minute as string)}`
  else if (minute !== undefined && !half && !seconds) words = h > 12 ? `${words} hundred` : h === 0 ? 'midnight' : `${words} o'clock`
  if (seconds) words += ` and ${cardinalToWords(second)} ${second === '01' ? 'second' : 'seconds'}`
  return half ? `${words} ${half.toUpperCase()} M` : words
}

/** Adds zone and "to", and the full stop that the dot of "p.m." may be. */
function finish(
  match: RegExpExecArray,
  context: RuleContext,
  words: string | undefined,
  dot: string | undefined,
  zone: string,
): Spoken | undefined {
  if (words === undefined) return undefined
  const end = context.index + match[0].length
  for (const pattern of [TO_TIME, TO_LATER]) {
    pattern.lastIndex = end
    const to = pattern.exec(context.text)?.[0]
    if (to && (pattern === TO_TIME || /[ap]\.?\s?m\.?$/i.test(match[0])))
      return { text: `${words}${zone} to`, length: match[0].length + to.length }
  }
  const per = readPer(context.text, end)
  if (per.length > 0) return { text: words + zone + per.text, length: match[0].length + per.length }
  return { text: words + zone, ...(dot === '.' && !zone ? sentenceMark(context, end, true) : {}) }
}

function sayZone(zone: string | undefined, sign: string | undefined, hours: string | undefined, minutes: string | undefined): string {
  if (zone) return ` ${spell(zone)}`
  if (!sign) return ''
  return ` ${sign === '-' ? 'minus' : 'plus'} ${cardinalToWords(hours as string)}${Number(minutes) > 0 ? ` ${cardinalToWords(minutes as string)}` : ''}`
}

/** Times of day and lengths of time. */
export const TIME_RULES: readonly Rule[] = [
  {
    name: 'time: 7:09, 19:30, 10:15:30 a.m., 11:30EST, 10:20:30Z',
    pattern: sticky(
      `(\\d{1,2}):(\\d{2})(?::(\\d{2})(?:\\.\\d{1,6}(?=Z|[+-]\\d\\d))?)?(?:\\s?${MERIDIEM})?${ZONE}(?!\\d|\\p{L}|:\\d|,\\d{3})`,
      'i',
    ),
    say: (match, context) => {
      const [, hour = '', minute, second, a, b, dot, zone, sign, hours, minutes] = match
      if (zone === zone?.toLowerCase() && zone !== undefined) return undefined
      if (/^\.\d/.test(context.text.slice(context.index + match[0].length, context.index + match[0].length + 2))) return undefined
      return finish(match, context, sayClock(hour, minute, second, a ?? b), dot, sayZone(zone, sign, hours, minutes))
    },
  },
  {
    name: 'time with tenths: 9:58.4',
    pattern: sticky(`(\\d{1,2}):(\\d{2})\\.(\\d{1,3})${END}`),
    say: ([, minutes = '', seconds = '', tenths = '']) =>
      `${cardinalToWords(minutes)} ${twoDigitsToWords(seconds)} point ${digitsToWords(tenths)}`,
  },
  {
    name: 'time with a dot: 1.59 p.m.',
    pattern: sticky(`(\\d{1,2})\\.([0-5]\\d)\\s?${MERIDIEM}`, 'i'),
    say: (match, context) => finish(match, context, sayClock(match[1] as string, match[2], undefined, match[3] ?? match[4]), match[5], ''),
  },
  {
    name: 'time with one letter: 6:42a, 7:58p',
    pattern: sticky(`(\\d{1,2}):(\\d{2})([ap])${END}`),
    say: ([, hour = '', minute, half]) => sayClock(hour, minute, undefined, half),
  },
  {
    name: 'hours with one letter: 7a-4p, 7:30a–4p',
    pattern: sticky(`(\\d{1,2})(?:(a)(?=\\s?[-–]\\s?\\d{1,2}(?::\\d\\d)?p${END})|(p)${END})`),
    say: ([, hour = '', morning], context) =>
      Number(hour) > 12 || (!morning && !/(?:\d{1,2}a|:\d\d[ap]?)\s?[-–]\s?$/.test(before(context, 8)))
        ? undefined
        : sayClock(hour, undefined, undefined, morning ? 'a' : 'p'),
  },
  {
    name: 'hour: 5pm, 12 a.m.',
    pattern: sticky(`(\\d{1,2})\\s?${MERIDIEM}`, 'i'),
    say: (match, context) => finish(match, context, sayClock(match[1] as string, undefined, undefined, match[2] ?? match[3]), match[4], ''),
  },
  {
    name: 'hours: 2-4pm, 9–5 p.m.',
    pattern: sticky(`(\\d{1,2})(?:\\s?–\\s?|-)(?=\\d{1,2}(?:[:.]\\d{2})?\\s?[ap](?:m(?!\\p{L})|\\.\\s?m\\.))`, 'i'),
    say: ([, hour = '']) => (Number(hour) <= 12 ? `${cardinalToWords(hour)} to` : undefined),
  },
  {
    name: 'length of time: 1h 30m, 2h30m, 3m 20s, 2d 4h',
    pattern: sticky(
      `(?:(\\d{1,3})\\s?d\\s?)?(?:(\\d{1,3})\\s?h(?:rs?)?\\s?)?(?:(\\d{1,3})\\s?m(?:ins?)?${END}\\s?|(\\d{2})(?!\\d)(?<=h\\d{2}))?(?:(\\d{1,2})\\s?s(?:ecs?)?)?${END}`,
    ),
    say([match, days, hours, minutes, bare, seconds]) {
      if (bare && !days && !seconds && hours && Number(hours) < 24) {
        return { text: sayClock(hours, bare, undefined, undefined)?.replace(' hundred', ' hundred hours') ?? '', length: match.length }
      }
      const parts = [
        [days, 'day'],
        [hours, 'hour'],
        [minutes ?? bare, 'minute'],
        [seconds, 'second'],
      ].filter(([amount]) => amount !== undefined) as [string, string][]
      if (parts.length < 2) return undefined
      return parts.map(([amount, unit]) => `${cardinalToWords(amount)} ${unit}${amount === '1' ? '' : 's'}`).join(' ')
    },
  },
  {
    name: 'military time: 0800 hours, 1430 hrs',
    pattern: sticky(`([01]\\d|2[0-3])([0-5]\\d)(?:\\s?(hours|hrs|h)${END}|\\s?(Z)${END})`),
    say([, hour = '', minute = '', hours]) {
      return `${twoDigitsToWords(hour)} ${minute === '00' ? 'hundred' : twoDigitsToWords(minute)} ${hours ? 'hours' : 'Z'}`
    },
  },
]

import type { RuleContext } from './rules.ts'
import { SIGN_NAMES } from './sign-names.ts'
import { table } from './table.ts'

/** What a sign, or several of one kind, does to the reading. Each sign that no rule took is named, pauses, is layout, or cannot be read. */
export type SignReading = { readonly length: number } & (
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'mark'; readonly text: string }
  | { readonly kind: 'layout' }
  | { readonly kind: 'unread' }
)

const MARKS = table<string>([...'.,;:!?…—()"'].map(mark => [mark, mark] as const))
/** Brackets, bullets, emphasis, escapes: they set text off, and nobody says them. */
const LAYOUT_SIGNS = /^[[\]{}'`•¡¿]$/
/** Rows of these are rules and boxes. */
const DECORATION = /^([*_=~#<>|+^/\\-])\1{2,}/
const RUN = /-{2,}|\.{2,}|[!?]+|(?: ?\. ){2,}\.|([*_=~#<>|+^/\\])\1+|./suy

/** The signs around one, as written; a space where the text begins or ends. */
interface Around {
  readonly before: string
  readonly after: string
  /** Before and after, past one space. */
  readonly left: string
  readonly right: string
}

/** Reads the sign at `context.index`, which no rule took. */
export function readSign(context: RuleContext): SignReading {
  RUN.lastIndex = context.index
  const sign = RUN.exec(context.text)?.[0] ?? (context.text[context.index] as string)
  const { length } = sign
  const around = look(context, length)
  const mark = (text: string): SignReading => ({ kind: 'mark', text, length })
  if (sign.startsWith('..') || /^(?: ?\. ){2}/.test(sign)) return mark('…')
  if (sign.startsWith('--')) return mark('—')
  if (/^[!?]+$/.test(sign)) return mark(sign.includes('?') ? (sign.includes('!') ? '?!' : '?') : '!')
  if (sign === '-' || sign === '–') return readDash(sign, context, around)
  if (sign === ':' && /\p{L}/u.test(around.after) && around.before !== ' ') return mark(',')
  if (MARKS.has(sign)) return mark(sign)
  if (LAYOUT_SIGNS.test(sign) || DECORATION.test(sign)) return { kind: 'layout', length }
  const name = nameSign(sign, context, around)
  if (name === ',') return mark(name)
  if (name !== undefined) return name === '' ? { kind: 'layout', length } : { kind: 'word', text: name, length }
  return { kind: 'unread', length }
}

function look({ text, index }: RuleContext, length: number): Around {
  const before = text[index - 1] ?? ' '
  const after = text[index + length] ?? ' '
  const past = (at: number) => text[at] ?? ' '
  return {
    before,
    after,
    left: before === ' ' ? past(index - 2) : before,
    right: after === ' ' ? past(index + length + 1) : after,
  }
}

const WORD_SIGN = /[\p{L}\p{N}]/u
const OPERAND = /[\p{L}\p{N})\]]/u

/** A hyphen or an en dash: minus, "to", a pause, or nothing between the parts of a name. */
function readDash(sign: string, { previous, text, index }: RuleContext, { before, after, left, right }: Around): SignReading {
  const word = (spoken: string): SignReading => ({ kind: 'word', text: spoken, length: 1 })
  const pause: SignReading = { kind: 'mark', text: '—', length: 1 }
  const numbers = /\d ?(?:%|°?[CF]?|[kKM]|[a-zµ]{1,2})$/.test(previous) && /[$€£\d]/.test(right)
  if (before === ' ' && after === ' ') {
    const variable =
      /(?:^|[\s(=])(?:[a-z]|\d{0,4}[abknpqtuvxyz][²³]?)$/.test(text.slice(Math.max(0, index - 8), index - 1)) &&
      /^ (?:[a-z]|\d{1,4}[a-z]?)(?![\p{L}])/u.test(text.slice(index + 1, index + 8))
    return (sign === '-' && numbers && /\d/.test(left)) || variable ? word('minus') : pause
  }
  if (sign === '–' && before === ' ' && after !== ' ' && /\d/.test(after) && !/\d$/.test(previous)) return word('minus')
  if (before === ' ' || after === ' ') {
    const isJoin = after === ' ' && /^[\p{L}\d]$/u.test(before) && /^ (?:and|or|to)\b/.test(text.slice(index + 1, index + 6))
    return isJoin || (sign === '-' && !WORD_SIGN.test(right)) ? { kind: 'layout', length: 1 } : pause
  }
  if (numbers) return word('to')
  if (sign === '–') return betweenNames(previous, text.slice(index + 1, index + 5)) ? word('to') : { kind: 'layout', length: 1 }
  if (/\d$/.test(previous) && /^-(?:present|now|today|date|noon|midnight)(?!\p{L})/u.test(text.slice(index, index + 11))) return word('to')
  return { kind: 'layout', length: 1 }
}

/** An en dash without spaces is "to" between numbers, single letters, days and months. */
const betweenNames = (previous: string, next: string) =>
  /\d$/.test(previous) ||
  /^[$€£]?\d|^(?:[A-Z](?![A-Za-z])|Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/.test(next)

/** Pairs of words of which one is meant. */
const EITHER =
  /^(?:he|she|him|her|his|hers|yes|no|himself|herself|true|false|on|off|man|woman|boy|girl|husband|wife|father|mother|black|white|male|female|win|lose|s)$/i

/** A unit whose amount is per another amount: "1 lb./100 sq. ft." */
const UNIT_BEFORE = /(?:\d|\s)(?:lbs?|oz|[mk]?g|mc?g|m?[lL]|gal|km|mi|cal|kcal|hrs?|min|units?|tsp|tbsp|cups?)\.?$/
const PRONOUN = /^(?:he|she|they|him|her|them|his|hers|theirs)$/i

/** The name of a sign, ',' for a pause, '' for layout, undefined if it has none. */
function nameSign(sign: string, context: RuleContext, around: Around): string | undefined {
  const { before, after, left, right } = around
  const spaced = before === ' ' && after === ' '
  switch (sign[0]) {
    case '*':
      if (sign.length > 1) return sign.length === 2 && /\d/.test(before) && /\d/.test(after) ? 'to the power of' : ''
      if (/\d/.test(left) && /[\d(]/.test(right) && spaced === (before === ' ')) return 'times'
      if (spaced) return isFactor(context.text, context.index) ? 'times' : 'star'
      if (
        /[\p{L})]/u.test(before) &&
        /[\p{L}(]/u.test(after) &&
        /(?:^|[^\p{L}*])[\p{L})]$/u.test(context.text.slice(Math.max(0, context.index - 2), context.index))
      )
        return 'times'
      return /\s/.test(before) && after === '.' ? 'star' : ''
    case '/':
      return nameSlash(sign, context, around)
    case '|':
      if (sign.length === 2) return ''
      return WORD_SIGN.test(before) && WORD_SIGN.test(after) ? 'or' : ','
    case '\\':
      return /[\p{L}\p{N} ]/u.test(after) && right !== ' ' ? 'backslash' : ''
    case '_':
      return WORD_SIGN.test(before) && WORD_SIGN.test(after) ? 'underscore' : ''
    case '~':
      if (sign.length > 1) return ''
      return spaced || (WORD_SIGN.test(before) && WORD_SIGN.test(after)) ? 'tilde' : before === ' ' && /\p{L}/u.test(after) ? 'about' : ''
    case '^':
      return sign.length === 1 && (spaced || OPERAND.test(before) || WORD_SIGN.test(after)) && before !== '_' ? 'caret' : ''
    case '#':
      return sign.length === 1 ? (WORD_SIGN.test(after) ? 'number' : 'hash') : ''
    case '<':
    case '>':
      return sign.length === 1 ? SIGN_NAMES.get(sign) : `${SIGN_NAMES.get(sign[0])} ${SIGN_NAMES.get(sign[0])}`
    case '=':
    case '+':
      return sign.length === 1 ? SIGN_NAMES.get(sign) : ''
    default:
      return SIGN_NAMES.get(sign)
  }
}

/** Whether a spaced star stands between single letters, numbers or brackets. */
const isFactor = (text: string, index: number) =>
  /(?:^|[^\p{L}])(?:\p{L}|[\d.]{1,12}|\)) $/u.test(text.slice(Math.max(0, index - 14), index)) &&
  /^\* (?:\p{L}(?!\p{L})|\d|\()/u.test(text.slice(index, index + 4))

/** "divided by" between numbers, "or" between alternatives, nothing between letters, else its name. */
function nameSlash(sign: string, { text, index, previous }: RuleContext, { before, left, right }: Around): string {
  if (sign.length > 1) return 'slash slash'
  if (UNIT_BEFORE.test(text.slice(Math.max(0, index - 10), index)) && /\d/.test(right)) return 'per'
  if (
    /\d/.test(before === ' ' ? previous.slice(-1) : before) &&
    /\d/.test(right) &&
    !/^\/ ?\d{1,9}\p{L}/u.test(text.slice(index, index + 12))
  )
    return 'divided by'
  const next = /^\/ ?(\p{L}[\p{L}']{0,40})/u.exec(text.slice(index, index + 44))?.[1] ?? ''
  const last = /(\p{L}[\p{L}']{0,40}) ?$/u.exec(text.slice(Math.max(0, index - 42), index))?.[1] ?? ''
  if (/^and$/i.test(last) && /^or$/i.test(next)) return ''
  if (
    PRONOUN.test(last) &&
    PRONOUN.test(next) &&
    !/^(?:she|he)$/i.test(next) &&
    /^(?:he|she|they)$|^(?:her|him|them)$/i.test(last) &&
    !/^him$/i.test(last)
  )
    return '' // she/her/hers
  if (EITHER.test(last) && EITHER.test(next)) return 'or'
  const isLetters = (word: string) => /^[A-Z]{1,5}$/.test(word)
  if (before !== ' ' && isLetters(last) && isLetters(next)) return ''
  return left === ' ' && right === ' ' ? '' : 'slash'
}

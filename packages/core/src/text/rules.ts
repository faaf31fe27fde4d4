import type { Lexicon } from './lexicon.ts'

/** What a rule sees: the clean text and where in it a token begins. */
export interface RuleContext {
  readonly text: string
  /** Offset of the token. */
  readonly index: number
  /** The word before the token in the same clause, as written; '' at the start of a clause. */
  readonly previous: string
  /** True inside an opened double quote. */
  readonly quoted: boolean
  /** True where the sentence is written in capitals, so that capitals don't mean an acronym. */
  readonly shouted: boolean
  readonly lexicon: Lexicon | undefined
}

/** What a rule says. */
export interface Spoken {
  /** Words separated by spaces, with marks where the speaker pauses; '' says nothing. Single capitals are letter names. */
  readonly text: string
  readonly phonemes?: string
  /** Characters of the text consumed, if not all that the pattern matched. */
  readonly length?: number
  /** Sentence punctuation after the words. */
  readonly mark?: string
}

/** One row of the normalization table. */
export interface Rule {
  readonly name: string
  /** Sticky; matched at the beginning of a token. All repetitions are bounded, so that no text takes quadratic time. */
  readonly pattern: RegExp
  /** Words for the match, or undefined to leave it to the rules below. */
  readonly say: (match: RegExpExecArray, context: RuleContext) => string | Spoken | undefined
}

/** Makes a sticky, Unicode-aware pattern of parts. */
export function sticky(source: string, flags = ''): RegExp {
  return new RegExp(source, `uy${flags}`)
}

/** Nothing that would make the token longer follows. */
export const END = '(?![\\p{L}\\p{Nd}])'
/**
 * An unsigned number in any usual spelling: thousands by comma, apostrophe, space or (two groups or more) dot, Indian groups, decimals.
 * At most 40 digits: longer ones are no quantity. {@link plainNumber} makes them equal.
 */
export const NUMBER = [
  '(?:\\d{1,3}(?:\\.\\d{3}){2,12}(?![\\d,]|\\.\\d)',
  "\\d{1,3}(?:'\\d{3}){1,12}(?![\\d'])",
  '\\d{1,3}(?: \\d{3}){2,12}(?!\\d| \\d)',
  '(?<!\\d|(?:page|room|flight|route|number|chapter|channel|version|year|in|since|by|of) )[1-9]\\d{0,2} \\d{3}(?=\\s\\p{L}|\\s?[€£$%]|[.,;!?]?$)',
  '\\d{1,2}(?:,\\d{2}){1,10},\\d{3}(?!\\d)',
  '\\d{1,3}(?:,\\d{3}){1,12}(?:\\.\\d{1,40})?(?!\\d)',
  '\\d{1,40}(?:\\.\\d{1,40})?',
  '\\.\\d{1,40})',
].join('|')
/** A number whose comma can be nothing but a decimal comma, where a unit or currency stands beside it: `27,50`, `1.234,56`. */
export const DECIMAL_COMMA = '(?:\\d{1,3}(?:[. ]\\d{3}){1,12},\\d{1,2}|\\d{1,12},\\d{1,2})(?![\\d,])'
/** Pattern of a dash between the ends of a range. */
export const DASH = '\\s?[–~]\\s?|-'
const LETTERS = /[A-Z]/g

/** Letters one by one: `'CPU'` → "C P U". */
export function spell(letters: string): string {
  return letters.toUpperCase().match(LETTERS)?.join(' ') ?? ''
}

/** What stands in the text before a token, at most `length` characters. */
export const before = ({ text, index }: RuleContext, length = 24) => text.slice(Math.max(0, index - length), index)
/** What follows a match, at most `length` characters. */
export const after = ({ text, index }: RuleContext, match: string, length = 24) =>
  text.slice(index + match.length, index + match.length + length)

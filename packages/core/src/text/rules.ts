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
/** An unsigned number: thousands commas, decimals. At most 40 digits: longer ones are no quantity. */
export const NUMBER = '(?:\\d{1,3}(?:,\\d{3}){1,12}(?:\\.\\d{1,40})?|\\d{1,40}(?:\\.\\d{1,40})?|\\.\\d{1,40})'
/** Pattern of a dash between the ends of a range. */
export const DASH = '\\s?–\\s?|-'
const LETTERS = /[A-Z]/g

/** Letters one by one: `'CPU'` → "C P U". */
export function spell(letters: string): string {
  return letters.toUpperCase().match(LETTERS)?.join(' ') ?? ''
}

/** A full stop if the abbreviation that ends at `end` also ends the sentence: nothing but closing marks follows, or a capital does. */
export function sentenceMark(context: RuleContext, end: number, beforeCapital: boolean): { mark?: string } {
  const rest = context.text.slice(end, end + 8)
  if (/^["')\]]*\s*$/.test(rest) && end + rest.length === context.text.length) return { mark: '.' }
  return beforeCapital && /^["')]*\s+["'(]?\p{Lu}/u.test(rest) ? { mark: '.' } : {}
}

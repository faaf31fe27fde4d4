import { isCapitalizedWord } from './capitals.ts'
import { type CleanText, cleanCharacters } from './characters.ts'
import { LAYOUT } from './layout.ts'
import type { Lexicon } from './lexicon.ts'
import { RULES } from './rule-table.ts'
import type { RuleContext, Spoken } from './rules.ts'
import { SIGN_NAMES } from './symbols.ts'
import { table } from './table.ts'

/** One thing in the text that is spoken as a unit. `start` and `end` are UTF-16 offsets into the source. */
export interface WordToken {
  readonly kind: 'word'
  /** What is said: words separated by spaces, possibly with commas inside; a single capital is a letter's name ("F B I", "A four"). */
  readonly text: string
  /** IPA from the user's lexicon, which then replaces `text`. */
  readonly phonemes?: string
  readonly start: number
  readonly end: number
}

/** Sentence punctuation: one of `. , ; : ! ? … — ( ) "`, or several of `! ?`. */
export interface MarkToken {
  readonly kind: 'mark'
  readonly text: string
  /** True for an opening parenthesis or quote, which belongs to what follows. */
  readonly opening: boolean
  readonly start: number
  readonly end: number
}

export type Token = WordToken | MarkToken

/** Text as it is spoken. */
export interface NormalizedText {
  readonly tokens: readonly Token[]
  /** Characters that were left out since English has no reading for them; a message for people. */
  readonly warnings: readonly string[]
}

/** How far a sentence may reach when looking whether it is written in capitals. */
const SHOUT_WINDOW = 1000
const MARKS = table<string>([
  ['.', '.'],
  [',', ','],
  [';', ';'],
  [':', ':'],
  ['!', '!'],
  ['?', '?'],
  ['…', '…'],
  ['—', '—'],
  ['–', '—'],
  ['(', '('],
  [')', ')'],
  ['"', '"'],
])

/** How to read. */
export interface NormalizeOptions {
  lexicon?: Lexicon | undefined
  /** The text is a part between markup: punctuation without words around it is kept. */
  continues?: boolean
}

/**
 * English text → what a careful reader says: numbers, dates, money, units, abbreviations and acronyms in words; sentence punctuation is kept apart.
 * Takes linear time, and never throws, whatever the string.
 */
export function normalize(source: string, options: NormalizeOptions = {}): NormalizedText {
  const clean = cleanCharacters(source)
  const unread = new Set(clean.dropped)
  const scanner = new Scanner(clean, options.lexicon)
  while (!scanner.done) scanner.step(unread)
  const listed = [...unread].slice(0, 20).join(' ')
  const warnings =
    unread.size === 0
      ? []
      : [`left out ${unread.size} characters that English text to speech cannot read: ${listed}${unread.size > 20 ? ' …' : ''}`]
  return { tokens: tidyMarks(scanner.tokens, options.continues ?? false), warnings }
}

/** Joins tokens as a sentence to read: "It costs three dollars, doesn't it?" */
export function toSpokenText(tokens: readonly Token[]): string {
  let text = ''
  let glue = true
  for (const token of tokens) {
    const closes = token.kind === 'mark' && !token.opening
    if (!glue && !closes) text += ' '
    text += token.text
    glue = token.kind === 'mark' && token.opening
  }
  return text
}

class Scanner {
  readonly tokens: Token[] = []
  readonly #text: string
  readonly #clean: CleanText
  readonly #lexicon: Lexicon | undefined
  #index = 0
  #previous = ''
  #quoted = false
  #shout = { end: -1, value: false }

  constructor(clean: CleanText, lexicon: Lexicon | undefined) {
    this.#clean = clean
    this.#text = clean.text
    this.#lexicon = lexicon
  }

  get done(): boolean {
    return this.#index >= this.#text.length
  }

  step(unread: Set<string>): void {
    const character = this.#text[this.#index] as string
    if (character === ' ' || character === '\t') {
      this.#index += 1
      return
    }
    for (const layout of LAYOUT) {
      layout.lastIndex = this.#index
      const length = layout.exec(this.#text)?.[0].length
      if (length) {
        this.#index += length
        return
      }
    }
    if (character === '\n') this.#breakLine()
    else if (!this.#applyRules()) this.#readSign(character, unread)
  }

  #applyRules(): boolean {
    const context: RuleContext = {
      text: this.#text,
      index: this.#index,
      previous: this.#previous,
      quoted: this.#quoted,
      shouted: this.#isShouted(),
      lexicon: this.#lexicon,
    }
    for (const { pattern, say } of RULES) {
      pattern.lastIndex = this.#index
      const match = pattern.exec(this.#text)
      if (!match || match[0] === '') continue
      const said = say(match, context)
      if (said === undefined) continue
      this.#speak(typeof said === 'string' ? { text: said } : said, match[0])
      return true
    }
    return false
  }

  #speak(spoken: Spoken, match: string): void {
    const length = spoken.length ?? match.length
    const [start, end] = [this.#clean.sourceOffset(this.#index), this.#clean.sourceEnd(this.#index + length)]
    const text = spoken.text.trim()
    if (text !== '') {
      this.tokens.push({ kind: 'word', text, ...(spoken.phonemes === undefined ? {} : { phonemes: spoken.phonemes }), start, end })
    }
    this.#previous = match.slice(0, length).replace(/\.$/, '')
    this.#index += length
    if (spoken.mark) this.#mark(spoken.mark, end, end)
  }

  /** @param around the characters before and after it, which tell an opening quote from a closing one */
  #mark(text: string, start: number, end: number, around: readonly [string, string] = [' ', ' ']): void {
    let opening = text === '('
    if (text === '"') {
      const [before, after] = [/^[^\s(]/.test(around[0]), /^[^\s,.;:!?)]/.test(around[1])]
      opening = before === after ? !this.#quoted : after
      this.#quoted = opening
    } else if (text !== '(' && text !== ')') this.#previous = ''
    if (opening) this.#previous = ''
    this.tokens.push({ kind: 'mark', text, opening, start, end })
  }

  /** A blank line, or a line that ends without punctuation, ends a clause. */
  #breakLine(): void {
    const blank = /\n[ \t]*\n/y
    blank.lastIndex = this.#index
    const at = this.#clean.sourceOffset(this.#index)
    if (blank.test(this.#text)) {
      if (this.tokens.at(-1)?.kind === 'word') this.#mark('.', at, at)
      this.#quoted = false
    } else if (
      /\n[ \t]{0,8}(?:[-*+•]|#{1,6}|\d{1,3}[.)])[ \t]/y.test(this.#text.slice(this.#index, this.#index + 16)) &&
      this.tokens.at(-1)?.kind === 'word'
    ) {
      this.#mark('.', at, at)
    }
    this.#index += 1
  }

  #readSign(character: string, unread: Set<string>): void {
    const run = /-{2,}|\.{2,}|[!?]+|(?: ?\. ){2,}\.|./suy
    run.lastIndex = this.#index
    const sign = run.exec(this.#text)?.[0] ?? character
    const start = this.#clean.sourceOffset(this.#index)
    const before = this.#text[this.#index - 1] ?? ' '
    const after = this.#text[this.#index + sign.length] ?? ' '
    this.#index += sign.length
    const end = this.#clean.sourceEnd(this.#index)
    if (sign.startsWith('..')) this.#mark('…', start, end)
    else if (sign.startsWith('--')) this.#mark('—', start, end)
    else if (/^[!?]+$/.test(sign)) this.#mark(sign.includes('?') ? (sign.includes('!') ? '?!' : '?') : '!', start, end)
    else if (sign === '-' && before === ' ' && after === ' ') this.#dash(start, end)
    else if ((sign === '–' && before !== ' ' && after !== ' ') || (sign === '-' && /\d/.test(this.#previous) && /[$€£\d]/.test(after)))
      this.#between(start, end)
    else if (sign === ':' && /\p{L}/u.test(after) && before !== ' ') this.#mark(',', start, end)
    else if (MARKS.has(sign)) this.#mark(MARKS.get(sign) as string, start, end, [before, after])
    else if (
      (sign === '*' || sign === '/') &&
      /\d/.test(before.trim() || this.#previous.slice(-1)) &&
      /^ ?\d/.test(this.#text.slice(this.#index, this.#index + 2))
    ) {
      this.tokens.push({ kind: 'word', text: sign === '*' ? 'times' : 'divided by', start, end })
    } else if (
      SIGN_NAMES.has(sign) &&
      !(sign === '<' || sign === '>' || sign === '+' || sign === '=' ? this.#isDecoration(before, after) : false)
    ) {
      this.tokens.push({ kind: 'word', text: SIGN_NAMES.get(sign) as string, start, end })
    } else if (sign > '\x7f' && /[\p{L}\p{N}]/u.test(sign)) unread.add(sign)
  }

  /** A hyphen with spaces: minus between numbers, else a dash. */
  #dash(start: number, end: number): void {
    if (/\d$/.test(this.#previous) && /^\s+\d/.test(this.#text.slice(this.#index, this.#index + 3))) {
      this.tokens.push({ kind: 'word', text: 'minus', start, end })
    } else this.#mark('—', start, end)
  }

  /** An en dash without spaces: "to" between numbers, days and months, silent between names. */
  #between(start: number, end: number): void {
    const next = /^[$€£]?\d|^(?:[A-Z](?![A-Za-z])|Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/
    if (/\d$/.test(this.#previous) || next.test(this.#text.slice(this.#index, this.#index + 4)))
      this.tokens.push({ kind: 'word', text: 'to', start, end })
  }

  /** Comparison and arithmetic signs are read only with something to compare on both sides. */
  #isDecoration(before: string, after: string): boolean {
    return (
      this.#previous === '' ||
      !/[\p{L}\p{N}(.$€£-]/u.test(after === ' ' ? (this.#text[this.#index + 1] ?? ' ') : after) ||
      /[<>=]/.test(before)
    )
  }

  /** True if the sentence around has three capitalized words or more (two in a row suffice for a whole sentence of them) and few others. */
  #isShouted(): boolean {
    if (this.#index < this.#shout.end) return this.#shout.value
    const rest = this.#text.slice(this.#index, this.#index + SHOUT_WINDOW)
    const length = (/[.!?…](?=\s|$)|\n/.exec(rest)?.index ?? rest.length) + 1
    const words = rest.slice(0, length).match(/\p{L}{2,}/gu) ?? []
    const capitals = words.filter(word => word === word.toUpperCase())
    const common = capitals.filter(isCapitalizedWord).length
    this.#shout = {
      end: this.#index + length,
      value: capitals.length >= 3 && capitals.length >= words.length * 0.7 && common >= capitals.length * 0.4,
    }
    return this.#shout.value
  }
}

/** One mark between words: sentence ends beat pauses, and nothing but an opening mark begins the text. */
function tidyMarks(tokens: readonly Token[], continues: boolean): Token[] {
  const tidy: Token[] = []
  for (const token of tokens) {
    const last = tidy.at(-1)
    if (token.kind === 'word' || token.opening || token.text === '"' || token.text === ')') {
      tidy.push(token)
    } else if (last === undefined ? !continues : last.kind === 'mark' && last.opening) {
      // nothing to end or to divide
    } else if (last?.kind === 'mark' && !/^[")]$/.test(last.text)) {
      if (STRENGTH.indexOf(token.text) > STRENGTH.indexOf(last.text)) tidy[tidy.length - 1] = token
    } else tidy.push(token)
  }
  return continues || tidy.some(token => token.kind === 'word') ? dropEmptyPairs(tidy) : []
}

const STRENGTH = [',', ':', ';', '—', '…', '.', '!', '?', '?!']

/** Quotes and parentheses around nothing, and quotes never closed, fall silent. */
function dropEmptyPairs(tokens: Token[]): Token[] {
  const kept: Token[] = []
  for (const token of tokens) {
    const last = kept.at(-1)
    const closes = token.kind === 'mark' && !token.opening && /^[")]$/.test(token.text)
    if (closes && last?.kind === 'mark' && last.opening) kept.pop()
    else kept.push(token)
  }
  return kept
}

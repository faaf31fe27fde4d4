import { isCapitalizedWord } from './capitals.ts'
import { type CleanText, cleanCharacters } from './characters.ts'
import { CITATION, LAYOUT } from './layout.ts'
import type { Lexicon } from './lexicon.ts'
import { RULES } from './rule-table.ts'
import type { RuleContext, Spoken } from './rules.ts'
import { readSign } from './signs.ts'

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

/** UTF-16 offsets `[start, end)` into the source. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Text as it is spoken. */
export interface NormalizedText {
  readonly tokens: readonly Token[]
  /** What only formats the text: markup, emphasis, bullets, rules, brackets. Every character but white space is in a token, here, or in a warning. */
  readonly layout: readonly Span[]
  /** Characters that were left out since English has no reading for them, and pictures; messages for people. */
  readonly warnings: readonly string[]
}

/** What angle brackets set off: words, or an address. */
const BRACKETED =
  /^<(?:[\p{L}][\p{L}\d' _-]{0,40}|(?:https?:\/\/|www\.|mailto:)[^\s<>]{1,190}|[^\s<>@]{1,64}@[^\s<>@]{1,120}|[\p{L}\d]{1,40}(?:, ?[\p{L}\d]{1,40}){1,3})>/u
/** A type parameter, whose `<` is read "of". */
const TYPED = /[A-Za-z]<[A-Z][A-Za-z]{0,30}(?:, ?[A-Z][A-Za-z]{0,30}){0,3}$/
/** How far a sentence may reach when looking whether it is written in capitals. */
const SHOUT_WINDOW = 1000
/** Characters that a warning names at most. */
const MAX_LISTED = 20

/** How to read. */
export interface NormalizeOptions {
  lexicon?: Lexicon | undefined
  /** The text is a part between markup: punctuation without words around it is kept. */
  continues?: boolean
  /** Whether references such as `[1]` are read; true by default. */
  citations?: boolean | undefined
}

/**
 * English text → what a careful reader says: numbers, dates, money, units, abbreviations and acronyms in words; sentence punctuation is kept apart.
 * Takes linear time, and never throws, whatever the string.
 */
export function normalize(source: string, options: NormalizeOptions = {}): NormalizedText {
  const clean = cleanCharacters(source)
  const unread = new Set(clean.dropped)
  const scanner = new Scanner(clean, options)
  while (!scanner.done) scanner.step(unread)
  const warnings = [
    ...leftOut(unread, `${unread.size} characters that English text to speech cannot read`),
    ...leftOut(new Set(clean.pictures), 'pictures, which are not read aloud'),
  ]
  return { tokens: tidyMarks(scanner.tokens, options.continues ?? false), layout: scanner.layout, warnings }
}

function leftOut(signs: ReadonlySet<string>, what: string): string[] {
  if (signs.size === 0) return []
  const listed = [...signs].slice(0, MAX_LISTED).join(' ')
  return [`left out ${what}: ${listed}${signs.size > MAX_LISTED ? ' …' : ''}`]
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
  readonly layout: Span[] = []
  readonly #text: string
  readonly #clean: CleanText
  readonly #lexicon: Lexicon | undefined
  #index = 0
  #previous = ''
  #quoted = false
  #shout = { end: -1, value: false }
  #bracketEnd = -1

  readonly #layouts: readonly RegExp[]

  constructor(clean: CleanText, { lexicon, citations = true }: NormalizeOptions) {
    this.#clean = clean
    this.#text = clean.text
    this.#lexicon = lexicon
    this.#layouts = citations ? LAYOUT : [...LAYOUT, CITATION]
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
    for (const layout of this.#layouts) {
      layout.lastIndex = this.#index
      const length = layout.exec(this.#text)?.[0].length
      if (length) {
        this.#skip(length)
        return
      }
    }
    if (character === '\n') this.#breakLine()
    else if (!this.#applyRules()) this.#readSign(unread)
  }

  #context(): RuleContext {
    return {
      text: this.#text,
      index: this.#index,
      previous: this.#previous,
      quoted: this.#quoted,
      shouted: this.#isShouted(),
      lexicon: this.#lexicon,
    }
  }

  #applyRules(): boolean {
    const context = this.#context()
    for (const { pattern, say } of RULES) {
      pattern.lastIndex = this.#index
      const match = pattern.exec(this.#text)
      if (!match) continue
      const said = say(match, context)
      if (said === undefined) continue
      const spoken = typeof said === 'string' ? { text: said } : said
      if ((spoken.length ?? match[0].length) === 0) continue
      this.#speak(spoken, match[0])
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
    this.#previous = this.#text.slice(this.#index, this.#index + length).replace(/\.$/, '')
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

  #readSign(unread: Set<string>): void {
    const character = this.#text[this.#index] as string
    if (this.#isBracket(character)) {
      this.#skip(1)
      return
    }
    const reading = readSign(this.#context())
    const { length } = reading
    const start = this.#clean.sourceOffset(this.#index)
    const end = this.#clean.sourceEnd(this.#index + length)
    const around = [this.#text[this.#index - 1] ?? ' ', this.#text[this.#index + length] ?? ' '] as const
    if (reading.kind === 'mark') this.#mark(reading.text, start, end, around)
    if (reading.kind === 'mark' && character === '|') this.layout.push({ start, end })
    if (reading.kind === 'word') this.tokens.push({ kind: 'word', text: reading.text, start, end })
    else if (reading.kind === 'unread') unread.add(String.fromCodePoint(this.#text.codePointAt(this.#index) as number))
    if (reading.kind === 'layout') this.#skip(length)
    else this.#index += length
  }

  /** Angle brackets around a word, an address or a few words set these off as parentheses do: `<Ctrl>`, `<john@example.com>`. */
  #isBracket(character: string): boolean {
    if (character === '>' && this.#index === this.#bracketEnd) return true
    if (character === '>') return TYPED.test(this.#text.slice(Math.max(0, this.#index - 130), this.#index))
    if (character !== '<' || /[\p{L}\p{N})]/u.test(this.#text[this.#index - 1] ?? ' ')) return false
    const match = BRACKETED.exec(this.#text.slice(this.#index, this.#index + 202))
    if (!match) return false
    this.#bracketEnd = this.#index + match[0].length - 1
    return true
  }

  #skip(length: number): void {
    this.layout.push({ start: this.#clean.sourceOffset(this.#index), end: this.#clean.sourceEnd(this.#index + length) })
    this.#index += length
  }

  /** True if the sentence around has three capitalized words or more (two in a row suffice for a whole sentence of them) and few others. */
  #isShouted(): boolean {
    if (this.#index < this.#shout.end) return this.#shout.value
    const rest = this.#text.slice(this.#index, this.#index + SHOUT_WINDOW)
    const length = (/[.!?…](?=\s|$)|\n/.exec(rest)?.index ?? rest.length) + 1
    const words = rest.slice(0, length).match(/\p{L}{2,}/gu) ?? []
    const capitals = words.filter(word => word === word.toUpperCase())
    this.#shout = {
      end: this.#index + length,
      value:
        capitals.length >= 3 && capitals.length >= words.length * 0.7 && capitals.filter(isCapitalizedWord).length >= capitals.length * 0.4, // last, since it reads a dictionary
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

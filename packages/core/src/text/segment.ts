import { isTitle } from './abbreviation-table.ts'
import { dotEnds, isCompanyForm } from './dots.ts'
import { findMarkup } from './markup.ts'
import { readPieces, type TextSource } from './stream.ts'

/** One sentence of a text, trimmed, or a piece of one; a piece that is cut off without punctuation ends in an added comma. */
export interface Sentence {
  readonly text: string
  /** UTF-16 offset of the sentence in the whole text. */
  readonly start: number
  /** True if a blank line or the end of the text follows: the place for a longer pause. */
  readonly endsParagraph: boolean
}

/** How text is cut. */
export interface SegmentOptions {
  /** Longer sentences are cut at clauses, else at spaces. At least 20; default {@link DEFAULT_MAX_CHARACTERS}. */
  maxCharacters?: number
}

/** About 30 s of speech: a longer sentence is cut even before its phonemes are counted. */
const DEFAULT_MAX_CHARACTERS = 400
/** Without any sentence end a stream is cut after this many times `maxCharacters`, so that its buffer stays bounded. */
const RUN_ON_FACTOR = 4
/** Lines shorter than this that a capital follows are headings, verses or list items, not wrapped prose. */
const SHORT_LINE = 50
/** White space longer than this ends a sentence whatever follows; closing marks and words are read no further either. */
const LOOK_AHEAD = 64
/** The longest markup tag: how far an opened bracket is waited for. */
const MARKUP_REACH = 450

const CLOSERS = '"\'”’»)]*_'
const SPACE = /\s/
const LIST_ITEM = /^(?:[-*•+]|#{1,6}|\d{1,3}[.)]|[a-z]\))[ \t]/
const OPEN_MARKUP = /^\[[^[\]\n]*(?:\](?:\([^\n)]*)?)?$/
/**
 * Cuts text into sentences. Abbreviations, decimals, initials (J. R. R. Tolkien), ellipses before small letters, closing quotes and markup do not end one;
 * blank lines, list items and short lines do. Linear time.
 * @throws {RangeError} if `maxCharacters` is not an integer of at least 20
 */
export function segment(text: string, options: SegmentOptions = {}): Sentence[] {
  const segmenter = new Segmenter(options)
  return [...segmenter.push(text), ...segmenter.finish()]
}

/** Who stops writing this long, milliseconds, after what can be the end of a sentence, has ended it. */
const IDLE = 250
/** The same after a line break behind an end mark: just long enough for a second line break, which makes the pause longer. */
const IDLE_AFTER_LINE = 20

/**
 * Cuts a stream of text pieces (for instance the tokens of a language model) into the sentences that {@link segment} gives for the whole text, each as soon as it is
 * certainly complete: mostly with the first character of the next. Where the stream pauses for 250 ms, or 20 ms after a line break, what can be a whole sentence is one;
 * what is flushed is one in any case.
 * @throws {RangeError} if `maxCharacters` is not an integer of at least 20
 * @throws {TypeError} if a piece is neither text nor nothing nor a flush
 */
export async function* segmentStream(source: TextSource, options: SegmentOptions = {}): AsyncGenerator<Sentence, void, undefined> {
  const segmenter = new Segmenter(options)
  const pieces = readPieces(source)
  try {
    while (true) {
      const next = pieces.next()
      let piece = await within(next, segmenter.idle)
      if (piece === undefined) {
        yield* segmenter.settle()
        piece = await next
      }
      if (piece.done) break
      yield* typeof piece.value === 'string' ? segmenter.push(piece.value) : segmenter.finish()
    }
    yield* segmenter.finish()
  } finally {
    pieces.return().catch(() => undefined)
  }
}

/** What a promise gives, or undefined if that takes longer than `milliseconds`. */
async function within<T>(promise: Promise<T>, milliseconds: number | undefined): Promise<T | undefined> {
  if (milliseconds === undefined) return promise
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(resolve, milliseconds, undefined)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/**
 * Cuts text into pieces of at most `maxCharacters`, of about equal length, after clause punctuation where possible, else at spaces; markup stays whole. A piece
 * that is cut off without punctuation gets a comma, so that the voice does not fall there.
 * @throws {RangeError} if `maxCharacters` is not an integer of at least 20
 */
export function splitLong(text: string, maxCharacters: number): string[] {
  return cutLong(text, maxCharacters).map(({ text: piece, comma }) => piece + comma)
}

function cutLong(text: string, maxCharacters: number): { text: string; comma: '' | ',' }[] {
  checkLimit(maxCharacters)
  const pieces: { text: string; comma: '' | ',' }[] = []
  let rest = text.trim()
  while (rest.length > maxCharacters) {
    const cut = bestCut(rest, maxCharacters - 1)
    const piece = rest.slice(0, cut).trim()
    pieces.push({ text: piece, comma: /[\p{L}\p{N}]$/u.test(piece) ? ',' : '' })
    rest = rest.slice(cut).trim()
  }
  if (rest !== '') pieces.push({ text: rest, comma: '' })
  return pieces
}

function bestCut(text: string, max: number): number {
  const target = text.length / Math.ceil(text.length / max)
  const head = text.slice(0, max + MARKUP_REACH)
  const tags = head.includes('[') ? findMarkup(head) : []
  let [best, cost] = [0, Number.POSITIVE_INFINITY]
  for (let i = Math.min(max, text.length - 1); i > 0; i--) {
    if (!SPACE.test(text[i] as string) || tags.some(tag => tag.start < i && i < tag.end)) continue
    const distance = Math.abs(i - target) + (/[,;:—–.!?…)"]/.test(text[i - 1] as string) ? 0 : max / 3)
    if (distance < cost) [best, cost] = [i, distance]
  }
  if (best > 0) return best
  const splitsPair = /[\ud800-\udbff]/.test(text[max - 1] as string)
  return splitsPair ? max - 1 : max
}

function checkLimit(maxCharacters: number): void {
  if (!Number.isInteger(maxCharacters) || maxCharacters < 20) {
    throw new RangeError(`segment: maxCharacters is ${maxCharacters}, expected an integer of at least 20`)
  }
}

/** Where a sentence ends, or that more text must be known first. */
type Decision = { readonly end: number; readonly endsParagraph: boolean } | 'no' | 'unknown'

/** Thrown by `peek` past the end of an unfinished text: whatever was to be decided there is not certain yet. */
const UNCERTAIN = Symbol('uncertain')

class Segmenter {
  readonly #maxCharacters: number
  #text = ''
  /** Offset of `#text` in the whole text. */
  #offset = 0
  /** Where in `#text` to look on for the end of the sentence that begins at 0. */
  #scan = 0
  #final = false
  /** Whether `#text` is decided upon as if it ended, while more may come. */
  #settling = false

  constructor({ maxCharacters = DEFAULT_MAX_CHARACTERS }: SegmentOptions) {
    checkLimit(maxCharacters)
    this.#maxCharacters = maxCharacters
  }

  push(piece: string): Sentence[] {
    this.#text += piece
    return this.#drain()
  }

  /** All that is left, whether it can be a sentence or not. More may follow. */
  finish(): Sentence[] {
    this.#final = true
    const found = [...this.#drain(), ...this.#sentences(this.#text, this.#offset, true)]
    this.#final = false
    this.#offset += this.#text.length
    this.#text = ''
    this.#scan = 0
    return found
  }

  /** How long to wait for more text before `settle`, milliseconds; undefined if nothing waits. */
  get idle(): number | undefined {
    if (this.#text === '') return undefined
    return /[.!?…。！？]["'”’»)\]*_]*[^\S\n]*\n\s*$/.test(this.#text.slice(-LOOK_AHEAD)) ? IDLE_AFTER_LINE : IDLE
  }

  /** What can be a whole sentence if nothing follows for now. */
  settle(): Sentence[] {
    const scan = this.#scan
    this.#final = this.#settling = true
    const found = this.#drain()
    this.#final = this.#settling = false
    this.#scan = found.length === 0 ? scan : 0 // what follows may decide otherwise about the rest
    return found.map(sentence => ({ ...sentence, endsParagraph: false }))
  }

  #drain(): Sentence[] {
    const found: Sentence[] = []
    let from = 0
    let i = this.#scan
    for (; i < this.#text.length; i++) {
      if (i === from && SPACE.test(this.#text[i] as string)) {
        from += 1
        continue
      }
      const decision = i - from >= RUN_ON_FACTOR * this.#maxCharacters ? this.#cutRunOn(from, i) : this.#decide(from, i)
      if (decision === 'unknown') break
      if (decision === 'no') continue
      found.push(...this.#sentences(this.#text.slice(from, decision.end), this.#offset + from, decision.endsParagraph))
      from = decision.end
      i = from - 1
    }
    this.#text = this.#text.slice(from)
    this.#offset += from
    this.#scan = i - from
    return found
  }

  #sentences(text: string, start: number, endsParagraph: boolean): Sentence[] {
    const pieces = cutLong(text, this.#maxCharacters)
    let at = 0
    return pieces.map(({ text: piece, comma }, i) => {
      at = text.indexOf(piece, at)
      const sentence = { text: piece + comma, start: start + at, endsParagraph: endsParagraph && i === pieces.length - 1 }
      at += piece.length
      return sentence
    })
  }

  /** No sentence end for long: cut at the last space. */
  #cutRunOn(from: number, i: number): Decision {
    let space = i
    while (space > from + this.#maxCharacters && !SPACE.test(this.#text[space - 1] as string)) space -= 1
    return { end: space > from + this.#maxCharacters ? space : i, endsParagraph: false }
  }

  #decide(from: number, i: number): Decision {
    const character = this.#text[i] as string
    if (!/[.!?…。！？\n]/.test(character)) return 'no'
    try {
      if (this.#isInMarkup(from, i)) return 'no'
      return character === '\n' ? this.#decideNewline(from, i) : this.#decideTerminator(from, i)
    } catch (thrown) {
      if (thrown === UNCERTAIN) return 'unknown'
      throw thrown
    }
  }

  /** The character at `index`; '' after the end of the text. */
  #peek(index: number): string {
    if (index < this.#text.length) return this.#text[index] as string
    if (this.#final) return ''
    throw UNCERTAIN
  }

  /** Skips white space from `index`: what comes after, and whether that is a new paragraph. */
  #skipSpace(index: number): { next: number; endsParagraph: boolean } {
    let [next, newlines] = [index, 0]
    for (; next - index < LOOK_AHEAD && SPACE.test(this.#peek(next)); next++) {
      if (this.#text[next] === '\n') newlines += 1
      if (newlines === 2) break
    }
    return { next, endsParagraph: newlines === 2 || next - index >= LOOK_AHEAD || this.#peek(next) === '' }
  }

  #decideNewline(from: number, i: number): Decision {
    const { next, endsParagraph } = this.#skipSpace(i)
    if (endsParagraph) return { end: i, endsParagraph }
    let head = ''
    while (head.length < 7 && !/\n|^$/.test(this.#peek(next + head.length)) && (head === '' || /^[-*•+#\da-z.)]+$/.test(head))) {
      head += this.#peek(next + head.length)
    }
    const line = this.#text.slice(Math.max(from, this.#text.lastIndexOf('\n', i - 1) + 1), i).trim()
    const isShort = line.length < SHORT_LINE || LIST_ITEM.test(line)
    return LIST_ITEM.test(head) || (isShort && /^[\p{Lu}\d"“‘([*#>|]/u.test(head)) ? { end: i, endsParagraph: false } : 'no'
  }

  #decideTerminator(from: number, i: number): Decision {
    if (/[.!?…]/.test(this.#text[i - 1] ?? '') && i > from) return 'no' // decided at the first of the run
    let end = i + 1
    while (/^[.!?…。！？]$/.test(this.#peek(end))) {
      if (end - i > LOOK_AHEAD) return 'no' // a row of dots
      end += 1
    }
    const run = this.#text.slice(i, end)
    const wide = /[。！？]/.test(run)
    for (const limit = end + 8; end < limit && this.#peek(end) !== '' && CLOSERS.includes(this.#peek(end)); ) end += 1
    if (this.#peek(end) !== '' && !SPACE.test(this.#peek(end))) return wide ? { end, endsParagraph: false } : 'no'
    const { next, endsParagraph } = this.#skipSpace(end)
    const yes: Decision = { end, endsParagraph }
    const isMarker = run === '.' && /^\s*(?:\d{1,3}|[a-zA-Z])$/.test(this.#text.slice(from, i)) // "1. First"
    if (isMarker && (!endsParagraph || this.#settling)) return 'no'
    if (this.#settling && run === '.' && isTitle(/[\p{L}\p{M}.]+$/u.exec(this.#text.slice(Math.max(from, i - 24), i))?.[0] ?? ''))
      return 'no'
    if (endsParagraph || wide) return yes
    const first = this.#peek(next)
    if (/\p{Ll}/u.test(first) || first === '.') return 'no'
    if (run === '!' && /[CILP]/.test(first) && isCompanyForm(this.#wordAt(next))) return 'no'
    return run !== '.' || dotEnds(this.#text.slice(Math.max(from, i - 64), i), () => this.#wordAt(next)) ? yes : 'no'
  }

  /** The word at `index`, without opening quotes. */
  #wordAt(index: number): string {
    let at = index
    while (at < index + 4 && /["“‘'([]/.test(this.#peek(at))) at += 1
    let word = ''
    while (word.length < LOOK_AHEAD && /^[\p{L}\p{N}]$/u.test(this.#peek(at + word.length))) word += this.#peek(at + word.length)
    return word
  }

  /** Whether `index` lies inside `[word](/ipa/)` or `[pause …]`. */
  #isInMarkup(from: number, index: number): boolean {
    const first = Math.max(from, index - MARKUP_REACH)
    const start = first + this.#text.slice(first, index).lastIndexOf('[')
    if (start < first) return false
    const rest = this.#text.slice(start, start + MARKUP_REACH)
    const tag = findMarkup(rest)[0]
    if (tag?.start === 0) return start + tag.end > index
    if (!this.#final && rest.length < MARKUP_REACH && OPEN_MARKUP.test(rest)) throw UNCERTAIN
    return false
  }
}

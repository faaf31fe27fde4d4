import { decodeHTMLStrict } from 'entities/decode'
import { type AlignedWord, alignWords, looksAligned } from './align.ts'
import { type Atom, type Item, readItems, type Source } from './atoms.ts'
import { createEspeak, type Pronouncer } from './espeak.ts'
import { readHomographs } from './homographs.ts'
import type { Lexicon } from './lexicon.ts'
import { type Markup, parseMarkup, splitTags } from './markup.ts'
import { createTagger, type Tagger } from './tagger.ts'
import type { SpeakingStyle, Tags } from './tags.ts'

/** One element of phonemized text. The `phonemes` of words and the `text` of marks, joined in order, are the IPA string that the models hear. */
export type Unit =
  | {
      readonly kind: 'word'
      /** The word as written: one number, amount or date is one word, whatever number of words it's spoken with. */
      readonly text: string
      /** IPA with stress; has spaces (and commas) where it is spoken as several words. */
      readonly phonemes: string
      /** UTF-16 offsets in the text that was phonemized. */
      readonly start: number
      readonly end: number
    }
  /** Punctuation with its spaces, or one space between words. Words that espeak merges have nothing between them. */
  | { readonly kind: 'mark'; readonly text: string }
  | { readonly kind: 'pause'; readonly seconds: number }
  /** A place to report, before the next word. */
  | { readonly kind: 'bookmark'; readonly name: string }
  /** How everything from here on is spoken. */
  | { readonly kind: 'style'; readonly style: SpeakingStyle }

/** What a phonemizer made of a text. */
export interface Phonemized {
  /** Without words (only pauses are left) if nothing in the text can be spoken. */
  readonly units: readonly Unit[]
  readonly warnings: readonly string[]
}

/** How markup in a text is understood. */
export interface PhonemizeOptions {
  /** Whether `[word](/ipa/)` and `[pause 0.4s]` are markup; true by default. */
  readonly markup?: boolean | undefined
  /** Whether references such as `[1]` are read; true by default. */
  readonly citations?: boolean | undefined
  /** Tags that stand in the text as characters, instead of markup. */
  readonly tags?: Tags | undefined
}

/** Text → phonemes. Another language or pronunciation dictionary is another implementation. */
export interface Phonemizer extends AsyncDisposable {
  /**
   * @param text a sentence or more
   * @throws {InferenceError} code `phonemizer-failed`, if the pronouncer fails
   */
  phonemize(text: string, options?: PhonemizeOptions): Promise<Phonemized>
}

/** What the default phonemizer is made of. */
export interface PhonemizerOptions {
  lexicon?: Lexicon | undefined
  /** Words → IPA. Default: espeak-ng, US English. */
  pronouncer?: Pronouncer | undefined
  /** Words → parts of speech, which tell "a record" from "to record". Default: wink-nlp. It is asked only where a text has such a word. */
  tagger?: Tagger | undefined
}

/** A clause with more words is cut: aligning words with phonemes takes the square of their number. */
const MAX_CLAUSE_WORDS = 60
/** Words whose pronunciation by itself is remembered. */
const MAX_REMEMBERED = 20_000

/** Little words that are a clause by themselves, as the espeak-ng that wrote the training corpus says them: the one in `phonemizer` stresses them. */
const ALONE: ReadonlyMap<string, string> = new Map([
  ['and', 'ænd'],
  ['at', 'æt'],
  ['but', 'bˌʌt'],
  ['for', 'fɔːɹ'],
  ['he', 'hiː'],
  ['one', 'wˌʌn'],
  ['some', 'sˌʌm'],
  ['they', 'ðeɪ'],
  ['with', 'wɪð'],
])

/**
 * The default phonemizer: markup, `normalize`, the user's lexicon, then espeak-ng clause by clause (so that "the apple" and "the pear" differ), with the
 * clause's phonemes mapped back to its words. Text without punctuation at its end gets a full stop, as every sentence of the training corpus has one.
 */
export function createPhonemizer({ lexicon, pronouncer = createEspeak(), tagger = createTagger() }: PhonemizerOptions = {}): Phonemizer {
  const remembered = new Map<string, string>()

  async function pronounceAlone(words: readonly string[]): Promise<string[]> {
    if (remembered.size > MAX_REMEMBERED) remembered.clear()
    const missing = [...new Set(words)].filter(word => !remembered.has(word))
    for (const [i, ipa] of (await pronouncer.pronounce(missing)).entries()) remembered.set(missing[i] as string, ipa)
    return words.map(word => remembered.get(word) ?? '')
  }

  async function align(spellings: readonly string[], ipa: string): Promise<AlignedWord[]> {
    const little = spellings.length === 1 ? ALONE.get((spellings[0] as string).toLowerCase()) : undefined
    if (little !== undefined) return [{ phonemes: little, joined: false }]
    const groups = ipa.split(' ').filter(group => group !== '')
    if (looksAligned(spellings, groups)) return groups.map(phonemes => ({ phonemes, joined: false }))
    return alignWords(await pronounceAlone(spellings), groups)
  }

  return {
    async phonemize(text, { markup = true, citations = true, tags } = {}) {
      const { parts, warnings: misread } = readMarkup(text, markup, tags)
      const { items, warnings: unread } = readItems(parts, { lexicon, citations })
      const warnings = [...misread, ...unread]
      const clauses = toClauses(items)
      const spellings = clauses.map(clause => clause.map(atom => atom.spelling))
      const [ipa] = await Promise.all([pronouncer.pronounce(spellings.map(words => words.join(' '))), tellHomographs(items, tagger)])
      for (const [c, clause] of clauses.entries()) {
        const aligned = await align(spellings[c] as string[], ipa[c] as string)
        for (const [i, atom] of clause.entries()) Object.assign(atom, aligned[i])
      }
      applyFixed(items)
      return { units: toUnits(items, text), warnings }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([pronouncer[Symbol.asyncDispose](), tagger[Symbol.asyncDispose]()])
    },
  }
}

function readMarkup(text: string, markup: boolean, tags: Tags | undefined): Markup {
  if (tags) return { parts: splitTags(text, tags), warnings: [] }
  return parseMarkup(text, markup)
}

/** Gives the words that are spelled like others their phonemes, sentence by sentence. */
async function tellHomographs(items: readonly Item[], tagger: Tagger): Promise<void> {
  const sentences: Extract<Item, { kind: 'atom' | 'mark' }>[][] = [[]]
  for (const item of items) {
    if (item.kind === 'mark' || (item.kind === 'atom' && item.spelling !== '')) sentences.at(-1)?.push(item)
    if (item.kind === 'mark' && /[.!?…]/.test(item.text)) sentences.push([])
  }
  const words = sentences.map(sentence => sentence.map(word => (word.kind === 'atom' ? word.spelling : word.text)))
  for (const [i, found] of (await readHomographs(words, tagger)).entries()) {
    for (const [index, phonemes] of found) {
      const word = sentences[i]?.[index]
      if (word?.kind === 'atom') word.fixed ??= phonemes
    }
  }
}

/** The IPA string of units. */
export function toIpa(units: readonly Unit[]): string {
  return units.map(unit => (unit.kind === 'word' ? unit.phonemes : unit.kind === 'mark' ? unit.text : '')).join('')
}

/**
 * Cuts units into utterances of at most `maxPhonemes` characters of IPA, of about equal length, after punctuation where possible, else between words. A cut
 * between words gets a comma, so that the voice does not fall. A single word that is longer is an utterance of its own, over the limit.
 * @throws {RangeError} if `maxPhonemes` is not an integer of at least 20
 */
export function splitUnits(units: readonly Unit[], maxPhonemes: number): Unit[][] {
  if (!Number.isInteger(maxPhonemes) || maxPhonemes < 20) {
    throw new RangeError(`splitUnits: maxPhonemes is ${maxPhonemes}, expected an integer of at least 20`)
  }
  const pieces: Unit[][] = []
  let rest = trimSpace(units)
  for (let length = toIpa(rest).length; length > maxPhonemes; length = toIpa(rest).length) {
    const cut = bestCut(rest, maxPhonemes, length / Math.ceil(length / maxPhonemes))
    if (cut === rest.length) break
    const head = trimSpace(rest.slice(0, cut))
    pieces.push(head.at(-1)?.kind === 'word' ? [...head, { kind: 'mark', text: ',' }] : head)
    rest = trimSpace(rest.slice(cut))
  }
  if (rest.length > 0) pieces.push(rest)
  return pieces
}

/** The index before which to cut, so that the head with a comma has at most `max` characters and about `target`. */
function bestCut(units: readonly Unit[], max: number, target: number): number {
  let [best, cost, length] = [0, Number.POSITIVE_INFINITY, 0]
  for (const [i, unit] of units.entries()) {
    const isCut = unit.kind === 'word' && units[i - 1]?.kind === 'mark'
    if (isCut && (length <= max || best === 0)) {
      const mark = (units[i - 1] as { text: string }).text
      const distance = Math.abs(length - target) + (/[,;:—.!?…]/.test(mark) ? 0 : max / 3)
      if (distance < cost) [best, cost] = [i, distance]
    }
    length += toIpa([unit]).length
    if (length > max && best > 0) break
  }
  return best || units.length
}

function trimSpace(units: readonly Unit[]): Unit[] {
  const isSpace = (unit: Unit | undefined) => unit?.kind === 'mark' && unit.text === ' '
  const trimmed = units.slice(isSpace(units[0]) ? 1 : 0, isSpace(units.at(-1)) ? -1 : undefined)
  const last = trimmed.at(-1)
  return last?.kind === 'mark' ? [...trimmed.slice(0, -1), { kind: 'mark', text: last.text.trimEnd() }] : trimmed
}

/** Words in a row, which espeak pronounces together. */
function toClauses(items: readonly Item[]): Atom[][] {
  const clauses: Atom[][] = []
  let open: Atom[] | undefined
  for (const item of items) {
    if (item.kind === 'bookmark') continue
    if (item.kind !== 'atom' || item.spelling === '' || open?.length === MAX_CLAUSE_WORDS) open = undefined
    if (item.kind !== 'atom' || item.spelling === '') continue
    if (open) open.push(item)
    else {
      open = [item]
      clauses.push(open)
    }
  }
  return clauses
}

/** Puts given phonemes in the place of espeak's. Letters of one token are written together, everything else given stands alone. */
function applyFixed(items: readonly Item[]): void {
  let last: Atom | undefined
  for (const item of items) {
    if (item.kind === 'atom') {
      if (item.fixed !== undefined) {
        item.phonemes = item.fixed
        item.joined = last?.fixed !== undefined && last.token === item.token && /ˌ[^ˈ]*$/.test(last.fixed)
      } else if (last?.fixed !== undefined) item.joined = false
    }
    if (item.kind !== 'bookmark') last = item.kind === 'atom' ? item : undefined
  }
}

/** A word without what formats it: entities as their characters, no emphasis, no tags. */
function asWritten(source: string): string {
  const plain = source.includes('&') ? decodeHTMLStrict(source) : source
  return plain.replace(/[*`~]+|<\/?[a-z][^<>]*>|\u00ad/gi, '').trim() || source.trim()
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }
type WordUnit = Writable<Extract<Unit, { kind: 'word' }>>

function toUnits(items: readonly Item[], text: string): Unit[] {
  const units: Unit[] = []
  let word: WordUnit | undefined
  let token: Source | undefined
  /** Marks since the last word. */
  let marks = ''
  let opened = true
  const flushMarks = (space: boolean) => {
    const mark = marks + (space && !opened ? ' ' : '')
    if (mark !== '') units.push({ kind: 'mark', text: mark })
    marks = ''
  }
  let bookmarks: Unit[] = []
  const flushBookmarks = () => {
    units.push(...bookmarks)
    bookmarks = []
  }
  const close = (mark: string) => {
    if (word && !/[.!?…,;:—]/.test(marks)) marks = /[")]$/.test(marks) && mark === ',' ? marks : marks + mark
    flushMarks(false)
    flushBookmarks()
    opened = true
    word = undefined
  }
  for (const item of items) {
    if (item.kind === 'bookmark') bookmarks.push(item)
    else if (item.kind === 'pause' || item.kind === 'style') {
      close(',')
      units.push(item)
    } else if (item.kind === 'mark') {
      if (item.token === token && word) word.phonemes += item.text
      else if (item.opening) {
        marks += (opened ? '' : ' ') + item.text
        opened = true
      } else if (word) {
        marks += item.text
        opened = false
      }
    } else if (item.phonemes === '') {
      if (!word || marks !== '') continue
      word.end = item.token.end
      word.text = asWritten(text.slice(word.start, word.end))
    } else if (item.token === token && word) {
      word.phonemes += (item.joined ? '' : ' ') + item.phonemes
    } else {
      flushMarks(!item.joined)
      flushBookmarks()
      token = item.token
      word = {
        kind: 'word',
        text: token.text ?? asWritten(text.slice(token.start, token.end)),
        phonemes: item.phonemes,
        start: token.start,
        end: token.end,
      }
      units.push(word)
      opened = false
    }
  }
  close('.')
  return units.some(unit => unit.kind === 'word') ? units : units.filter(unit => unit.kind !== 'mark')
}

import { isHomograph } from './homographs.ts'
import { foldIpa } from './ipa.ts'
import { toPluralPhonemes } from './lexicon.ts'
import type { MarkupPart } from './markup.ts'
import { type NormalizeOptions, normalize } from './normalize.ts'
import { rows, table } from './table.ts'
import type { Tag } from './tags.ts'

/** Letter → its name in IPA. */
const LETTER_NAMES = table<string>(
  rows(
    'A=ˈeɪ B=bˈiː C=sˈiː D=dˈiː E=ˈiː F=ˈɛf G=dʒˈiː H=ˈeɪtʃ I=ˈaɪ J=dʒˈeɪ K=kˈeɪ L=ˈɛl M=ˈɛm N=ˈɛn O=ˈoʊ P=pˈiː Q=kjˈuː R=ˈɑːɹ S=ˈɛs T=tˈiː U=jˈuː V=vˈiː W=dˈʌbəljˌuː X=ˈɛks Y=wˈaɪ Z=zˈiː',
    ' ',
  ),
)

/** A word for espeak, on its way to phonemes. */
export interface Atom {
  readonly kind: 'atom'
  readonly token: Source
  /** What espeak sees; '' where it sees nothing. */
  readonly spelling: string
  /** Given phonemes (letter names, lexicon, markup, homographs), which replace espeak's. */
  fixed: string | undefined
  phonemes: string
  /** No space between the word before and this one. */
  joined: boolean
}
/** What a text consists of on its way to phonemes. */
export type Item =
  | Atom
  | { readonly kind: 'mark'; readonly token: Source; readonly text: string; readonly opening: boolean }
  | Extract<Tag, { kind: 'pause' | 'bookmark' | 'style' }>

/** Where a token came from: one object for each token, so that its atoms know each other. */
export interface Source {
  /** The word, where the text has it inside markup. */
  readonly text?: string
  readonly start: number
  readonly end: number
}

/** Text and markup → words for espeak, marks and pauses. */
export function readItems(
  parts: readonly MarkupPart[],
  options: Pick<NormalizeOptions, 'lexicon' | 'citations'>,
): { items: Item[]; warnings: string[] } {
  const items: Item[] = []
  const warnings: string[] = []
  const read = (text: string, toSource: (start: number, end: number) => Source) => {
    const normalized = normalize(text, { ...options, continues: true })
    warnings.push(...normalized.warnings)
    for (const { start, end, ...token } of normalized.tokens) {
      const source = toSource(start, end)
      if (token.kind === 'mark') items.push({ ...token, token: source })
      else if (token.phonemes !== undefined) items.push(...fixedAtoms(token.text, token.phonemes, source))
      else items.push(...spokenAtoms(token.text, source))
    }
  }
  for (const part of parts) {
    const whole = { ...('text' in part ? { text: part.text } : {}), start: part.start, end: part.end }
    if (part.kind === 'text') read(part.text, (start, end) => ({ start: part.start + start, end: part.start + end }))
    else if (part.kind === 'link')
      read(part.text, (start, end) => ({ text: part.text.slice(start, end).trim(), start: part.start, end: part.end }))
    else if (part.kind === 'phonemes') items.push(...fixedAtoms(part.text, part.phonemes, whole))
    else if (part.kind === 'say' && part.isWords) items.push(...spokenAtoms(part.spoken, whole))
    else if (part.kind === 'say') read(part.spoken, () => whole)
    else {
      const { start: _, end: __, ...tag } = part
      items.push(tag)
    }
  }
  return { items, warnings }
}

const atom = (token: Source, spelling: string, fixed?: string): Atom => ({
  kind: 'atom',
  token,
  spelling,
  fixed,
  phonemes: '',
  joined: false,
})

/** What espeak may see of a word: letters, apostrophes inside, hyphens inside. */
const toSpelling = (word: string) => word.replace(/[^\p{Script=Latin}\p{M}'-]/gu, '').replace(/^-+|-+$/g, '')

/** A word with given phonemes; espeak still sees its letters, for the sake of the words around it. Equal spellings of IPA are folded. */
function fixedAtoms(text: string, phonemes: string, token: Source): Atom[] {
  const ipa = foldIpa(phonemes)
  return text.split(/\s+/).map((word, i) => atom(token, toSpelling(word), i === 0 ? ipa : ''))
}

/** The words of a token as it is spoken, and the commas inside ("five five five, one two three four"). Compounds with a homograph are read part by part ("lead-free"). */
function spokenAtoms(text: string, token: Source): Item[] {
  const words = text.split(' ').flatMap(word => (word.includes('-') && word.split('-').some(isHomograph) ? word.split('-') : [word]))
  const isLetter = (word: string | undefined) => /^[A-Z](?:'s)?,?$/.test(word ?? '')
  return words.flatMap((word, i): Item[] => {
    const spelling = toSpelling(word)
    if (!/\p{L}/u.test(spelling)) return []
    const inRun = isLetter(words[i - 1]) || isLetter(words[i + 1])
    const named = isLetter(word) && (inRun || spelling !== 'I')
    const item = atom(token, spelling, named ? nameLetter(spelling, isLetter(words[i + 1]) && !word.endsWith(',')) : undefined)
    return word.endsWith(',') ? [item, { kind: 'mark', token, text: ',', opening: false }] : [item]
  })
}

/** A letter's name; only the last letter of several keeps the main stress, as espeak does it in words it spells. */
function nameLetter(spelling: string, more: boolean): string {
  const name = LETTER_NAMES.get(spelling[0] as string) as string
  if (more) return name.replace('ˈ', 'ˌ')
  return spelling.length === 1 ? name : toPluralPhonemes(name)
}

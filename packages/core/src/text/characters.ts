import { decodeHTMLStrict } from 'entities/decode'
import { GREEK_NAMES, SIGN_NAMES } from './sign-names.ts'

/** Text reduced to characters that the rules know, with the way back to the source. */
export interface CleanText {
  readonly text: string
  /** Where `text[index]` came from in the source (UTF-16 offset); `index` may be `text.length`. */
  sourceOffset(index: number): number
  /** Where in the source the character ends that `text[index - 1]` came from. */
  sourceEnd(index: number): number
  /** Pictures and trademark signs, which nobody reads aloud, once each. */
  readonly pictures: readonly string[]
  /** Characters without a reading in English that were left out, once each, in order; U+FFFD stands for a lone surrogate. */
  readonly dropped: readonly string[]
}

/** Characters that get another form than Unicode's compatibility normalization gives: `from` characters, one for one, or one `to` for all. */
const FORMS: readonly (readonly [from: string, to: string])[] = [
  ['‘’‚‛´`ʼ‹›ʹ', "'"],
  ['“”„‟«»「」『』〝〞', '"'],
  ['‐‑⁃−', '-'],
  ['‒⁓〜～', '–'],
  ['―⸺⸻', '—'],
  ['⋯', '…'],
  ['٫', '.'],
  ['٬', ','],
  ['。｡', '. '],
  ['、，', ', '],
  ['！', '! '],
  ['？', '? '],
  ['：', ': '],
  ['；', '; '],
  ['⁄∕', '/'],
  ['∗⋅', '*'],
  ['ºᵒ˚', '°'],
  ['‣◦▪●⁌⁍', '•'],
  ['μ', 'µ'],
  ['№', 'No. '],
  ['♥❤', ' love '],
  ['ł', 'l'],
  ['Ł', 'L'],
  ['ıİ', 'i'],
  ['þð', 'th'],
  ['ÞÐ', 'Th'],
  ['ßſ', 'ss'],
  ['đ', 'd'],
  ['Đ', 'D'],
  ['æ', 'ae'],
  ['œ', 'oe'],
  ['Æ', 'Ae'],
  ['Œ', 'Oe'],
]
const REPLACEMENTS: ReadonlyMap<string, string> = new Map(FORMS.flatMap(([from, to]) => [...from].map(character => [character, to])))
/** Kept as they are, for the rules to read: every sign that has a name, vulgar fractions, superscripts, an ellipsis, dashes. */
const KEPT = new Set([...SIGN_NAMES.keys(), ...GREEK_NAMES.keys(), ...'¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞²³¹⁰⁴⁵⁶⁷⁸⁹⁻ⁿ…–—•·¡¿'])
const GREEK = /^[\u0370-\u03ff\u1f00-\u1fff]$/u
const READABLE_LATIN = /^[À-ÖØ-öø-ÿĀ-ſ]$/u
const INVISIBLE = /^[\p{Cf}\p{M}\p{Cc}]*$/u
/** Pictures are not read aloud, and nobody expects them to be. */
const PICTURE = /^[™®℠\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\p{So}\u2500-\u27bf]/u
const ASCII = /^[\x20-\x7e\n]*$/

const MAYBE_ENTITY = /&[#A-Za-z]/
/** An entity of HTML, a line break, or a character with its marks. */
const CLUSTER = /&(#\d{1,7}|#[xX][\dA-Fa-f]{1,6}|[A-Za-z][A-Za-z\d]{1,30});|\r\n|\P{M}\p{M}*|\p{M}+/gu
/**
 * Unicode → the characters that the normalization rules know: compatibility forms folded (full-width, ligatures), quotes and dashes unified, control and
 * invisible characters removed, letters of other scripts dropped. Never throws, whatever the string (lone surrogates too).
 */
export function cleanCharacters(source: string): CleanText {
  if (ASCII.test(source) && !MAYBE_ENTITY.test(source))
    return { text: source, sourceOffset: index => index, sourceEnd: index => index, pictures: [], dropped: [] }
  const offsets: number[] = []
  const ends: number[] = [0]
  const dropped = new Set<string>()
  const pictures = new Set<string>()
  let text = ''
  for (const match of source.matchAll(CLUSTER)) {
    const decoded = match[1] ? decodeHTMLStrict(match[0]) : match[0]
    if (match[1] && decoded === match[0]) {
      // no entity: text
      text += decoded
      for (let i = 0; i < decoded.length; i++) {
        offsets.push(match.index + i)
        ends.push(match.index + i + 1)
      }
      continue
    }
    const clean = match[1] ? cleanAll(decoded) : cleanCluster(decoded)
    if (clean === undefined) (isPicture(match[0]) ? pictures : dropped).add(nameOf(match[0]))
    const kept = clean ?? ' '
    text += kept
    for (let i = 0; i < kept.length; i++) {
      offsets.push(match.index)
      ends.push(match.index + match[0].length)
    }
  }
  return {
    text,
    sourceOffset: index => offsets[index] ?? source.length,
    sourceEnd: index => ends[index] ?? source.length,
    pictures: [...pictures],
    dropped: [...dropped],
  }
}

/** What an entity stands for: mostly one character. */
function cleanAll(characters: string): string | undefined {
  const clean = [...characters].map(cleanCluster)
  return clean.some(character => character === undefined) ? undefined : clean.join('')
}

/** One base character with its combining marks → what the rules may see, or undefined if English has no reading for it. */
function cleanCluster(cluster: string): string | undefined {
  if (cluster === '\r\n' || cluster === '\n' || cluster === '\r' || cluster === '\u2028' || cluster === '\u2029') return '\n'
  if (ASCII.test(cluster)) return cluster
  const composed = cluster.normalize('NFC')
  const base = String.fromCodePoint(composed.codePointAt(0) as number)
  const replaced = REPLACEMENTS.get(base)
  if (replaced !== undefined) return replaced
  if (KEPT.has(base) || GREEK.test(composed) || READABLE_LATIN.test(composed)) return composed === base ? composed : base
  if (/^[\s\p{Cc}\p{Z}]/u.test(base)) return ' '
  if (INVISIBLE.test(composed)) return ''
  if (/^[™®℠]/.test(base)) return undefined
  const folded = composed.normalize('NFKD').replace(/\p{M}/gu, '')
  if (/^[\x20-\x7e°]+$/.test(folded)) return folded
  return digitOf(base)
}

const isPicture = (cluster: string) => PICTURE.test(cluster)

/** The value of a digit of any script: these stand ten in a row, from a multiple of 16 on or six after one. */
function digitOf(character: string): string | undefined {
  if (!/^\p{Nd}$/u.test(character)) return undefined
  const code = character.codePointAt(0) as number
  const row = code & 0xf
  const fromZero = row < 6 || /^\p{Nd}$/u.test(String.fromCodePoint(code - row))
  return String(fromZero ? row : row - 6)
}

function nameOf(cluster: string): string {
  const first = cluster.codePointAt(0) as number
  return first >= 0xd800 && first <= 0xdfff ? '\ufffd' : String.fromCodePoint(first)
}

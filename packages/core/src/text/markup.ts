import { isIpa } from './ipa.ts'
import { TAG_CHARACTERS, type Tag, type Tags } from './tags.ts'

/** Longest pause that `[pause …]` may ask for, in seconds: more is a typing error rather than speech. */
export const MAX_PAUSE_SECONDS = 10
/** Longest `[word](/ipa/)` on either side, in characters: bounds the search for its end. */
const MAX_OVERRIDE_CHARACTERS = 200

/** A stretch of text that markup divides. `start` and `end` are UTF-16 offsets into the whole text. */
export type MarkupPart = ({ readonly kind: 'text'; readonly text: string } | Tag) & { readonly start: number; readonly end: number }

/** Text with its markup read. */
export interface Markup {
  readonly parts: readonly MarkupPart[]
  /** What looked like markup and was taken for text, and why. */
  readonly warnings: readonly string[]
}

const OVERRIDE = `\\[([^[\\]\\n]{1,${MAX_OVERRIDE_CHARACTERS}})\\]\\(/([^\\n/]{0,${MAX_OVERRIDE_CHARACTERS}}?)/\\)`
/** One word after "pause", or several of which the first starts like a number: "[pause for effect]" stays text without a warning. */
const PAUSE = '\\[pause\\s+([^\\s\\]]{1,40}|[-+.\\d][^\\]\\n]{0,40})\\s*\\]'
const MARKUP = new RegExp(`${OVERRIDE}|${PAUSE}`, 'gi')
const DURATION = /^(\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})\s*(s|sec|ms)$/i

/** Offsets `[start, end)` of everything in `text` that has the form of markup; segmentation never cuts inside. */
export function findMarkup(text: string): { start: number; end: number }[] {
  return [...text.matchAll(MARKUP)].map(match => ({ start: match.index, end: match.index + match[0].length }))
}

/**
 * Splits text at `[word](/aɪ piː eɪ/)` (speak these phonemes for that word) and `[pause 0.4s]` or `[pause 400ms]` (silence).
 * Everything else is text: other brackets; a link, whose address is no IPA; and, with a warning, a pause that is none.
 * @param isMarkup false takes all of it for text and links, without warnings
 */
export function parseMarkup(text: string, isMarkup = true): Markup {
  const tags: MarkupPart[] = []
  const warnings: string[] = []
  const add = (tag: Tag, start: number, length: number) => tags.push({ ...tag, start, end: start + length })
  for (const { 0: tag, 1: word, 2: phonemes = '', 3: pause, index } of text.matchAll(MARKUP)) {
    if (pause !== undefined && !isMarkup) continue
    if (pause !== undefined) {
      const seconds = readDuration(pause)
      if (seconds !== undefined && seconds <= MAX_PAUSE_SECONDS) add({ kind: 'pause', seconds }, index, tag.length)
      else
        warnings.push(`"${tag}" is no pause of 0 to ${MAX_PAUSE_SECONDS} seconds and was read as text; write [pause 0.4s] or [pause 400ms]`)
    } else if (isMarkup && isIpa(phonemes)) add({ kind: 'phonemes', text: word as string, phonemes }, index, tag.length)
    else {
      // only the word of a link is text; its address is layout
      add({ kind: 'link', text: word as string }, index, tag.length)
      if (isMarkup && /^[a-z\s]*$/.test(phonemes))
        warnings.push(`"${tag}" has no sign of the IPA and was taken for a link; write phonemes like [word](/wˈɜːd/), with stress marks`)
    }
  }
  return { parts: withText(tags, text), warnings }
}

/** Tags, in order, with the text between and around them. */
function withText(tags: readonly MarkupPart[], text: string): MarkupPart[] {
  const parts: MarkupPart[] = []
  let end = 0
  const addText = (to: number) => {
    if (to > end) parts.push({ kind: 'text', text: text.slice(end, to), start: end, end: to })
  }
  for (const tag of tags) {
    addText(tag.start)
    parts.push(tag)
    end = tag.end
  }
  addText(text.length)
  return parts
}

/** `'400ms'`, `'.4 s'` → seconds; undefined if it is no duration. */
export function readDuration(duration: string): number | undefined {
  const match = DURATION.exec(duration.trim())
  return match ? Number(match[1]) / (match[2]?.toLowerCase() === 'ms' ? 1000 : 1) : undefined
}

/** Splits text at the tags that stand in it as characters. */
export function splitTags(text: string, tags: Tags): MarkupPart[] {
  const found = [...text.matchAll(TAG_CHARACTERS)].flatMap(({ 0: character, index }): MarkupPart[] => {
    const tag = tags.find(character)
    return tag ? [{ ...tag, start: index, end: index + character.length }] : []
  })
  return withText(found, text)
}

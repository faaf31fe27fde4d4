/** Longest pause that `[pause …]` may ask for, in seconds: more is a typing error rather than speech. */
export const MAX_PAUSE_SECONDS = 10
/** Longest `[word](/ipa/)` on either side, in characters: bounds the search for its end. */
const MAX_OVERRIDE_CHARACTERS = 200

/** A stretch of text that Mynah's markup divides. `start` and `end` are UTF-16 offsets into the whole text. */
export type MarkupPart =
  | { readonly kind: 'text'; readonly text: string; readonly start: number; readonly end: number }
  | { readonly kind: 'phonemes'; readonly text: string; readonly phonemes: string; readonly start: number; readonly end: number }
  | { readonly kind: 'pause'; readonly seconds: number; readonly start: number; readonly end: number }

const OVERRIDE = `\\[([^[\\]\\n]{1,${MAX_OVERRIDE_CHARACTERS}})\\]\\(/([^\\n)]{0,${MAX_OVERRIDE_CHARACTERS}}?)/\\)`
/** One word after "pause", or several of which the first starts like a number: "[pause for effect]" stays text, "[pause soon]" is an error. */
const PAUSE = '\\[pause\\s+([^\\s\\]]{1,40}|[-+.\\d][^\\]\\n]{0,40})\\s*\\]'
const MARKUP = new RegExp(`${OVERRIDE}|${PAUSE}`, 'gi')
const DURATION = /^(\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})\s*(s|sec|ms)$/i

/** Offsets `[start, end)` of every markup tag in `text`; segmentation never cuts inside one. */
export function findMarkup(text: string): { start: number; end: number }[] {
  return [...text.matchAll(MARKUP)].map(match => ({ start: match.index, end: match.index + match[0].length }))
}

/**
 * Splits text at `[word](/aɪ piː eɪ/)` (speak these phonemes for that word) and `[pause 0.4s]` or `[pause 400ms]` (silence).
 * Any other brackets are literal text.
 * @throws {RangeError} for a pause that is not 0 to {@link MAX_PAUSE_SECONDS} s, or an override without phonemes; the message has the offset
 */
export function parseMarkup(text: string): MarkupPart[] {
  const parts: MarkupPart[] = []
  let end = 0
  for (const match of text.matchAll(MARKUP)) {
    const [tag, word, phonemes, pause] = match
    const start = match.index
    if (start > end) parts.push({ kind: 'text', text: text.slice(end, start), start: end, end: start })
    end = start + tag.length
    if (pause !== undefined) {
      parts.push({ kind: 'pause', seconds: readPause(pause, tag, start), start, end })
    } else {
      const ipa = phonemes?.trim() ?? ''
      if (ipa === '') throw new RangeError(`markup: "${tag}" at character ${start} has no phonemes; write it like [word](/wˈɜːd/)`)
      parts.push({ kind: 'phonemes', text: word as string, phonemes: ipa.normalize('NFC'), start, end })
    }
  }
  if (end < text.length) parts.push({ kind: 'text', text: text.slice(end), start: end, end: text.length })
  return parts
}

function readPause(duration: string, tag: string, start: number): number {
  const match = DURATION.exec(duration.trim())
  const seconds = match ? Number(match[1]) / (match[2]?.toLowerCase() === 'ms' ? 1000 : 1) : Number.NaN
  if (!(seconds >= 0 && seconds <= MAX_PAUSE_SECONDS)) {
    throw new RangeError(
      `markup: "${tag}" at character ${start} is not a pause of 0 to ${MAX_PAUSE_SECONDS} seconds; write [pause 0.4s] or [pause 400ms]`,
    )
  }
  return seconds
}

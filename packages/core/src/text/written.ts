import type { Unit } from './phonemize.ts'

/** What a reader does not see: `[pause 0.4s]`, the brackets and phonemes of `[word](/ipa/)`, and tags, which stand in a text as private characters. */
const hiddenPattern = /\[pause[^\]]*\]|\[(?=[^[\]]*\]\(\/)|\]\(\/[^)]*\/\)|\p{Co}/gu

/**
 * Words as a text shows them: with the punctuation around them, and the space after them where there is one. Joined they are the text.
 * @param text that was phonemized
 * @returns for each word whose `text` and a space would not do
 */
export function writtenWords(text: string, units: readonly Unit[]): ReadonlyMap<Unit, string> {
  const words = units.filter(unit => unit.kind === 'word')
  const written = new Map<Unit, string>()
  const between = (from: number, to: number) => text.slice(from, to).replaceAll(hiddenPattern, '').replaceAll(/\s+/g, ' ')
  let before = between(0, words[0]?.start ?? 0).trimStart()
  for (const [i, word] of words.entries()) {
    const next = words[i + 1]
    const gap = next ? between(word.end, next.start) : `${between(word.end, text.length).trimEnd()} `
    const space = gap.lastIndexOf(' ') + 1 || gap.length
    const shown = `${before}${word.text}${gap.slice(0, space)}`
    if (shown !== `${word.text} `) written.set(word, shown)
    before = gap.slice(space)
  }
  return written
}

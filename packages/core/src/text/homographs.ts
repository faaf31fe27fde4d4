import { SENSES } from './homograph-senses.ts'
import { HOMOGRAPHS, type Homograph, type Reading } from './homograph-table.ts'
import type { Tagger } from './tagger.ts'
import { type Place, wordClass } from './word-classes.ts'

/** Whether {@link readHomographs} decides about a word. */
export function isHomograph(word: string): boolean {
  return HOMOGRAPHS.has(word.toLowerCase())
}

/**
 * The pronunciation of every word that is spelled like another one.
 * @param sentences words and marks, each as it is spoken
 * @returns for each sentence, index of the word → IPA
 */
export async function readHomographs(sentences: readonly (readonly string[])[], tagger: Tagger): Promise<Map<number, string>[]> {
  const asked = sentences.filter(words => words.some(isHomograph))
  const tagged = asked.length === 0 ? [] : await tagger.tag(asked)
  return sentences.map(words => {
    const tags = tagged[asked.indexOf(words)]
    return tags ? readSentence(words, tags) : new Map()
  })
}

function readSentence(words: readonly string[], tags: readonly string[]): Map<number, string> {
  const found = new Map<number, string>()
  const lower = words.map(word => word.toLowerCase())
  for (const [index, word] of lower.entries()) {
    const homograph = HOMOGRAPHS.get(word)
    if (!homograph) continue
    const ipa = homograph.readings.get(chooseReading(homograph, { words, lower, tags, index }))
    if (ipa !== undefined && ipa !== '-') found.set(index, ipa)
  }
  return found
}

/** Which reading a homograph has at a place. */
function chooseReading({ readings, commonest, inflected }: Homograph, place: Place): Reading {
  const word = place.lower[place.index] as string
  const can = new Set(readings.keys())
  const found = SENSES.get(word)?.(place) ?? (can.has('V') || can.has('N') ? wordClass(place, can, inflected) : undefined)
  if (found === undefined) return byOwnTag(place, can) ?? commonest
  if (readings.has(found)) return found
  return found === 'V' ? commonest : ((['N', 'A'] as const).find(name => can.has(name)) ?? commonest)
}

function byOwnTag({ tags, index }: Place, can: ReadonlySet<string>): Reading | undefined {
  const tag = tags[index]
  const name = tag === 'VERB' || tag === 'AUX' ? 'V' : tag === 'ADJ' || tag === 'ADV' ? 'A' : tag === 'NOUN' || tag === 'PROPN' ? 'N' : ''
  return can.has(name) ? name : undefined
}

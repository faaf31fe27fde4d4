import type { Reading } from './homograph-table.ts'
import { wordSet } from './table.ts'
import { type Place, type WordClass, wordClass } from './word-classes.ts'

/** What tells the readings of a word that parts of speech alone do not tell. */
export type SenseRule = (place: Place) => Reading | undefined

const CLASSES: ReadonlySet<string> = new Set(['N', 'V', 'A'])

/** The word after it, in lower case; empty after the end. */
export const next = ({ lower, index }: Place, distance = 1) => lower[index + distance] ?? ''
/** The word before it, in lower case; empty before the beginning. */
export const previous = ({ lower, index }: Place, distance = 1) => lower[index - distance] ?? ''
/** Whether one of `words` stands within `reach` words. */
export const near = ({ lower, index }: Place, words: ReadonlySet<string>, reach = 30) =>
  lower.some((word, i) => i !== index && Math.abs(i - index) <= reach && words.has(word))
/** Its part of speech by the words around. */
export const classOf = (place: Place, inflected = false): WordClass | undefined => wordClass(place, CLASSES, inflected)
/** Whether it is written with a capital. */
export const isCapitalized = ({ words, index }: Place) => /^\p{Lu}/u.test(words[index] as string)
/** Whether no word stands before it. */
export const isFirst = ({ words, index }: Place) => !words.slice(0, index).some(word => /\p{L}/u.test(word))
/** Before the word, up to a comma or the like: the nearest that is no adverb. */
export const beforeAdverbs = (place: Place): string => {
  let distance = 1
  while (
    /ly$|^(?:also|never|always|often|still|only|not|just|soon|ever|now|then|already|once|first|both|well|even|yet)$/.test(
      previous(place, distance),
    )
  )
    distance += 1
  return previous(place, distance)
}

/** What opens a noun phrase. */
export const ARTICLES = wordSet('the a an this that these those my your his her its our their some any no every each')
/** What an infinitive follows. */
export const HELPERS = wordSet(
  "will would can could shall should may might must cannot to do did does don't doesn't didn't won't wouldn't can't couldn't shouldn't let let's please help helps helped",
)
/** Forms of "be". */
export const BE = wordSet('is are was were be been being am')
/** Forms of "have". */
export const HAVE = wordSet("have has had having i've you've we've they've haven't hasn't hadn't")
/** Persons. */
export const PEOPLE = wordSet(
  'mother father parents parent wife husband child son daughter brother sister aunt uncle soldier soldiers man men woman women people relative relatives couple king queen widow grandmother grandfather grandparents monk nun lady gentleman professor population',
)

const IRREGULAR_PAST =
  /^(?:was|were|had|went|came|took|made|saw|told|found|gave|wrote|sat|stood|got|thought|knew|felt|left|said|began|spoke|lay|kept|held|brought|sent|heard|ran|became|met|paid|lost|won|died|spent|woke|drank|ate|slept|did|put|smoked)$/
/** Whether another word of the sentence is a verb in the past. */
export const hasPastVerb = ({ lower, tags, index }: Place) =>
  lower.some((word, i) => i !== index && (IRREGULAR_PAST.test(word) || (tags[i] === 'VERB' && /ed$/.test(word))))

import { wordSet } from './table.ts'
import type { PartOfSpeech } from './tagger.ts'

/** A word of a sentence, with the sentence around it. */
export interface Place {
  /** Words and marks as they are spoken. */
  readonly words: readonly string[]
  /** The same in lower case. */
  readonly lower: readonly string[]
  readonly tags: readonly PartOfSpeech[]
  readonly index: number
}

/** Noun, verb, or adjective (or adverb). */
export type WordClass = 'N' | 'V' | 'A'

const MODALS = wordSet(
  "will would can could shall should may might must cannot ought do did don't doesn't didn't won't wouldn't can't couldn't shan't shouldn't mightn't mustn't let's lets please needn't gonna wanna gotta",
)
const SUBJECTS = wordSet(
  "i you he she we they who nobody everybody everyone anybody anyone somebody someone i'll you'll he'll she'll we'll they'll i'd you'd he'd she'd we'd they'd",
)
const OBJECTS = wordSet('me him us them it her you myself himself herself itself ourselves themselves')
const DETERMINERS = wordSet(
  'the a an this my your his its our their every each no another any some whose either neither what which such these those her that more less much many few several own other both all one two three four five six seven eight nine ten twelve hundred thousand million first second third last next half most enough',
)
/** Determiners that can also stand alone, as the subject of a plural verb. */
const PRONOMINAL = wordSet('some many few several both all most these those others')
const CAUSATIVES = wordSet('let make makes made help helps helped see saw watch watched hear heard have had')
/** What "to" after these governs is a noun: "due to abuse". */
const TO_NOUN = wordSet(
  'due prior response addition according opposed thanks led leads lead access contribute contributed contributes reaction respect resistance attention comes came resort resorted related limited close answer exposed exposure return returned objection similar equal',
)
const BE = wordSet(
  "be is are was were been being am isn't aren't wasn't weren't i'm he's she's it's we're you're they're that's there's what's",
)
const LINKING = wordSet(
  'be is are was were been being am seem seems seemed feel feels felt look looks looked remain remains remained become becomes became stay stays stayed grow grew grown get gets got keep keeps kept sound sounds sounded very so too quite rather not more most less fairly as how extremely',
)
const PREPOSITIONS = wordSet(
  'of in on at for with by from about into without against during under over between after before since through within upon per via amid despite toward towards behind beside near like across until than including regarding concerning',
)
const ADVERBS = wordSet(
  'also never always often still only not just soon ever now then even really hardly usually sometimes generally both rarely seldom further thus therefore later',
)
/** Words that begin a clause of its own. */
const CLAUSE_OPENERS = wordSet(
  'that which who whom when if because while although though where whether until unless since so but what how than',
)
const PERSONAL_OR_DETERMINER = wordSet('the a an his her their its my your our me him them us it this these those each every any all')

const isMark = (word: string | undefined) => word === undefined || !/[\p{L}\p{N}]/u.test(word)
const isAdverb = (place: Place, i: number) =>
  ADVERBS.has(place.lower[i] ?? '') || (/ly$/.test(place.lower[i] ?? '') && place.tags[i] === 'ADV')
/** Whether a tag is that of a noun or a name. */
export const isNoun = (tag: string | undefined) => tag === 'NOUN' || tag === 'PROPN'
const isPlural = (word: string) => /[^s]s$/.test(word) || /^(?:people|men|women|children|police|cattle|and)$/.test(word)

/**
 * Noun, verb or adjective, by the words around, which tell more of a word than its own tag does.
 * @param can the classes among which the readings differ
 * @param inflected a form in -s: plural, or third person
 * @returns undefined where nothing tells
 */
export function wordClass(place: Place, can: ReadonlySet<string>, inflected: boolean): WordClass | undefined {
  const { lower, tags, index } = place
  const next = lower[index + 1]
  const nounOrAdjective = (): WordClass => adjectiveOrNoun(place, can, inflected)
  let before = index - 1
  while (before >= 0 && isAdverb(place, before)) before -= 1
  const previous = before < 0 || isMark(lower[before]) ? undefined : (lower[before] as string)

  if (previous === undefined) return atClauseStart(place, can, inflected)
  if (previous === 'to') return !inflected && afterTo(place, before) ? 'V' : nounOrAdjective()
  if ((MODALS.has(previous) || /(?:'ll|n't)$/.test(previous)) && !inflected) return 'V'
  if (SUBJECTS.has(previous) && (inflected || previous !== 'her')) return 'V'
  if (previous === 'it' && inflected) return 'V'
  if (OBJECTS.has(previous) && !inflected && before > 0 && CAUSATIVES.has(lower[before - 1] as string)) return 'V'
  if (/(?:'s|s')$/.test(previous) && !BE.has(previous)) return nounOrAdjective()
  if (DETERMINERS.has(previous) || tags[before] === 'NUM') {
    const alone = (PRONOMINAL.has(previous) && !inflected) || ((previous === 'that' || previous === 'which') && inflected)
    if (alone && next !== undefined && (PERSONAL_OR_DETERMINER.has(next) || next === 'that')) return 'V'
    if ((previous === 'that' || previous === 'which') && inflected) return 'V'
    return nounOrAdjective()
  }
  if (BE.has(previous)) return can.has('A') ? 'A' : 'N'
  if (PREPOSITIONS.has(previous)) return nounOrAdjective()
  if (LINKING.has(previous) && can.has('A')) return 'A'
  if (tags[before] === 'ADJ' && !lacksVerb(place)) return nounOrAdjective()
  if (next !== undefined && PERSONAL_OR_DETERMINER.has(next) && agrees(place, before, inflected)) return 'V'
  if (previous === 'and' || previous === 'or' || previous === 'but') return afterAnd(place, before, can, inflected)
  const follows = tags[index + 1]
  if ((follows === 'AUX' || follows === 'VERB') && !isMark(next) && !/ing$/.test(next as string)) {
    return /^(?:that|which|who|whom|where)$/.test(lower[phraseStart(place, before) - 1] ?? '') ? 'V' : nounOrAdjective()
  }
  if (lacksVerb(place) && agrees(place, before, inflected) && (!isMark(next) || hasOwnVerbTag(place))) return next === ',' ? undefined : 'V'
  if (tags[before] === 'VERB' || tags[before] === 'AUX') return nounOrAdjective()
  if (isNoun(tags[before])) return can.has('N') ? 'N' : hasOwnVerbTag(place) ? 'V' : 'A'
  return undefined
}

const hasOwnVerbTag = ({ tags, index }: Place) => tags[index] === 'VERB' || tags[index] === 'AUX'

/** Where the noun phrase begins that ends at `end`. */
function phraseStart({ lower, tags }: Place, end: number): number {
  let start = end
  while (
    start > 0 &&
    !/^(?:that|which|who|whom|where)$/.test(lower[start - 1] as string) &&
    /^(?:NOUN|PROPN|ADJ|ADV|NUM|DET|PRON)$/.test(tags[start - 1] ?? '')
  )
    start -= 1
  while (start < end && /^(?:PRON|ADV)$/.test(tags[start] ?? '')) start += 1
  return start
}

/** First of its clause: a command if it has an object, else the subject. */
function atClauseStart(place: Place, can: ReadonlySet<string>, inflected: boolean): WordClass | undefined {
  const { lower, tags, index } = place
  const next = lower[index + 1]
  if (inflected) return 'N'
  if (next !== undefined && (PERSONAL_OR_DETERMINER.has(next) || OBJECTS.has(next))) return 'V'
  if (next !== undefined && /^(?:between|among|from|and|or|both|all|one|two|three|four|five)$/.test(next) && hasOwnVerbTag(place))
    return 'V'
  if (isNoun(tags[index + 1]) || tags[index + 1] === 'ADJ') {
    if (can.has('A')) return 'A'
    return hasOwnVerbTag(place) && lacksVerb(place) && /[^s]s$/.test(lower[index + 1] as string) ? 'V' : 'N'
  }
  if (next === undefined || isMark(next)) return undefined
  return lacksVerb(place) && tags[index + 1] !== 'VERB' && tags[index + 1] !== 'AUX' ? 'V' : can.has('N') ? 'N' : 'A'
}

/** Whether "to" at `to` is that of an infinitive. */
function afterTo({ lower, tags, index }: Place, to: number): boolean {
  const next = lower[index + 1]
  const governor = lower[to - 1] ?? ''
  if (next !== undefined && PERSONAL_OR_DETERMINER.has(next)) return true
  if (TO_NOUN.has(governor)) return false
  return !(/^(?:NOUN|PROPN)$/.test(tags[to - 1] ?? '') && /^(?:from|subject)$/.test(lower[to - 2] ?? ''))
}

/** After "and": what the word it is joined to is. */
function afterAnd(place: Place, and: number, can: ReadonlySet<string>, inflected: boolean): WordClass | undefined {
  const { lower, tags, index } = place
  const next = lower[index + 1]
  const partner = tags[and - 1]
  if (isNoun(partner) || partner === 'ADJ') {
    if (next !== undefined && (PERSONAL_OR_DETERMINER.has(next) || /^(?:when|if|while|because)$/.test(next))) return 'V'
    if (partner === 'ADJ' && can.has('A')) return 'A'
    return hasOwnVerbTag(place) && !inflected && next !== undefined && !isMark(next) ? 'V' : can.has('N') ? 'N' : 'A'
  }
  return partner === 'VERB' || hasOwnVerbTag(place) ? 'V' : undefined
}

/** Whether the clause has no other word that could be its verb. */
function lacksVerb({ lower, tags, index }: Place): boolean {
  const isEnd = (i: number) =>
    isMark(lower[i]) || CLAUSE_OPENERS.has(lower[i] as string) || (i > index + 1 && /^(?:they|he|she|we|i|you)$/.test(lower[i] as string))
  let [start, end] = [index, index]
  while (start > 0 && !isEnd(start - 1)) start -= 1
  while (end + 1 < lower.length && !isEnd(end + 1)) end += 1
  for (let i = start; i <= end; i++) {
    if (i === index || (tags[i] !== 'VERB' && tags[i] !== 'AUX')) continue
    const word = lower[i] as string
    if (/ing$/.test(word) || lower[i - 1] === 'to') continue
    if (tags[i] === 'VERB' && /ed$/.test(word) && (isNoun(tags[i + 1]) || lower[i - 1] === 'when')) continue // "armed conflict"
    if (/^(?:and|or|,)$/.test(lower[i + 1] ?? '') && i < index) continue // joined to another verb
    if (i > index && /^(?:and|or)$/.test(lower[i - 1] ?? '')) continue
    return false
  }
  return true
}

/** Whether what stands before could be the subject: a plural before a base form, a singular before one in -s. */
function agrees({ lower, tags }: Place, before: number, inflected: boolean): boolean {
  const last = lower[before] as string
  if (isNoun(tags[before]) && inflected === !isPlural(last)) return true
  if (inflected) return tags[before] === 'PRON' || (tags[before] === 'ADJ' && DETERMINERS.has(lower[before - 1] ?? ''))
  for (let i = before; i >= 0 && !isMark(lower[i]); i--) if (isPlural(lower[i] as string) && isNoun(tags[i])) return true
  return tags[before] === 'PRON' || lower.slice(Math.max(0, before - 3), before).includes('and')
}

/** After an article, a preposition or the like. */
function adjectiveOrNoun({ lower, tags, index }: Place, can: ReadonlySet<string>, inflected: boolean): WordClass {
  if (!can.has('A') || inflected) return 'N'
  if (!can.has('N')) return 'A'
  const nounFollows = isNoun(tags[index + 1]) || tags[index + 1] === 'ADJ'
  return nounFollows && !isMark(lower[index + 1]) ? 'A' : 'N'
}

import { abbreviationOf, isTitle } from './abbreviation-table.ts'
import { MONTH_NAMES, SHORT_DAYS } from './calendar.ts'
import type { RuleContext } from './rules.ts'
import { wordSet } from './table.ts'

/** Words that open sentences, and hardly ever are a part of a name: after "U.S." or "Inc." they tell that the dot ended one. */
const OPENERS = wordSet(
  'the a an he she it they we i you this that these those there here but and so then if when while after before however in on at for as no yes what why how who where which my our his her their its your not nobody nothing everyone everybody everything someone something anyone please come see call let do does did is are was were can could will would should may might must have has had one two some many most all both each every few several other others another now today tomorrow yesterday later next first finally also still yet even only just never always sometimes often perhaps maybe more less such since until because although though unlike despite instead meanwhile moreover furthermore therefore thus with without from to by of about under over during between among through into onto don it’s that’s contact visit check read send get go make take use add try look stop wait buy ask tell write bring keep put turn click open close press',
)
/** Whether a word opens sentences rather than going on with a name. */
export const isOpener = (word: string) => OPENERS.has(word.toLowerCase())
const DAY_OR_ZONE =
  /^(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|[A-Z]{2,4}|Eastern|Pacific|Central|Mountain|Greenwich|Mon|Tue|Wed|Thu|Fri|Sat|Sun|January|February|March|April|May|June|July|August|September|October|November|December)$/
/** A sentence that so far is only the phrase of a time: "At 5 a.m. Mr. Smith left." */
const TIME_PHRASE = /^["'“‘(]?(?:At|By|Around|About|Before|After|Since|From|Until|Between|On|Every)\b[^.!?]{0,40}\d[^.!?]{0,12}[ap]\.m$/i
const DAY = new RegExp(`^(?:${SHORT_DAYS})$`)
const NEVER_LAST = /^(?:e\.g|i\.e|vs|cf|viz|a\.k\.a|approx|incl|excl|ca)$/i
const UNIT = /^(?:ft|in|lbs?|oz|hrs?|mins?|yrs?|wks?|mos?|tbsp|tsp|gal|pt|qt|yd|secs?|mi)$/
/** Words after which a single capital is a name of its own, not an initial: "Plan B", "an A". */
const BEFORE_LETTER =
  /(?:^|\s)(?:[Aa]n?|[Tt]he|[Vv]itamin|grade|plan|letter|type|class|option|[Tt]eam|group|part|section|exhibit|got|hepatitis)\s$/

/**
 * Whether the dot after `sentence` also ends it, when the next word does not begin with a small letter.
 * @param sentence the sentence so far, without the dot; 64 characters of it suffice
 * @param next gives the next word, without quotes and brackets before it, or '' before a sign; called only where it matters
 */
export function dotEnds(sentence: string, next: () => string): boolean {
  const word = /[\p{L}\p{M}.]+$/u.exec(sentence)?.[0] ?? ''
  const ahead = sentence.slice(0, sentence.length - word.length)
  if (word === '') return true
  const isInitial = /^(?:\p{L}\.)*\p{Lu}$/u.test(word)
  const isHour = /^[ap]\.m$/i.test(word)
  const readings = abbreviationOf(word)
  const isMonth = MONTH_NAMES.has(word) && word.length < 5 && word !== 'May' && word !== 'June' && word !== 'July'
  const isUnit = /(?:^|[\s\d½¼¾/-])$/.test(ahead) && /\d\s?$|[½¼¾]\s?$/.test(ahead)
  if (isTitle(word) || NEVER_LAST.test(word)) return false
  if (isUnit && /^(?:sq|cu)$/.test(word)) return false
  if (isUnit && UNIT.test(word)) return !/^\d|^$/.test(next())
  const isStreet = word === 'St' || word === 'Dr'
  if (!isInitial && !readings && !isHour && !isStreet && !isMonth && !DAY.test(word)) return true
  const following = next()
  if (/^\d/.test(following)) {
    if (isHour) return true
    return isInitial && !/^(?:No|Nos)$/.test(word) && BEFORE_LETTER.test(ahead)
  }
  if (readings?.every(({ before }) => before === 'digit')) return !/^[IVXLC]+$/.test(following)
  if (readings?.every(({ before }) => before === 'more') || word === 'etc') return following !== ''
  const opens = isOpener(following)
  if (isHour) return opens || (!DAY_OR_ZONE.test(following) && !isTitle(following) && !TIME_PHRASE.test(sentence.slice(-64)))
  if (isInitial && word.length === 1 && BEFORE_LETTER.test(ahead)) return true
  return opens
}

/** Whether a sentence goes on after `!` or `?`: "Yahoo! Inc." */
export const isCompanyForm = (following: string) => /^(?:Inc|Corp|Ltd|LLC|Co|Plc)$/.test(following)

/** A full stop if the abbreviation that ends at `end` also ends the sentence: nothing but closing marks follows, or, with `beforeCapital`, a new one does. */
export function sentenceMark(context: RuleContext, end: number, beforeCapital: boolean): { mark?: string } {
  const { text } = context
  const rest = text.slice(end, end + 8)
  if (/^["')\]]*\s*$/.test(rest) && end + rest.length === text.length) return { mark: '.' }
  if (!beforeCapital || !/^["')]*\s+["'(]?\p{Lu}/u.test(rest)) return {}
  const from = Math.max(0, end - 65)
  const sentence = /(?:[.!?]["')]?\s|\n)([^!?\n]*)$/.exec(text.slice(from, end - 1))?.[1] ?? text.slice(from, end - 1)
  const following = /^["')]*\s+["'(]*([\p{L}\p{N}]{1,64})/u.exec(text.slice(end, end + 80))?.[1] ?? ''
  return dotEnds(sentence, () => following) ? { mark: '.' } : {}
}

import { ABBREVIATIONS, type Abbreviation, abbreviationOf } from './abbreviation-table.ts'
import { dotEnds, sentenceMark } from './dots.ts'
import { after, before, END, type Rule, type RuleContext, type Spoken, spell, sticky } from './rules.ts'
import { anyOf, rows, table } from './table.ts'

/** Abbreviations with a slash. */
const SLASHED = table<string>([
  ['w/o', 'without'],
  ['y/o', 'year old'],
  ['b/w', 'between'],
  ['h/t', 'hat tip'],
  ['s/he', 'she or he'],
  ['i/o', 'I O'],
  ['w/e', 'whatever'],
  ['w/', 'with'],
  ['b/c', 'because'],
  ['n/a', 'not applicable'],
  ['c/o', 'care of'],
  ['a/c', 'A C'],
])

const PERIOD_NAMES = table<string>(rows('Y=year|Q=quarter|M=month|W=week'))
const capitalized = (key: string) => (key[0] as string).toUpperCase() + key.slice(1)
const lowered = (key: string) => (key[0] as string).toLowerCase() + key.slice(1)
const isName = (readings: readonly Abbreviation[]) => readings.some(reading => reading.before === 'capital' || reading.dotless)
/** As in the table, and with a capital at the start of a sentence; what is no name or title also in small letters. */
const DOTTED = anyOf(
  new Set(
    [...ABBREVIATIONS].flatMap(([key, readings]) => [key, capitalized(key), ...(isName(readings) || key.length < 2 ? [] : [lowered(key)])]),
  ),
)
const DOTLESS = anyOf([...ABBREVIATIONS].flatMap(([key, readings]) => (readings[0]?.dotless ? [key] : [])))

function fits({ before: place, after: behind }: Abbreviation, next: string, context: RuleContext): boolean {
  if (place === 'digit' && !/^:?\s*[\d#]|^:\s|^\s+[IVXLC]{2,}\b|^\s[A-HJ-Z]\d?(?![\p{L}.])/u.test(next)) return false
  if (place === 'more' && !/^,|^\s+[\p{Ll}\d$€£#+(]/u.test(next)) return false
  if (place === 'capital' && !/^\s+\p{Lu}/u.test(next)) return false
  return !behind || behind.test(before(context))
}

function sayAbbreviation(match: RegExpExecArray, context: RuleContext): Spoken | undefined {
  const end = context.index + match[0].length
  const next = context.text.slice(end, end + 12)
  const row = abbreviationOf(match[1] as string)?.find(reading => fits(reading, next, context))
  if (!row) return undefined
  return { text: row.say + (match[2] ?? ''), ...(match[0].endsWith('.') ? sentenceMark(context, end, row.final === true) : {}) }
}

/** Abbreviations and initials. */
export const ABBREVIATION_RULES: readonly Rule[] = [
  {
    name: 'w/, w/o',
    pattern: sticky(`(${anyOf(SLASHED.keys())})(?!/)(?:(?<=w/)(?![a-z](?![a-z]))|${END})`, 'i'),
    say: ([, key = '']) => SLASHED.get(key.toLowerCase()),
  },
  {
    name: 'chapter, appendix: Chap. 4, App. B',
    pattern: sticky('(?:([Cc]hap)(s)?\\.(?=\\s\\d)|(App)\\.(?=\\s[A-HJ-Z](?:[,;)\\d]|\\.?$)))'),
    say: ([match, chapter, many = ''], context) =>
      match.startsWith('c') && !/(?:^|[(,;]\s?|\b(?:in|see|from|of)\s)$/.test(before(context, 8))
        ? undefined // "a nice chap. 5 others"
        : chapter
          ? `chapter${many}`
          : 'appendix',
  },
  { name: 'flourished: fl. 1600', pattern: sticky('fl\\.(?=\\s(?:ca?\\.\\s?)?1\\d{3}(?!\\d))'), say: () => 'flourished' },
  { name: 'pls', pattern: sticky(`[Pp]ls${END}`), say: () => 'please' },
  { name: 'abbreviation with a dot', pattern: sticky(`(${DOTTED})\\.('s)?(?!\\p{L})`), say: sayAbbreviation },
  { name: 'abbreviation without a dot', pattern: sticky(`(${DOTLESS})(?= \\p{Lu})`), say: sayAbbreviation },
  {
    name: 'abbreviation with a colon: Attn: sales',
    pattern: sticky(`(Attn|Tel|Ph|Ext|Fig|Ref|Qty|Dept)(?=:)`),
    say: ([, key = '']) => abbreviationOf(key)?.[0]?.say,
  },
  {
    name: 'abbreviation before a number: Apt 5, Ste 200, No 7',
    pattern: sticky(`(Apt|Ste|Rm|Bldg|Hwy|Rte|Vol|Fig|Ch|Ext|ext|Dept)(?= #?\\d)`),
    say: ([, key = '']) => abbreviationOf(key)?.find(row => row.before !== 'capital')?.say,
  },
  { name: 'cc:', pattern: sticky('(b?cc):(?!\\p{L})', 'i'), say: ([, key = '']) => ({ text: spell(key), mark: ':' }) },
  {
    name: 'year over year: YoY',
    pattern: sticky(`([YQMW])o\\1${END}`),
    say: ([, period = '']) => `${PERIOD_NAMES.get(period)} over ${PERIOD_NAMES.get(period)}`,
  },
  { name: 'vs', pattern: sticky(`vs${END}`), say: () => 'versus' },
  { name: 'MSc, BSc', pattern: sticky(`([MB])Sc('s|s)?${END}`), say: ([, first, ending = '']) => `${first} S C${ending && "'s"}` },
  { name: 'PhD', pattern: sticky(`PhD('s|s)?${END}`), say: ([, ending = '']) => `P H D${ending && "'s"}` },
  {
    name: 'prefix before digits: mid-1990s',
    pattern: sticky(`(mid|pre|post|early|late|non|ex)-(?=\\d|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec))`, 'i'),
    say: ([, prefix]) => prefix,
  },
  {
    name: 'dotted initials: U.S., a.m., J.R.R.',
    pattern: sticky(`((?:\\p{L}\\.){2,8})(\\p{L}(?!\\p{L}))?('s)?`),
    say: (match, context) => ({
      text: `${spell(`${match[1]}${match[2] ?? ''}`)}${match[3] ?? ''}`,
      ...(match[2] || match[3] ? {} : sentenceMark(context, context.index + match[0].length, true)),
    }),
  },
  {
    name: 'initial: J. Smith',
    pattern: sticky(`([A-Z])\\.(?=\\s?[A-Z])`),
    say: ([match, letter = ''], context) => {
      const following = /^\s?(\p{L}+)/u.exec(after(context, match, 40))?.[1] ?? ''
      const regnal = letter === 'I' && !/^\p{Lu}\p{Ll}/u.test(context.previous)
      return regnal || dotEnds(before(context, 60) + letter, () => following) ? undefined : letter
    },
  },
]

import { END, type Rule, type RuleContext, type Spoken, sentenceMark, spell, sticky } from './rules.ts'
import { anyOf, rows, table, wordSet } from './table.ts'

/** How an abbreviation with its dot is read. */
export interface Abbreviation {
  readonly say: string
  /** Only before a digit (`No. 5`), a capital (`Gen. Lee`), or anything but a new sentence (`max. 5`): some are ordinary words, too. */
  readonly before?: 'digit' | 'capital' | 'more'
  /** May be the last word of a sentence, whose full stop is then the same dot. */
  readonly final?: true
  /** Also without a dot, in this capitalization (British `Mr`). */
  readonly dotless?: true
}

const list = (entries: string, rest: Omit<Abbreviation, 'say'>) => rows(entries).map(([short, say]) => [short, { say, ...rest }] as const)

/** Abbreviations as they are written before the dot; a capital in the key must be a capital in the text. `St` and `Dr` are read by context. */
export const ABBREVIATIONS = table<Abbreviation>(
  list('Mr=Mister|Mrs=Missus|Ms=Mizz|Mx=Mix|Prof=Professor|Messrs=Messers', { dotless: true }),
  list('Gen=General|Col=Colonel|Capt=Captain|Lt=Lieutenant|Sgt=Sergeant|Cpl=Corporal|Maj=Major|Cmdr=Commander|Adm=Admiral', {
    before: 'capital',
  }),
  list('Gov=Governor|Sen=Senator|Rep=Representative|Pres=President|Rev=Reverend|Hon=Honorable|Fr=Father|Supt=Superintendent', {
    before: 'capital',
  }),
  list('Mt=Mount|Ft=Fort', { before: 'capital' }),
  list('No=number|no=number|Nos=numbers|nos=numbers|p=page|pp=pages|Fig=Figure|fig=figure|Figs=Figures|Eq=Equation|eq=equation', {
    before: 'digit',
  }),
  list(
    'Ch=Chapter|ch=chapter|Vol=Volume|vol=volume|Sec=Section|sec=section|Art=Article|art=article|Pt=Part|Ex=Example|Rm=Room|Apt=Apartment',
    { before: 'digit' },
  ),
  list('ca=circa|c=circa', { before: 'digit' }),
  list('etc=etcetera|Jr=Junior|Sr=Senior|Inc=Incorporated|Ltd=Limited|Corp=Corporation|Co=Company|Bros=Brothers|al=al', {
    final: true,
  }),
  list('Ave=Avenue|Blvd=Boulevard|Rd=Road|Hwy=Highway|Pkwy=Parkway|Ln=Lane|dept=department|Dept=Department|Univ=University', {
    final: true,
  }),
  list('Assn=Association|Assoc=Association|Intl=International|Govt=Government|govt=government|Mfg=Manufacturing', { final: true }),
  list('misc=miscellaneous|max=maximum|min=minimum|avg=average|est=established|ed=edited|eds=editors|trans=translated|temp=temperature', {
    before: 'more',
  }),
  list('ref=reference|ext=extension|Ext=Extension|tel=telephone|feat=featuring|esp=especially', { before: 'more' }),
  list('approx=approximately|Approx=Approximately|Est=Established|incl=including|excl=excluding|cf=compare|viz=namely|Tel=Telephone', {}),
  list('vs=versus|Vs=Versus|v=versus|eg=for example|ie=that is|Misc=Miscellaneous', {}),
  list('hrs=hours|hr=hour|mins=minutes|yrs=years|lbs=pounds|oz=ounces', { final: true }),
  [
    ['Ph.D', { say: 'P H D', final: true }],
    ['e.g', { say: 'for example' }],
    ['i.e', { say: 'that is' }],
    ['a.k.a', { say: 'also known as' }],
    ['et al', { say: 'et al', final: true }],
  ],
)

/** Abbreviations with a slash. */
const SLASHED = table<string>([
  ['w/o', 'without'],
  ['w/', 'with'],
  ['b/c', 'because'],
  ['n/a', 'not applicable'],
  ['c/o', 'care of'],
  ['a/c', 'A C'],
])

const DOTTED = anyOf(ABBREVIATIONS.keys())
const DOTLESS = anyOf([...ABBREVIATIONS].flatMap(([key, row]) => (row.dotless ? [key] : [])))

function sayAbbreviation(match: RegExpExecArray, context: RuleContext): Spoken | undefined {
  const key = match[1] as string
  const row = ABBREVIATIONS.get(key) ?? ABBREVIATIONS.get(key.toLowerCase())
  if (!row) return undefined
  const end = context.index + match[0].length
  const next = context.text.slice(end, end + 12)
  if (row.before === 'digit' && !/^\s*[\d#]|^\s+[IVXLC]{2,}\b/.test(next)) return undefined
  if (row.before === 'more' && !/^,|^\s+[\p{Ll}\d$€£]/u.test(next)) return undefined
  if (row.before === 'capital' && !/^\s+\p{Lu}/u.test(next)) return undefined
  return { text: row.say, ...(match[0].endsWith('.') ? sentenceMark(context, end, row.final === true) : {}) }
}

/** "Saint" or "Street", "Doctor" or "Drive": the title comes before a name, the road after one. */
function sayRoadOrTitle(title: string, road: string, match: RegExpExecArray, context: RuleContext): Spoken | undefined {
  const end = context.index + match[0].length
  const dotted = match[0].endsWith('.')
  const beforeName = /^\s+\p{Lu}/u.test(context.text.slice(end, end + 4))
  const afterName = /^(?:\p{Lu}\p{L}+|\d+(?:st|nd|rd|th)|\p{Lu})$/u.test(context.previous) && !OPENERS.has(context.previous.toLowerCase())
  const opens = /(?:^|[.!?"(\n]\s{0,3})\p{L}{1,20}\s{1,3}$/u.test(context.text.slice(Math.max(0, context.index - 26), context.index))
  if (!dotted && !beforeName) return undefined
  if (beforeName && (!afterName || opens || title === 'Doctor')) return { text: title }
  if (!afterName && !beforeName)
    return dotted ? { text: title === 'Saint' ? road : title, ...sentenceMark(context, end, false) } : undefined
  return { text: road, ...(dotted ? sentenceMark(context, end, true) : {}) }
}
const OPENERS = wordSet(
  'the in at on of to from near by with for and or but when while after before is was as our my his her their this that see ask dear then so if mount fort north south east west',
)

/** Abbreviations and initials. */
export const ABBREVIATION_RULES: readonly Rule[] = [
  {
    name: 'w/, w/o',
    pattern: sticky(`(w/o|w/|b/c|n/a|c/o|a/c)(?!/)(?:(?<=w/)|${END})`, 'i'),
    say: ([, key = '']) => SLASHED.get(key.toLowerCase()),
  },
  { name: 'St.', pattern: sticky(`St(?:\\.|(?= ))`), say: (match, context) => sayRoadOrTitle('Saint', 'Street', match, context) },
  { name: 'Dr.', pattern: sticky(`Dr(?:\\.|(?= ))`), say: (match, context) => sayRoadOrTitle('Doctor', 'Drive', match, context) },
  { name: 'abbreviation with a dot', pattern: sticky(`(${DOTTED}|E\\.g|I\\.e)\\.`), say: sayAbbreviation },
  { name: 'abbreviation without a dot', pattern: sticky(`(${DOTLESS})(?= \\p{Lu})`), say: sayAbbreviation },
  { name: 'vs', pattern: sticky(`vs${END}`), say: () => 'versus' },
  {
    name: 'road without a dot: 2nd Ave',
    pattern: sticky(`(Ave|Blvd|Rd|Hwy|Pkwy)${END}`),
    say: ([, road = ''], { previous }) => (/^\p{Lu}|(?:st|nd|rd|th)$/u.test(previous) ? ABBREVIATIONS.get(road)?.say : undefined),
  },
  { name: 'PhD', pattern: sticky(`PhD('s|s)?${END}`), say: ([, ending = '']) => `P H D${ending && "'s"}` },
  {
    name: 'prefix before digits: mid-1990s',
    pattern: sticky(`(mid|pre|post|early|late|non|ex)-(?=\\d)`, 'i'),
    say: ([, prefix]) => prefix,
  },
  {
    name: 'dotted initials: U.S., a.m., J.R.R.',
    pattern: sticky(`((?:\\p{L}\\.){2,8})(\\p{L}(?!\\p{L}))?('s)?`),
    say: (match, context) => ({
      text: `${spell(`${match[1]}${match[2] ?? ''}`)}${match[3] ?? ''}`,
      ...(match[2] || match[3] ? {} : sentenceMark(context, context.index + match[0].length, /^(?:a\.m\.|p\.m\.)$/i.test(match[0]))),
    }),
  },
  {
    name: 'initial: J. Smith',
    pattern: sticky(`([A-Z])\\.(?=\\s?[A-Z])`),
    say: ([, letter = ''], { text, index }) => (letter === 'I' && !/^I\. ?[A-Z]\./.test(text.slice(index, index + 6)) ? undefined : letter),
  },
]

import { abbreviationOf } from './abbreviation-table.ts'
import { sentenceMark } from './dots.ts'
import { digitsToWords, pairsToWords } from './numbers.ts'
import { after, before, END, type Rule, type RuleContext, type Spoken, sticky } from './rules.ts'
import { anyOf, rows, table, wordSet } from './table.ts'

const NOT_A_NAME = wordSet(
  'the in at on of to from near by with for and or but when while after before is was as our my his her their this that see ask dear then so if rue mt ft mount fort lake port bay cape cathedral church saint sault north south east west',
)
/** The last word of a street's name, and what it is short for. */
const STREET =
  '(?:St|Ave|Rd|Blvd|Dr|Ln|Ct|Pl|Sq|Pkwy|Hwy|Expy|Ter|Cir|Fwy|Street|Avenue|Road|Boulevard|Drive|Lane|Court|Place|Square|Parkway|Highway|Terrace|Circle|Way|Row|Trail|Alley|Crescent|Plaza|Loop)(?![\\p{L}\\d])'
const NAME = "(?:\\p{Lu}[\\p{L}'.]{0,20}|\\d{1,3}(?:st|nd|rd|th))"
const DIRECTIONS = table<string>(rows('N=North|S=South|E=East|W=West|NE=Northeast|NW=Northwest|SE=Southeast|SW=Southwest'))

const STATES = table<string>(
  rows('AL=Alabama|AK=Alaska|AZ=Arizona|AR=Arkansas|CA=California|CO=Colorado|CT=Connecticut|DE=Delaware|FL=Florida|GA=Georgia|HI=Hawaii'),
  rows('ID=Idaho|IL=Illinois|IN=Indiana|IA=Iowa|KS=Kansas|KY=Kentucky|LA=Louisiana|ME=Maine|MD=Maryland|MA=Massachusetts|MI=Michigan'),
  rows('MN=Minnesota|MS=Mississippi|MO=Missouri|MT=Montana|NE=Nebraska|NV=Nevada|NH=New Hampshire|NJ=New Jersey|NM=New Mexico|NY=New York'),
  rows('NC=North Carolina|ND=North Dakota|OH=Ohio|OK=Oklahoma|OR=Oregon|PA=Pennsylvania|RI=Rhode Island|SC=South Carolina'),
  rows(
    'SD=South Dakota|TN=Tennessee|TX=Texas|UT=Utah|VT=Vermont|VA=Virginia|WA=Washington|WV=West Virginia|WI=Wisconsin|WY=Wyoming|DC=D C',
  ),
)
const DOTTED_STATES = table<string>(
  rows(
    'Ala=Alabama|Ariz=Arizona|Ark=Arkansas|Calif=California|Colo=Colorado|Conn=Connecticut|Del=Delaware|Fla=Florida|Ga=Georgia|Ill=Illinois',
  ),
  rows(
    'Ind=Indiana|Kan=Kansas|Ky=Kentucky|La=Louisiana|Md=Maryland|Mass=Massachusetts|Mich=Michigan|Minn=Minnesota|Miss=Mississippi|Mo=Missouri',
  ),
  rows('Mont=Montana|Neb=Nebraska|Nev=Nevada|Okla=Oklahoma|Ore=Oregon|Pa=Pennsylvania|Tenn=Tennessee|Tex=Texas|Va=Virginia|Vt=Vermont'),
  rows('Wash=Washington|Wis=Wisconsin|Wyo=Wyoming'),
)
/** A city and a comma before: not the first word of "Yes, OK". */
const AFTER_CITY = /(?:^|[^\p{L}])(?!(?:Yes|No|Well|Sure|Oh|So|Fine|Hi|Hey|Right)\b)\p{Lu}[\p{L}.']*,? $/u
const AFTER_STATE = new RegExp(`(?:${anyOf([...STATES.values(), 'D.C.'])}) $`)
const AFTER_HOUSE_NUMBER = new RegExp(`\\d[A-Z]? (?:[NSEW]\\.? )?(?:${NAME} ){0,2}${NAME} $`, 'u')
const ZIP = '(\\d{5})(?:-(\\d{4}))?(?![\\d,.]\\d|[-\\d\\p{L}])'

const sayZip = (zip: string, four: string | undefined) => digitsToWords(zip) + (four ? `, ${digitsToWords(four)}` : '')

/** "Saint" or "Street", "Doctor" or "Drive": the title comes before a name, the road after one. */
function sayRoadOrTitle(title: string, road: string, match: RegExpExecArray, context: RuleContext): Spoken | undefined {
  const end = context.index + match[0].length
  const dotted = match[0].endsWith('.')
  const next = after(context, match[0], 40)
  const beforeName = /^\s+\p{Lu}/u.test(next) && !/^\s(?:[NS][EW]|[NSEW]|Apt|Suite|Ste|Unit|Room|Floor)(?![\p{L}])/u.test(next)
  const afterName =
    /^(?:\p{Lu}[\p{L}']+|\d+(?:st|nd|rd|th)|\p{Lu})$/u.test(context.previous) && !NOT_A_NAME.has(context.previous.toLowerCase())
  const opens = /(?:^|[.!?"(\n]\s{0,3})\p{L}{1,20}\s{1,3}$/u.test(before(context, 26))
  if (!dotted && !beforeName)
    return afterName && /^(?:[,.;:!?)\n–-]|$|\s[\p{Ll}\d&]|\s(?:[NS][EW]|[NSEW]|Apt|Suite|Ste|Unit)(?![\p{L}]))/u.test(next)
      ? { text: road }
      : undefined
  if (beforeName && afterName && dotted && AFTER_HOUSE_NUMBER.test(before(context, 60)))
    return { text: road, ...sentenceMark(context, end, true) }
  if (
    beforeName &&
    (!afterName || opens || title === 'Doctor') &&
    !(title === 'Doctor' && afterName && /^\s(?:is|was|in|at|to|and)\s/.test(next))
  )
    return { text: title }
  if (!afterName && !beforeName)
    return dotted ? { text: title === 'Saint' ? road : title, ...sentenceMark(context, end, false) } : undefined
  return { text: road, ...(dotted ? sentenceMark(context, end, true) : {}) }
}

/** Addresses of houses: numbers in pairs, streets, directions, states and ZIP codes. */
export const STREET_RULES: readonly Rule[] = [
  {
    name: 'house number: 1234 Main St, 221B Baker St.',
    pattern: sticky(`(\\d{1,5})([A-Z])?(?= (?:(?:[NSEW]|[NS][EW])\\.? )?(?:${NAME} ){1,3}${STREET})`),
    say([match, digits = '', letter], context) {
      if (
        /^(?:and|or|to|of|in|on|since|the)$/i.test(context.previous) &&
        digits.length === 4 &&
        /^\s\p{Lu}\p{Ll}+\s\p{Ll}/u.test(after(context, match))
      )
        return undefined
      return pairsToWords(digits) + (letter ? ` ${letter}` : '')
    },
  },
  {
    name: 'direction: W. 42nd St., 123 N. Elm, Ave. NW',
    pattern: sticky(
      `([NS][EW]|[NSEW])(\\.)?(?= ${NAME}(?: \\p{Lu}[\\p{L}']{0,20}){0,2} ${STREET})|(?<=(?:St|Ave|Rd|Blvd|Dr|Street|Avenue|Road|Boulevard|Drive)\\.? )([NS]\\.?[EW]|[NSEW])(\\.)?(?![\\p{L}\\d])`,
    ),
    say([match, first, , second], context) {
      const text = DIRECTIONS.get((first ?? (second as string)).replace('.', '')) as string
      return { text, ...(match.endsWith('.') ? sentenceMark(context, context.index + match.length, true) : {}) }
    },
  },
  {
    name: 'state and ZIP: MA 02115, NY 10001-1234',
    pattern: sticky(`([A-Z]{2})\\.?,? ${ZIP}`),
    say: ([, code = '', zip = '', four]) => (STATES.has(code) ? `${STATES.get(code)} ${sayZip(zip, four)}` : undefined),
  },
  {
    name: 'state after a city: Austin, TX',
    pattern: sticky('([A-Z]{2})(?![\\p{L}\\d-])(?=[.,;:!?)\\n]|$|\\s(?:\\p{Ll}|\\())'),
    say([, code = ''], context) {
      if (!/,\s$/.test(before(context, 2)) || !AFTER_CITY.test(before(context, 24))) return undefined
      return STATES.get(code)
    },
  },
  {
    name: 'state with a dot: Chicago, Ill.',
    pattern: sticky(`(${[...DOTTED_STATES.keys()].join('|')})\\.(?:,? ${ZIP})?`),
    say([match, key = '', zip, four], context) {
      if (!/\p{Lu}[\p{L}.']*, $/u.test(before(context))) return undefined
      const text = `${DOTTED_STATES.get(key)}${zip ? ` ${sayZip(zip, four)}` : ''}`
      return { text, ...(match.endsWith('.') ? sentenceMark(context, context.index + match.length, true) : {}) }
    },
  },
  {
    name: 'ZIP after a state: Massachusetts 02115',
    pattern: sticky(ZIP),
    say([, zip = '', four], context) {
      const named = AFTER_STATE.test(before(context, 20)) || /zip(?: code)?:? $/i.test(before(context, 12))
      return named ? sayZip(zip, four) : undefined
    },
  },
  {
    name: 'St.',
    pattern: sticky('St(?:\\.|(?![\\p{L}\\d]))'),
    say: (match, context) => sayRoadOrTitle('Saint', 'Street', match, context),
  },
  {
    name: 'Dr.',
    pattern: sticky('Dr(?:\\.|(?![\\p{L}\\d-]))'),
    say: (match, context) => sayRoadOrTitle('Doctor', 'Drive', match, context),
  },
  {
    name: 'road without a dot: 2nd Ave, Kennedy Expy, Hwy 61',
    pattern: sticky(`(hwy|Ave|Blvd|Rd|Hwy|Pkwy|Ln|Ct|Pl|Sq|Expy|Ter|Cir|Fwy)${END}(?!\\.)`),
    say: ([match, road = ''], context) =>
      /^\p{Lu}|(?:st|nd|rd|th)$/u.test(context.previous) ||
      (/^[Hh]wy$/.test(road) && /\/$/.test(before(context, 1))) ||
      (/^[Hh]wy$/.test(road) && /^ \d/.test(after(context, match)))
        ? abbreviationOf(road)?.[0]?.say
        : undefined,
  },
]

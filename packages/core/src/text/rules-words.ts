import { cardinalToWords, digitsToWords, numberToWords, ordinalToWords, romanToNumber, yearToWords } from './numbers.ts'
import { END, type Rule, type RuleContext, type Spoken, sentenceMark, spell, sticky } from './rules.ts'
import {
  ABBREVIATIONS,
  DOMAINS,
  FILE_TYPES,
  GREEK_NAMES,
  MONTH_NAMES,
  NUMBERED_NOUNS,
  REGNAL_NAMES,
  SAID_AS_WORDS,
  SHORT_WORDS,
  SLASHED,
  SPELLED,
} from './tables.ts'

const escapePattern = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
const longestFirst = (keys: readonly string[]) =>
  [...keys]
    .sort((a, b) => b.length - a.length)
    .map(escapePattern)
    .join('|')
const DOTTED = longestFirst(Object.keys(ABBREVIATIONS))
const DOTLESS = longestFirst(Object.keys(ABBREVIATIONS).filter(key => ABBREVIATIONS[key]?.dotless))

/** Consonants that English puts before and after its vowels; capitals that break this are letters, not a word. */
const ONSET =
  '(?:[bcdfghjklmnprstvwxyz]|bl|br|ch|chr|cl|cr|dr|dw|fl|fr|gh|gl|gn|gr|kn|kl|kr|ph|pl|pr|ps|qu|rh|sc|sch|scr|sh|shr|sk|sl|sm|sn|sp|spl|spr|sq|squ|st|str|sw|th|thr|tr|tw|wh|wr)?'
const CODA =
  '(?:[bcdfgklmnprstvwxyz]|bs|bt|ck|ct|ds|dge?|ff|fs|ft|gh|ght|gs|ks|lb|ld|lf|lk|ll|lm|lp|ls|lt|ms|mp|mps|nc|nch|nd|nds|ng|ngs|nk|ns|nt|nts|ph|ps|pt|rb|rc|rch|rd|rds|rf|rg|rk|rks|rl|rm|rms|rn|rns|rp|rs|rst|rt|rth|rts|sh|sk|sm|sp|ss|st|sts|tch|th|ths|ts|tt|wd|wk|wl|wn|ws|xt)?'
const PRONOUNCEABLE = new RegExp(`^${ONSET}[aeiouy]{1,3}(?:[bcdfghjklmnpqrstvwxz]{1,3}[aeiouy]{1,3})*${CODA}$`)

/** Capitals as a careful reader says them: a word, or letter by letter. */
function sayCapitals(word: string, shouted: boolean): string {
  const known = SAID_AS_WORDS[word]
  if (known) return known
  const lower = word.toLowerCase()
  if (word.length === 1) return word
  if (shouted) return lower
  if (SPELLED.has(word)) return spell(word)
  if (word.length <= 3) return SHORT_WORDS.has(lower) ? lower : spell(word)
  return PRONOUNCEABLE.test(lower) ? lower : spell(word)
}

/** Digits inside a name: "747" as said in "Boeing 747", "2026" as a year. */
function sayDigits(digits: string): string {
  if (digits.startsWith('0') && digits.length > 1) return digitsToWords(digits)
  if (/^(?:1\d|20)\d\d$/.test(digits)) return yearToWords(digits)
  return digits.length > 4 ? digitsToWords(digits) : cardinalToWords(digits)
}

/** One part of a compound: letters in one case, or digits. */
function sayPart(part: string, shouted: boolean): string {
  if (/^\d/.test(part)) return sayDigits(part)
  return /^[A-Z]+$/.test(part) ? sayCapitals(part, shouted) : part
}

const PART = /\d+|\p{Lu}+(?![\p{Ll}\p{M}])|\p{Lu}?[\p{Ll}\p{M}']+|\p{Lu}[\p{Ll}\p{M}']*|[\p{L}\p{M}']+/gu

/** Letters, digits, capitals and hyphens in any mixture: "B2B", "COVID-19", "iPhone15", "OpenAI", "AI-powered". */
function sayCompound(compound: string, shouted: boolean): string {
  const parts = compound.match(PART) ?? []
  return parts
    .map((part, i) => {
      const besideDigits = /^\d/.test(parts[i - 1] ?? '') || /^\d/.test(parts[i + 1] ?? '')
      if (besideDigits && /^[A-Z]{1,3}$/.test(part) && !SAID_AS_WORDS[part]) return spell(part)
      if (/^[a-z]$/.test(part) && (besideDigits || i === 0)) return part.toUpperCase()
      if (/^[a-z]{2,3}$/.test(part) && besideDigits && !/[aeiouy]/.test(part)) return spell(part)
      return sayPart(part, shouted)
    })
    .join(' ')
}

/** Host, path, file or account names: words and digits with their dots, dashes and slashes said. */
function sayAddress(address: string): string {
  const names: Readonly<Record<string, string>> = {
    '.': 'dot',
    '/': 'slash',
    '-': 'dash',
    _: 'underscore',
    '@': 'at',
    ':': 'colon',
    '?': 'question mark',
    '=': 'equals',
    '&': 'and',
    '#': 'hash',
    '%': 'percent',
    '+': 'plus',
    '~': 'tilde',
  }
  const parts = address.match(/[A-Za-z]+|\d+|[^A-Za-z\d]/g) ?? []
  return parts
    .map(part => {
      if (/^\d/.test(part)) return sayDigits(part)
      if (!/^[A-Za-z]/.test(part)) return names[part] ?? ''
      const lower = part.toLowerCase()
      return SPOKEN_ENDINGS.has(lower) || !/[aeiouy]/.test(lower) ? spell(part) : /^[A-Z]+$/.test(part) ? sayCapitals(part, false) : part
    })
    .filter(part => part !== '')
    .join(' ')
}
const SPOKEN_ENDINGS = new Set('io ai uk us eu tv js ts py rs md pdf csv html css xml cpp svg exe'.split(' '))

function sayAbbreviation(match: RegExpExecArray, context: RuleContext): Spoken | undefined {
  const key = match[1] as string
  const row = ABBREVIATIONS[key] ?? ABBREVIATIONS[key.toLowerCase()]
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
const OPENERS = new Set(
  'the in at on of to from near by with for and or but when while after before is was as our my his her their this that see ask dear then so if mount fort north south east west'.split(
    ' ',
  ),
)

const ENDS_IN_DOMAIN = new RegExp(`\\.(?:${DOMAINS})$`)

/** Everything that begins with a letter and is more than a plain word; the first row that matches and answers wins. */
export const WORD_RULES: readonly Rule[] = [
  {
    name: "user's lexicon",
    pattern: sticky(`[\\p{L}\\p{N}][\\p{L}\\p{M}\\p{N}]{0,99}(?:['&.+#/_-]{1,2}[\\p{L}\\p{M}\\p{N}]{0,99}){0,5}`),
    say([run], { lexicon }) {
      if (!lexicon?.size) return undefined
      const parts = run.match(/[\p{L}\p{M}\p{N}]+|[^\p{L}\p{M}\p{N}]/gu) ?? []
      for (let count = parts.length; count > 0; count--) {
        const word = parts.slice(0, count).join('')
        const found = lexicon.lookup(word)
        if (!found) continue
        return 'phonemes' in found
          ? { text: word, phonemes: found.phonemes, length: word.length }
          : { text: found.respelling, length: word.length }
      }
      return undefined
    },
  },
  {
    name: 'e-mail',
    pattern: sticky(`[A-Za-z0-9][\\w.+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\\.[A-Za-z0-9-]{1,63}){1,5}`),
    say: ([address]) => sayAddress(address),
  },
  {
    name: 'web address',
    pattern: sticky(
      `(?:https?://)?(?:www\\.)?(?=[A-Za-z0-9-]{1,63}[.:/])([A-Za-z0-9-]{1,63}(?:\\.[A-Za-z0-9-]{1,63}){0,6})((?::\\d{1,5})?(?:[/?#][^\\s<>"'()\\[\\]]{0,300})?)`,
      'i',
    ),
    say([match, host = '', path = '']) {
      if (!/^(?:https?:|www\.)/i.test(match) && !ENDS_IN_DOMAIN.test(host)) return undefined
      if (!/[a-z]/i.test(host)) return undefined
      const trailing = /[.,;:!?/]*$/.exec(path)?.[0].length ?? 0
      const spokenPath = path.slice(0, path.length - trailing)
      return { text: sayAddress(host + spokenPath), length: match.length - (trailing && path.endsWith('/') ? 0 : trailing) }
    },
  },
  {
    name: 'file name: index.html, Node.js',
    pattern: sticky(`([A-Za-z0-9_-]{1,80}(?:\\.[A-Za-z0-9_-]{1,20}){0,3}\\.(?:${FILE_TYPES}))${END}`),
    say: ([, file = '']) => (/[A-Za-z]/.test(file.replace(/\.\w+$/, '')) ? sayAddress(file) : undefined),
  },
  {
    name: '@handle',
    pattern: sticky(`@([A-Za-z_]\\w{0,60})`),
    say: ([, name = '']) => `at ${sayCompound(name.replaceAll('_', ' underscore '), false)}`,
  },
  {
    name: '#hashtag',
    pattern: sticky(`#([\\p{L}_][\\p{L}\\p{N}_]{0,100})`),
    say: ([, tag = '']) => `hashtag ${sayCompound(tag, false)}`,
  },
  {
    name: 'C++, C#',
    pattern: sticky(`([A-Z])(\\+\\+|#)(?![\\p{L}\\p{N}#])`),
    say: ([, letter, sign]) => `${letter} ${sign === '#' ? 'sharp' : 'plus plus'}`,
  },
  { name: '.NET', pattern: sticky(`\\.([A-Z]{2,5}|env)${END}`), say: ([, name = '']) => `dot ${name.toLowerCase()}` },
  {
    name: 'w/, w/o',
    pattern: sticky(`(w/o|w/|b/c|n/a|c/o|a/c)(?!/)(?:(?<=w/)|${END})`, 'i'),
    say: ([, key = '']) => SLASHED[key.toLowerCase()],
  },
  { name: 'St.', pattern: sticky(`St(?:\\.|(?= ))`), say: (match, context) => sayRoadOrTitle('Saint', 'Street', match, context) },
  { name: 'Dr.', pattern: sticky(`Dr(?:\\.|(?= ))`), say: (match, context) => sayRoadOrTitle('Doctor', 'Drive', match, context) },
  {
    name: 'month abbreviation',
    pattern: sticky(`(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\\.`),
    say(match, context) {
      const end = context.index + match[0].length
      const dated = /^(?:in|by|since|until|from|of|last|next|this|early|late|mid|to)$/i.test(context.previous)
      if (!dated && !/^(?:,? \p{Ll}|[,;)])/u.test(context.text.slice(end, end + 3))) return undefined
      return { text: MONTH_NAMES[match[1] as string] as string, ...sentenceMark(context, end, true) }
    },
  },
  {
    name: 'days: Mon–Fri, Tues. 5 May',
    pattern: sticky(
      `(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)(?:(?:\\s?–\\s?|-)(Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)${END}|\\.?(?=,? (?:\\d|${Object.keys(MONTH_NAMES).join('|')}))|(?<=Mon|Tues|Wed|Thurs|Fri)\\.(?= \\p{Ll}|[,;)]))`,
    ),
    say: ([, first = '', last]) => `${DAY_NAMES[first.slice(0, 2)]}${last ? ` to ${DAY_NAMES[last.slice(0, 2)]}` : ''}`,
  },
  { name: 'abbreviation with a dot', pattern: sticky(`(${DOTTED}|E\\.g|I\\.e)\\.`), say: sayAbbreviation },
  { name: 'abbreviation without a dot', pattern: sticky(`(${DOTLESS})(?= \\p{Lu})`), say: sayAbbreviation },
  { name: 'vs', pattern: sticky(`vs${END}`), say: () => 'versus' },
  {
    name: 'road without a dot: 2nd Ave',
    pattern: sticky(`(Ave|Blvd|Rd|Hwy|Pkwy)${END}`),
    say: ([, road = ''], { previous }) => (/^\p{Lu}|(?:st|nd|rd|th)$/u.test(previous) ? ABBREVIATIONS[road]?.say : undefined),
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
  {
    name: 'Roman numeral: Henry VIII, Chapter IV, World War II',
    pattern: sticky(`([IVXLCDM]{1,10})('s)?${END}(?!-)`),
    say([match, numeral = '', possessive = ''], { previous, shouted, text, index }) {
      const value = romanToNumber(numeral)
      if (value === undefined || shouted) return undefined
      const noun = NUMBERED_NOUNS.has(previous.toLowerCase())
      const pronoun =
        numeral === 'I' &&
        /^(?:'|,? (?:am|think|have|don|know|love|want|need|mean)\b)/.test(text.slice(index + match.length, index + match.length + 8))
      if (REGNAL_NAMES.has(previous) && value < 40 && !pronoun && !(previous === 'Malcolm' && numeral === 'X')) {
        return `the ${ordinalToWords(String(value))}${possessive}`
      }
      if (/^X{0,3}(?:III?|VIII?)$/.test(numeral)) return cardinalToWords(String(value)) + possessive
      const named = /^\p{Lu}\p{Ll}/u.test(previous)
      return noun || (named && /^(?:[IVX]{2,})$/.test(numeral)) ? cardinalToWords(String(value)) + possessive : undefined
    },
  },
  {
    name: 'letter: vitamin A, grade A eggs',
    pattern: sticky(`A${END}(?!['.-])`),
    say(_, { previous, text, index }) {
      const titleCase = /^\p{Lu}/u.test(previous) && /^ \p{Lu}\p{Ll}/u.test(text.slice(index + 1, index + 4))
      const letter = text[index + 1] === '/' || text[index + 1] === '+' || (previous !== '' && !titleCase)
      return letter ? 'A' : 'a'
    },
  },
  {
    name: 'capitals: FBI, NASA, CPUs, FBI’s',
    pattern: sticky(`([A-Z]{2,30})('s|s)?(?![\\p{L}\\p{M}\\p{N}&]|-[\\p{L}\\p{N}]|'\\p{L})`),
    say([, letters = '', ending = ''], { shouted, previous }) {
      if (letters === 'AM' && previous === 'I') return 'am'
      const spoken = sayCapitals(letters, shouted)
      return spoken + (ending === 's' && / [A-Z]$/.test(spoken) ? "'s" : ending)
    },
  },
  {
    name: 'and between capitals: AT&T, R&D',
    pattern: sticky(`([A-Z]{1,4})&([A-Z]{1,4})${END}`),
    say: ([, a = '', b = '']) => `${spell(a)} and ${spell(b)}`,
  },
  {
    name: 'mixed: B2B, MP3, A4, COVID-19, OpenAI',
    pattern: sticky(
      `(?=[\\p{L}\\p{M}'-]{0,60}(?:\\d|\\p{Lu}{2}|\\p{Ll}\\p{Lu}))\\p{L}[\\p{L}\\p{M}\\p{N}]{0,60}(?:['-][\\p{L}\\p{N}][\\p{L}\\p{M}\\p{N}]{0,60}){0,6}`,
    ),
    say([word], { shouted }) {
      if (/^(?:Mc|Mac|De|Le|La|Di|Du|Van|Fitz|O')\p{Lu}\p{Ll}+('s)?$/u.test(word)) return word
      if (shouted && /^[\p{Lu}'-]+$/u.test(word)) return word.toLowerCase()
      return sayCompound(word, shouted)
    },
  },
  {
    name: 'mixed, digits first: 4K, 3D, 1080p',
    pattern: sticky(`\\d{1,12}[\\p{L}][\\p{L}\\p{N}]{0,40}`),
    say: ([word]) => sayCompound(word, false),
  },
  {
    name: 'Greek letter',
    pattern: sticky(`([α-ωςµΩ])(?![α-ω])`),
    say: ([, letter = '']) => GREEK_NAMES[letter],
  },
  { name: 'digits before anything else', pattern: sticky('\\d{1,40}'), say: ([digits]) => numberToWords(digits) },
  {
    name: 'word',
    pattern: sticky(`'?[\\p{Script=Latin}\\p{M}]{1,200}(?:['-][\\p{Script=Latin}\\p{M}]{1,200}){0,20}(?:'(?=\\s|$))?`),
    say: ([word]) => word.replace(/^'(?!(?:tis|twas|em|til|cause|bout|round)\b)/i, '').replace(/(?<!s)'$/i, ''),
  },
]

const DAY_NAMES: Readonly<Record<string, string>> = {
  Mo: 'Monday',
  Tu: 'Tuesday',
  We: 'Wednesday',
  Th: 'Thursday',
  Fr: 'Friday',
  Sa: 'Saturday',
  Su: 'Sunday',
}

import { findEnglishWord } from './english-words.ts'
import { cardinalToWords, digitsToWords, yearToWords } from './numbers.ts'
import { END, type Rule, spell, sticky } from './rules.ts'
import { table, wordSet } from './table.ts'

/** Capitals that are said as a word although neither the dictionary nor the rule says so, with their respelling if espeak needs one. */
const SAID_AS_WORDS = table<string>(
  [
    ...wordSet(
      'OPEC AIDS SIM RAM ROM GIF LAN WAN PIN NAFTA UEFA FIFA COVID ASCII SARS ZIP BASIC FOMO YOLO NASA NATO NASCAR NASDAQ OSHA UNESCO UNICEF UNIX SWAT FORTRAN COBOL MIDI GATT FIFO LIFO IKEA ISIS MOOC NVIDIA NORAD PASCAL QWERTY RISC SEATO SIDS TEFL TESOL TOEFL TELNET WASP AWOL AWACS ANSI NIMBY GIGO MIRV FEMA DARPA PETA ASEAN SCADA',
    ),
  ].map(word => [word, word.toLowerCase()] as const),
  [
    ['OK', 'okay'],
    ['JSON', 'jason'],
    ['JPEG', 'jay peg'],
    ['MPEG', 'em peg'],
    ['YAML', 'yammel'],
    ['IEEE', 'I triple E'],
    ['NAACP', 'N double A C P'],
    ['NCAA', 'N C double A'],
    ['AAA', 'triple A'],
    ['WYSIWYG', 'wizzywig'],
    ['CRUD', 'crud'],
    ['HIPAA', 'hippa'],
    ['NOAA', 'Noah'],
    ['LSAT', 'L sat'],
    ['GMAT', 'G mat'],
    ['DVD', 'D V D'],
    ['OAUTH', 'O auth'],
  ],
)

/** Capitals that are spelled although they could be a word. */
const SPELLED = wordSet(
  'UCLA AARP USDA USAF IAEA ACLU AFAIK ISBN UUID GUID USSR HVAC LGBTQ YMCA YWCA AOL EULA CEO CFO CTO COO EPA IPA IRA IRS ETA IOS ASMR IPO UAE HIV VIP RIP ASAP BYOB ROTC REIT RSVP HSBC FBI CIA DIY FAQ CNN BBC NBC ABC NBA NFL NHL MLB USA EU UN UK US GPS USB PDF HTML API CPU GPU ATM IQ TV PC AI DJ DNA RNA UFO LAPD NYPD LAFD',
)

/** English words of two and three letters, which capitals do not make acronyms. */
const SHORT_WORDS = wordSet(
  'no go so my me we he oh if is as at be by do in of on or to up an hi ah ha ow ox the and for are but not you all any can had her was one our out day get has him his how man new now old see two way who boy did let put say she too use dad mom yes yet top big bad bed box buy car cat cut dog eat end far few fun god got guy hot job lot low may nor off own pay run sad set sit six ten try war why win won wow red sun sky bus fly ago air arm art ask bar bit cup due ear egg eye fat fit fix gas hit ice ill its key kid lay led leg lie map mix net nut oil pen pet pop raw row sea sex son tax tea tie tip toy van via wet wine yep nah hey aha huh mum sir zoo joy fan fee fog gun hat hug jam jaw jet law lip mud nap odd pan pig pot ray rib rob rub rug sum tap ton tub wax web',
)

/** Consonants that English puts before and after its vowels; capitals that break this are letters, not a word. */
const ONSET =
  '(?:[bcdfghjklmnprstvwxyz]|bl|br|ch|chr|cl|cr|dr|dw|fl|fr|gh|gl|gn|gr|kn|kl|kr|ph|pl|pr|ps|qu|rh|sc|sch|scr|sh|shr|sk|sl|sm|sn|sp|spl|spr|sq|squ|st|str|sw|th|thr|tr|tw|wh|wr)?'
const CODA =
  '(?:[bcdfgklmnprstvwxyz]|bs|bt|ck|ct|ds|dge?|ff|fs|ft|gh|ght|gs|ks|lb|ld|lf|lk|ll|lm|lp|ls|lt|ms|mp|mps|nc|nch|nd|nds|ng|ngs|nk|ns|nt|nts|ph|ps|pt|rb|rc|rch|rd|rds|rf|rg|rk|rks|rl|rm|rms|rn|rns|rp|rs|rst|rt|rth|rts|sh|sk|sm|sp|ss|st|sts|tch|th|ths|ts|tt|wd|wk|wl|wn|ws|xt)?'
const PRONOUNCEABLE = new RegExp(`^${ONSET}[aeiouy]{1,3}(?:[bcdfghjklmnpqrstvwxz]{1,3}[aeiouy]{1,3})*${CODA}$`)

/**
 * Capitals as a careful reader says them: a word, or letter by letter. A dictionary decides; the pattern of consonants is only asked about what it lacks.
 * @param shouted the sentence is written in capitals
 */
export function sayCapitals(word: string, shouted: boolean): string {
  const known = SAID_AS_WORDS.get(word)
  if (known) return known
  if (word.length === 1) return word
  const lower = word.toLowerCase()
  if (shouted && (SHORT_WORDS.has(lower) || SHOUTED_WORDS.has(lower))) return lower
  if (SPELLED.has(word)) return spell(word)
  if (word.length <= 3 && !shouted) return SHORT_WORDS.has(lower) ? lower : spell(word)
  const written = findEnglishWord(lower)
  const isWord = written === undefined || word.length <= 3 ? PRONOUNCEABLE.test(lower) : written !== 'upper'
  return isWord ? lower : spell(word)
}

/** Whether capitals are certainly a word and no acronym, which tells that a sentence is written in capitals. */
export function isCapitalizedWord(word: string): boolean {
  const lower = word.toLowerCase()
  return word.length <= 3 ? SHORT_WORDS.has(lower) || SHOUTED_WORDS.has(lower) : !SPELLED.has(word) && findEnglishWord(lower) === 'lower'
}

/** Words that are acronyms, too: words only where everything is written in capitals. */
const SHOUTED_WORDS = wordSet('it us am who ok')

/** Digits inside a name: "747" as said in "Boeing 747", "2026" as a year. */
export function sayDigits(digits: string): string {
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
export function sayCompound(compound: string, shouted: boolean): string {
  const parts = compound.match(PART) ?? []
  return parts
    .map((part, i) => {
      const besideDigits = /^\d/.test(parts[i - 1] ?? '') || /^\d/.test(parts[i + 1] ?? '')
      if (besideDigits && /^[A-Z]{1,3}$/.test(part) && !SAID_AS_WORDS.get(part)) return spell(part)
      if (/^[a-z]$/.test(part) && (besideDigits || i === 0)) return part.toUpperCase()
      if (/^[a-z]{2,3}$/.test(part) && besideDigits && !/[aeiouy]/.test(part)) return spell(part)
      return sayPart(part, shouted)
    })
    .join(' ')
}

/** Words with capitals or digits inside. */
export const CAPITAL_RULES: readonly Rule[] = [
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
      if (letters === 'WHO' && /^the$/i.test(previous)) return 'W H O'
      const spoken = sayCapitals(letters, shouted)
      return spoken + (ending === 's' && / [A-Z]$/.test(spoken) ? "'s" : ending)
    },
  },
  {
    name: 'apostrophe in capitals: DON’T, LET’S, THE CEO’S, O’CLOCK',
    pattern: sticky(`(?=[A-Z]{0,30}'?[A-Z]{2}|[A-Z]'[A-Z])([A-Z]{1,30})'([A-Z]{1,30})(?:'(S|D|LL|VE|RE))?${END}(?!['&-]\\p{L})`),
    say([word, base = '', ending = '', more], { shouted }) {
      const lower = word.toLowerCase()
      if (ending === 'S' && !more)
        return `${base === 'IT' || base === 'I' ? base.toLowerCase() : sayCapitals(base, shouted && base !== 'US')}'s`
      return base === 'I' ? `I${lower.slice(1)}` : lower
    },
  },
  {
    name: 'and between capitals: AT&T, R&D',
    pattern: sticky(`([A-Z]{1,4})&([A-Z]{1,4})('[sS]|s)?${END}`),
    say: ([, a = '', b = '', ending]) => `${spell(a)} and ${spell(b)}${ending ? "'s" : ''}`,
  },
  {
    name: 'mixed: B2B, MP3, A4, COVID-19, OpenAI',
    pattern: sticky(
      `(?=[\\p{L}\\p{M}'-]{0,60}(?:\\d|\\p{Lu}{2}|\\p{Ll}\\p{Lu}))\\p{Script=Latin}[\\p{Script=Latin}\\p{M}\\p{N}]{0,60}(?:['-][\\p{Script=Latin}\\p{N}][\\p{Script=Latin}\\p{M}\\p{N}]{0,60}){0,6}`,
    ),
    say([word], { shouted }) {
      if (/^Mc[A-Z]{2,}(?:'S)?$/.test(word)) return `Mc${word[2]}${word.slice(3).toLowerCase()}`
      if (/^(?:Mc|Mac|De|Le|La|Di|Du|Van|Fitz|O')\p{Lu}\p{Ll}+('s)?$/u.test(word)) return word
      if (/^[A-Z]+(?:-[A-Z]+)+$/.test(word) && findEnglishWord(word.toLowerCase()) === 'lower') return word.toLowerCase()
      return sayCompound(word, shouted)
    },
  },
  {
    name: 'mixed, digits first: 4K, 3D, 1080p',
    pattern: sticky(`\\d{1,12}[\\p{Script=Latin}][\\p{Script=Latin}\\p{N}]{0,40}`),
    say: ([word]) => sayCompound(word, false),
  },
]

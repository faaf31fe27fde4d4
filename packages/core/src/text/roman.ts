import { isOpener } from './dots.ts'
import { cardinalToWords, ordinalToWords, romanToNumber, yearToWords } from './numbers.ts'
import { after, before, END, type Rule, sticky } from './rules.ts'
import { wordSet } from './table.ts'

/** Names after which a Roman numeral is "the Nth". */
const REGNAL_NAMES = wordSet(
  'Henry Louis Edward George Elizabeth William Richard Charles James Pius John Paul Benedict Leo Gregory Clement Innocent Urban Alexander Nicholas Catherine Peter Frederick Philip Felipe Ferdinand Napoleon Wilhelm Ivan Mary Margrethe Gustav Christian Haakon Leopold Albert Otto Ramesses Ramses Ptolemy Cleopatra Darius Xerxes Artaxerxes Mehmed Murad Selim Juan Carlos Umberto Victor Emmanuel Alfonso Robert Malcolm Sixtus Boniface Celestine Stephen Adrian Julius Theodosius Constantine Justinian Francis Joseph Baldwin Kamehameha Rama Akbar',
)
/** Nouns after which a Roman numeral, even a single letter, is a number. */
const NUMBERED_NOUNS = wordSet(
  'chapter part volume vol book act scene section article appendix war type phase class level stage grade figure table title psalm canto verse lesson unit module episode season bowl mark apollo saturn gemini version fantasy factor group category corps division legion',
)

/** Roman numerals. */
export const ROMAN_RULES: readonly Rule[] = [
  {
    name: 'Roman numeral of a century: the XIX century, XXth',
    pattern: sticky(
      '([IVX]{1,6})(?:(th|st|nd|rd)(?![\\p{L}\\d])|(?=(?:st|nd|rd|th)? (?:century|centuries|Century|Corps|dynasty|Dynasty|Olympiad)(?!\\p{L})))',
    ),
    say([, numeral = '', ending]) {
      const value = romanToNumber(numeral)
      return value === undefined || (numeral === 'I' && !ending) ? undefined : ordinalToWords(String(value))
    },
  },
  {
    name: 'small Roman numeral: scene ii, section iv, (iii)',
    pattern: sticky("([ivxl]{1,6})(?![\\p{L}\\d'.-]\\p{L}|[\\p{L}\\d])"),
    say([match, numeral = ''], context) {
      const value = romanToNumber(numeral.toUpperCase())
      const bracketed = context.text[context.index - 1] === '(' && after(context, match, 1) === ')'
      const listed =
        bracketed &&
        (numeral.length > 1 ||
          (numeral === 'i' && /\(ii\)/.test(after(context, match, 400))) ||
          /\([ivx]{2,4}\)/.test(before(context, 400)))
      const numbered = NUMBERED_NOUNS.has(context.previous.toLowerCase()) && numeral !== 'i'
      const paged = /(?:^|[^\p{L}])(?:pp?\.|pages?)\s$/iu.test(before(context, 8))
      return value !== undefined && (listed || numbered || paged) ? cardinalToWords(String(value)) : undefined
    },
  },
  {
    name: 'Roman numeral with a letter: stage IIIB',
    pattern: sticky(`([IVX]{1,4})([A-D])${END}`),
    say([, numeral = '', letter], { previous }) {
      const value = romanToNumber(numeral)
      return value !== undefined && NUMBERED_NOUNS.has(previous.toLowerCase()) ? `${cardinalToWords(String(value))} ${letter}` : undefined
    },
  },
  {
    name: 'Roman numeral of a year: MCMXCIV',
    pattern: sticky(`(M[MDCLXVI]{3,12})${END}(?!-)`),
    say([, numeral = '']) {
      const value = romanToNumber(numeral)
      return value === undefined || value > 2100 ? undefined : yearToWords(String(value))
    },
  },
  {
    name: 'Roman numeral: Henry VIII, Chapter IV, World War II',
    pattern: sticky(`([IVXLCDM]{1,10})('s)?${END}(?!-)`),
    say([match, numeral = '', possessive = ''], context) {
      const { previous, shouted } = context
      const value = romanToNumber(numeral)
      if (value === undefined || shouted) return undefined
      const rest = after(context, match, 40)
      const noun = NUMBERED_NOUNS.has(previous.toLowerCase())
      const following = /^\.\s(\p{L}+)/u.exec(rest)?.[1]
      if (numeral.length === 1 && following && !isOpener(following) && REGNAL_NAMES.has(previous)) return undefined
      const pronoun = numeral === 'I' && /^(?:'|,? (?:am|think|have|don|know|love|want|need|mean|was|will|would|can|did|do)\b)/.test(rest)
      if (REGNAL_NAMES.has(previous) && value < 40 && !pronoun && !(previous === 'Malcolm' && numeral === 'X')) {
        return `the ${ordinalToWords(String(value))}${possessive}`
      }
      const person = /(?:^|[^\p{L}])\p{Lu}\p{Ll}{2,} \p{Lu}\p{Ll}{2,} $/u.test(before(context, 40)) && /^III?$|^IV$/.test(numeral)
      const thing = /(?:War|Bowl|Fantasy|Part|Rocky|Wars|Rome|World|Title|Act|Grand|Park|City)\s$/.test(before(context, 8))
      if (person && !noun && !thing && numeral !== 'II' && numeral !== 'IV') return `the ${ordinalToWords(String(value))}${possessive}`
      if (/^X{0,3}(?:III?|VIII?)$/.test(numeral)) return cardinalToWords(String(value)) + possessive
      const named = /^\p{Lu}\p{Ll}/u.test(previous)
      return noun || (named && /^(?:[IVX]{2,})$/.test(numeral)) ? cardinalToWords(String(value)) + possessive : undefined
    },
  },
]

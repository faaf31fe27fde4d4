import { cardinalToWords, ordinalToWords, romanToNumber } from './numbers.ts'
import { END, type Rule, sticky } from './rules.ts'
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
]

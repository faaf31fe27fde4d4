import { findEnglishWord } from './english-words.ts'
import { END, type Rule, sticky } from './rules.ts'

/** Sounds that people write down and espeak-ng would spell, and their IPA: those of words, since the voice speaks words. */
const SOUNDS: readonly (readonly [spelling: RegExp, ipa: string])[] = [
  [/^s+h+h$|^ss+h$/, 'ʃˈʌʃ'],
  [/^br+r+$/, 'bˈɜː'],
  [/^gr+r+$/, 'ɡˈɜː'],
  [/^m+-?hm+$|^mm+-hm+$/, 'əmhˈʌm'],
  [/^h+m+$/, 'hˈəm'],
  [/^mm+$/, 'mˈəm'],
  [/^hmph+$/, 'hˈʌmf'],
  [/^z{2,}$/, 'zˈʌz'],
  [/^(?:ha){2,3}h?$/, 'hɑːhˈɑː'],
  [/^(?:ha){4,}h?$/, 'hɑːhɑːhˈɑː'],
  [/^(?:he){2,}h?$/, 'hiːhˈiː'],
  [/^(?:ho){2,}$/, 'hoʊhˈoʊ'],
  [/^p+s+t+$/, 'pˈɪst'],
  [/^p+f+t*$/, 'fˈʌt'],
  [/^tsk$|^tch$/, 'tˈɪsk'],
  [/^a+r+g+h+$/, 'ˈɑːɹɡ'],
  [/^u+g+h+$/, 'ˈʌɡ'],
  [/^a+w{2,}$/, 'ˈɔː'],
  [/^e+w{2,}$/, 'jˈuː'],
  [/^uh-uh$|^nuh-uh$/, 'ˈʌʔˈʌ'],
  [/^uh-huh$/, 'ʌhˈʌ'],
  [/^ah+h$/, 'ˈɑː'],
  [/^oh+h$/, 'ˈoʊ'],
  [/^um+m$/, 'ˈʌm'],
]
/** A letter that is written three times or more. */
const LONG = /(\p{L})\1{2,}/gu

/** Sounds, and words that are drawn out: "shh", "mm-hmm", "sooo". */
export const SOUND_RULES: readonly Rule[] = [
  {
    name: 'sound: shh, mm-hmm, haha',
    pattern: sticky(`[A-Za-z]{2,40}(?:-[A-Za-z]{1,10})?${END}(?!['-]\\p{L})`),
    say([word], { previous }) {
      const lower = word.toLowerCase()
      if (/^[A-Z]{2,4}$/.test(word) && previous !== '') return undefined
      const phonemes = SOUNDS.find(([spelling]) => spelling.test(lower))?.[1]
      return phonemes === undefined ? undefined : { text: word, phonemes }
    },
  },
  {
    name: 'drawn out: sooo, yesss, NOOO',
    pattern: sticky(`(?=\\p{L}{0,40}?(\\p{L})\\1\\1)\\p{L}{3,60}${END}`, 'i'),
    say([word]) {
      const lower = word.toLowerCase()
      if (/^[ivxlcdmw]+$/.test(lower) || findEnglishWord(lower) || (/^[A-Z]+$/.test(word) && !/(.)\1\1$/.test(word))) return undefined
      const said = [lower.replace(LONG, '$1$1'), lower.replace(LONG, '$1')].find(
        each => each.length > 1 && findEnglishWord(each) === 'lower',
      )
      return said && (/^\p{Lu}\p{Ll}/u.test(word) ? `${said[0]?.toUpperCase()}${said.slice(1)}` : said)
    },
  },
]

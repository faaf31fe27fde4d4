import type { TextStyle } from '../phoneme-sequence.ts'

/**
 * The text table of VALL-E X (Plachtaa/VALL-E-X@3faaf8c utils/g2p/bpe_69.json), whose "BPE" has no merges: one character, one id. Ids 0 to 4 are [UNK], [CLS],
 * [SEP], [PAD] and [MASK], which no text has; private characters hold their places.
 */
export const vallEXSymbols: readonly string[] = [
  ...'\u{e000}\u{e001}\u{e002}\u{e003}\u{e004}',
  ...'!#*,-.=?NQ^_`abdefghijklmnopstuvwxyz~æçðŋɑɔəɛɥɪɫɯɸɹɾʃʊʑʒʰˈˌθ…⁼↑→↓',
]

/** How VALL-E X was taught to read: no boundaries, `_` between words, a full stop at the end of what has no punctuation. */
export const vallEXStyle: TextStyle = {
  boundary: undefined,
  space: '_',
  ending: '.',
  rewrite(text, kind, language) {
    if (kind === 'mark') return rewriteMark(text)
    const plain = text.replaceAll('ɡ', 'g')
    return (language === undefined || language === 'en' ? plain.split(' ').map(toDictionaryStyle).join(' ') : plain).replaceAll(' ', '_')
  },
}

/** Its table has no quotes, brackets, colons or semicolons. */
function rewriteMark(mark: string): string {
  return mark
    .replace(/["“”«»()[\]]/g, '')
    .replace(/\s*[;:—–]+/g, ',')
    .replaceAll(' ', '_')
}

/** espeak-ng's sounds → those of eng_to_ipa, the CMU dictionary in IPA, which the model learned: length is not written, ʌ is ə, and r is a letter. */
const sounds: readonly (readonly [RegExp, string])[] = [
  [/[\u0300-\u036fː]/g, ''],
  [/ɜɹ?|ɚ|ɝ/g, 'əɹ'],
  [/[ʌɐ]/g, 'ə'],
  [/ᵻ/g, 'ɪ'],
  [/ɒ/g, 'ɑ'],
  [/[ɾʔ]/g, 't'],
  [/r/g, 'ɹ'],
]
const vowel = /[aɔoe][ɪʊ]|[aeiouæɑɔəɛɪʊ]/g
/** Consonants with which an English syllable can begin. */
const onset = /(?:s(?:[ptk][ɹlwj]?|[mnlwf])|[pbkgf][ɹl]|[tdθ]ɹ|ʃɹ|[tdkgθh]w|[pbfkmhv]j|tʃ|dʒ|[pbtdkgfvθðszʃʒmnlɹwjh])$/

function toDictionaryStyle(ipa: string): string {
  const word = sounds.reduce((text, [pattern, sound]) => text.replace(pattern, sound), ipa.normalize('NFD'))
  const syllables = word.match(vowel)?.length ?? 0
  // espeak-ng marks stress at the vowel, the dictionary at the syllable, and not in words of one syllable.
  const stressed =
    syllables < 2
      ? word.replace(/[ˈˌ]/g, '')
      : word.replace(/([^ˈˌ]*)([ˈˌ])/g, (_, before: string, mark: string) => moveStress(before, mark))
  return stressed.replace(/l([^aeiouæɑɔəɛɪʊ]*)$/, 'ɫ$1') // dark l
}

function moveStress(before: string, mark: string): string {
  const consonants = onset.exec(before)?.[0] ?? ''
  return before.slice(0, before.length - consonants.length) + mark + consonants
}

/** IPA as people write it → as the voice model has it: one spelling of each sound, without tie bars, optional sounds said. */
const FOLDED: readonly (readonly [RegExp, string])[] = [
  [/[\u0361\u035c\u203f\u2040]/g, ''],
  [/[[\](){}]/g, ''],
  [/ʤ/g, 'dʒ'],
  [/ʧ/g, 'tʃ'],
  [/ʣ/g, 'dz'],
  [/ʦ/g, 'ts'],
  [/ʥ/g, 'dʑ'],
  [/ʨ/g, 'tɕ'],
  [/['’′]/g, 'ˈ'],
  [/:/g, 'ː'],
  [/r/g, 'ɹ'],
  [/g/g, 'ɡ'],
  [/ε/g, 'ɛ'],
  [/∫/g, 'ʃ'],
  [/\s+/g, ' '],
]
/** Letters and marks of the IPA, and what is put between and around them. */
const IPA = /^(?:[a-zæçðøħŋœǀ-ǃɐ-ʯʰ-ʸˀˁˈˌːˑ˞ˠ-ˤˬβθχεⁿᵊᵻᵿ∫‿⁀.'’′:,\s[\](){}|‖⁼↑↓→↗↘-]|\p{M})+$/u

/** Whether text between slashes is IPA and no path: nothing but its signs, and one at least that plain letters do not have. */
export function isIpa(text: string): boolean {
  const composed = text.normalize('NFC')
  return IPA.test(composed) && /[^\x20-\x7e]/.test(composed)
}

/** Folds spellings of IPA that mean the same sound: `ʤ` and `dʒ`, `g` and `ɡ`, `t͡ʃ` and `tʃ`, `'` and `ˈ`. */
export function foldIpa(ipa: string): string {
  return FOLDED.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), ipa.normalize('NFC')).trim()
}

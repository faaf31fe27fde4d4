/** The phoneme table of a voice model: one symbol, one id. */
export interface Vocabulary {
  /** Symbols in the order of their ids; id 0 is padding. */
  readonly symbols: readonly string[]
  /** Id of a symbol, or of its nearest symbol in the table, else undefined. */
  idOf(symbol: string): number | undefined
  /**
   * Ids of an IPA string, one a character. `dropped` lists, once each, the symbols that the table lacks and that were left out.
   * Combining marks and tie bars the table lacks are left out silently: they only refine the symbol before them.
   */
  toIds(ipa: string): { ids: number[]; dropped: string[] }
  /** The IPA string of ids; padding is left out. @throws {RangeError} if an id is outside the table */
  toIpa(ids: ArrayLike<number>): string
}

/** Most symbols a table may have: IPA with punctuation needs fewer than 200. */
const MAX_SYMBOLS = 4096
/** What stands in for a symbol that a table lacks, nearest sound or mark first. Each entry is one symbol for one symbol. */
const NEAREST: Readonly<Record<string, string>> = {
  '—': ',', '–': ',', '…': '.', '“': '"', '”': '"', '«': '"', '»': '"', '¡': '!', '¿': '?', '[': '(', ']': ')', '{': '(', '}': ')',
  'g': 'ɡ', 'r': 'ɹ', 'ʁ': 'ɹ', 'ɻ': 'ɹ', 'ᵊ': 'ə', 'ɘ': 'ə', 'ɵ': 'ə', 'ɝ': 'ɜ', 'ᵻ': 'ɪ', 'ɨ': 'ɪ', 'ɐ': 'ə', 'y': 'i', 'ʏ': 'ɪ', 'ø': 'ɜ',
  'œ': 'ɛ', 'ɒ': 'ɑ', 'ɯ': 'u', 'ɫ': 'l', 'ɬ': 'l', 'ʎ': 'l', 'ɲ': 'n', 'ɱ': 'm', 'x': 'k', 'χ': 'k', 'c': 'k', 'q': 'k', 'ɣ': 'ɡ',
  'ç': 'h', 'ɦ': 'h', 'ħ': 'h', 'β': 'v', 'ʋ': 'v', 'ɸ': 'f', 'ʍ': 'w', 'ɕ': 'ʃ', 'ʑ': 'ʒ', 'ʂ': 'ʃ', 'ʐ': 'ʒ', 'ɖ': 'd', 'ʈ': 't',
  "'": 'ˈ', 'ʼ': 'ʔ', ':': 'ː', 'ˑ': 'ː', '\t': ' ', '\n': ' ', '\u00a0': ' ',
} // biome-ignore format: one row of symbols a line

/** Marks that only refine a neighbour: combining diacritics, tie bars, superscript modifiers, syllable dots, zero-width joiners. */
const REFINEMENT = /^(?:\p{M}|[ʲʰʷˠˤⁿˡ˞.‿\u200b-\u200d\ufeff])$/u

/**
 * Makes the vocabulary of a bundle's `phonemes`.
 * @param symbols single characters without repeats; the first is padding and has id 0
 * @throws {RangeError} if a symbol is not one character, or is repeated, or there are too many
 */
export function createVocabulary(symbols: readonly string[]): Vocabulary {
  if (symbols.length < 2 || symbols.length > MAX_SYMBOLS) {
    throw new RangeError(`vocabulary: ${symbols.length} symbols, expected 2 to ${MAX_SYMBOLS}`)
  }
  const ids = new Map<string, number>()
  for (const [id, symbol] of symbols.entries()) {
    if ([...symbol].length !== 1) throw new RangeError(`vocabulary: symbol ${id} is "${symbol}", expected one character`)
    if (ids.has(symbol)) throw new RangeError(`vocabulary: symbol ${id} "${symbol}" is the same as symbol ${ids.get(symbol)}`)
    ids.set(symbol, id)
  }
  const padding = symbols[0] as string
  ids.delete(padding)
  const idOf = (symbol: string) => ids.get(symbol) ?? ids.get(NEAREST[symbol] ?? '')
  return {
    symbols,
    idOf,
    toIds(ipa) {
      const found: number[] = []
      const dropped = new Set<string>()
      for (const symbol of ipa) {
        const id = idOf(symbol)
        if (id !== undefined) found.push(id)
        else if (!REFINEMENT.test(symbol)) dropped.add(symbol)
      }
      return { ids: found, dropped: [...dropped] }
    },
    toIpa(list) {
      return Array.from(list, id => {
        const symbol = symbols[id]
        if (symbol === undefined) throw new RangeError(`vocabulary: id ${id} is outside 0…${symbols.length - 1}`)
        return id === 0 ? '' : symbol
      }).join('')
    },
  }
}

/** How a lexicon wants one word spoken: by phonemes, or by other spelling. */
export type Pronunciation = { readonly phonemes: string } | { readonly respelling: string }

/** A user's list of pronunciations. */
export interface Lexicon {
  /** The pronunciation of `word` as it is written in the text, or undefined. */
  lookup(word: string): Pronunciation | undefined
  readonly size: number
}

/** Longest word and pronunciation, in characters: a longer one is a file read by mistake. */
const MAX_ENTRY_CHARACTERS = 200
const VOICELESS_END = /[ptkfθ]$/
const SIBILANT_END = /[szʃʒ]$/

/**
 * Makes a lexicon from `{ word: pronunciation }`; a pronunciation is IPA between slashes (`'/mˈaɪnə/'`) or a respelling (`'my nah'`).
 *
 * Case: an entry in lower case matches the word in any case (`nginx` matches `Nginx` and `NGINX`). An entry with a capital
 * matches only exactly as written (`US` does not match `us`), and wins over one in lower case. A possessive `'s` is added by rule.
 * @throws {RangeError} for an empty, over-long or spaced word, or an empty or over-long pronunciation
 */
export function createLexicon(entries: Readonly<Record<string, string>>): Lexicon {
  const table = new Map<string, Pronunciation>()
  for (const [word, pronunciation] of Object.entries(entries)) table.set(toKey(word), readPronunciation(word, pronunciation))
  const find = (word: string) => table.get(word) ?? table.get(word.toLowerCase())
  return {
    size: table.size,
    lookup(word) {
      const key = toKey(word)
      const found = find(key)
      if (found || !/'s$/i.test(key)) return found
      const base = find(key.slice(0, -2))
      return base && toPossessive(base)
    },
  }
}

function toKey(word: string): string {
  return word.normalize('NFC').replaceAll('’', "'")
}

function readPronunciation(word: string, pronunciation: string): Pronunciation {
  if (word === '' || word.length > MAX_ENTRY_CHARACTERS || /\s/.test(word)) {
    throw new RangeError(`lexicon: "${word.slice(0, 60)}" is not one word of 1 to ${MAX_ENTRY_CHARACTERS} characters without spaces`)
  }
  const ipa = /^\/(.*)\/$/s.exec(pronunciation.trim())
  const spoken = (ipa?.[1] ?? pronunciation).trim().normalize('NFC')
  if (spoken === '' || spoken.length > MAX_ENTRY_CHARACTERS) {
    throw new RangeError(
      `lexicon: the pronunciation of "${word}" has ${spoken.length} characters, expected 1 to ${MAX_ENTRY_CHARACTERS}; write IPA as "/mˈaɪnə/" or a respelling as "my nah"`,
    )
  }
  return ipa ? { phonemes: spoken } : { respelling: spoken }
}

function toPossessive(pronunciation: Pronunciation): Pronunciation {
  if ('respelling' in pronunciation) return { respelling: `${pronunciation.respelling}'s` }
  return { phonemes: toPluralPhonemes(pronunciation.phonemes) }
}

/** IPA with the ending -s of plurals, possessives and third persons, as it sounds after what precedes it. */
export function toPluralPhonemes(phonemes: string): string {
  if (SIBILANT_END.test(phonemes)) return `${phonemes}ᵻz`
  return phonemes + (VOICELESS_END.test(phonemes) ? 's' : 'z')
}

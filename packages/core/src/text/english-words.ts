import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** How a dictionary of English writes a word: `hello`, `Obama`, `NASA`; the first of these that it has. */
export type WordCase = 'lower' | 'title' | 'upper'

/** Endings and what they are put on; hunspell's own rules say more, and need much longer. */
const ENDINGS: readonly (readonly [ending: RegExp, stem: string])[] = [
  [/'s$/, ''],
  [/(?<!s)s$/, ''],
  [/es$/, ''],
  [/ies$/, 'y'],
  [/ed$/, ''],
  [/d$/, ''],
  [/ied$/, 'y'],
  [/ing$/, ''],
  [/ing$/, 'e'],
  [/er$/, ''],
  [/r$/, ''],
  [/ier$/, 'y'],
  [/est$/, ''],
  [/st$/, ''],
  [/iest$/, 'y'],
  [/ly$/, ''],
  [/ily$/, 'y'],
  [/ness$/, ''],
  [/(.)\1(?:ed|ing|er)$/, '$1'],
]
/** Prefixes that the dictionary leaves to its rules. */
const PREFIX = /^(?:un|re|in|non|pre|dis|mis|over|under|out|co|de)(?=\w{4})/
let words: ReadonlyMap<string, WordCase> | undefined

/**
 * Looks a word up in `dictionary-en` (50,000 stems of hunspell's English), which is read when first asked for.
 * @param word in lower case
 */
export function findEnglishWord(word: string): WordCase | undefined {
  words ??= readWords()
  const found = words.get(word)
  if (found) return found
  const bare = word.replace(PREFIX, '')
  for (const stem of bare === word ? [word] : [word, bare]) {
    if (words.get(stem) === 'lower') return 'lower'
    for (const [ending, replacement] of ENDINGS) {
      const base = ending.test(stem) ? stem.replace(ending, replacement) : ''
      const known = base.length > 1 ? words.get(base) : undefined
      if (known && known !== 'upper') return known
    }
  }
  return undefined
}

function readWords(): ReadonlyMap<string, WordCase> {
  const folder = dirname(createRequire(import.meta.url).resolve('dictionary-en'))
  const map = new Map<string, WordCase>()
  const text = readFileSync(join(folder, 'index.dic'), 'utf8')
  for (let at = text.indexOf('\n') + 1; at > 0 && at < text.length; ) {
    const end = text.indexOf('\n', at) < 0 ? text.length : text.indexOf('\n', at)
    const slash = text.indexOf('/', at)
    const word = text.slice(at, slash >= 0 && slash < end ? slash : end)
    at = end + 1
    const lower = word.toLowerCase()
    const written: WordCase = word === lower ? 'lower' : word === word.toUpperCase() ? 'upper' : 'title'
    const known = map.get(lower)
    if (known === undefined || written === 'lower' || (written === 'title' && known === 'upper')) map.set(lower, written)
  }
  return map
}

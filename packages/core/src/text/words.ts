import { numberToWords } from './numbers.ts'
import { type Rule, sticky } from './rules.ts'

/** The user's lexicon, which wins over everything. */
export const LEXICON_RULE: Rule = {
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
}

/** What is left: words, and digits in an unusual place. */
export const PLAIN_RULES: readonly Rule[] = [
  { name: 'digits before anything else', pattern: sticky('\\d{1,40}'), say: ([digits]) => numberToWords(digits) },
  {
    name: 'word',
    pattern: sticky(`'?[\\p{Script=Latin}\\p{M}]{1,200}(?:['-][\\p{Script=Latin}\\p{M}]{1,200}){0,20}(?:'(?=\\s|$))?`),
    say: ([word]) => word.replace(/^'(?!(?:tis|twas|em|til|cause|bout|round)\b)/i, '').replace(/(?<!s)'$/i, ''),
  },
]

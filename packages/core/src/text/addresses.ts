import { sayCapitals, sayCompound, sayDigits } from './capitals.ts'
import { pairsToWords } from './numbers.ts'
import { before, END, type Rule, spell, sticky } from './rules.ts'
import { SPELLED_SIGNS } from './sign-names.ts'
import { table, wordSet } from './table.ts'

/** Last parts of host names that make a dotted word one. */
const DOMAINS =
  'com|org|net|edu|gov|mil|int|io|ai|dev|app|co|uk|us|de|fr|eu|info|biz|me|tv|ly|gg|xyz|ca|au|ch|nl|in|jp|es|pl|ru|br|mx|se|fi|dk|nz|za|kr|cn|hk|sg|ie|pt|cz|gr|tr|il|tech|shop|site|online|store|cloud|blog|page|news|fm|cc|sh|wiki|museum|travel'
/** Those that are words as well: only with a path or a scheme. */
const WORDLIKE_DOMAINS = 'be|it|no|at|to|so|am|is|do|my|as|id'
const FILE_TYPES =
  'js|ts|mjs|cjs|jsx|tsx|py|rs|go|java|cpp|cc|hpp|json|jsonl|md|txt|html?|css|scss|pdf|csv|tsv|exe|dll|zip|wav|mp3|mp4|mov|avi|mkv|flac|ogg|png|jpe?g|gif|svg|webp|ico|xml|ya?ml|toml|ini|conf|cfg|log|docx?|xlsx?|pptx?|sh|bat|ps1|sql|db|onnx|safetensors|tar|gz|tgz|rar|dmg|iso|bak|tmp|lock|env'
const ENDS_IN_DOMAIN = new RegExp(`\\.(?:${DOMAINS})$`)
const ENDS_WORDLIKE = new RegExp(`\\.(?:${WORDLIKE_DOMAINS})$`)
const SIGNS = table<string>(
  [...SPELLED_SIGNS],
  [
    ['~', 'tilde'],
    ["'", 'apostrophe'],
    ['|', 'pipe'],
    ['^', 'caret'],
  ],
)

/** Host, path, file or account names: words and digits with their dots, dashes and slashes said. */
export function sayAddress(address: string): string {
  const parts = address.match(/[A-Za-z]+|\d+|[^A-Za-z\d]/g) ?? []
  return parts
    .map((part, i) => {
      if (/^\d/.test(part)) return parts[i - 1] === ':' ? pairsToWords(part) : sayDigits(part)
      if (!/^[A-Za-z]/.test(part)) return SIGNS.get(part) ?? ''
      const lower = part.toLowerCase()
      return SPOKEN_ENDINGS.has(lower) || !/[aeiouy]/.test(lower) ? spell(part) : /^[A-Z]+$/.test(part) ? sayCapitals(part, false) : part
    })
    .filter(part => part !== '')
    .join(' ')
}
const SPOKEN_ENDINGS = wordSet('io ai uk us eu tv js ts py rs md pdf csv html css xml cpp svg exe sh jpg yml sql')

/** Addresses of the internet, files, accounts. */
export const ADDRESS_RULES: readonly Rule[] = [
  {
    name: 'e-mail',
    pattern: sticky(
      `(?:mailto:)?([A-Za-z0-9][\\w.+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\\.[A-Za-z0-9-]{1,63}){0,4}\\.[A-Za-z][A-Za-z0-9-]{1,62})`,
    ),
    say: ([, address = '']) => sayAddress(address),
  },
  {
    name: 'web address',
    pattern: sticky(
      `(?:(?:https?|s?ftp|ssh|git|wss?|file)://)?(?:www\\.)?(?=[A-Za-z0-9-]{1,63}[.:/])([A-Za-z0-9-]{1,63}(?:\\.[A-Za-z0-9-]{1,63}){0,6})((?::\\d{1,5})?(?:[/?#][^\\s<>"'()\\[\\]]{0,300})?)`,
      'i',
    ),
    say([match, host = '', path = '']) {
      const schemed = /^(?:[a-z]{2,5}:\/\/|www\.)/i.test(match)
      if (
        !schemed &&
        !ENDS_IN_DOMAIN.test(host) &&
        !(host === 'localhost' && path !== '') &&
        !(ENDS_WORDLIKE.test(host) && /^\/\w/.test(path))
      )
        return undefined
      if (!schemed && !/[a-z]/i.test(host)) return undefined
      const trailing = /[.,;:!?/]*$/.exec(path)?.[0].length ?? 0
      const spokenPath = path.slice(0, path.length - trailing)
      return { text: sayAddress(host + spokenPath), length: match.length - (trailing && path.endsWith('/') ? 0 : trailing) }
    },
  },
  {
    name: 'path: /usr/local/bin, ~/Documents, ./run.sh, src/index.ts',
    pattern: sticky(
      `(?<![\\p{L}\\d/.])(?:(?:~|\\.{1,2})?/(?=[\\w.@])[\\w.@%+-]{1,80}(?:/[\\w.@%+-]{0,80}){0,20}|[\\w@-][\\w.@-]{0,60}(?:/[\\w.@-]{1,60}){0,10}/[\\w@-]{1,60}(?:\\.[\\w-]{1,20}){0,2}\\.(?:${FILE_TYPES})${END})`,
    ),
    say: ([match]) => {
      const path = match.replace(/[.,;:!?]{1,9}$/, '')
      return { text: sayAddress(path), length: path.length }
    },
  },
  { name: 'files by pattern: *.txt', pattern: sticky('\\*\\.([A-Za-z\\d]{1,10}|\\*)(?![\\p{L}\\d])'), say: ([match]) => sayAddress(match) },
  {
    name: 'member: foo.bar(), console.log, this.value',
    pattern: sticky(
      '[A-Za-z_]\\w{0,40}(?:\\.[A-Za-z_]\\w{0,40}){1,6}(?=\\()|(?:[a-z_]\\w{0,40}\\.){2,6}[a-z_]\\w{0,40}(?![\\p{L}\\d.])|(?:this|self|console|Math|np|os|window|document|process|module|Object|Array)\\.[a-z_]\\w{0,40}(?![\\p{L}\\d])',
    ),
    say: ([match], context) =>
      /[\p{L}\d]\s$/u.test(before(context, 2)) && /^[a-z]\.[a-z]\.?$/.test(match) ? undefined : sayAddress(match),
  },
  {
    name: 'Windows path: C:\\Users\\Bob, \\\\server\\share',
    pattern: sticky('(?<![\\p{L}\\d])(?:[A-Za-z]:(?=[\\\\/])|\\\\(?=\\\\\\w))[^\\s"<>|*?]{1,200}'),
    say: ([match]) => {
      const path = match.replace(/[.,;:!?)]{1,9}$/, '')
      return { text: sayAddress(path.replace(/^[a-z]:/, drive => drive.toUpperCase())), length: path.length }
    },
  },
  {
    name: 'file name: index.html, Node.js',
    pattern: sticky(`([A-Za-z0-9_-]{1,80}(?:\\.[A-Za-z0-9_-]{1,20}){0,3}\\.(?:${FILE_TYPES}))${END}`),
    say: ([, file = '']) => (/[A-Za-z]/.test(file.replace(/\.\w+$/, '')) ? sayAddress(file) : undefined),
  },
  {
    name: '@handle',
    pattern: sticky(`@([A-Za-z_]\\w{0,60})`),
    say: ([, name = '']) => `at ${sayCompound(name.replaceAll('_', ' underscore '), false)}`,
  },
  {
    name: '#hashtag',
    pattern: sticky(`#([\\p{L}_][\\p{L}\\p{N}_]{0,100})`),
    say: ([match, tag = ''], { text, index }) =>
      /^[A-Z]{1,3}\d*$/.test(tag) && /^-?\d/.test(text.slice(index + match.length - (/\d$/.test(tag) ? 1 : 0), index + match.length + 2))
        ? { text: 'number', length: 1 }
        : `hashtag ${sayCompound(tag, false)}`,
  },
]

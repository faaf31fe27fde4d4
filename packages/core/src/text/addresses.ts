import { sayCapitals, sayCompound, sayDigits } from './capitals.ts'
import { END, type Rule, spell, sticky } from './rules.ts'
import { table, wordSet } from './table.ts'

/** Last parts of host and file names that make a dotted word one. */
const DOMAINS = 'com|org|net|edu|gov|io|ai|dev|app|co|uk|us|de|fr|eu|info|me|tv|ly|gg|xyz|ca|au|ch|nl|in|jp'
const FILE_TYPES =
  'js|ts|mjs|cjs|jsx|tsx|py|rs|go|java|cpp|json|md|txt|html?|css|pdf|csv|exe|zip|wav|mp3|mp4|png|jpe?g|gif|svg|xml|ya?ml|docx?|xlsx?|pptx?|sh|onnx|safetensors|tar|gz'
const ENDS_IN_DOMAIN = new RegExp(`\\.(?:${DOMAINS})$`)
const SIGNS = table<string>([
  ['.', 'dot'],
  ['/', 'slash'],
  ['-', 'dash'],
  ['_', 'underscore'],
  ['@', 'at'],
  [':', 'colon'],
  ['?', 'question mark'],
  ['=', 'equals'],
  ['&', 'and'],
  ['#', 'hash'],
  ['%', 'percent'],
  ['+', 'plus'],
  ['~', 'tilde'],
])

/** Host, path, file or account names: words and digits with their dots, dashes and slashes said. */
function sayAddress(address: string): string {
  const parts = address.match(/[A-Za-z]+|\d+|[^A-Za-z\d]/g) ?? []
  return parts
    .map(part => {
      if (/^\d/.test(part)) return sayDigits(part)
      if (!/^[A-Za-z]/.test(part)) return SIGNS.get(part) ?? ''
      const lower = part.toLowerCase()
      return SPOKEN_ENDINGS.has(lower) || !/[aeiouy]/.test(lower) ? spell(part) : /^[A-Z]+$/.test(part) ? sayCapitals(part, false) : part
    })
    .filter(part => part !== '')
    .join(' ')
}
const SPOKEN_ENDINGS = wordSet('io ai uk us eu tv js ts py rs md pdf csv html css xml cpp svg exe')

/** Addresses of the internet, files, accounts. */
export const ADDRESS_RULES: readonly Rule[] = [
  {
    name: 'e-mail',
    pattern: sticky(`[A-Za-z0-9][\\w.+-]{0,63}@[A-Za-z0-9-]{1,63}(?:\\.[A-Za-z0-9-]{1,63}){1,5}`),
    say: ([address]) => sayAddress(address),
  },
  {
    name: 'web address',
    pattern: sticky(
      `(?:https?://)?(?:www\\.)?(?=[A-Za-z0-9-]{1,63}[.:/])([A-Za-z0-9-]{1,63}(?:\\.[A-Za-z0-9-]{1,63}){0,6})((?::\\d{1,5})?(?:[/?#][^\\s<>"'()\\[\\]]{0,300})?)`,
      'i',
    ),
    say([match, host = '', path = '']) {
      if (!/^(?:https?:|www\.)/i.test(match) && !ENDS_IN_DOMAIN.test(host)) return undefined
      if (!/[a-z]/i.test(host)) return undefined
      const trailing = /[.,;:!?/]*$/.exec(path)?.[0].length ?? 0
      const spokenPath = path.slice(0, path.length - trailing)
      return { text: sayAddress(host + spokenPath), length: match.length - (trailing && path.endsWith('/') ? 0 : trailing) }
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
    say: ([, tag = '']) => `hashtag ${sayCompound(tag, false)}`,
  },
]

import { sayAddress } from './addresses.ts'
import { sayCompound } from './capitals.ts'
import { cardinalToWords, ordinalToWords } from './numbers.ts'
import { after, before, END, type Rule, spell, sticky } from './rules.ts'
import { GREEK_NAMES } from './sign-names.ts'
import { anyOf, rows, table } from './table.ts'
import { readPer, readUnit } from './units.ts'

/** Signs of programs and formulas that are more than one character. */
const OPERATORS = table<string>([
  ['!==', 'is not equal to'],
  ['!=', 'is not equal to'],
  ['===', 'equals'],
  ['==', 'equals'],
  ['<=>', 'compared with'],
  ['<->', 'to and from'],
  ['-->', 'arrow'],
  ['->', 'arrow'],
  ['=>', 'arrow'],
  ['<=', 'is less than or equal to'],
  ['>=', 'is greater than or equal to'],
  ['&&', 'and'],
  ['||', 'or'],
  ['+=', 'plus equals'],
  ['-=', 'minus equals'],
  ['*=', 'times equals'],
  ['/=', 'divided by equals'],
  [':=', 'colon equals'],
  ['::', 'colon colon'],
  ['+/-', 'plus or minus'],
])
const KEYS = table<string>(rows('Ctrl=control|CTRL=control|Cmd=command|Esc=escape|Del=delete|Alt=alt|Tab=tab|Shift=shift|Enter=enter'))

/** Symbols of elements that formulas in prose have, without those that are words and names. */
const ELEMENT = 'Na|Cl|Mg|Al|Si|Ca|Fe|Cu|Zn|Ag|Br|Li|Mn|Ni|Pb|Sn|Ba|Hg|Cr|Ti|[HCNOFPSKIB]'

function sayPower(written: string): string {
  const plain = written
    .normalize('NFKD')
    .replace(/[−⁻]/, '-')
    .replace(/[()^{}]/g, '')
  if (plain === '2') return 'squared'
  if (plain === '3') return 'cubed'
  const minus = plain.startsWith('-') ? 'minus ' : ''
  const rest = plain.replace('-', '')
  return `to the ${minus}${/\d/.test(rest) ? ordinalToWords(rest) : rest.toUpperCase()}`
}

/** Names with signs, operators, powers, and Greek letters. */
export const SYMBOL_RULES: readonly Rule[] = [
  {
    name: 'C++, C#, C++17',
    pattern: sticky(`([A-Z])(\\+\\+|#)(\\d{1,2})?(?![\\p{L}\\p{N}#])`),
    say: ([, letter, sign, version]) => `${letter} ${sign === '#' ? 'sharp' : 'plus plus'}${version ? ` ${cardinalToWords(version)}` : ''}`,
  },
  {
    name: '.NET, .env, .com',
    pattern: sticky(`(?<![.\\d])\\.([A-Z]{2,5}|[a-z][\\w-]{1,30})(?![\\p{L}\\p{N}])`),
    say: ([, name = ''], context) => {
      if (!/^$|[\s("'/&A-Z]$/.test(before(context, 1))) return undefined
      if (/[A-Z]$/.test(before(context, 1)) && !/^(?:com|org|net|io|co|edu|gov)$/.test(name)) return undefined
      return `dot ${/[\d_]/.test(name) ? sayAddress(name) : name.toLowerCase()}`
    },
  },
  {
    name: 'chemical formula: NaCl, C6H12O6, CaCO3',
    pattern: sticky(`(?=[A-Z]{0,6}[a-z\\d₀-₉])(?:(?:${ELEMENT})\\d{0,3}){2,12}(?![\\p{L}\\d'-])`),
    say: ([formula]) =>
      /^(?:[A-Z]{2,}\d+|[A-Z]\d[A-Z])$/.test(formula) && !/^(?:CO2|NO2|SO2|H2O)$/.test(formula)
        ? undefined
        : formula.replace(/[A-Za-z]/g, letter => ` ${letter.toUpperCase()}`).replace(/\d+/g, count => ` ${cardinalToWords(count)}`),
  },
  {
    name: 'keys: Ctrl+C, Alt+F4',
    pattern: sticky(`(${anyOf(KEYS.keys())})(?:(?:\\+|-)(?=[A-Z\\d]|Shift|Alt|Del|Tab|Esc|Enter|click)|(?=>)|${END}(?= key|\\+))`),
    say: ([, key = '']) => KEYS.get(key),
  },
  {
    name: 'heart: I <3 you',
    pattern: sticky('<3(?![\\d.,]\\d|\\d)'),
    say: (match, context) =>
      /(?:^|\s)(?:I|we|you|they|\p{L}{2,}) $/u.test(before(context, 12)) || /^$|^[.!\s]*$/.test(after(context, match[0]))
        ? 'love'
        : undefined,
  },
  {
    name: 'operator: <=, !=, ->, &&',
    pattern: sticky(`(${anyOf(OPERATORS.keys())})(?![=<>|&])`),
    say: ([match, sign = ''], context) => {
      const last = before(context, 1)
      const next = after(context, match, 2)
      if (last === sign[0] && last !== '|') return undefined
      if (/^[!]/.test(sign) && last !== ' ' && !/^\s?[\p{L}\d"'(]/u.test(next)) return undefined
      return OPERATORS.get(sign)
    },
  },
  {
    name: 'plus plus: i++, ++i',
    pattern: sticky('\\+\\+(?!\\+)'),
    say: (_, context) => (before(context, 1) === '+' ? undefined : 'plus plus'),
  },
  {
    name: 'minus minus: i--',
    pattern: sticky('--(?=[;),\\]]|$|\\s(?![\\p{L}\\d])|\\s?\\n)'),
    say: (_, context) => (/(?:^|[^\p{L}\d])[a-z]$/u.test(before(context, 2)) ? 'minus minus' : undefined),
  },
  {
    name: 'option: -v, --help',
    pattern: sticky(`(?<=^|\\s|["'(])(--?)(?=[A-Za-z])(?:(?<=--)(?=[a-z][a-z-]{1,30}(?![\\p{L}\\d]))|(?=[A-Za-z](?![\\p{L}\\d'])))`),
    say: ([, dashes = ''], context) => {
      if (dashes === '--' && /\p{L}\s$/u.test(before(context, 2)) && !/[a-z]\s$/.test(before(context, 2))) return undefined
      return dashes === '--' ? 'dash dash' : 'dash'
    },
  },
  {
    name: 'grade: B-, A+',
    pattern: sticky('([A-F])([+-])(?=\\s|[.,;:!?)]|$)'),
    say: ([match, letter = '', sign], context) =>
      /^\s[–-]/.test(after(context, match, 2)) ? undefined : `${letter} ${sign === '+' ? 'plus' : 'minus'}`,
  },
  {
    name: 'power: x^2, 10², 2^n, e^(-x)',
    pattern: sticky(
      `\\^(?:\\(([-−]?(?:\\d{1,4}|[a-z]))\\)|\\{([-−]?(?:\\d{1,4}|[a-z]))\\}|([-−]?\\d{1,4}|[-−]?[a-z](?![\\p{L}\\d])))|([⁻]?[⁰¹²³⁴-⁹]{1,4}|ⁿ)`,
    ),
    say([match, a, b, c, superscript], context) {
      if (!superscript && !/[\p{L}\d)\]}]$/u.test(before(context, 1))) return undefined
      const gap = /\d$/.test(before(context, 1)) && context.text[context.index + match.length] === ' ' ? 1 : 0
      const unit = gap ? readUnit(context.text, context.index + match.length + gap) : undefined
      if (unit && !unit.attached)
        return { text: `${sayPower(a ?? b ?? c ?? match)} ${unit.many}`, length: match.length + gap + unit.length }
      const per = readPer(context.text, context.index + match.length)
      return { text: sayPower(a ?? b ?? c ?? match) + per.text, length: match.length + per.length }
    },
  },
  {
    name: 'variables before a power: mc²',
    pattern: sticky('([a-z]{1,3})(?=[²³⁰-⁹]|\\^[\\d({a-z])'),
    say: ([, letters = '']) => (letters.length > 1 && !/[aeiou]/.test(letters) ? spell(letters) : undefined),
  },
  { name: "derivative: f'(x)", pattern: sticky("([a-zA-Z])['′](?=\\()"), say: ([, name = '']) => `${name.toUpperCase()} prime` },
  {
    name: 'factorial: 5! = 120',
    pattern: sticky('(\\d{1,6}|(?<![\\p{L}])[a-z])!(?= ?[=+*/×÷-] ?[\\da-z(])'),
    say: ([, number = '']) => `${/\d/.test(number) ? cardinalToWords(number) : number} factorial`,
  },
  {
    name: 'product of variables: y = mx + b',
    pattern: sticky('([a-z]{2,3})(?= ?[=+*/^)×÷-](?!\\p{L})|$)'),
    say: ([, letters = ''], context) =>
      /[=+*/^(×÷-] ?$/.test(before(context, 2)) && !/[aeiou]/.test(letters) ? spell(letters) : undefined,
  },
  { name: 'differential: dx', pattern: sticky(`d([xyzt])${END}`), say: ([, variable = '']) => `D ${variable.toUpperCase()}` },
  {
    name: 'identifier: user_name, MAX_SIZE',
    pattern: sticky('([\\p{L}][\\p{L}\\d]{0,60})_(?=[\\p{L}\\d])'),
    say: ([, name = '']) => `${/^[A-Z]{2,}$/.test(name) ? name.toLowerCase() : sayCompound(name, false)} underscore`,
  },
  {
    name: 'type parameter: List<String>',
    pattern: sticky('<(?=[A-Z][A-Za-z]{0,30}(?:, ?[A-Z][A-Za-z]{0,30}){0,3}>)'),
    say: (_, context) => (/[A-Za-z]$/.test(before(context, 1)) ? 'of' : undefined),
  },
  {
    name: 'Greek letters: α, ΔT, αβ',
    pattern: sticky('(?<![\\u0370-\\u03ff\\u1f00-\\u1fff])[\\u0370-\\u03ff\\u1f00-\\u1fffµ∆]{1,40}'),
    say: ([letters]) => {
      const names = [...letters].map(letter => GREEK_NAMES.get(letter) ?? (letter === '∆' ? 'delta' : undefined))
      return letters.length <= 2 && names.every(name => name !== undefined) ? names.join(' ') : undefined
    },
  },
]

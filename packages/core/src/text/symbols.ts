import { END, type Rule, sticky } from './rules.ts'
import { rows, table } from './table.ts'

/** Signs that are named. Others fall silent. */
export const SIGN_NAMES = table<string>([
  ['&', 'and'],
  ['+', 'plus'],
  ['=', 'equals'],
  ['≠', 'is not equal to'],
  ['×', 'times'],
  ['÷', 'divided by'],
  ['<', 'less than'],
  ['>', 'greater than'],
  ['≤', 'is at most'],
  ['≥', 'is at least'],
  ['≈', 'is about'],
  ['±', 'plus or minus'],
  ['%', 'percent'],
  ['@', 'at'],
  ['°', 'degrees'],
  ['√', 'square root of'],
  ['∞', 'infinity'],
  ['€', 'euros'],
  ['£', 'pounds'],
  ['¥', 'yen'],
  ['¢', 'cents'],
  ['§', 'section'],
  ['¶', 'paragraph'],
  ['→', 'to'],
  ['∑', 'sum'],
  ['∆', 'delta'],
])

/** Greek letters, which formulas use, by name. */
const GREEK_NAMES = table<string>(
  rows(
    'α=alpha β=beta γ=gamma δ=delta ε=epsilon ζ=zeta η=eta θ=theta ι=iota κ=kappa λ=lambda µ=mu ν=nu ξ=xi ο=omicron π=pi ρ=rho σ=sigma ς=sigma τ=tau υ=upsilon φ=phi χ=chi ψ=psi ω=omega Ω=omega',
    ' ',
  ),
)

/** Names and words with signs, and single Greek letters. */
export const SYMBOL_RULES: readonly Rule[] = [
  {
    name: 'C++, C#',
    pattern: sticky(`([A-Z])(\\+\\+|#)(?![\\p{L}\\p{N}#])`),
    say: ([, letter, sign]) => `${letter} ${sign === '#' ? 'sharp' : 'plus plus'}`,
  },
  { name: '.NET', pattern: sticky(`\\.([A-Z]{2,5}|env)${END}`), say: ([, name = '']) => `dot ${name.toLowerCase()}` },
  {
    name: 'Greek letter',
    pattern: sticky(`([α-ωςµΩ])(?![α-ω])`),
    say: ([, letter = '']) => GREEK_NAMES.get(letter),
  },
]

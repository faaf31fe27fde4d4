import { ABBREVIATION_RULES } from './abbreviations.ts'
import { ADDRESS_RULES } from './addresses.ts'
import { CAPITAL_RULES } from './capitals.ts'
import { CODE_RULES } from './codes.ts'
import { DATE_RULES, DAY_RULES } from './dates.ts'
import { MEASURE_RULES } from './measures.ts'
import { MONEY_RULES } from './money.ts'
import { NAME_RULE } from './names.ts'
import { QUANTITY_RULES } from './quantities.ts'
import { ROMAN_RULES } from './roman.ts'
import type { Rule } from './rules.ts'
import { SOUND_RULES } from './sounds.ts'
import { STREET_RULES } from './streets.ts'
import { SYMBOL_RULES } from './symbols.ts'
import { TIME_RULES } from './times.ts'
import { LEXICON_RULE, PLAIN_RULES } from './words.ts'
import { YEAR_RULES } from './years.ts'

/** Every rule, in the order in which they are tried at a token; the first that matches and answers wins. */
export const RULES: readonly Rule[] = [
  LEXICON_RULE,
  ...DATE_RULES,
  ...TIME_RULES,
  ...YEAR_RULES,
  ...CODE_RULES,
  ...MONEY_RULES,
  ...STREET_RULES,
  ...ADDRESS_RULES,
  ...SYMBOL_RULES,
  ...MEASURE_RULES,
  ...QUANTITY_RULES,
  ...DAY_RULES,
  ...ABBREVIATION_RULES,
  ...ROMAN_RULES,
  ...SOUND_RULES,
  NAME_RULE,
  ...CAPITAL_RULES,
  ...PLAIN_RULES,
]

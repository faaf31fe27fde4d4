import { digitsToWords } from './numbers.ts'

/** Letters and digits one by one: `'1Z9'` → "one Z nine". Anything else is skipped. */
export const spellCode = (code: string): string =>
  [...code.toUpperCase()].flatMap(sign => (/\d/.test(sign) ? [digitsToWords(sign)] : /[A-Z]/.test(sign) ? [sign] : [])).join(' ')

import { cardinalToWords, digitsToWords } from './numbers.ts'
import { END, type Rule, sticky } from './rules.ts'

/** Numbers that name something, digit by digit. */
export const CODE_RULES: readonly Rule[] = [
  {
    name: 'phone: +1 (555) 123-4567, 555-1234',
    pattern: sticky(
      `(?:\\+?\\d{1,3}[-. ])?(?:\\(\\d{3}\\) ?|\\d{3}[-. ])\\d{3}[-. ]\\d{4}${END}|\\+\\d{1,3}(?:[ -]\\d{2,5}){2,5}${END}|\\d{3}-\\d{4}(?<!00)${END}|\\d{1,6}(?:-\\d{1,6}){2,6}${END}`,
    ),
    say: ([phone]) =>
      (phone.startsWith('+') ? 'plus ' : '') +
      phone
        .split(/\D+/)
        .filter(group => group !== '')
        .map(digitsToWords)
        .join(', '),
  },
  {
    name: 'emergency number: call 911',
    pattern: sticky(`(\\d{3})${END}(?![.,:/-]\\d)`),
    say: ([, digits = ''], { previous }) =>
      /^(?:call|calls|called|calling|dial|dials|dialed|dialing|phone)$/i.test(previous) ? digitsToWords(digits) : undefined,
  },
  {
    name: 'IP address: 192.168.0.1',
    pattern: sticky(`(\\d{1,3}(?:\\.\\d{1,3}){3})${END}(?!\\.\\d)`),
    say: ([address]) => address.split('.').map(digitsToWords).join(' dot '),
  },
  {
    name: 'version: v2.1.3, 2.1.3',
    pattern: sticky(`(v(?=\\d))?(\\d{1,6}(?:\\.\\d{1,6}){0,5})${END}`, 'i'),
    say([, v, version = '']) {
      const parts = version.split('.')
      if (!v && parts.length < 3) return undefined
      return (v ? 'version ' : '') + parts.map(cardinalToWords).join(' point ')
    },
  },
]

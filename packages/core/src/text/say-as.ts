import { fullYear, isDate, monthName } from './dates.ts'
import { cardinalToWords, digitsToWords, ordinalToWords, yearToWords } from './numbers.ts'
import { SPELLED_SIGNS } from './sign-names.ts'
import { table } from './table.ts'

/** Longer content is no quantity, and is read as text. */
const MAX_CHARACTERS = 200
/** Kinds whose readers give words; the others give text, which is then read as usual. */
const WORD_READERS = table<(text: string, format: string) => string | undefined>([
  ['characters', sayCharacters],
  ['spell-out', sayCharacters],
  ['verbatim', sayCharacters],
  ['digits', sayDigitRun],
  ['telephone', sayTelephone],
  ['cardinal', text => sayInteger(text, cardinalToWords)],
  ['ordinal', text => sayInteger(text, ordinalToWords)],
])
const TEXT_READERS = table<(text: string, format: string) => string | undefined>([
  ['number', text => text],
  ['date', sayDate],
  ['time', text => (/\d/.test(text) ? text.replace(/^(\d{1,2})(\d{2})$/, '$1:$2') : undefined)],
  ['currency', sayCurrency],
  ['fraction', text => (/^\d[\d+ ]*\/\d+$/.test(text) ? text.replace('+', ' ') : undefined)],
  ['unit', text => text],
  ['measure', text => text],
  ['address', text => text],
  ['name', text => text],
])

/** What `<say-as>` asks for. */
export interface SaidAs {
  readonly spoken: string
  /** Words already, no text to be read. */
  readonly isWords: boolean
}

/**
 * Reads the content of `<say-as>` as SSML 1.1's note on it says.
 * @returns undefined if the content is not of that kind, or there is no such kind
 */
export function sayAs(content: string, interpretAs: string, format: string): SaidAs | undefined {
  const text = content.trim()
  if (text === '' || text.length > MAX_CHARACTERS) return undefined
  const [kind, order] = [interpretAs.toLowerCase(), format.toLowerCase()]
  const words = WORD_READERS.get(kind)?.(text, order)
  if (words !== undefined) return words === '' ? undefined : { spoken: words, isWords: true }
  const spoken = TEXT_READERS.get(kind)?.(text, order)
  return spoken === undefined ? undefined : { spoken, isWords: false }
}

/** Letters by their names, digits in words, signs by name. */
function sayCharacters(text: string): string {
  return [...text.normalize('NFD').replace(/\p{M}/gu, '')]
    .map(character => {
      if (/[A-Za-z]/.test(character)) return character.toUpperCase()
      return /\d/.test(character) ? digitsToWords(character) : (SPELLED_SIGNS.get(character) ?? '')
    })
    .filter(word => word !== '')
    .join(' ')
}

function sayDigitRun(text: string): string | undefined {
  const digits = text.replace(/[\s.-]/g, '')
  return /^\d+$/.test(digits) ? digitsToWords(digits) : undefined
}

function sayTelephone(text: string): string | undefined {
  const groups = text.replace(/^\+/, '').match(/\d+|[A-Za-z]+/g)
  if (!groups || !/\d/.test(text)) return undefined
  return (text.startsWith('+') ? 'plus ' : '') + groups.map(group => (/\d/.test(group) ? digitsToWords(group) : group)).join(', ')
}

function sayInteger(text: string, toWords: (digits: string) => string): string | undefined {
  const match = /^([-+]?)(\d{1,40})(?:st|nd|rd|th)?$/i.exec(text.replace(/[,\s]/g, ''))
  return match ? (match[1] === '-' ? 'minus ' : '') + toWords(match[2] as string) : undefined
}

/** @param format letters of the fields in their order: `mdy`, `dm`, `y`; American by default */
function sayDate(text: string, format: string): string | undefined {
  const fields = text.match(/\d+/g)
  if (!fields || /[A-Za-z]{3}/.test(text)) return text
  const isIso = /^\d{4}\D/.test(text)
  const compact = /^\d{8}$/.test(text) ? [text.slice(0, 4), text.slice(4, 6), text.slice(6)] : fields
  const order = /^[ymd]{1,3}$/.test(format) ? format : isIso || compact !== fields ? 'ymd' : 'mdy'.slice(0, Math.max(2, fields.length))
  if (order.length !== compact.length) return undefined
  const field = (letter: string) => (order.includes(letter) ? compact[order.indexOf(letter)] : undefined)
  const [year, month, day] = [field('y'), field('m'), field('d')]
  if (!isDate(Number(month ?? 1), Number(day ?? 1))) return undefined
  const named = [month && monthName(Number(month)), day && (month ? ordinalToWords(day) : `the ${ordinalToWords(day)}`)]
    .filter(Boolean)
    .join(' ')
  return [named, year && yearToWords(fullYear(year))].filter(Boolean).join(', ')
}

/** @param format the currency's code, where the content has only a number */
function sayCurrency(text: string, format: string): string | undefined {
  if (!/\d/.test(text)) return undefined
  if (/^[-\d.,\s]+$/.test(text)) return /^[a-z]{3}$/.test(format) ? `${text} ${format.toUpperCase()}` : `$${text}`
  return text.replace(/^([A-Z]{3})\s?([\d.,]+)$/, '$2 $1')
}

import { FRACTION, isYear, SCALES, sayAmount, yearOrNumber } from './amounts.ts'
import { cardinalToWords, digitsToWords, numberToWords, ordinalToWords, yearToWords } from './numbers.ts'
import { after, before, DASH, END, NUMBER, type Rule, sticky } from './rules.ts'
import { anyOf, rows, table, wordSet } from './table.ts'

const SIGNS = table<string>([
  ['-', 'minus'],
  ['+', 'plus'],
  ['±', 'plus or minus'],
  ['~', 'about'],
  ['≈', 'about'],
  ['<', 'less than'],
  ['>', 'more than'],
  ['≤', 'at most'],
  ['≥', 'at least'],
  ['#', 'number'],
  ['№', 'number'],
])

/** Somebody or something that is counted follows. */
const COUNTED = /^ (?:(?:\p{L}+ )?(?:people|men|women|children|\p{Ll}{2,}s)(?!\p{L})|of |in |to |per |by |more |more than )|^[.,;!?)]|^$/u
const BOOK_NAMES = table<string>(
  rows(
    'Gen=Genesis|Exod=Exodus|Lev=Leviticus|Deut=Deuteronomy|Ps=Psalm|Prov=Proverbs|Isa=Isaiah|Jer=Jeremiah|Matt=Matthew|Mk=Mark|Lk=Luke|Jn=John',
  ),
  rows(
    'Rom=Romans|Cor=Corinthians|Gal=Galatians|Eph=Ephesians|Phil=Philippians|Col=Colossians|Thess=Thessalonians|Tim=Timothy|Heb=Hebrews|Rev=Revelation',
  ),
)
const BOOKS = wordSet(
  'Genesis Exodus Leviticus Numbers Deuteronomy Joshua Judges Ruth Samuel Kings Chronicles Ezra Nehemiah Esther Job Psalm Psalms Proverbs Ecclesiastes Isaiah Jeremiah Lamentations Ezekiel Daniel Hosea Joel Amos Obadiah Jonah Micah Nahum Habakkuk Zephaniah Haggai Zechariah Malachi Matthew Mark Luke John Acts Romans Corinthians Galatians Ephesians Philippians Colossians Thessalonians Timothy Titus Philemon Hebrews James Peter Jude Revelation Gen Matt',
)

/** Ratios, fractions, ordinals, ranges and plain numbers: what no row above took. */
export const QUANTITY_RULES: readonly Rule[] = [
  {
    name: 'book of the Bible: 1 Cor. 13:4, Ps. 23:1',
    pattern: sticky(
      `(?:([123]) ?)?(${anyOf(BOOK_NAMES.keys())}|(?<=\\d ?)(?:Corinthians|Kings|Samuel|Chronicles|Peter|John|Timothy|Thessalonians))(\\.)? (?=\\d{1,3}:\\d)`,
    ),
    say: ([, number, key = '']) => `${number ? `${['First', 'Second', 'Third'][Number(number) - 1]} ` : ''}${BOOK_NAMES.get(key) ?? key}`,
  },
  {
    name: 'verse: John 3:16, Matthew 5:3-12',
    pattern: sticky(`(\\d{1,3}):(\\d{1,3})(?:[-–](\\d{1,3}))?${END}(?!:)`),
    say: ([, chapter = '', verse = '', last], { previous }) =>
      BOOKS.has(previous) || BOOK_NAMES.has(previous.replace(/^\d ?|[. ]+$/g, ''))
        ? `${cardinalToWords(chapter)} ${cardinalToWords(verse)}${last ? ` to ${cardinalToWords(last)}` : ''}`
        : undefined,
  },
  {
    name: 'ratio: 16:9, 1:25,000',
    pattern: sticky(`(\\d{1,9}):(?=\\d)`),
    say: ([, first = '']) => `${cardinalToWords(first)} to`,
  },
  {
    name: 'scaled: 1.5M users, 2.5K, 2.3bn, 300k units',
    pattern: sticky(`(${NUMBER})\\s?(${anyOf(SCALES.keys())})${END}(?!['-]\\p{L})`),
    say([match, number = '', letter = ''], context) {
      const rest = after(context, match, 40)
      const words = `${numberToWords(number)} ${SCALES.get(letter)}`
      if (letter.length > 1) return words
      if (/\s/.test(match)) return undefined
      if (letter === 'm')
        return /^ (?:people|users|copies|viewers|voters|jobs|customers|subscribers|downloads|views|followers|households|homes|tonnes|dollars|pounds|euros)(?!\p{L})/u.test(
          rest,
        )
          ? words
          : undefined
      if (/\.\d/.test(number)) return words
      if (letter === 'T' || /^[248]K$/.test(match)) return undefined
      if ((/^[-–]\d/.test(rest) || /\d[kKM][-–]$/.test(before(context, 3))) && letter !== 'B') return words
      const isRace = /^[KkM]$/.test(letter) && /^ (?:run|race|walk|swim|resolution|video|tv|monitor|display)(?!\p{L})/iu.test(rest)
      if (isRace) return undefined
      if (letter === 'K' || letter === 'k')
        return number.length >= (letter === 'k' ? 2 : 3) || /^ (?:people|\p{Ll}{3,}s)(?!\p{L})/u.test(rest) ? words : undefined
      return COUNTED.test(rest) &&
        !(letter === 'B' && /^(?:Bus|Gate|Apt|Room|Exit|Seat|Row|Unit|Flat)$/i.test(context.previous)) &&
        !/^$|^[.,;!?)]/.test(rest)
        ? words
        : number.length > 1 && letter === 'M'
          ? words
          : undefined
    },
  },
  {
    name: 'broadcast and payment: 8/7c, 2/10 net 30',
    pattern: sticky('(\\d{1,2})/(\\d{1,2})(?:(c)(?![\\p{L}\\d])\\.?|(?= net ))'),
    say: ([, first = '', second = '', central]) => `${cardinalToWords(first)} ${cardinalToWords(second)}${central ? ' central' : ''}`,
  },
  {
    name: 'out of: 10/10, 24/7, 9/11, 4.5/5 stars, 2020/21',
    pattern: sticky(`(\\d{1,4}(?:\\.\\d{1,2})?)/(\\d{1,3})${END}(?!/)`),
    say([match, first = '', second = ''], context) {
      const rest = after(context, match, 16)
      if (/^\d{4}$/.test(first))
        return isYear(first) && second.length === 2 ? `${yearToWords(first)} ${cardinalToWords(second)}` : undefined
      if (
        /^(?:24\/7|[79]\/11|50\/50|20\/(?:1[05]|2[05]|[3-9]0|[12]00|400)|4\/4|6\/8|80\/20|60\/40|70\/30)$/.test(match) &&
        !/^ (?:cup|inch|of|stars?)/.test(rest)
      ) {
        return `${numberToWords(first)} ${cardinalToWords(second)}`
      }
      if (/(?:^|[^\p{L}])(?:pages?|steps?|parts?|episodes?|slides?|day|week|lap|level|photo|tweet)\s$/iu.test(before(context, 10))) {
        return `${numberToWords(first)} of ${cardinalToWords(second)}`
      }
      if (
        /(?:odds of|odds:?|at|was) $/i.test(before(context, 8)) &&
        Number(first) > Number(second) &&
        /^odds|^$|^[.,]/.test(rest) &&
        /odds/i.test(before(context, 24))
      ) {
        return `${numberToWords(first)} to ${cardinalToWords(second)}`
      }
      const rated =
        second === '10' ||
        (second === '100' && first.length > 1) ||
        first === second ||
        first.includes('.') ||
        /^ (?:stars?|points?|votes?)(?!\p{L})/u.test(rest)
      return rated ? `${numberToWords(first)} out of ${cardinalToWords(second)}` : undefined
    },
  },
  {
    name: 'fraction: 1/2, 2 3/4, ¾',
    pattern: sticky(`(${FRACTION})(?![\\d/]|\\p{L}\\d)`),
    say: ([match, amount = ''], context) => {
      const noun = /^\s(?:inch|cup|mile|pound|teaspoon|tablespoon|time|scale|wrench|majority|way|marathon|court|bath)(?!\p{L})/u.test(
        after(context, match, 16),
      )
      const words = sayAmount(amount)
      return noun &&
        /^\d\/\d/.test(amount) &&
        !/half|one /.test(words) &&
        /(?:wrench|majority|time|scale|court)/.test(after(context, match, 12))
        ? words.replace(/s$/, '')
        : words
    },
  },
  {
    name: 'scientific: 6.02e23',
    pattern: sticky(`(-?${NUMBER})[eE]([-+]?)(\\d{1,4})${END}`),
    say: ([, number = '', sign, power = '']) =>
      `${numberToWords(number)} times ten to the ${sign === '-' ? 'minus ' : ''}${ordinalToWords(power)}`,
  },
  {
    name: 'ordinal: 1st, 22nd',
    pattern: sticky(`(\\d{1,3}(?:,\\d{3}){1,5}|\\d{1,9})(?:st|nd|rd|th)${END}`, 'i'),
    say: ([, digits = '']) => ordinalToWords(digits.replaceAll(',', '')),
  },
  { name: 'even chance: 50-50', pattern: sticky('50[-–]50(?![\\d%])'), say: () => 'fifty fifty' },
  {
    name: 'difference: 7-4=3',
    pattern: sticky(`(${NUMBER})[-–](?=${NUMBER}\\s?=)`),
    say: ([, first = '']) => `${numberToWords(first)} minus`,
  },
  {
    name: 'range: 1914–1918, 3-5, 20~30',
    pattern: sticky(`([-]?${NUMBER})(?:${DASH})(?=[$€£]?\\.?\\d)`),
    say: ([, first = '']) => `${yearOrNumber(first)} to`,
  },
  {
    name: 'second year of a season: 2008-09',
    pattern: sticky(`(?<=(?:19|20)\\d\\d(?:-|–))0(\\d)${END}`),
    say: ([short = ''], context) => yearToWords(before(context, 5).slice(0, 2) + short),
  },
  { name: 'leading zeros: 007', pattern: sticky(`(0\\d{1,40})${END}(?![.,]\\d)`), say: ([, digits = '']) => digitsToWords(digits) },
  {
    name: 'year: 1984, the 1066 invasion',
    pattern: sticky(`(\\d{4})${END}(?!,\\d{3}|\\.\\d)`),
    say([match, digits = ''], context) {
      if (isYear(digits) || (/[x×]\s?$/.test(context.previous) && digits < '2000')) return yearToWords(digits)
      const dated = /^(?:in|of|the|since|by|from|until|before|after|circa|year|to|form)$/i.test(context.previous)
      return /^10[1-9]\d$/.test(digits) && dated && !/^ \p{Ll}+s(?!\p{L})/u.test(after(context, match))
        ? `ten ${cardinalToWords(digits.slice(2))}`
        : undefined
    },
  },
  {
    name: 'sign: -5, +3, ~5, ±2, #1',
    pattern: sticky(`([-+±~≈<>≤≥#]|№ ?)(?=[$€£¥]?\\.?\\d)`),
    say([, sign = ''], { text, index }) {
      if (sign === '-' && index > 0 && !/[\s(["'=<>+*/^×÷]/.test(text[index - 1] as string)) return undefined
      return SIGNS.get(sign.trim())
    },
  },
  {
    name: 'long code: 1234567890',
    pattern: sticky(`(\\d{10,40})${END}(?![.,]\\d)`),
    say: ([, digits = '']) => (/0{4}$/.test(digits) ? undefined : digitsToWords(digits)),
  },
  { name: 'number: 1,234.5', pattern: sticky(`(${NUMBER})${END}`), say: ([, number = '']) => numberToWords(number) },
]

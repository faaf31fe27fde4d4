import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  cardinalToWords,
  digitsToWords,
  fractionToWords,
  numberToWords,
  ordinalToWords,
  romanToNumber,
  toPlural,
  yearToWords,
} from './numbers.ts'

describe('cardinals', () => {
  it.each([
    ['0', 'zero'],
    ['7', 'seven'],
    ['13', 'thirteen'],
    ['20', 'twenty'],
    ['21', 'twenty-one'],
    ['100', 'one hundred'],
    ['105', 'one hundred five'],
    ['1000', 'one thousand'],
    ['1234567', 'one million two hundred thirty-four thousand five hundred sixty-seven'],
    ['1000000000', 'one billion'],
    ['000', 'zero'],
  ])('%s is "%s"', (digits, words) => expect(cardinalToWords(digits)).toBe(words))

  it('reads numbers beyond the scale words digit by digit', () => {
    expect(cardinalToWords('9'.repeat(30))).toContain('octillion')
    expect(cardinalToWords('9'.repeat(31))).toBe(digitsToWords('9'.repeat(31)))
  })

  it('gives different words to different numbers', () => {
    fc.assert(
      fc.property(fc.nat(10 ** 9), fc.nat(10 ** 9), (a, b) => a === b || cardinalToWords(String(a)) !== cardinalToWords(String(b))),
      { numRuns: 300 },
    )
  })
})

it.each([
  ['1', 'first'],
  ['3', 'third'],
  ['12', 'twelfth'],
  ['20', 'twentieth'],
  ['22', 'twenty-second'],
  ['100', 'one hundredth'],
  ['1,005'.replace(',', ''), 'one thousand fifth'],
])('ordinal %s is "%s"', (digits, words) => expect(ordinalToWords(digits)).toBe(words))

it.each([
  ['1984', 'nineteen eighty-four'],
  ['1905', 'nineteen oh five'],
  ['1900', 'nineteen hundred'],
  ['2000', 'two thousand'],
  ['2007', 'two thousand seven'],
  ['2010', 'twenty ten'],
  ['1066', 'ten sixty-six'],
  ['1000', 'one thousand'],
  ['44', 'forty-four'],
  ['476', 'four hundred seventy-six'],
])('year %s is "%s"', (digits, words) => expect(yearToWords(digits)).toBe(words))

it.each([
  ['-5', 'minus five'],
  ['3.14', 'three point one four'],
  ['.5', 'point five'],
  ['1,234.05', 'one thousand two hundred thirty-four point zero five'],
])('number %s is "%s"', (text, words) => expect(numberToWords(text)).toBe(words))

it.each([
  ['1', '2', 'one half'],
  ['3', '4', 'three quarters'],
  ['2', '3', 'two thirds'],
  ['5', '8', 'five eighths'],
  ['7', '365', 'seven over three hundred sixty-five'],
])('fraction %s/%s is "%s"', (top, bottom, words) => expect(fractionToWords(top, bottom)).toBe(words))

it('reads Roman numerals and refuses malformed ones', () => {
  expect(['I', 'IV', 'VIII', 'XIV', 'XC', 'MCMXCIV'].map(romanToNumber)).toEqual([1, 4, 8, 14, 90, 1994])
  expect(['', 'IIII', 'VX', 'IC', 'ABC', 'iv'].map(romanToNumber)).toEqual(Array(6).fill(undefined))
})

it('forms plurals', () => expect(['eighty', 'six', 'twenty', 'one'].map(toPlural)).toEqual(['eighties', 'sixes', 'twenties', 'ones']))

import { describe, expect, it } from 'vitest'
import { anyOf, rows, table, wordSet } from './table.ts'

describe('table', () => {
  it('refuses a key that is there twice, in one group or in two', () => {
    expect(() =>
      table([
        ['a', 1],
        ['b', 2],
        ['a', 3],
      ]),
    ).toThrow('"a" has two rows')
    expect(() => table(rows('a=1'), rows('a=2'))).toThrow(RangeError)
    expect(() => wordSet('one two one')).toThrow('"one" has two rows')
  })

  it('answers to its own keys only', () => {
    const map = table(rows('kg=kilogram|x=y=z'))
    expect(map.get('constructor')).toBeUndefined()
    expect(map.get('x')).toBe('y=z')
  })

  it('writes alternatives with the longest first, and their signs escaped', () => {
    expect(new RegExp(`^(?:${anyOf(['m', 'm/s', 'm.'])})`).exec('m/s')?.[0]).toBe('m/s')
  })
})

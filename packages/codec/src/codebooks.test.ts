import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fromCodebooks, toCodebooks } from './codebooks.ts'

it('toCodebooks undoes fromCodebooks for any codes', () => {
  const strides = [8, 4, 2, 1]
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 4 }),
      fc.infiniteStream(fc.nat(4095)),
      (blocks, count, stream) => {
        const rows = strides
          .slice(0, count)
          .map(stride => Array.from({ length: (blocks * 8) / stride }, () => stream.next().value as number))
        const codes = fromCodebooks(rows, strides)
        expect(codes.shape).toEqual([count, blocks * 8])
        expect(toCodebooks(codes, strides).map(row => Array.from(row))).toEqual(rows)
      },
    ),
  )
})

it('fromCodebooks refuses rows of different durations', () => {
  expect(() => fromCodebooks([[1, 2], [3]], [2, 1])).toThrow(/rows of 2, 1 codes/)
  expect(() => fromCodebooks([], [1])).toThrow(RangeError)
})

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fromLevels, toLevels } from './levels.ts'

it('toLevels undoes fromLevels for any codes', () => {
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
        const codes = fromLevels(rows, strides)
        expect(codes.shape).toEqual([count, blocks * 8])
        expect(toLevels(codes, strides).map(row => Array.from(row))).toEqual(rows)
      },
    ),
  )
})

it('fromLevels refuses rows of different durations', () => {
  expect(() => fromLevels([[1, 2], [3]], [2, 1])).toThrow(/rows of 2, 1 codes/)
  expect(() => fromLevels([], [1])).toThrow(RangeError)
})

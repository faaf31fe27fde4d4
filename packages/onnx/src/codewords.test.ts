import { describe, expect, it } from 'vitest'
import { findBandwidth, listBandwidths } from './codewords.ts'

describe('findBandwidth', () => {
  const dac = Array.from({ length: 9 }, (_, i) => (i + 1) * 0.861328125)

  it('finds what is meant, with as many digits as people write', () => {
    expect(findBandwidth(6, [1.5, 3, 6, 12])).toBe(2)
    expect(findBandwidth(0.86, dac)).toBe(0)
    expect(findBandwidth(7.75, dac)).toBe(8)
  })

  it('finds nothing else: neither rounds down nor takes the nearest', () => {
    for (const kbps of [0.01, 5, 7, 24, Number.NaN, Number.POSITIVE_INFINITY]) expect(findBandwidth(kbps, [1.5, 3, 6, 12])).toBeUndefined()
    expect(findBandwidth(6, [])).toBeUndefined()
  })

  it('lists bandwidths in few digits', () => {
    expect(listBandwidths(dac.slice(0, 3))).toBe('0.861, 1.723, 2.584')
  })
})

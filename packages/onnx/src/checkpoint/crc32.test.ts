import { describe, expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { crc32, crc32ByTable } from './crc32.ts'

describe('crc32', () => {
  it('gives the check value of the standard, with and without what Node has', () => {
    const bytes = new TextEncoder().encode('123456789')
    expect([crc32(bytes), crc32ByTable(bytes)]).toEqual([0xcbf43926, 0xcbf43926])
    expect([crc32(bytes.subarray(0, 0)), crc32ByTable(bytes.subarray(0, 0))]).toEqual([0, 0])
  })

  it('goes on where the sum of the bytes before ended', () => {
    const random = createRandom(1)
    const bytes = Uint8Array.from({ length: 1000 }, () => random.uniform() * 256)
    expect(crc32ByTable(bytes.subarray(333), crc32ByTable(bytes.subarray(0, 333)))).toBe(crc32(bytes))
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MessageWriter } from './protobuf.ts'

const hex = (message: MessageWriter) => Buffer.from(message.toBytes()).toString('hex')

/** Reads one varint, as the format defines it. */
function readVarint(bytes: Uint8Array): bigint {
  let value = 0n
  for (const [i, byte] of bytes.entries()) value |= BigInt(byte & 127) << BigInt(7 * i)
  return BigInt.asIntN(64, value)
}

describe('MessageWriter', () => {
  it('writes the examples of the format’s documentation', () => {
    expect(hex(new MessageWriter().varint(1, 150))).toBe('089601')
    expect(hex(new MessageWriter().string(2, 'testing'))).toBe('120774657374696e67')
    expect(hex(new MessageWriter().message(3, new MessageWriter().varint(1, 150)))).toBe('1a03089601')
    expect(hex(new MessageWriter().packedVarints(6, [3, 270, 86942]))).toBe('3206038e029ea705')
    expect(hex(new MessageWriter().float(5, 1))).toBe('2d0000803f')
  })

  it('writes every int64 so that it reads back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), value => {
        expect(readVarint(new MessageWriter().varint(1, value).toBytes().subarray(1))).toBe(value)
      }),
    )
    expect(new MessageWriter().varint(1, -1).toBytes()).toHaveLength(11)
    expect(
      readVarint(
        new MessageWriter()
          .varint(1, 2 ** 40)
          .toBytes()
          .subarray(1),
      ),
    ).toBe(2n ** 40n)
  })

  it('knows its size before it is written, however deeply messages nest', () => {
    const inner = new MessageWriter().bytes(1, new Uint8Array(300)).float(2, 0.5)
    const outer = new MessageWriter().message(1, inner).varint(2, 1).message(3, inner)
    expect(outer.toBytes()).toHaveLength(outer.size)
  })
})

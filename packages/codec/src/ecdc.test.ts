import { AudioFormatError, type Tensor } from '@mynah/onnx'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Ecdc, type EcdcLayout, ecdcLayouts, packCodes, readEcdc, unpackCodes, writeEcdc } from './ecdc.ts'

const stereo = ecdcLayouts.encodec_48khz!

const codesOf = (codebooks: number, frames: number, bits: number) =>
  fc
    .array(fc.nat(2 ** bits - 1), { minLength: codebooks * frames, maxLength: codebooks * frames })
    .map((data): Tensor<'int32'> => ({ dtype: 'int32', shape: [codebooks, frames], data: Int32Array.from(data) }))

/** A small layout with segments and scales, so that every branch runs on few bytes. */
const tiny: EcdcLayout = {
  sampleRate: 1000,
  frameRate: 100,
  codebooks: 4,
  codebookSize: 128,
  normalizes: true,
  segment: { length: 100, stride: 90 },
}

const files = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat(300)).chain(([codebooks, samples]) => {
  const frames: number[] = []
  for (let start = 0; start < samples; start += 90) frames.push(Math.ceil(Math.min(samples - start, 100) / 10))
  const segments = frames.map(count =>
    fc.tuple(codesOf(codebooks, count, 7), fc.float({ noNaN: true, noDefaultInfinity: true })).map(([codes, scale]) => ({ codes, scale })),
  )
  return fc.tuple(...segments).map((list): Ecdc => ({ model: 'tiny', samples, segments: list }))
})

const errorOf = (read: () => unknown): AudioFormatError => {
  try {
    read()
  } catch (error) {
    if (error instanceof AudioFormatError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('bit packing', () => {
  it('unpack∘pack is the identity for any codes and width', () => {
    const cases = fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.nat(20), fc.integer({ min: 1, max: 16 }))
      .chain(([codebooks, frames, bits]) => fc.tuple(codesOf(codebooks, frames, bits), fc.constant(bits)))
    fc.assert(
      fc.property(cases, ([codes, bits]) => {
        const packed = packCodes(codes, bits)
        expect(packed.length).toBe(Math.ceil((codes.data.length * bits) / 8))
        expect(unpackCodes(packed, codes.shape[0]!, codes.shape[1]!, bits)).toEqual(codes)
      }),
    )
  })

  it('puts the lowest bits first and interleaves codebooks, as the reference does', () => {
    const codes: Tensor<'int32'> = { dtype: 'int32', shape: [2, 1], data: Int32Array.of(0x3ff, 1) }
    expect(Array.from(packCodes(codes, 10))).toEqual([0xff, 0b111, 0])
    expect(() => packCodes(codes, 9)).toThrow(RangeError)
    expect(() => unpackCodes(new Uint8Array(2), 2, 1, 10)).toThrow(RangeError)
  })
})

describe('.ecdc', () => {
  it('reads what it wrote, scales and segments included', () => {
    fc.assert(
      fc.property(files, file => {
        expect(readEcdc(writeEcdc(file, tiny), tiny)).toEqual(file)
      }),
    )
  })

  it("reads bytes in the reference's layout", () => {
    const json = Buffer.from('{"m": "encodec_24khz", "al": 320, "nc": 2, "lm": false}')
    const bytes = Buffer.concat([Buffer.from('ECDC\0'), Buffer.from([0, 0, 0, json.length]), json, Buffer.from([0xff, 0b111, 0])])
    const { model, samples, segments } = readEcdc(bytes)
    expect([model, samples, Array.from(segments[0]!.codes.data)]).toEqual(['encodec_24khz', 320, [1023, 1]])
  })

  it('splits 48 kHz into segments of one second that overlap by a hundredth', () => {
    const segments = [150, 150, 16].map(frames => ({
      codes: { dtype: 'int32' as const, shape: [2, frames], data: new Int32Array(2 * frames).fill(1023) },
      scale: 0.5,
    }))
    const file: Ecdc = { model: 'encodec_48khz', samples: 2 * 47520 + 5000, segments }
    expect(readEcdc(writeEcdc(file))).toEqual(file)
    expect(() => writeEcdc({ ...file, samples: 48000 }, stereo)).toThrow(/expected \[K, T\] with T = 150/)
    expect(() => writeEcdc({ ...file, segments: segments.map(({ codes }) => ({ codes })) })).toThrow(/scale undefined/)
  })

  it('answers any damage with a typed error or another file, never with anything else', () => {
    const cases = fc.tuple(files, fc.nat(), fc.nat(255), fc.nat())
    fc.assert(
      fc.property(cases, ([file, position, value, length]) => {
        const bytes = writeEcdc(file, tiny)
        bytes[position % bytes.length] = value
        try {
          readEcdc(bytes.subarray(0, length % (bytes.length + 1)), tiny)
        } catch (error) {
          expect(error).toBeInstanceOf(AudioFormatError)
        }
      }),
    )
  })

  it('answers anything behind a good header with a typed error or codes in range, in memory bounded by the file', () => {
    const metadata = fc.record({
      m: fc.constantFrom('encodec_24khz', 'encodec_48khz', 'other', ''),
      al: fc.oneof(fc.nat(5000), fc.integer(), fc.maxSafeNat(), fc.double()),
      nc: fc.oneof(fc.integer({ min: -1, max: 40 }), fc.maxSafeNat()),
      lm: fc.oneof(fc.boolean(), fc.constant('yes')),
    })
    fc.assert(
      fc.property(metadata, fc.uint8Array({ maxLength: 400 }), (fields, payload) => {
        const json = Buffer.from(JSON.stringify(fields))
        const bytes = Buffer.concat([Buffer.from('ECDC\0'), Buffer.from([0, 0, 0, json.length]), json, payload])
        try {
          const { model, samples, segments } = readEcdc(bytes)
          expect(samples).toBe(fields.al)
          const { codebookSize } = ecdcLayouts[model]!
          for (const { codes, scale = 1 } of segments) {
            expect(codes.data.length * 10).toBeLessThanOrEqual(payload.length * 8)
            expect(codes.data.every(code => code >= 0 && code < codebookSize) && Number.isFinite(scale)).toBe(true)
          }
        } catch (error) {
          if (!(error instanceof AudioFormatError)) throw error
        }
      }),
      { numRuns: 500 },
    )
  })

  it('says what is wrong', () => {
    const whole = writeEcdc({
      model: 'encodec_24khz',
      samples: 320,
      segments: [{ codes: { dtype: 'int32', shape: [1, 1], data: Int32Array.of(7) } }],
    })
    const with_ = (metadata: object) => {
      const json = Buffer.from(JSON.stringify({ m: 'encodec_24khz', al: 320, nc: 1, lm: false, ...metadata }))
      return Buffer.concat([Buffer.from('ECDC\0'), Buffer.from([0, 0, json.length >> 8, json.length & 255]), json, Buffer.alloc(2)])
    }
    const code = (bytes: Uint8Array) => errorOf(() => readEcdc(bytes)).code
    expect(code(new Uint8Array(0))).toBe('wrong-magic')
    expect(code(Buffer.from('RIFF\0\0\0\0\0\0'))).toBe('wrong-magic')
    expect(code(whole.subarray(0, 8))).toBe('truncated')
    expect(code(whole.subarray(0, 20))).toBe('truncated')
    expect(code(whole.subarray(0, whole.length - 1))).toBe('truncated')
    expect(code(Buffer.from('ECDC\x01\0\0\0\0', 'latin1'))).toBe('unsupported-version')
    expect(code(Buffer.from('ECDC\0\xff\xff\xff\xff', 'latin1'))).toBe('bad-metadata')
    expect(code(Buffer.from('ECDC\0\0\0\0\x01{', 'latin1'))).toBe('bad-metadata')
    expect(code(with_({ nc: 33 }))).toBe('bad-metadata')
    expect(code(with_({ al: -1 }))).toBe('bad-metadata')
    expect(code(with_({ al: Number.MAX_SAFE_INTEGER }))).toBe('truncated')
    expect(code(with_({ m: 'constructor' }))).toBe('unknown-model')
    expect(code(with_({ lm: true }))).toBe('unsupported-entropy-coding')
  })
})

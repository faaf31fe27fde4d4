import { readFileSync } from 'node:fs'
import { AudioFormatError, createRandom } from '@mynah/onnx'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeWav, readWav } from './wav.ts'

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`../../../test/fixtures/audio/${name}`, import.meta.url)))

/** The signal of all fixtures: 440 Hz and 1 kHz at amplitude 0.5. */
const reference = [440, 1000].map(hz => Float32Array.from({ length: 12000 }, (_, n) => 0.5 * Math.sin((2 * Math.PI * hz * n) / 24000)))

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length)
  return a.reduce((error, value, i) => Math.max(error, Math.abs(value - b[i]!)), 0)
}

function codeOf(bytes: Uint8Array): string {
  try {
    readWav(bytes)
  } catch (error) {
    if (AudioFormatError.isInstance(error)) return error.code
    throw error
  }
  return 'read'
}

/** A fixture with a few bytes written over. */
function patched(name: string, patch: (view: DataView) => void): Uint8Array {
  const bytes = fixture(name)
  patch(new DataView(bytes.buffer))
  return bytes
}

describe('readWav', () => {
  it.each([
    ['pcm8.wav', 1 / 128],
    ['pcm16.wav', 1 / 32768],
    ['pcm24-extensible.wav', 1 / 32768],
    ['pcm32-extensible.wav', 1 / 32768],
    ['float32.wav', 1 / 32768],
    ['float64.wav', 1 / 32768],
    ['alaw.wav', 1 / 50],
    ['mulaw.wav', 1 / 50],
  ])('reads %s, written by sox, to within a quantization step', (name, step) => {
    const { channels, sampleRate, format, warnings } = readWav(fixture(name))
    expect({ sampleRate, format, warnings, channels: channels.length }).toEqual({
      sampleRate: 24000,
      format: 'wav',
      warnings: [],
      channels: 2,
    })
    for (const [index, channel] of channels.entries())
      expect(largestDifference(channel, reference[index]!)).toBeLessThanOrEqual(step * 1.01)
  })

  it.each([0, 0xffffffff, 0x7ffff000])('takes a data size of %i, as streams have, to mean the rest of the file, with a warning', size => {
    const { channels, warnings } = readWav(patched('pcm16.wav', view => view.setUint32(40, size, true)))
    expect(channels[0]).toEqual(readWav(fixture('pcm16.wav')).channels[0])
    expect(warnings).toEqual([`wav: the header gives no data size (${size}); read to the end of the file`])
  })

  it('skips chunks that it does not know, also of odd size', () => {
    const plain = fixture('pcm16.wav')
    const chunk = Uint8Array.from([...Buffer.from('LIST'), 3, 0, 0, 0, 1, 2, 3, 0])
    const bytes = new Uint8Array(Buffer.concat([plain.subarray(0, 36), chunk, plain.subarray(36)]))
    expect(readWav(bytes).channels).toEqual(readWav(plain).channels)
  })

  it('ignores what follows the audio', () => {
    const plain = fixture('pcm16.wav')
    expect(readWav(new Uint8Array(Buffer.concat([plain, Buffer.from('LIST????')]))).channels[0]!.length).toBe(12000)
  })

  it('puts silence where a float is not a number, with a warning', () => {
    const { channels, warnings } = readWav(
      encodeWav(Float32Array.of(0.5, Number.NaN, Number.POSITIVE_INFINITY, 2), 24000, { format: 'float32' }),
    )
    expect([...channels[0]!]).toEqual([0.5, 0, 0, 2])
    expect(warnings).toEqual(['wav: 2 values were infinite or not a number; replaced by silence'])
  })

  it('reads from the middle of a larger buffer', () => {
    const plain = fixture('pcm16.wav')
    const padded = new Uint8Array(plain.length + 3)
    padded.set(plain, 3)
    expect(readWav(padded.subarray(3)).channels).toEqual(readWav(plain).channels)
  })

  it('says what is wrong with a broken file', () => {
    const plain = fixture('pcm16.wav')
    expect(codeOf(plain.subarray(0, 8))).toBe('truncated-audio')
    expect(codeOf(plain.subarray(0, 30))).toBe('truncated-audio')
    expect(codeOf(plain.subarray(0, 44))).toBe('truncated-audio')
    expect(codeOf(plain.subarray(0, 20_000))).toBe('truncated-audio')
    expect(codeOf(fixture('stereo.flac'))).toBe('not-audio')
    expect(codeOf(patched('pcm16.wav', view => view.setUint16(20, 2, true)))).toBe('unsupported-audio')
    expect(codeOf(patched('pcm16.wav', view => view.setUint16(22, 0, true)))).toBe('corrupt-audio')
    expect(codeOf(patched('pcm16.wav', view => view.setUint16(22, 9, true)))).toBe('corrupt-audio')
    expect(codeOf(patched('pcm16.wav', view => view.setUint32(24, 0, true)))).toBe('corrupt-audio')
    expect(codeOf(patched('pcm16.wav', view => view.setUint16(32, 0, true)))).toBe('corrupt-audio')
    expect(codeOf(patched('pcm16.wav', view => view.setUint16(32, 5, true)))).toBe('corrupt-audio')
    expect(codeOf(patched('pcm16.wav', view => view.setUint32(16, 15, true)))).toBe('corrupt-audio')
    expect(codeOf(patched('pcm16.wav', view => view.setUint32(12, 0, true)))).toBe('corrupt-audio')
    expect(codeOf(encodeWav(new Float32Array(0), 24000))).toBe('empty-audio')
  })

  it('refuses more audio than the caller wants', () => {
    expect(() => readWav(fixture('pcm16.wav'), { maxSeconds: 0.4 })).toThrow(/at least 0\.5 s of 2-channel audio, expected at most 0\.4 s/)
  })

  it('gives audio or an AudioFormatError for any mutation of a header', () => {
    const names = ['pcm16.wav', 'pcm24-extensible.wav', 'float32.wav', 'alaw.wav']
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(400),
        (name, edits, length) => {
          const bytes = fixture(name).slice(0, 44 + length)
          for (const [position, value] of edits) bytes[position] = value
          const fixed = codeOf(bytes)
          expect(typeof fixed).toBe('string')
          if (fixed !== 'read') return
          const { channels, sampleRate } = readWav(bytes)
          expect(sampleRate).toBeGreaterThanOrEqual(1000)
          expect(channels.length * channels[0]!.length).toBeLessThanOrEqual(bytes.length)
          expect(channels.every(channel => channel.length === channels[0]!.length && channel.every(Number.isFinite))).toBe(true)
        },
      ),
      { numRuns: 2000, seed: 1 },
    )
  })
})

describe('encodeWav', () => {
  const random = createRandom(5)
  const noise = [0, 1].map(() => Float32Array.from({ length: 1001 }, () => Math.max(-1, Math.min(1, random.normal() / 3))))

  it.each([
    ['pcm16', 0.5 / 32768],
    ['pcm24', 0.5 / 8388608],
    ['float32', 0],
  ] as const)('%s comes back through readWav to within half a step, mono and stereo', (format, step) => {
    for (const channels of [noise.slice(0, 1), noise]) {
      const read = readWav(encodeWav(channels, 22050, { format }))
      expect(read.sampleRate).toBe(22050)
      expect(read.warnings).toEqual([])
      for (const [index, channel] of read.channels.entries()) {
        const clamped = noise[index]!.map(value => (format === 'float32' ? value : Math.min(value, 1 - 2 * step)))
        expect(largestDifference(channel, clamped)).toBeLessThanOrEqual(step + 1e-9)
      }
    }
  })

  it('writes back a 16-bit file byte for byte', () => {
    const bytes = fixture('pcm16.wav')
    expect(encodeWav(readWav(bytes).channels, 24000)).toEqual(bytes)
  })

  it('pads an odd number of bytes, as RIFF demands', () => {
    const bytes = encodeWav(Float32Array.of(0.5), 24000, { format: 'pcm24' })
    expect(bytes.length).toBe(44 + 4)
    expect(new DataView(bytes.buffer).getUint32(4, true)).toBe(bytes.length - 8)
    expect(new DataView(bytes.buffer).getUint32(40, true)).toBe(3)
  })

  it('clamps what is beyond full scale, and writes NaN as silence', () => {
    for (const format of ['pcm16', 'pcm24'] as const) {
      const [read] = readWav(encodeWav(Float32Array.of(3, -3, Number.NaN), 24000, { format })).channels
      expect(read![0]).toBeCloseTo(1, 4)
      expect([...read!.subarray(1)]).toEqual([-1, 0])
    }
  })

  it('refuses impossible arguments', () => {
    expect(() => encodeWav(new Float32Array(1), 0)).toThrow(RangeError)
    expect(() => encodeWav(new Float32Array(1), 24000.5)).toThrow(RangeError)
    expect(() => encodeWav([], 24000)).toThrow(RangeError)
    expect(() => encodeWav([new Float32Array(1), new Float32Array(2)], 24000)).toThrow(/channels of 1, 2 samples/)
    expect(() => encodeWav(new Float32Array(1), 24000, { format: 'pcm12' as 'pcm16' })).toThrow(RangeError)
  })
})

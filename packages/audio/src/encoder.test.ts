import { describe, expect, it } from 'vitest'
import { decodeAudio } from './decode.ts'
import { createEncoder, encodeAudio } from './encoder.ts'
import { joinBytes } from './encoders.ts'
import { type EncodedFormat, type EncodedSampleRate, encodedFormats, encodedSampleRates } from './formats.ts'
import { fromALaw, fromMuLaw, toALaw, toMuLaw } from './g711.ts'

const inputRate = 24000

function sine(hz: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, n) => 0.5 * Math.sin((2 * Math.PI * hz * n) / inputRate))
}

/** Amplitude of a frequency in the middle of a signal. */
function amplitudeAt(samples: Float32Array, hz: number, rate: number): number {
  let [re, im] = [0, 0]
  const from = Math.floor(samples.length / 4)
  const count = Math.floor(samples.length / 2)
  for (let n = from; n < from + count; n++) {
    re += samples[n]! * Math.cos((2 * Math.PI * hz * n) / rate)
    im += samples[n]! * Math.sin((2 * Math.PI * hz * n) / rate)
  }
  return (2 * Math.hypot(re, im)) / count
}

/** Decodes what has no header itself. */
async function decode(bytes: Uint8Array, format: EncodedFormat, sampleRate: number) {
  const raw = (samples: Float32Array) => ({ channels: [samples], sampleRate, format, warnings: [] })
  if (format === 'pcm') return raw(Float32Array.from(new Int16Array(bytes.buffer), value => value / 32768))
  if (format === 'mulaw') return raw(Float32Array.from(bytes, fromMuLaw))
  if (format === 'alaw') return raw(Float32Array.from(bytes, fromALaw))
  return decodeAudio(bytes)
}

async function encodePieces(samples: Float32Array, sizes: readonly number[], format: EncodedFormat, sampleRate?: EncodedSampleRate) {
  using encoder = createEncoder(inputRate, { format, sampleRate })
  const bytes: Uint8Array[] = []
  let from = 0
  for (let i = 0; from < samples.length; from += sizes[i++ % sizes.length]!)
    bytes.push(await encoder.encode(samples.subarray(from, from + sizes[i % sizes.length]!)))
  bytes.push(await encoder.finish())
  return joinBytes(bytes)
}

const formats = Object.keys(encodedFormats) as EncodedFormat[]

describe('createEncoder', () => {
  it.each(formats.flatMap(format => encodedSampleRates.map(rate => [format, rate] as const)))(
    'a tone in %s at %i Hz comes back through a decoder, as long as it was',
    async (format, sampleRate) => {
      const samples = sine(1000, 30_000)
      const audio = await decode(await encodePieces(samples, [7000], format, sampleRate), format, sampleRate)
      const rate = format === 'opus' ? 48000 : sampleRate
      expect(audio.sampleRate).toBe(rate)
      const seconds = audio.channels[0]!.length / rate
      const padding = format === 'mp3' ? 0.05 + (3 * 1152) / rate : 1 / rate
      expect(seconds).toBeGreaterThanOrEqual(1.25 - 1 / rate)
      expect(seconds).toBeLessThanOrEqual(1.25 + padding)
      expect(amplitudeAt(audio.channels[0]!, 1000, rate)).toBeGreaterThan(0.46)
      expect(amplitudeAt(audio.channels[0]!, 1500, rate)).toBeLessThan(0.01)
    },
  )

  it.each(formats)('gives the same %s file however the samples are cut', async format => {
    const samples = sine(440, 20_000)
    const whole = await encodePieces(samples, [20_000], format)
    for (const sizes of [[1], [479, 1, 4096]]) {
      const some = sizes.length === 1 ? samples.subarray(0, 300) : samples
      const expected = sizes.length === 1 ? await encodePieces(some, [300], format) : whole
      const cut = await encodePieces(some, sizes, format)
      const samePages = format === 'opus' // every call ends a page
      if (samePages) expect((await decodeAudio(cut)).channels).toEqual((await decodeAudio(expected)).channels)
      else expect(Buffer.compare(cut, expected)).toBe(0)
    }
  })

  it('runs many streams at once, each for itself', async () => {
    const tones = [300, 600, 1200, 2400].map(hz => sine(hz, 12_000))
    const one = await Promise.all(tones.map(tone => encodePieces(tone, [1000], 'mp3')))
    for (const [i, tone] of tones.entries()) expect(Buffer.compare(one[i]!, await encodePieces(tone, [12_000], 'mp3'))).toBe(0)
  })

  it.each(formats)('gives a %s file for no samples at all', async format => {
    const bytes = await encodeAudio(new Float32Array(0), inputRate, { format })
    expect(bytes.length).toBeLessThan(2000)
    expect(await encodePieces(new Float32Array(0), [1], format)).toBeInstanceOf(Uint8Array)
  })

  it('can be left before it is finished', async () => {
    for (const format of ['opus', 'flac', 'mp3'] as const) {
      using encoder = createEncoder(inputRate, { format })
      await encoder.encode(sine(440, 5000))
    }
    expect((await encodeAudio(sine(440, 5000), inputRate, { format: 'flac' })).length).toBeGreaterThan(100)
  })

  it('says the length in the header where it is known', async () => {
    const samples = sine(440, 24_000)
    const wav = new DataView((await encodeAudio(samples, inputRate)).buffer)
    expect(wav.getUint32(40, true)).toBe(48_000)
    const flac = new DataView((await encodeAudio(samples, inputRate, { format: 'flac', sampleRate: 48000 })).buffer)
    expect(flac.getUint32(8 + 14)).toBe(48_000) // the low half of STREAMINFO's 36 bits
  })

  it('refuses what does not exist, and says what does', () => {
    expect(() => createEncoder(inputRate, { format: 'aac' as never })).toThrow(/format is "aac", expected pcm, wav, mp3, opus, flac/)
    expect(() => createEncoder(inputRate, { format: 3 as never })).toThrow(TypeError)
    expect(() => createEncoder(inputRate, { sampleRate: 96000 as never })).toThrow(/sampleRate is 96000 Hz, expected 8000, 16000/)
    expect(() => createEncoder(inputRate, { format: 'mp3', bitrateKbps: 77 })).toThrow(/bitrateKbps is 77, expected 8, .* for mp3 at 24000/)
    expect(() => createEncoder(inputRate, { format: 'wav', bitrateKbps: 64 })).toThrow(/wav has none/)
    expect(() => createEncoder(inputRate, { format: 'opus', bitrateKbps: 1000 })).toThrow(/6 to 256/)
  })
})

describe('G.711', () => {
  it.each([
    ['µ-law', toMuLaw, fromMuLaw],
    ['A-law', toALaw, fromALaw],
  ] as const)(
    '%s bytes survive decoding and encoding; samples keep their order, and are off by no more than half a step',
    (_, encode, decode) => {
      for (let byte = 0; byte < 256; byte++) expect(decode(encode(decode(byte) * 32768))).toBe(decode(byte))
      let last = -1
      let worst = 0
      for (let pcm = -32768; pcm < 32768; pcm++) {
        const decoded = decode(encode(pcm))
        if (decoded < last) throw new Error(`${pcm} comes before ${pcm - 1}`)
        last = decoded
        worst = Math.max(worst, Math.abs(decoded * 32768 - pcm) / (Math.abs(pcm) + 256)) // 16 steps an octave
      }
      expect(worst).toBeLessThan(1 / 31)
    },
  )
})

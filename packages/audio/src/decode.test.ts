import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { AudioFormatError } from '@mynah/onnx'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AudioErrorCode, durationSeconds, toMono } from './audio.ts'
import { decodeAudio } from './decode.ts'

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`../../../test/fixtures/audio/${name}`, import.meta.url)))
const text = (content: string) => new Uint8Array(Buffer.from(content, 'latin1'))

/** A fixture with one bit flipped. */
function damaged(name: string, position: number): Uint8Array {
  const bytes = fixture(name)
  bytes[position]! ^= 1
  return bytes
}

async function codeOf(bytes: Uint8Array, maxSeconds = 3600): Promise<string> {
  try {
    await decodeAudio(bytes, { maxSeconds })
  } catch (error) {
    if (AudioFormatError.isInstance(error)) return error.code
    throw error
  }
  return 'decoded'
}

/** Signal-to-noise ratio in decibels against the fixtures' sine, away from the ends. */
function signalToNoise(samples: Float32Array, hz: number, rate: number): number {
  let [signal, noise] = [0, 0]
  for (let n = Math.floor(rate / 20); n < samples.length - rate / 20; n++) {
    const expected = 0.5 * Math.sin((2 * Math.PI * hz * n) / rate)
    signal += expected ** 2
    noise += (samples[n]! - expected) ** 2
  }
  return 10 * Math.log10(signal / noise)
}

describe('decodeAudio', () => {
  it.each([
    ['pcm16.wav', 'wav', 24000, 2, 80],
    ['stereo.flac', 'flac', 24000, 2, 80],
    ['mono-24bit.flac', 'flac', 24000, 1, 80],
    ['stereo.opus', 'ogg-opus', 48000, 2, 15],
    ['mono.opus', 'ogg-opus', 48000, 1, 15],
    ['stereo.vorbis.ogg', 'ogg-vorbis', 24000, 2, 15],
  ] as const)(
    '%s is %s of %i Hz with %i channel(s), half a second long, and in step with the original',
    async (name, format, rate, count, leastDecibels) => {
      const audio = await decodeAudio(fixture(name))
      expect({ format: audio.format, rate: audio.sampleRate, channels: audio.channels.length, warnings: audio.warnings }).toEqual({
        format,
        rate,
        channels: count,
        warnings: [],
      })
      expect(durationSeconds(audio)).toBe(0.5)
      for (const [index, channel] of audio.channels.entries()) {
        expect(signalToNoise(channel, [440, 1000][index]!, rate)).toBeGreaterThan(leastDecibels)
      }
    },
  )

  it('decodes FLAC to the very samples of the WAV it was made from', async () => {
    expect((await decodeAudio(fixture('stereo.flac'))).channels).toEqual((await decodeAudio(fixture('pcm16.wav'))).channels)
  })

  it.each([
    ['mono.mp3', 1],
    ['stereo.mp3', 2],
  ])('%s has %i channel(s) and every frame of it is decoded', async (name, count) => {
    const audio = await decodeAudio(fixture(name))
    expect([audio.format, audio.sampleRate, audio.channels.length]).toEqual(['mp3', 24000, count])
    expect(audio.channels[0]!.length).toBe(23 * 576)
    expect(audio.warnings).toEqual([])
  })

  it('reads MP3 behind an ID3v2 tag and before an ID3v1 tag', async () => {
    const tag = new Uint8Array(10 + 300)
    tag.set([...Buffer.from('ID3'), 4, 0, 0, 0, 0, 2, 44])
    const tagged = new Uint8Array(Buffer.concat([tag, fixture('mono.mp3'), Buffer.from('TAG'.padEnd(128, ' '))]))
    const audio = await decodeAudio(tagged)
    expect(audio.channels).toEqual((await decodeAudio(fixture('mono.mp3'))).channels)
    expect(audio.warnings).toEqual([])
  })

  it('skips junk between MP3 frames and says so', async () => {
    const plain = fixture('mono.mp3')
    const frame = plain.length / 23
    const audio = await decodeAudio(
      new Uint8Array(Buffer.concat([plain.subarray(0, 9 * frame), Buffer.alloc(77), plain.subarray(9 * frame)])),
    )
    expect(audio.warnings).toEqual(['mp3: skipped 77 bytes between frames that are no audio'])
    expect(audio.channels[0]!.length).toBe(23 * 576)
  })

  it('accepts an MP3 cut within a frame with a warning, since nothing in it tells the length', async () => {
    const audio = await decodeAudio(fixture('mono.mp3').subarray(0, 3000))
    expect(audio.warnings).toEqual(['mp3: the file ends within a frame; it may be cut short'])
    expect(audio.channels[0]!.length).toBe(15 * 576)
  })

  it.each([
    ['empty-audio', 'no bytes', text('')],
    ['not-audio', 'a web page', text('<!DOCTYPE html><html><body>404</body></html>')],
    ['not-audio', 'text', text('Hello, this is not audio at all.')],
    ['not-audio', 'a PNG image', text(`\x89PNG\r\n\x1a\n${'\0'.repeat(99)}`)],
    ['not-audio', 'zeros', new Uint8Array(5000)],
    ['unsupported-audio', 'MP4', text(`\0\0\0\x20ftypM4A ${'\0'.repeat(99)}`)],
    ['unsupported-audio', 'AAC', text(`\xff\xf1\x50\x80\x02\x1f\xfc${'\0'.repeat(99)}`)],
    ['unsupported-audio', 'AIFF', text(`FORM\0\0\0\0AIFF${'\0'.repeat(99)}`)],
    ['unsupported-audio', 'WebM', text(`\x1a\x45\xdf\xa3${'\0'.repeat(99)}`)],
    ['truncated-audio', 'an ID3 tag alone', text(`ID3\x04\0\0\0\0\x01\0${'\0'.repeat(99)}`)],
    ['truncated-audio', 'half a WAV', fixture('pcm16.wav').subarray(0, 20_000)],
    ['truncated-audio', 'half a FLAC', fixture('stereo.flac').subarray(0, 6000)],
    ['truncated-audio', 'a FLAC header', fixture('stereo.flac').subarray(0, 30)],
    ['truncated-audio', 'a FLAC with a damaged frame, which the decoder drops', damaged('stereo.flac', 5000)],
    ['truncated-audio', 'half an Opus file', fixture('stereo.opus').subarray(0, 5000)],
    ['truncated-audio', 'half a Vorbis file', fixture('stereo.vorbis.ogg').subarray(0, 4500)],
    ['truncated-audio', 'an Ogg page header', fixture('stereo.opus').subarray(0, 20)],
  ] satisfies [AudioErrorCode, string, Uint8Array][])('refuses with %s: %s', async (code, _, bytes) => {
    expect(await codeOf(bytes)).toBe(code)
  })

  it('tells what it found and what to do', async () => {
    await expect(decodeAudio(text('<html></html>'))).rejects.toThrow(
      'audio: this is a web page, expected wav, mp3, flac, ogg opus or ogg vorbis; check the path or the download',
    )
    await expect(decodeAudio(text('\0\0\0\x20ftypM4A '))).rejects.toThrow(
      'audio: this is MP4 or M4A, expected wav, mp3, flac, ogg opus or ogg vorbis; convert it with "ffmpeg -i IN -ac 1 OUT.wav"',
    )
  })

  it('refuses a flipped bit in an Ogg page by its checksum', async () => {
    expect(await codeOf(damaged('stereo.opus', 4000))).toBe('corrupt-audio')
  })

  it('refuses an Opus header whose channel mapping points at streams that are not there', async () => {
    const bytes = fixture('stereo.opus')
    const head = Buffer.from(bytes).indexOf('OpusHead')
    for (const family of [1, 255]) {
      bytes[head + 18] = family // then the header lacks its mapping table
      repairOgg(bytes)
      expect(await codeOf(bytes)).toBe('corrupt-audio')
    }
    bytes[head + 18] = 0
    bytes[head + 9] = 3
    repairOgg(bytes)
    expect(await codeOf(bytes)).toBe('corrupt-audio')
  })

  it('refuses an MP3 whose tag announces more frames than there are', async () => {
    const bytes = fixture('mono.mp3')
    const at = 4 + 9 // MPEG-2 mono: behind the side information of the first frame
    bytes.set([...Buffer.from('Info'), 0, 0, 0, 1, 0, 0, 0, 24], at)
    expect(await codeOf(bytes)).toBe('truncated-audio')
    bytes[at + 11] = 22
    expect(await codeOf(bytes)).toBe('decoded')
  })

  it.each(['pcm16.wav', 'stereo.flac', 'mono.mp3', 'mono.opus', 'stereo.vorbis.ogg'])('refuses %s beyond maxSeconds', async name => {
    expect(await codeOf(fixture(name), 0.4)).toBe('audio-too-long')
    expect(await codeOf(fixture(name), 0.6)).toBe('decoded')
  })

  it('refuses a few kilobytes of FLAC that announce hours', async () => {
    const bytes = fixture('stereo.flac')
    bytes.set([0xff, 0xff, 0xff, 0xff], 22) // the low 32 bits of the number of samples
    expect(await codeOf(bytes)).toBe('audio-too-long')
  })

  it('refuses arguments that are no bytes', async () => {
    await expect(decodeAudio('speech.wav' as unknown as Uint8Array)).rejects.toThrow(TypeError)
    await expect(decodeAudio(fixture('pcm16.wav'), { maxSeconds: 0 })).rejects.toThrow(RangeError)
  })

  it('decodes several files at once', async () => {
    const names = ['stereo.flac', 'mono.mp3', 'stereo.opus', 'stereo.vorbis.ogg', 'mono.opus', 'mono-24bit.flac']
    const alone = []
    for (const name of names) alone.push((await decodeAudio(fixture(name))).channels)
    const together = await Promise.all(names.map(name => decodeAudio(fixture(name))))
    expect(together.map(audio => audio.channels)).toEqual(alone)
  })

  it('leaves no listeners and no threads behind, and prints nothing', async () => {
    const listeners = () => process.eventNames().map(name => [String(name), process.listenerCount(name)])
    const printed: unknown[] = []
    const { error } = console
    console.error = (...parts: unknown[]) => printed.push(parts)
    try {
      const before = [listeners(), process.getActiveResourcesInfo().filter(name => name === 'MessagePort' || name === 'Worker')]
      for (const name of ['stereo.flac', 'mono.mp3', 'stereo.opus', 'stereo.vorbis.ogg']) await decodeAudio(fixture(name))
      // a packet of zero frames, which libopus refuses aloud
      const broken = fixture('stereo.opus')
      const page = Buffer.from(broken).lastIndexOf('OggS')
      broken.set([0xff, 0], page + 27 + broken[page + 26]!)
      repairOgg(broken)
      expect(await codeOf(broken)).toBe('corrupt-audio')
      expect([listeners(), process.getActiveResourcesInfo().filter(name => name === 'MessagePort' || name === 'Worker')]).toEqual(before)
    } finally {
      console.error = error
    }
    expect(printed).toEqual([])
  })

  it('lets the program end, and prints nothing there', { timeout: 120_000 }, async () => {
    const [corrupt, whole] = ['mono.mp3', 'stereo.opus'].map(fixture) as [Uint8Array, Uint8Array]
    corrupt.fill(0x5a, 600, 700) // mpg123 says so aloud
    const module = JSON.stringify(new URL('decode.ts', import.meta.url).href)
    const bytes = (of: Uint8Array) => `Buffer.from('${Buffer.from(of).toString('base64')}', 'base64')`
    const program = `import { decodeAudio } from ${module}
      await decodeAudio(${bytes(corrupt)}).catch(() => undefined)
      console.log((await decodeAudio(${bytes(whole)})).channels.length)`
    const folder = await mkdtemp(join(tmpdir(), 'mynah-decode-'))
    try {
      const script = join(folder, 'program.mjs')
      await writeFile(script, program)
      const args = ['--import', import.meta.resolve('tsx'), '--conditions=@mynah/source', script]
      expect(await promisify(execFile)(process.execPath, args, { timeout: 60_000 })).toEqual({ stdout: '2\n', stderr: '' })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('gives audio or an AudioFormatError for any bytes behind any signature', async () => {
    const signatures = [
      '',
      'RIFF\0\0\0\0WAVEfmt ',
      'fLaC\0\0\0\x22',
      'OggS\0\x02',
      'ID3\x04\0\0\0\0\0\0',
      '\xff\xf3\x84\xc4',
      '\xff\xfb\x90\xc4',
    ]
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...signatures), fc.uint8Array({ maxLength: 600 }), async (signature, noise) => {
        expect(typeof (await codeOf(new Uint8Array(Buffer.concat([Buffer.from(signature, 'latin1'), noise]))))).toBe('string')
      }),
      { numRuns: 400, seed: 2 },
    )
  })

  it.each(['stereo.flac', 'mono-24bit.flac', 'mono.mp3', 'stereo.mp3', 'stereo.opus', 'stereo.vorbis.ogg'])(
    'gives audio or an AudioFormatError for any mutation of %s',
    async name => {
      const original = fixture(name)
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { maxLength: 6 }),
          fc.option(fc.nat(original.length)),
          fc.boolean(),
          async (edits, cut, repairChecksums) => {
            const bytes = original.slice(0, cut ?? original.length)
            for (const [position, value] of edits) if (position < bytes.length) bytes[position] = value
            if (repairChecksums) repairOgg(bytes)
            const code = await codeOf(bytes)
            expect(typeof code).toBe('string')
          },
        ),
        { numRuns: 150, seed: 3 },
      )
    },
  )
})

/** Recomputes the page checksums of a mutated Ogg file, so that mutations reach the codecs. */
function repairOgg(bytes: Uint8Array): void {
  for (let offset = 0; offset + 27 <= bytes.length && Buffer.from(bytes.subarray(offset, offset + 4)).toString() === 'OggS'; ) {
    const segments = bytes[offset + 26]!
    const size = 27 + segments + bytes.subarray(offset + 27, offset + 27 + segments).reduce((sum, lace) => sum + lace, 0)
    if (offset + size > bytes.length) return
    const page = bytes.subarray(offset, offset + size)
    page.fill(0, 22, 26)
    let crc = 0
    for (const byte of page) {
      crc ^= byte << 24
      for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1
    }
    new DataView(page.buffer, page.byteOffset).setUint32(22, crc >>> 0, true)
    offset += size
  }
}

describe('toMono', () => {
  it('is the mean of the channels, and one channel itself', () => {
    const left = Float32Array.of(1, 0, -0.5)
    expect([...toMono({ channels: [left, Float32Array.of(0, 1, -0.5)] })]).toEqual([0.5, 0.5, -0.5])
    expect(toMono({ channels: [left] })).toBe(left)
    expect(() => toMono({ channels: [] })).toThrow(RangeError)
  })
})

describe('the bytes of a caller', () => {
  it('stay as they were, in a Buffer of their own, too', async () => {
    const bytes = Buffer.from(new Uint8Array(readFileSync(new URL('../../../test/fixtures/audio/mono.mp3', import.meta.url))).buffer)
    const size = bytes.length
    await decodeAudio(bytes)
    expect(bytes.length).toBe(size)
  })
})

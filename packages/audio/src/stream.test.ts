import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeAudio } from './decode.ts'
import { createWavWriter, openAudio } from './stream.ts'
import { encodeWav, readWav } from './wav.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/audio/${name}`, import.meta.url))
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mynah-audio-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function readAll(path: string) {
  using stream = await openAudio(path)
  const channels: number[][] = Array.from({ length: stream.channels }, () => [])
  let pieces = 0
  for await (const piece of stream.pieces()) {
    piece.forEach((samples, c) => {
      for (const sample of samples) channels[c]!.push(sample)
    })
    pieces++
  }
  return { ...stream, pieces, channels: channels.map(samples => Float32Array.from(samples)) }
}

describe('openAudio', () => {
  it.each(['pcm8.wav', 'pcm16.wav', 'pcm24-extensible.wav', 'float64.wav', 'mulaw.wav', 'stereo.flac', 'mono.mp3'])(
    'reads %s as decodeAudio does',
    async name => {
      const { sampleRate, channels, format, warnings } = await decodeAudio(readFileSync(fixture(name)))
      const found = await readAll(fixture(name))
      expect(found).toMatchObject({ sampleRate, format, warnings, samples: channels[0]!.length })
      expect(found.channels).toEqual(channels)
    },
  )

  it('gives a long file in several pieces, and says how many values were no numbers', async () => {
    const path = join(folder, 'long.wav')
    const samples = Float32Array.from({ length: 130_000 }, (_, i) => (i % 50_000 === 7 ? Number.NaN : i / 130_000))
    writeFileSync(path, encodeWav(samples, 24000, { format: 'float32' }))
    const found = await readAll(path)
    expect(found.pieces).toBe(3)
    expect(found.channels[0]).toEqual(samples.map(value => value || 0))
    expect(found.warnings).toEqual([expect.stringContaining('3 values')])
  })

  it('names the file that it refuses', async () => {
    const path = join(folder, 'text.txt')
    writeFileSync(path, 'no audio at all')
    await expect(openAudio(path)).rejects.toMatchObject({ code: 'not-audio', message: expect.stringContaining(path) })
    writeFileSync(path, encodeWav(new Float32Array(100), 24000).subarray(0, 100))
    await expect(openAudio(path)).rejects.toMatchObject({ code: 'truncated-audio', message: expect.stringContaining(path) })
    await expect(openAudio(join(folder, 'absent.wav'))).rejects.toThrow(/ENOENT/)
  })
})

describe('createWavWriter', () => {
  it('writes what encodeWav would, whatever the pieces', () => {
    const path = join(folder, 'out.wav')
    const random = createRandom(1)
    const samples = Float32Array.from({ length: 999 }, () => random.normal())
    for (const length of [0, 1, 999]) {
      {
        using writer = createWavWriter(path, 22050)
        for (let i = 0; i < length; i += 100) writer.write(samples.subarray(i, Math.min(length, i + 100)))
      }
      expect(new Uint8Array(readFileSync(path))).toEqual(encodeWav(samples.subarray(0, length), 22050))
    }
    expect(readWav(readFileSync(path)).channels[0]!.length).toBe(999)
  })
})

import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { encodeWav } from '@mynah/audio'
import { MynahError } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { type AudioSource, openRecording } from './recording.ts'

const bytes = encodeWav(
  Float32Array.from({ length: 3000 }, (_, i) => Math.sin(i / 9)),
  24000,
)
const own = new Uint8Array(bytes)
const folder = await mkdtemp(join(tmpdir(), 'mynah-recording-'))
const path = join(folder, 'me & you %.wav')
await writeFile(path, bytes)

async function* halves() {
  yield own.subarray(0, 1001)
  yield own.subarray(1001)
}
const base64 = Buffer.from(bytes).toString('base64')
const errorOf = (source: unknown, signal?: AbortSignal) =>
  openRecording(source as AudioSource, signal).then(
    () => new Error('nothing was thrown'),
    (error: Error) => error,
  )

describe('openRecording', () => {
  it.each<[string, () => AudioSource]>([
    ['a path', () => path],
    ['a URL', () => pathToFileURL(path)],
    ['the text of a file: URL', () => pathToFileURL(path).href],
    ['a data: URL', () => `data:audio/wav;base64,${base64}`],
    ['a data: URL whose base64 is escaped', () => new URL(`data:audio/wav;base64,${encodeURIComponent(base64)}`)],
    ['bytes', () => bytes],
    ['a Buffer', () => Buffer.from(bytes)],
    ['an ArrayBuffer', () => own.buffer],
    ['a Blob', () => new Blob([own])],
    ['a File', () => new File([own], 'me.wav')],
    ['a Readable', () => Readable.from(halves())],
    ['a web stream', () => new Blob([own]).stream()],
    ['the body of a Response', () => new Response(own).body!],
    ['an async generator', () => halves()],
  ])('reads %s', async (_, source) => {
    const read = await openRecording(source())
    expect(read instanceof Uint8Array && Buffer.compare(read, bytes)).toBe(0)
  })

  it('passes samples on', async () => {
    const samples = { samples: new Float32Array(5), sampleRate: 8000 }
    expect(await openRecording(samples)).toBe(samples)
  })

  it('refuses what cannot be read, without quoting all of it', async () => {
    for (const source of ['/no/such/file.wav', folder, 'file:///no/such/file.wav', 'data:audio/wav', 'https://example.org/me.wav']) {
      const error = await errorOf(source)
      expect(MynahError.isInstance(error) && error.code, source).toBe('unreadable-audio')
      expect(error.message).toContain(source.slice(0, 40))
    }
    const long = `data:audio/wav;base64,%${'A'.repeat(100_000)}`
    expect((await errorOf(long)).message.length).toBeLessThan(300)
    expect((await errorOf('x'.repeat(100_000))).message.length).toBeLessThan(400)
  })

  it('refuses arguments of the wrong kind', async () => {
    const wrong = [
      undefined,
      null,
      3,
      {},
      { samples: [1, 2], sampleRate: 24000 },
      { samples: new Float32Array(9) },
      Readable.from(['text']),
    ]
    for (const source of wrong) expect(await errorOf(source)).toBeInstanceOf(TypeError)
  })

  it('ends with the reason of an abort, even while a stream keeps it waiting', async () => {
    const never = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) })
    const controller = new AbortController()
    const reading = errorOf(never, controller.signal)
    controller.abort(new Error('enough'))
    expect((await reading).message).toBe('enough')
    expect((await errorOf(path, AbortSignal.abort(new Error('before')))).message).toBe('before')
  })
})

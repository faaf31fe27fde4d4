import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { decodeAudio, measureLevel, toMono } from '@mynah/audio'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sourceFlags } from './bench/child.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const examples = readdirSync(join(root, 'examples')).filter(name => /^\d\d-.*\.ts$/.test(name))
const hasModel = existsSync(join(root, 'packages/voice-en/bundle.json'))
/** A process loads the whole of Mynah from source: seconds, or a minute on a busy machine. */
const timeout = 240_000
const mostLines = 40

describe('the examples', () => {
  it(`are at most ${mostLines} lines long and import only @mynah/core`, () => {
    expect(examples.length).toBeGreaterThanOrEqual(3)
    for (const name of examples) {
      const text = readFileSync(join(root, 'examples', name), 'utf8')
      expect(text.split('\n').length, name).toBeLessThanOrEqual(mostLines)
      const imported = [...text.matchAll(/ from '([^']+)'/g)].map(([, specifier]) => specifier!)
      expect(
        imported.filter(specifier => !specifier.startsWith('node:')),
        name,
      ).toEqual(['@mynah/core'])
    }
  })
})

describe.skipIf(!hasModel)(`running the examples${hasModel ? '' : ' (skipped: packages/voice-en has no bundle.json)'}`, { timeout }, () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'mynah-examples-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const run = (name: string, ...words: string[]) =>
    promisify(execFile)(process.execPath, [...sourceFlags, join(root, 'examples', name), ...words], {
      cwd: folder,
      encoding: 'buffer',
      maxBuffer: 64 * 2 ** 20,
    })
  const listen = async (file: string) => {
    const audio = await decodeAudio(readFileSync(join(folder, file)))
    return measureLevel(toMono(audio), audio.sampleRate)
  }

  it('01-hello writes audible speech and prints when each word is spoken', async () => {
    const { stdout } = await run('01-hello.ts', 'hello.wav')
    expect((await listen('hello.wav')).speechSeconds).toBeGreaterThan(0.5)
    expect(stdout.toString()).toMatch(/\d\.\d\d – \d\.\d\d {2}installed/)
  })

  it('02-voice-prompt speaks in the voice of the recording and keeps the voice', async () => {
    await run('02-voice-prompt.ts', 'cloned.wav', 'cloned.voice.safetensors')
    expect((await listen('cloned.wav')).speechSeconds).toBeGreaterThan(0.5)
    expect(existsSync(join(folder, 'cloned.voice.safetensors'))).toBe(true)
  })

  it('03-stream speaks its three sentences in chunks on stdout as 16-bit samples', async () => {
    const { stdout, stderr } = await run('03-stream.ts')
    expect(stderr.toString().match(/^after /gm)!.length).toBeGreaterThanOrEqual(3)
    const samples = new Int16Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length))
    expect(samples.length).toBeGreaterThan(24000)
    expect(samples.some(sample => Math.abs(sample) > 1000)).toBe(true)
  })
})

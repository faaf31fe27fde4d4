import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BundleError } from '@mynah/onnx'
import { beforeEach, describe, expect, it } from 'vitest'
import { Voice } from '../voice/voice.ts'
import { checkFile } from './files.ts'
import { createManifest } from './manifest.fixture.ts'
import { loadBundleVoice, openBundle } from './open.ts'

const voice = new Voice({
  name: 'anna',
  transcript: 'Ah.',
  codec: 'mynah-codec@00',
  codes: { dtype: 'int32', shape: [1, 2], data: Int32Array.of(1, 2) },
  phonemes: Int32Array.of(1, 0),
  durations: Int32Array.of(1, 1),
})
const weights = Uint8Array.from({ length: 3000 }, (_, i) => i)
let folder: string
let manifest: ReturnType<typeof createManifest>

const writeManifest = () => writeFile(join(folder, 'bundle.json'), JSON.stringify(manifest))
const codeOf = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => undefined,
    error => error,
  )
  if (!BundleError.isInstance(error)) throw error ?? new Error('nothing was thrown')
  return error.code
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mynah-bundle-'))
  manifest = createManifest(weights, voice.toSafetensors())
  await mkdir(join(folder, 'voices'))
  await writeFile(join(folder, 'weights.safetensors'), weights)
  await writeFile(join(folder, 'voices/anna.voice.safetensors'), voice.toSafetensors())
  await writeManifest()
  return () => rm(folder, { recursive: true })
})

describe('openBundle', () => {
  it('reads the manifest of a folder, given as a path or a URL', async () => {
    expect(await openBundle(folder)).toEqual({ folder, manifest })
    expect(await openBundle(pathToFileURL(folder))).toEqual({ folder, manifest })
  })

  it('says what it looked for where there is nothing', async () => {
    expect(await codeOf(openBundle(join(folder, 'nowhere')))).toBe('bundle-not-found')
    expect(await codeOf(openBundle(join(folder, 'voices')))).toBe('bundle-not-found')
    await expect(openBundle('@mynah/voice-xx')).rejects.toThrow(/neither a folder nor an installed package.*npm install @mynah\/voice-xx/)
    await expect(openBundle(3 as never)).rejects.toThrow(TypeError)
  })

  it('refuses an unknown architecture and an endless manifest', async () => {
    manifest.ar.architecture = 'valle'
    await writeManifest()
    expect(await codeOf(openBundle(folder))).toBe('unsupported-architecture')
    await truncate(join(folder, 'bundle.json'), 3 * 2 ** 20)
    expect(await codeOf(openBundle(folder))).toBe('malformed-manifest')
  })
})

describe('checkFile', () => {
  it('gives the path of a file that is as the manifest says', async () => {
    expect(await checkFile(folder, manifest.codec)).toBe(join(folder, 'weights.safetensors'))
  })

  it('tells a missing file, a wrong length, and one wrong bit', async () => {
    expect(await codeOf(checkFile(folder, { ...manifest.codec, file: 'voices' }))).toBe('missing-file')
    expect(await codeOf(checkFile(folder, { ...manifest.codec, file: 'other' }))).toBe('missing-file')
    await writeFile(join(folder, 'short'), weights.subarray(1))
    expect(await codeOf(checkFile(folder, { ...manifest.codec, file: 'short' }))).toBe('corrupted-file')
    await writeFile(join(folder, 'flipped'), weights.with(1000, weights[1000]! ^ 1))
    expect(await codeOf(checkFile(folder, { ...manifest.codec, file: 'flipped' }))).toBe('corrupted-file')
  })
})

describe('loadBundleVoice', () => {
  it('loads a ready voice by its name', async () => {
    expect(await loadBundleVoice(await openBundle(folder), 'anna')).toEqual(voice)
  })

  it('lists the voices there are when asked for another', async () => {
    await expect(loadBundleVoice(await openBundle(folder), 'bob')).rejects.toThrow(/voice "bob": tiny has "anna"/)
  })

  it('refuses a voice that was changed', async () => {
    await writeFile(join(folder, 'voices/anna.voice.safetensors'), 'x')
    expect(await codeOf(loadBundleVoice(await openBundle(folder), 'anna'))).toBe('corrupted-file')
  })
})

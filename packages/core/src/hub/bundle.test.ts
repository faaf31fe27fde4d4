import { existsSync } from 'node:fs'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BundleError } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { createManifest } from '../bundle/manifest.fixture.ts'
import { openBundle } from '../bundle/open.ts'
import { isHubReference, parseHubReference } from './bundle.ts'
import { pullModel, resolveHubBundle } from './pull.ts'
import { type Behaviour, codeOf, createCache, listFolder, noise, sendFile, sendStatus, sha256, startServer } from './server.fixture.ts'

const weights = noise(50_000)
const voice = noise(2000, 2)
const commit = 'c0ffee'.padEnd(40, '0')

/** A hub with the repository anna/tiny; its files can be changed while it runs. */
async function startHub(manifest: object = createManifest(weights, voice)) {
  const repository = new Map<string, Buffer>([
    ['bundle.json', Buffer.from(JSON.stringify(manifest))],
    ['weights.safetensors', weights],
    ['voices/anna.voice.safetensors', voice],
  ])
  const answer: Behaviour = (response, request) => {
    const [, revision, file] = /^\/anna\/tiny\/resolve\/([^/]+)\/(.+)$/.exec(request.path) ?? []
    const bytes = repository.get(file ?? '')
    if (!bytes || !['main', 'v1', 'refs%2Fpr%2F1', commit].includes(revision!)) return sendStatus(404)(response, request)
    response.setHeader('x-repo-commit', commit)
    sendFile(bytes)(response, request)
  }
  const { url, received } = await startServer(answer)
  const { folder: cacheFolder } = await createCache()
  return { repository, received, cacheFolder, options: { cacheFolder, endpoint: url, offline: false } }
}

describe('hf:owner/name', () => {
  it('names a repository and a revision', () => {
    expect(parseHubReference('hf:anna/tiny')).toEqual({ repository: 'anna/tiny', revision: 'main' })
    expect(parseHubReference('hf:an.na-1/ti_ny.v2@refs/pr/1')).toEqual({ repository: 'an.na-1/ti_ny.v2', revision: 'refs/pr/1' })
    expect(isHubReference('hf:x')).toBe(true)
    expect(isHubReference('./hf')).toBe(false)
  })

  it.each([
    'hf:',
    'hf:tiny',
    'hf:a/b/c',
    'hf:../x',
    'hf:a/..',
    'hf:a/b@',
    'hf:a/b@../c',
    'hf:a/b@x/../../y',
    'hf:a/b@/x',
    'hf:a\\b/c',
    'hf:a/b@x?y',
    'hf:a/b c',
  ])('refuses %j', text => {
    expect(() => parseHubReference(text)).toThrow(/expected hf:owner\/name/)
  })
})

describe('a bundle on the hub', () => {
  it('is downloaded once, at one commit, and then opened without the network', async () => {
    const { options, received } = await startHub()
    const bundle = await openBundle('hf:anna/tiny', options)
    expect(bundle.manifest).toEqual(createManifest(weights, voice))
    expect((await readFile(join(bundle.folder, 'weights.safetensors'))).equals(weights)).toBe(true)
    expect((await readFile(join(bundle.folder, 'voices/anna.voice.safetensors'))).equals(voice)).toBe(true)
    expect(received.map(({ path }) => path)).toEqual([
      '/anna/tiny/resolve/main/bundle.json',
      `/anna/tiny/resolve/${commit}/weights.safetensors`,
      `/anna/tiny/resolve/${commit}/voices/anna.voice.safetensors`,
    ])
    expect(await openBundle('hf:anna/tiny', options)).toEqual(bundle)
    expect(await openBundle('hf:anna/tiny', { ...options, offline: true })).toEqual(bundle)
    expect((await pullModel('hf:anna/tiny', { ...options, offline: true })).path).toBe(join(bundle.folder, 'bundle.json'))
    expect(received).toHaveLength(3)
  })

  it('is found at other revisions', async () => {
    const { options, received } = await startHub()
    await pullModel('hf:anna/tiny@refs/pr/1', options)
    expect(received[0]!.path).toBe('/anna/tiny/resolve/refs%2Fpr%2F1/bundle.json')
    expect(await codeOf(pullModel('hf:anna/tiny@v9', options))).toBe('not-found')
    expect(await codeOf(resolveHubBundle('hf:anna/tiny', { ...options, offline: true }))).toBe('offline')
  })

  it('is not there while a file is missing, and pulling again brings just that', async () => {
    const { options, repository, received, cacheFolder } = await startHub()
    repository.delete('voices/anna.voice.safetensors')
    expect(await codeOf(pullModel('hf:anna/tiny', options))).toBe('not-found')
    expect((await listFolder(cacheFolder)).filter(name => name.endsWith('bundle.json'))).toEqual([])
    expect(await codeOf(openBundle('hf:anna/tiny', { ...options, offline: true }))).toBe('offline')
    repository.set('voices/anna.voice.safetensors', voice)
    const { folder } = await pullModel('hf:anna/tiny', options)
    expect(received.filter(({ path }) => path.endsWith('/weights.safetensors'))).toHaveLength(1)
    await rm(join(folder, 'weights.safetensors'))
    expect(await codeOf(openBundle('hf:anna/tiny', { ...options, offline: true }))).toBe('offline')
    await openBundle('hf:anna/tiny', options)
    expect(received.filter(({ path }) => path.endsWith('/weights.safetensors'))).toHaveLength(2)
  })

  it('changes when pulled again: the new version beside the old one, and files of both are not downloaded twice', async () => {
    const { options, repository, received } = await startHub()
    const old = await openBundle('hf:anna/tiny', options)
    repository.set('bundle.json', Buffer.from(JSON.stringify(createManifest(weights, voice, 'tiny 2'))))
    expect((await openBundle('hf:anna/tiny', options)).manifest.name).toBe('tiny')
    const before = received.length
    const { folder } = await pullModel('hf:anna/tiny', options)
    expect(received.slice(before).map(({ path }) => path)).toEqual(['/anna/tiny/resolve/main/bundle.json'])
    expect(folder).not.toBe(old.folder)
    expect((await stat(join(folder, 'weights.safetensors'))).size).toBe(weights.length)
    expect((await openBundle('hf:anna/tiny', options)).manifest.name).toBe('tiny 2')
    expect(existsSync(join(old.folder, 'weights.safetensors'))).toBe(true)
  })

  it('is taken for missing if its manifest was changed in the cache', async () => {
    const { options } = await startHub()
    const { folder } = await pullModel('hf:anna/tiny', options)
    await writeFile(join(folder, 'bundle.json'), '{}')
    expect(await codeOf(openBundle('hf:anna/tiny', { ...options, offline: true }))).toBe('offline')
    expect((await openBundle('hf:anna/tiny', options)).manifest.name).toBe('tiny')
  })

  it('is refused if a file is not what the manifest says', async () => {
    const { options, repository } = await startHub()
    repository.set('weights.safetensors', noise(50_000, 3))
    expect(await codeOf(pullModel('hf:anna/tiny', options))).toBe('wrong-hash')
    repository.set('weights.safetensors', noise(49_999))
    expect(await codeOf(pullModel('hf:anna/tiny', options))).toBe('wrong-size')
  })

  it.each(['BUNDLE.json', 'bundle.json', 'x.', 'con', 'voices/NUL.txt', 'com1', '-x/../y'])('never writes a file named %j', async file => {
    const manifest = createManifest(weights, voice)
    manifest.codec.file = file
    const { options, cacheFolder, received } = await startHub(manifest)
    const error = await pullModel('hf:anna/tiny', options).catch(error => error)
    expect(['unsafe-name', 'malformed-manifest']).toContain(error.code)
    expect(received).toHaveLength(1)
    expect(await readdir(cacheFolder)).toEqual([])
  })

  it('cannot climb out of its folder: the manifest itself is refused', async () => {
    for (const file of ['../../evil', '/etc/passwd', 'a/../../b', 'C:\\x']) {
      const manifest = createManifest(weights, voice)
      manifest.codec.file = file
      const { options, cacheFolder } = await startHub(manifest)
      const error = await pullModel('hf:anna/tiny', options).catch(error => error)
      expect(BundleError.isInstance(error) && error.code).toBe('malformed-manifest')
      expect(await readdir(cacheFolder)).toEqual([])
    }
  })

  it('is refused if two contents share a name, or it is absurdly large', async () => {
    const manifest = createManifest(weights, voice)
    manifest.codec.sha256 = sha256('other')
    expect(await codeOf(pullModel('hf:anna/tiny', (await startHub(manifest)).options))).toBe('unsafe-name')
    const large = createManifest(weights, voice)
    for (const part of [large.codec, large.vocoder, large.ar, large.nar, large.aligner]) part.bytes = 2 ** 50
    expect(await codeOf(pullModel('hf:anna/tiny', (await startHub(large)).options))).toBe('too-large')
    const { repository, options } = await startHub()
    repository.set('bundle.json', Buffer.alloc(2 ** 20 + 1, ' '))
    expect(await codeOf(pullModel('hf:anna/tiny', options))).toBe('too-large')
  })

  it('says that a web page is no manifest', async () => {
    const { repository, options } = await startHub()
    repository.set('bundle.json', Buffer.from('<!doctype html>'))
    await expect(pullModel('hf:anna/tiny', options)).rejects.toThrow(/is not JSON/)
  })
})

import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { catalogue, sizeOf } from './catalogue.ts'
import { listModels, pullModel } from './pull.ts'
import { codeOf, createCache, noise, sendFile, sendStatus, startServer } from './server.fixture.ts'
import { findCacheFolder, locate, readSettings } from './settings.ts'

describe('the catalogue', () => {
  it('names every model once, and every file of a model once, by a plain name', () => {
    expect(new Set(catalogue.map(({ name }) => name)).size).toBe(catalogue.length)
    for (const { name, files } of catalogue) {
      expect(name).toMatch(/^[a-z0-9-]+$/)
      for (const { file } of files) expect(file).toMatch(/^[\w.-]+$/)
      expect(new Set(files.map(({ file }) => file)).size).toBe(files.length)
    }
  })

  it('has https addresses and a size for each file, and hashes that can be compared', () => {
    for (const file of catalogue.flatMap(({ files }) => files)) {
      expect(new URL(file.url).protocol).toBe('https:')
      expect(sizeOf(file)).toBeGreaterThan(100)
      expect(file.sha256 ?? '01234567').toMatch(/^[0-9a-f]{8,64}$/)
      expect(file.gitBlob ?? '0'.repeat(40)).toMatch(/^[0-9a-f]{40}$/)
    }
  })

  it('expects of EnCodec what its file names say', () => {
    const named = catalogue.flatMap(({ files }) => files).filter(({ file }) => /^encodec_/.test(file))
    expect(named).toHaveLength(2)
    for (const { file, sha256 } of named) expect(sha256!.slice(0, 8)).toBe(/-([0-9a-f]{8})\.th$/.exec(file)![1])
  })

  it('expects a full sha256 only at addresses whose bytes cannot change', () => {
    const pinned = catalogue.flatMap(({ files }) => files).filter(({ sha256, gitBlob }) => sha256?.length === 64 || gitBlob)
    expect(pinned.length).toBeGreaterThan(15)
    for (const { url, sha256 } of pinned) expect(/\/[0-9a-f]{40}\//.test(url) || url.includes(sha256!.slice(0, 8)), url).toBe(true)
  })
})

describe('docs/hub.md', () => {
  it('has a row for every model, with its rate, size and licence', async () => {
    const rows = (await readFile(new URL('../../../../docs/hub.md', import.meta.url), 'utf8'))
      .split('\n')
      .filter(line => line.startsWith('| `'))
    const models = rows.filter(row => /\| (codec|vocoder|language model) \|/.test(row))
    expect(models).toHaveLength(catalogue.length)
    for (const [index, { name, kind, sampleRate, licence, home, files }] of catalogue.entries()) {
      const megabytes = (files.reduce((sum, file) => sum + sizeOf(file), 0) / 1e6).toFixed(1)
      const size = files[0].bytes === undefined ? `≈ ${megabytes}` : megabytes
      expect(models[index]).toContain(`| \`${name}\` | ${kind} | ${sampleRate} | ${size} | ${licence} |`)
      expect(models[index]).toContain(`(${home})`)
    }
  })
})

describe('pullModel', () => {
  it('puts the checkpoint beside its config, and listModels sees it', async () => {
    const [weights, config] = [noise(10_000), Buffer.from('head: x')]
    const { url: mirror, received } = await startServer((response, request) =>
      sendFile(request.path.endsWith('.yaml') ? config : weights)(response, request),
    )
    const { folder: cacheFolder } = await createCache()
    const options = { cacheFolder, mirror, offline: false }
    expect((await listModels(options)).filter(({ isCached }) => isCached)).toEqual([])
    const pulled = await pullModel('vocos-encodec-24khz', options)
    const folder = join(cacheFolder, 'models', 'vocos-encodec-24khz')
    expect(pulled).toEqual({ name: 'vocos-encodec-24khz', folder, path: join(folder, 'pytorch_model.bin') })
    expect((await readFile(pulled.path)).equals(weights)).toBe(true)
    expect(await readFile(join(folder, 'config.yaml'), 'utf8')).toBe('head: x')
    expect(received[0]!.path).toMatch(/^\/huggingface\.co\/charactr\/vocos-encodec-24khz\/resolve\/[0-9a-f]{40}\/pytorch_model\.bin$/)
    expect((await listModels(options)).filter(({ isCached }) => isCached).map(({ name }) => name)).toEqual(['vocos-encodec-24khz'])
    expect(await pullModel('vocos-encodec-24khz', { ...options, offline: true })).toEqual(pulled)
    expect(received).toHaveLength(2)
  })

  it('refuses what is not the published file', async () => {
    const { folder: cacheFolder } = await createCache()
    const { url: mirror } = await startServer(sendFile(noise(1000)))
    expect(await codeOf(pullModel('encodec-24khz', { cacheFolder, mirror, offline: false }))).toBe('wrong-size')
    expect(await codeOf(pullModel('encodec-48khz', { cacheFolder, mirror, offline: false }))).toBe('wrong-hash')
    expect(await codeOf(pullModel('melgan-ljspeech', { cacheFolder, mirror, offline: false }))).toBe('wrong-hash')
  })

  it('lists what there is when asked for something else', async () => {
    await expect(pullModel('wavenet')).rejects.toThrow(/model "wavenet": is not in the catalogue, which has vall-e-x, encodec-24khz/)
    expect(await codeOf(pullModel('__proto__'))).toBe('unknown-model')
  })

  it('says which file a mirror lacks', async () => {
    const { folder: cacheFolder } = await createCache()
    const { url: mirror } = await startServer(sendStatus(404))
    await expect(pullModel('dac-24khz', { cacheFolder, mirror, offline: false })).rejects.toThrow(
      /github\.com\/descriptinc\/descript-audio-codec\/releases\/download\/0\.0\.4\/weights_24khz\.pth: answered 404/,
    )
  })
})

describe('settings', () => {
  it('put models into the user cache of each platform', () => {
    expect(findCacheFolder({}, 'linux')).toBe(join(homedir(), '.cache', 'mynah'))
    expect(findCacheFolder({ XDG_CACHE_HOME: '/var/cache/anna' }, 'linux')).toBe(join('/var/cache/anna', 'mynah'))
    expect(findCacheFolder({ XDG_CACHE_HOME: 'relative' }, 'linux')).toBe(join(homedir(), '.cache', 'mynah'))
    expect(findCacheFolder({}, 'darwin')).toBe(join(homedir(), 'Library', 'Caches', 'mynah'))
    expect(basename(findCacheFolder({ LOCALAPPDATA: 'C:\\Users\\anna\\AppData\\Local' }, 'win32'))).toBe('cache')
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      expect(findCacheFolder({ MYNAH_CACHE: 'models' }, platform)).toBe(resolve('models'))
    }
  })

  it('come from options, and then from the environment', () => {
    const environment = { MYNAH_OFFLINE: '1', HF_ENDPOINT: 'https://hf.example', MYNAH_MIRROR: 'https://m.example/x/', HF_TOKEN: ' t ' }
    expect(readSettings({}, environment)).toMatchObject({ offline: true, token: 't' })
    expect(readSettings({ offline: false, token: 'u' }, environment)).toMatchObject({ offline: false, token: 'u' })
    expect(readSettings({}, { HF_HUB_OFFLINE: 'YES' }).offline).toBe(true)
    for (const off of ['', '0', 'false', 'no']) expect(readSettings({}, { MYNAH_OFFLINE: off }).offline).toBe(false)
    expect(readSettings({}, { HF_ENDPOINT: '', MYNAH_MIRROR: '', HF_TOKEN: '' })).toMatchObject({ mirror: undefined, token: undefined })
  })

  it('find a file below the mirror, or else at the endpoint that stands for the hub', () => {
    const [onHub, elsewhere] = ['https://huggingface.co/a/b/resolve/main/c', 'https://dl.example/d/e']
    const where = (address: string, environment: Record<string, string>) => locate(address, readSettings({}, environment)).href
    expect(where(onHub, {})).toBe(onHub)
    expect(where(onHub, { HF_ENDPOINT: 'https://hf.example/sub/' })).toBe('https://hf.example/sub/a/b/resolve/main/c')
    expect(where(elsewhere, { HF_ENDPOINT: 'https://hf.example' })).toBe(elsewhere)
    const mirror = { HF_ENDPOINT: 'https://hf.example', MYNAH_MIRROR: 'http://m.example/x/' }
    expect(where(onHub, mirror)).toBe('http://m.example/x/huggingface.co/a/b/resolve/main/c')
    expect(where(elsewhere, mirror)).toBe('http://m.example/x/dl.example/d/e')
  })

  it('refuse what is no web address', () => {
    expect(() => readSettings({ mirror: 'ftp://x' }, {})).toThrow(/MYNAH_MIRROR is "ftp:\/\/x", expected a web address/)
    expect(() => readSettings({ endpoint: 'huggingface.co' }, {})).toThrow(/HF_ENDPOINT/)
    expect(() => readSettings({ timeoutSeconds: 0 }, {})).toThrow(RangeError)
  })
})

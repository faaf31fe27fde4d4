import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { downloadFile } from './download.ts'
import { type Behaviour, codeOf, createCache, listFolder, noise, quick, sendFile, sha256, startServer } from './server.fixture.ts'
import type { HubOptions } from './settings.ts'

const bytes = noise(300_000)
const other = noise(300_000, 2)

/** A cache, a server, and the download of one file from it. */
async function prepare(options: HubOptions, ...behaviours: Behaviour[]) {
  const server = await startServer(...behaviours)
  const cache = await createCache(options)
  server.watch(cache.folder)
  const target = join(cache.folder, 'models', 'm', 'model.bin')
  const download = (expected: object = { bytes: bytes.length, sha256: sha256(bytes) }, settings = cache.settings) =>
    downloadFile({ name: 'm', file: 'model.bin', url: `${server.url}/model.bin`, maxBytes: 400_000, ...expected }, target, settings, quick)
  const partial = async () => (await listFolder(cache.folder)).filter(name => name.startsWith('partial'))
  return { ...server, ...cache, target, download, partial }
}

describe('a download', () => {
  it('leaves the file and nothing else, tells progress, and is not repeated', async () => {
    const { download, target, folder, received, progress } = await prepare({}, sendFile(bytes))
    await download()
    expect((await readFile(target)).equals(bytes)).toBe(true)
    expect(await listFolder(folder)).toEqual([join('models', 'm', 'model.bin')])
    expect(progress[0]).toEqual({ status: 'initiate', name: 'm', file: 'model.bin' })
    expect(progress[1]).toEqual({ status: 'download', name: 'm', file: 'model.bin' })
    expect(progress.at(-2)).toEqual({ status: 'progress', name: 'm', file: 'model.bin', progress: 100, loaded: 300_000, total: 300_000 })
    expect(progress.at(-1)).toEqual({ status: 'done', name: 'm', file: 'model.bin' })
    await download()
    expect(received).toHaveLength(1)
  })

  it('goes on where the connection was dropped, again and again', async () => {
    const { download, target, received } = await prepare(
      {},
      sendFile(bytes, { drop: 100_000 }),
      sendFile(bytes, { drop: 100_000 }),
      sendFile(bytes),
    )
    await download()
    expect((await readFile(target)).equals(bytes)).toBe(true)
    expect(received.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=100000-', 'bytes=200000-'])
    expect(received[1]!.headers['if-range']).toBe('"v1"')
  })

  it('gives up after a few failures, keeps what has arrived, and a later one asks for the rest', async () => {
    const dead: Behaviour = response => void response.destroy()
    const { download, target, received, partial } = await prepare({}, sendFile(bytes, { drop: 50_000 }), dead, dead, dead, sendFile(bytes))
    expect(await codeOf(download())).toBe('network')
    expect(existsSync(target)).toBe(false)
    expect(await partial()).toHaveLength(2) // data and state; the lock is gone
    await download()
    expect((await readFile(target)).equals(bytes)).toBe(true)
    expect(received.at(-1)!.headers.range).toBe('bytes=50000-')
  })

  it('starts over where the server ignores ranges', async () => {
    const all: Behaviour = response => void response.writeHead(200, { 'content-length': bytes.length, etag: '"v1"' }).end(bytes)
    const { download, target } = await prepare({}, sendFile(bytes, { drop: 70_000 }), all)
    await download()
    expect((await readFile(target)).equals(bytes)).toBe(true)
  })

  it('starts over where the file changed between two attempts, whether the server knows If-Range or not', async () => {
    const ignorant: Behaviour = (response, request) =>
      sendFile(bytes, { etag: '"v2"' })(response, { ...request, headers: { ...request.headers, 'if-range': '"v2"' } })
    for (const second of [sendFile(bytes, { etag: '"v2"' }), ignorant]) {
      const { download, target } = await prepare({}, sendFile(other, { drop: 70_000 }), second)
      await download({})
      expect((await readFile(target)).equals(bytes)).toBe(true)
    }
  })

  it('does not join halves that nothing proves to belong together', async () => {
    const { download, target, received } = await prepare({}, sendFile(other, { drop: 70_000, etag: null }), sendFile(bytes, { etag: null }))
    await download({ bytes: bytes.length })
    expect(received[1]!.headers.range).toBeUndefined()
    expect((await readFile(target)).equals(bytes)).toBe(true)
  })

  it('without a validator resumes if a hash will tell, and starts over if it does', async () => {
    const { download, target, received } = await prepare({}, sendFile(other, { drop: 70_000, etag: null }), sendFile(bytes, { etag: null }))
    await download()
    expect(received.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=70000-', undefined])
    expect((await readFile(target)).equals(bytes)).toBe(true)
  })

  it('counts failures anew after each MiB', async () => {
    const large = noise(6 * 2 ** 20)
    const { download, target, received } = await prepare({}, sendFile(large, { drop: 1_200_000 }))
    await download({ bytes: large.length, sha256: sha256(large), maxBytes: large.length })
    expect(received.length).toBeGreaterThan(quick.attempts)
    expect((await readFile(target)).equals(large)).toBe(true)
  })

  it('drops a connection that brings nothing, and tries again', async () => {
    const silent: Behaviour = response =>
      void response.writeHead(200, { 'content-length': bytes.length, etag: '"v1"' }).write(bytes.subarray(0, 9))
    const { download, target } = await prepare({ timeoutSeconds: 0.3 }, silent, sendFile(bytes))
    await download()
    expect((await readFile(target)).equals(bytes)).toBe(true)
    const mute = await prepare({ timeoutSeconds: 0.1 }, () => undefined)
    expect(await codeOf(mute.download())).toBe('timeout')
  })

  it('stops at once when aborted, with the reason of the signal', async () => {
    const controller = new AbortController()
    const slow: Behaviour = response => {
      response.writeHead(200, { 'content-length': bytes.length, etag: '"v1"' }).write(bytes.subarray(0, 1000))
      setTimeout(() => controller.abort(new Error('enough')), 50)
    }
    const { download, target, partial } = await prepare({ signal: controller.signal }, slow)
    await expect(download()).rejects.toThrow('enough')
    expect(existsSync(target)).toBe(false)
    expect((await partial()).some(name => name.endsWith('.lock'))).toBe(false)
    await expect(download()).rejects.toThrow('enough')
  })
})

describe('what arrives', () => {
  it('is refused and deleted if a byte is wrong', async () => {
    const wrong = Buffer.from(bytes)
    wrong[1234]! ^= 1
    const { download, folder } = await prepare({}, sendFile(wrong))
    await expect(download()).rejects.toThrow(/m: model\.bin from http.*sha256 is [0-9a-f]{64}, expected [0-9a-f]{64}; do not use/)
    expect(await codeOf(download({ sha256: '0011aabb' }))).toBe('wrong-hash')
    expect(await listFolder(folder)).toEqual([])
  })

  it('is right if its sha256 begins as a name says, or its Git object id is known', async () => {
    const id = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
    const { download, target } = await prepare({}, sendFile(bytes))
    await download({ sha256: sha256(bytes).slice(0, 8), gitBlob: id })
    expect((await stat(target)).size).toBe(bytes.length)
    expect(await codeOf(download({ gitBlob: id.replace(/./, c => (c === '0' ? '1' : '0')) }))).toBe('wrong-hash')
  })

  it('is checked against the sha256 that the hub states where none is known', async () => {
    const lies: Behaviour = (response, request) => {
      response.setHeader('x-linked-etag', `"${sha256(other)}"`)
      sendFile(bytes)(response, request)
    }
    const { download } = await prepare({}, lies)
    expect(await codeOf(download({}))).toBe('wrong-hash')
  })

  it.each<[string, Behaviour, object, string]>([
    ['another length than expected', sendFile(bytes), { bytes: 299_999 }, 'wrong-size'],
    ['more than the limit', sendFile(bytes), { maxBytes: 299_999 }, 'too-large'],
    ['an endless body without a length', endless(), { maxBytes: 200_000 }, 'too-large'],
    ['more than the length it declared', response => overlong(response), { bytes: 1000 }, 'wrong-hash'],
    ['less than the length it declared', response => cut(response), {}, 'network'],
    ['compressed, though nobody asked', response => compressed(response), {}, 'bad-response'],
    ['a part, not saying which', response => void response.writeHead(206).end(bytes), {}, 'bad-response'],
  ])('is refused if it is %s', async (_what, behaviour, expected, code) => {
    const { download, target } = await prepare({}, behaviour)
    expect(await codeOf(download({ sha256: sha256(bytes), ...expected }))).toBe(code)
    expect(existsSync(target)).toBe(false)
  })

  function endless(): Behaviour {
    return response => {
      const more = () => void (response.destroyed || response.write(bytes, more))
      more()
    }
  }
  const overlong: (response: Parameters<Behaviour>[0]) => void = response => {
    response.socket!.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n')
    response.socket!.write(bytes)
  }
  const cut: (response: Parameters<Behaviour>[0]) => void = response => {
    response.socket!.end('HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\nshort')
  }
  const compressed: (response: Parameters<Behaviour>[0]) => void = response =>
    void response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')

  it('replaces a file that is not as it should be', async () => {
    const { download, target } = await prepare({}, sendFile(bytes))
    await mkdir(join(target, '..'), { recursive: true })
    await writeFile(target, other)
    await download()
    expect((await readFile(target)).equals(bytes)).toBe(true)
  })
})

describe('offline', () => {
  it('takes what is there, and says what is missing and what to do', async () => {
    const { download, target, received, settings } = await prepare({}, sendFile(bytes))
    const offline = { ...settings, offline: true }
    await expect(download(undefined, offline)).rejects.toThrow(/m: model\.bin is not in .*models.m, and downloads are switched off/)
    await download()
    await download(undefined, offline)
    expect(received).toHaveLength(1)
    expect(existsSync(target)).toBe(true)
  })
})

describe('several at once', () => {
  it('download once in one process', async () => {
    const slow: Behaviour = (response, request) => void setTimeout(() => sendFile(bytes)(response, request), 300)
    const { download, received, folder } = await prepare({}, slow)
    await Promise.all([download(), download(), download()])
    expect(received).toHaveLength(1)
    expect(await listFolder(folder)).toEqual([join('models', 'm', 'model.bin')])
  })

  it('download once in two processes', { timeout: 120_000 }, async () => {
    const slow: Behaviour = (response, request) => void setTimeout(() => sendFile(bytes)(response, request), 4000)
    const { url, target, folder, received } = await prepare({}, slow)
    const script = join(folder, 'pull.mts')
    const here = (file: string) => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)))
    await writeFile(
      script,
      `import { downloadFile } from ${here('./download.ts')}
      import { readSettings } from ${here('./settings.ts')}
      const remote = { name: 'm', file: 'model.bin', url: '${url}/model.bin', maxBytes: 400000, sha256: '${sha256(bytes)}' }
      await downloadFile(remote, ${JSON.stringify(target)}, readSettings({ cacheFolder: ${JSON.stringify(folder)} }, {}))`,
    )
    const tsx = createRequire(import.meta.url).resolve('tsx/cli')
    const pull = () => promisify(execFile)(process.execPath, [tsx, '--conditions=@mynah/source', script])
    await Promise.all([pull(), pull()])
    expect(received).toHaveLength(1)
    expect((await readFile(target)).equals(bytes)).toBe(true)
  })

  it('take over from a process that was killed', async () => {
    const dead: Behaviour = response => void response.destroy()
    const { download, target, partial, folder } = await prepare({}, sendFile(bytes, { drop: 1000 }), dead, dead, dead, sendFile(bytes))
    expect(await codeOf(download())).toBe('network')
    const data = (await partial()).find(name => name.endsWith('.data'))!
    const lock = join(folder, data.replace('.data', '.lock'))
    const nobody = 2 ** 22 + 1 // Linux gives no process such a number
    await writeFile(lock, JSON.stringify({ process: nobody, host: hostname(), id: 'dead' }))
    await download()
    expect((await readFile(target)).equals(bytes)).toBe(true)
    expect(await partial()).toEqual([])
  })

  it('wait for a living process on another machine, and not for one that went silent', async () => {
    const { download, partial, folder, received } = await prepare({}, sendFile(bytes, { drop: 1000 }), response => void response.destroy())
    expect(await codeOf(download())).toBe('network')
    const lock = join(folder, (await partial()).find(name => name.endsWith('.data'))!.replace('.data', '.lock'))
    await writeFile(lock, JSON.stringify({ process: 1, host: 'elsewhere', id: 'alive' }))
    const before = received.length
    const waiting = codeOf(download())
    await new Promise(resolve => setTimeout(resolve, 600))
    expect(received).toHaveLength(before)
    const longAgo = new Date(Date.now() - 60_000)
    await utimes(lock, longAgo, longAgo)
    expect(await waiting).toBe('network')
    expect(received.length).toBeGreaterThan(before)
  })
})

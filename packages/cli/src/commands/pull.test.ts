import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { mynah } from '../run.fixture.ts'

const weights = Buffer.alloc(300_000, 'weights')
const server = createServer((request, response) => {
  if (request.url?.endsWith('/weights_24khz.pth')) response.writeHead(200, { 'content-length': weights.length }).end(weights)
  else response.writeHead(404).end()
})

let cache: string
beforeEach(async () => {
  cache = mkdtempSync(join(tmpdir(), 'mynah-pull-'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const [name, value] of Object.entries({ MYNAH_CACHE: cache, MYNAH_MIRROR: mirror, MYNAH_OFFLINE: '', HF_HUB_OFFLINE: '' })) {
    vi.stubEnv(name, value)
  }
  return () => new Promise(resolve => server.close(resolve))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(cache, { recursive: true })
})

const pull = (words: readonly string[], isInteractive = false) => mynah(['pull', ...words], { isInteractive })

describe('mynah pull', () => {
  it('lists what can be downloaded: size, licence, and whether it is', async () => {
    const { code, out, err } = await pull([])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^name +kind +size +licence +downloaded\n/)
    expect(out).toMatch(/\nencodec-24khz +codec +93\.2 MB +MIT +no\n/)
    expect(out).toMatch(/\nhifi-gan-v1 +vocoder +≈ 55\.8 MB +not stated \(code MIT\) +no\n/)
  })

  it('downloads a model, and prints nothing but the path of its checkpoint', async () => {
    const checkpoint = join(cache, 'models', 'dac-24khz', 'weights_24khz.pth')
    expect(await pull(['dac-24khz'])).toMatchObject({ code: 0, out: `${checkpoint}\n`, err: '' })
    expect((await pull([])).out).toMatch(/\ndac-24khz .* yes\n/)
    expect((await pull(['dac-24khz', '--offline'])).code).toBe(0)
    const { out } = await pull(['dac-24khz', '--json'])
    expect(JSON.parse(out)).toEqual({ name: 'dac-24khz', folder: join(cache, 'models', 'dac-24khz'), path: checkpoint })
    const listed = JSON.parse((await pull(['--json'])).out)
    expect(listed.find(({ name }: { name: string }) => name === 'dac-24khz')).toMatchObject({ isCached: true, licence: 'MIT' })
  })

  it('draws a bar where somebody watches', async () => {
    const { err } = await pull(['dac-24khz'], true)
    expect(err).toContain('\r\x1b[2Kweights_24khz.pth: looking')
    expect(err.endsWith('\r\x1b[2K')).toBe(true)
  })

  it('says what is wrong, and what to do', async () => {
    const unknown = await pull(['wavenet'])
    expect(unknown).toMatchObject({ code: 1, out: '' })
    expect(unknown.err).toMatch(/^mynah pull: model "wavenet": is not in the catalogue.*\[unknown-model\]\n$/)
    expect((await pull(['snac-24khz'])).err).toMatch(/answered 404, expected the file; check name and revision.*\[not-found\]/)
    expect((await pull(['snac-24khz', '--offline'])).err).toMatch(/downloads are switched off.*\[offline\]/)
    expect((await pull(['hf:../../etc'])).err).toMatch(/\[unsafe-name\]/)
    expect((await pull(['a', 'b'])).code).toBe(2)
  })
})

import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createSynthesizer, type Synthesizer } from '@mynah/core'
import { type RunningServer, startServer } from '@mynah/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const timeout = 240_000
const guide = readFileSync(join(root, 'docs/guide/http.md'), 'utf8')
const lines = [...guide.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, code]) => code!.trim().split('\n'))
const run = promisify(execFile)
const missing = [
  ...(existsSync(join(root, 'packages/voice-en/bundle.json')) ? [] : ['packages/voice-en has no bundle.json']),
  ...(process.platform !== 'win32' && ['/usr/bin/curl', '/bin/curl', '/opt/homebrew/bin/curl'].some(existsSync) ? [] : ['no curl']),
].join(', ')

describe.skipIf(missing !== '')(`the curl lines of docs/guide/http.md${missing && ` (skipped: ${missing})`}`, { timeout }, () => {
  let mynah: Synthesizer
  let server: RunningServer
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mynah-http-'))
    copyFileSync(join(root, 'examples/recording.opus'), join(folder, 'recording.opus'))
    mynah = await createSynthesizer()
    server = await startServer({ synthesizer: mynah, voices: join(folder, 'voices') })
  }, timeout)
  afterAll(async () => {
    await server?.close(0)
    await mynah?.dispose()
    rmSync(folder, { recursive: true, force: true })
  }, timeout)

  it('are all that its shell blocks hold', () => {
    expect(lines.length).toBeGreaterThan(10)
    expect(lines.filter(line => !line.startsWith('curl '))).toEqual([])
  })

  it.each(lines)('%s', async line => {
    const command = line.replaceAll('http://127.0.0.1:8080', server.url).replace(/^curl /, 'curl --fail-with-body --silent --show-error ')
    const { stdout } = await run('sh', ['-c', command], { cwd: folder, maxBuffer: 64 * 2 ** 20 })
    const [, out] = / -o (\S+)/.exec(line) ?? []
    if (out) expect(readFileSync(join(folder, out)).length).toBeGreaterThan(1000)
    else expect(stdout.length).toBeGreaterThan(10)
  })
})

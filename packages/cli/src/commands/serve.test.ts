import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { runCommandLine } from '../command-line.ts'
import { mynah } from '../run.fixture.ts'

const hasModel = existsSync(fileURLToPath(new URL('../../../voice-en/bundle.json', import.meta.url)))
const timeout = 240_000

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mynah-serve-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

describe.skipIf(!hasModel)(
  `with the embedded voice${hasModel ? '' : ' (skipped: packages/voice-en has no bundle.json)'}`,
  { timeout },
  () => {
    it('mynah serve listens, asks for its keys, logs as JSON and ends with 0 when it is interrupted', async () => {
      const folder = createFolder()
      const keys = join(folder, 'keys.txt')
      writeFileSync(keys, '# a comment\na-key-of-many-letters\n')
      const lines: string[] = []
      const interrupt = new AbortController()
      const url = withResolvers<string>()
      const stderr = new Writable({
        write(chunk, _, done) {
          lines.push(...String(chunk).trim().split('\n'))
          const found = /http:\/\/\S+/.exec(lines.join('\n'))?.[0]
          if (found && lines.includes('Ctrl-C stops it.')) url.resolve(found)
          done()
        },
      })
      const stdout = new Writable({ write: (_, __, done) => done() })
      const code = runCommandLine(['serve', '--port', '0', '--voices', join(folder, 'voices'), '--api-key-file', keys, '--wyoming', '0'], {
        stdin: Readable.from([]),
        stdout,
        stderr,
        isInteractive: false,
        signal: interrupt.signal,
      })
      const address = await Promise.race([url.promise, code.then(() => Promise.reject(new Error(lines.join('\n'))))])
      expect((await fetch(`${address}/v1/models`)).status).toBe(401)
      const headers = { authorization: 'Bearer a-key-of-many-letters', 'content-type': 'application/json' }
      const body = JSON.stringify({ model: 'mynah', voice: 'wren', input: 'Hello.', response_format: 'pcm' })
      const response = await fetch(`${address}/v1/audio/speech`, { method: 'POST', headers, body })
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(10_000)
      interrupt.abort()
      expect(await code).toBe(0)
      const logged = lines.filter(line => line.startsWith('{')).map(line => JSON.parse(line))
      expect(logged.map(({ path, status }) => [path, status])).toEqual([
        ['/v1/models', 401],
        ['/v1/audio/speech', 200],
      ])
      expect(lines.join('\n')).not.toMatch(/Hello\.|a-key-of/)
    })

    it('mynah batch speaks what is not spoken yet, lists it, and exits with 1 if a job failed', async () => {
      const folder = createFolder()
      const jobs = join(folder, 'jobs.jsonl')
      const out = join(folder, 'spoken')
      writeFileSync(jobs, '{"id":"a","text":"One."}\n{"id":"b","text":"Two.","voice":"heron","format":"mp3"}\n{"id":"c","text":"…"}\n')
      const first = await mynah(['batch', jobs, '--out', out, '--json'])
      expect(first).toMatchObject({ code: 1, err: expect.stringContaining('c: ') })
      expect(JSON.parse(first.out)).toMatchObject({ jobs: 3, spoken: 2, spokenBefore: 0, failed: 1, listed: 2 })
      writeFileSync(jobs, '{"id":"a","text":"One."}\n{"id":"b","text":"Two.","voice":"heron","format":"mp3"}\n')
      const second = await mynah(['batch', jobs, '--out', out, '--json'])
      expect(second.code).toBe(0)
      expect(JSON.parse(second.out)).toMatchObject({ jobs: 2, spoken: 0, spokenBefore: 2, failed: 0, listed: 2 })
      const manifest = readFileSync(join(out, 'manifest.jsonl'), 'utf8').trim().split('\n')
      expect(manifest.map(line => JSON.parse(line))).toMatchObject([
        { id: 'a', file: 'a.wav', words: [{ text: 'One' }] },
        { id: 'b', file: 'b.mp3', words: [{ text: 'Two' }] },
      ])
    })
  },
)

/** Of Node 22. */
function withResolvers<T>() {
  let resolve!: (value: T) => void
  const promise = new Promise<T>(done => {
    resolve = done
  })
  return { promise, resolve }
}

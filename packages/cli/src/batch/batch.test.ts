import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Speech, type Synthesizer } from '@mynah/core'
import { describe, expect, it, onTestFinished } from 'vitest'
import { hashJob, readJobs } from './jobs.ts'
import { workOnQueue } from './redis.ts'
import { forEachOf, speakJob } from './speak.ts'

const redisServer = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/opt/homebrew/bin/redis-server'].find(path =>
  existsSync(path),
)
const never = new AbortController().signal

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mynah-batch-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function createSpeaker(out: string) {
  const spoken: string[] = []
  const synthesizer: Pick<Synthesizer, 'bundle' | 'synthesize'> = {
    bundle: { name: 'fake-en', language: 'en-us', licence: 'MIT' },
    async synthesize(text) {
      if (text === 'fail') throw new RangeError('nothing in the text can be spoken')
      spoken.push(text)
      const timings = { frontEndSeconds: 0, languageModelSeconds: 0, vocoderSeconds: 0, totalSeconds: 0 }
      const words = [{ text, startSeconds: 0, endSeconds: 0.1 }]
      return new Speech({ audio: new Float32Array(2400), sampleRate: 24000, startSeconds: 0, phonemes: '', words, warnings: [], timings })
    },
  }
  return { spoken, speaker: { synthesizer, out, signal: never } }
}

describe('the jobs file', () => {
  const read = (text: string) => {
    const path = join(createFolder(), 'jobs.jsonl')
    writeFileSync(path, text)
    return readJobs(path)
  }

  it('gives the jobs in order, numbered by line where they have no id', async () => {
    expect(await read('{"text":"One."}\n\n{"id":"b","text":"Two.","format":"mp3"}\r\n{"text":"Three."}')).toEqual([
      { id: '000001', text: 'One.' },
      { id: 'b', text: 'Two.', format: 'mp3' },
      { id: '000004', text: 'Three.' },
    ])
  })

  it.each([
    ['{"text":"One."', /:1: no JSON/],
    ['{"text":"One."}\n{"txt":"Two."}', /:2: /],
    ['{"text":" "}', /:1: text: is empty/],
    ['{"id":"../../etc/passwd","text":"One."}', /:1: id: expected letters/],
    ['{"id":"a","text":"One."}\n{"id":"A","text":"Two."}', /:2: id "A" is that of line 1/],
    ['\n', /no jobs/],
  ])('%j is refused with its place', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message)
  })
})

describe('a job', () => {
  it('is spoken once: a second run finds it, unless text, model or file have changed', async () => {
    const out = createFolder()
    const { speaker, spoken } = createSpeaker(out)
    const first = await speakJob({ id: 'a', text: 'One.' }, speaker)
    expect(first).toMatchObject({ isNew: true, result: { file: 'a.wav', bytes: 4844, durationSeconds: 0.1, words: [{ text: 'One.' }] } })
    expect(await speakJob({ id: 'a', text: 'One.' }, speaker)).toEqual({ isNew: false, result: first.result })
    expect((await speakJob({ id: 'a', text: 'Two.' }, speaker)).isNew).toBe(true)
    writeFileSync(join(out, 'a.wav'), 'cut')
    expect((await speakJob({ id: 'a', text: 'Two.' }, speaker)).isNew).toBe(true)
    expect(spoken).toEqual(['One.', 'Two.', 'Two.'])
    expect(readdirSync(out).sort()).toEqual(['a.json', 'a.wav'])
    expect(hashJob({ id: 'a', text: 'One.' }, 'x')).not.toBe(hashJob({ id: 'a', text: 'One.' }, 'y'))
  })

  it('is done a few at a time, and those that run end before a failure is thrown', async () => {
    let running = 0
    let most = 0
    const work = async (value: number) => {
      most = Math.max(most, ++running)
      await new Promise(resolve => setTimeout(resolve, 5))
      running--
      if (value === 3) throw new Error('three')
    }
    await expect(forEachOf([1, 2, 3, 4, 5, 6], 2, work)).rejects.toThrow('three')
    expect([most, running]).toEqual([2, 0])
  })
})

describe.skipIf(!redisServer)(
  `a queue on a real Redis${redisServer ? '' : ' (skipped: no redis-server; apt-get install redis-server)'}`,
  { timeout: 120_000 },
  () => {
    async function startRedis(): Promise<string> {
      const socket = createServer().listen(0, '127.0.0.1')
      await once(socket, 'listening')
      const { port } = socket.address() as { port: number }
      await new Promise(resolve => socket.close(resolve))
      const child: ChildProcess = spawn(redisServer!, [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--dir',
        createFolder(),
      ])
      onTestFinished(async () => {
        child.kill()
        if (child.exitCode === null) await once(child, 'exit')
      })
      for await (const line of child.stdout!) if (String(line).includes('Ready to accept connections')) break
      return `redis://127.0.0.1:${port}`
    }
    const jobs = Array.from({ length: 12 }, (_, i) => ({ id: `job-${i}`, text: `Number ${i}.` }))
    const hashOf = (job: (typeof jobs)[number]) => hashJob(job, 'fake-en')

    it('is emptied by two machines, each job spoken once', async () => {
      const url = await startRedis()
      const out = createFolder()
      const machines = [createSpeaker(out), createSpeaker(out)]
      const options = { url, name: 'test', atATime: 1, signal: never }
      const failed = await Promise.all(
        machines.map(({ speaker }, i) =>
          workOnQueue(
            i === 0 ? jobs : [],
            hashOf,
            async job => {
              await new Promise(resolve => setTimeout(resolve, 20))
              return (await speakJob(job, speaker)).result
            },
            { ...options, name: 'test' },
          ),
        ),
      )
      expect(failed).toEqual([0, 0])
      expect(machines.flatMap(({ spoken }) => spoken).sort()).toEqual(jobs.map(({ text }) => text).sort())
      expect(readdirSync(out).filter(name => name.endsWith('.wav')).length).toBe(12)
      for (const { id } of jobs) expect(JSON.parse(readFileSync(join(out, `${id}.json`), 'utf8')).id).toBe(id)
    })

    it('loses nothing when a machine is killed in the middle of a job', async () => {
      const url = await startRedis()
      const script = `import { Worker } from 'bullmq'; import { Redis } from 'ioredis'
      new Worker('test', job => { console.log(job.data.id); return new Promise(() => setInterval(() => {}, 1000)) },
        { connection: new Redis('${url}', { maxRetriesPerRequest: null }), lockDuration: 1000 })`
      const cli = fileURLToPath(new URL('../..', import.meta.url))
      const doomed = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: cli })
      onTestFinished(() => void doomed.kill('SIGKILL'))
      const { speaker, spoken } = createSpeaker(createFolder())
      const options = { url, name: 'test', atATime: 1, signal: never, lockMs: 1000 }
      const taken = once(doomed.stdout, 'data')
      let isKilled = false
      const failed = await workOnQueue(
        jobs,
        hashOf,
        async job => {
          if (!isKilled) {
            await taken
            doomed.kill('SIGKILL')
            isKilled = true
          }
          return (await speakJob(job, speaker)).result
        },
        options,
      )
      expect(failed).toBe(0)
      expect(spoken.sort()).toEqual(jobs.map(({ text }) => text).sort())
    })

    it('tells how many jobs failed for good', async () => {
      const url = await startRedis()
      const { speaker } = createSpeaker(createFolder())
      const speak = async (job: { id: string; text: string }) => (await speakJob(job, speaker)).result
      const failed = await workOnQueue(
        [
          { id: 'a', text: 'fail' },
          { id: 'b', text: 'Two.' },
        ],
        hashOf,
        speak,
        { url, name: 'test', atATime: 2, signal: never },
      )
      expect(failed).toBe(1)
    })
  },
)

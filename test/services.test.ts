import { execFile, spawn } from 'node:child_process'
import type { EventEmitter } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { decodeAudio, measureLevel, toMono } from '@mynah/audio'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sourceFlags } from './bench/child.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const hasModel = existsSync(join(root, 'packages/voice-en/bundle.json'))
/** A process loads the whole of Mynah from source: seconds, or a minute on a busy machine. */
const timeout = 240_000

/** tsx runs in the process itself: its command would start another one, which outlives it. */
const command = (name: string, ...words: string[]) => [...sourceFlags, join(root, 'examples/services', name), ...words]

function inFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mynah-services-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Starts a server of the examples, and ends it with the test. @returns its port, once it listens */
async function start(name: string): Promise<number> {
  const free = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => free.once('listening', resolve))
  const { port } = free.address() as { port: number }
  await new Promise(resolve => free.close(resolve))
  const child = spawn(process.execPath, command(name), {
    cwd: inFolder(),
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const ended = new Promise(resolve => child.once('exit', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const listens = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    )
  while (!(await listens())) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode} before it listened`)
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  return port
}

/** What is used of the WebSocket of `ws`, a dependency of the examples. */
interface Socket extends EventEmitter {
  send(text: string): void
  close(): void
}

/** Seconds in which somebody speaks. */
async function speechSeconds(bytes: Uint8Array): Promise<number> {
  const audio = await decodeAudio(bytes)
  return measureLevel(toMono(audio), audio.sampleRate).speechSeconds
}

describe.skipIf(!hasModel)(`services${hasModel ? '' : ' (skipped: packages/voice-en has no bundle.json)'}`, { timeout }, () => {
  it('express.ts speaks MP3', async () => {
    const response = await fetch(`http://127.0.0.1:${await start('express.ts')}/say?text=Hello%20there.`)
    expect(response.headers.get('content-type')).toBe('audio/mpeg')
    expect(await speechSeconds(new Uint8Array(await response.arrayBuffer()))).toBeGreaterThan(0.3)
  })

  it('fastify.ts speaks Ogg Opus', async () => {
    const url = `http://127.0.0.1:${await start('fastify.ts')}/say`
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(url, { method: 'POST', headers, body: '{"text":"Hello there."}' })
    expect(response.headers.get('content-type')).toBe('audio/ogg')
    expect(await speechSeconds(new Uint8Array(await response.arrayBuffer()))).toBeGreaterThan(0.3)
  })

  it('hono.ts mounts the server below a path', async () => {
    const url = `http://127.0.0.1:${await start('hono.ts')}/speech/v1/audio/speech`
    const body = JSON.stringify({ model: 'mynah', voice: 'wren', input: 'Hello there.', response_format: 'wav' })
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    expect(await speechSeconds(new Uint8Array(await response.arrayBuffer()))).toBeGreaterThan(0.3)
  })

  it('twilio.ts speaks into a call in frames of 20 ms', async () => {
    const { WebSocket } = createRequire(join(root, 'examples/package.json'))('ws') as { WebSocket: new (url: string) => Socket }
    const socket = new WebSocket(`ws://127.0.0.1:${await start('twilio.ts')}/`)
    await new Promise(resolve => socket.once('open', resolve))
    socket.send(JSON.stringify({ event: 'start', start: { streamSid: 'MZ1' } }))
    const frames: Buffer[] = []
    await new Promise<void>(resolve => {
      socket.on('message', (data: Buffer) => {
        const message = JSON.parse(String(data)) as { event: string; streamSid: string; media: { payload: string } }
        expect(message.streamSid).toBe('MZ1')
        if (message.event === 'mark') resolve()
        else frames.push(Buffer.from(message.media.payload, 'base64'))
      })
    })
    socket.close()
    expect(Math.max(...frames.map(({ length }) => length))).toBe(160)
    expect(Buffer.concat(frames).length).toBeGreaterThan(8000)
  })

  it('discord.ts speaks 48 kHz stereo, both sides the same', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, command('discord.ts'), { encoding: 'buffer', maxBuffer: 2 ** 24 })
    const samples = new Int16Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length))
    expect(samples.length).toBeGreaterThan(2 * 24000)
    expect(samples.every((sample, i) => sample === samples[i - (i % 2)])).toBe(true)
    expect(samples.some(sample => Math.abs(sample) > 1000)).toBe(true)
  })

  it('chapters.ts writes audio and captions for each chapter', async () => {
    const folder = inFolder()
    await promisify(execFile)(process.execPath, command('chapters.ts', '', folder))
    expect(await speechSeconds(readFileSync(join(folder, '001.mp3')))).toBeGreaterThan(0.5)
    expect(readFileSync(join(folder, '002.srt'), 'utf8')).toContain('The sun rose.')
  })
})

import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { HubError } from '../errors.ts'
import { type HubOptions, type HubProgress, type HubSettings, readSettings } from './settings.ts'

/** What arrived at the server. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Resolves when so many bytes of a file have arrived in the watched cache: what is in flight when a connection drops is lost. */
  readonly arrived: (bytes: number) => Promise<void>
}

/** Answers one request. */
export type Behaviour = (response: ServerResponse, request: Received) => void

/** A server on this machine, which behaves as a test says: once after the other, the last one for ever. It ends with the test. */
export async function startServer(...behaviours: Behaviour[]) {
  const received: Received[] = []
  let watched: string | undefined
  const server = createServer((request, response) => {
    const one = { path: request.url!, headers: request.headers, arrived: (bytes: number) => waitForBytes(watched, bytes) }
    received.push(one)
    const behaviour = behaviours[Math.min(received.length, behaviours.length) - 1]!
    behaviour(response, one)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    watch(cache: string) {
      watched = join(cache, 'partial')
    },
  }
}

async function waitForBytes(folder: string | undefined, bytes: number): Promise<void> {
  if (folder === undefined) throw new Error('drop: the server does not watch a cache')
  for (let round = 0; round < 1000; round++) {
    const names = await readdir(folder).catch(() => [])
    const data = names.find(name => name.endsWith('.data'))
    if (data !== undefined && (await stat(join(folder, data))).size >= bytes) return
    await sleep(10)
  }
}

/** Sends bytes as a good file server does: ranges, If-Range, ETag. `drop` cuts the connection after so many bytes of the body,
 * when they have arrived. */
export function sendFile(bytes: Uint8Array, { etag = '"v1"', drop }: { etag?: string | null; drop?: number } = {}): Behaviour {
  return (response, { headers, arrived }) => {
    const ifRange = headers['if-range']
    const start = /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1]
    const begins = start !== undefined && (ifRange === undefined || ifRange === etag) ? Number(start) : 0
    if (etag !== null) response.setHeader('etag', etag)
    if (start !== undefined && begins >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
      return
    }
    if (begins > 0) response.setHeader('content-range', `bytes ${begins}-${bytes.length - 1}/${bytes.length}`)
    response.writeHead(begins > 0 ? 206 : 200, { 'content-length': bytes.length - begins })
    if (drop === undefined) response.end(bytes.subarray(begins))
    else {
      response.write(bytes.subarray(begins, begins + drop))
      void arrived(Math.min(begins + drop, bytes.length)).then(() => response.destroy())
    }
  }
}

/** Answers with a status and nothing more. */
export const sendStatus =
  (status: number, headers: Record<string, string> = {}): Behaviour =>
  response => {
    response.writeHead(status, headers).end()
  }

/** An empty cache, and settings that use nothing of this machine's environment. */
export async function createCache(options: HubOptions = {}): Promise<{ folder: string; settings: HubSettings; progress: HubProgress[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'mynah-hub-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const progress: HubProgress[] = []
  const settings = readSettings({ cacheFolder: folder, onProgress: each => progress.push(each), ...options }, {})
  return { folder, settings, progress }
}

/** Every file in a folder, relative to it. */
export async function listFolder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(({ name, parentPath }) => join(parentPath, name).slice(folder.length + 1))
}

/** The code of the HubError that a promise rejects with. Anything else is an error of the test. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => new Error('nothing was thrown'),
    error => error,
  )
  if (HubError.isInstance(error)) return error.code
  throw error
}

/** Bytes without a pattern, so that a shifted or repeated part shows. */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

export const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

/** Pauses that tests can wait for. */
export const quick = { attempts: 4, firstPauseSeconds: 0.01 } as const

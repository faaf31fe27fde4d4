import { statfs } from 'node:fs/promises'
import { HubError } from '../errors.ts'
import type { Partial } from './partial.ts'
import { type Answer, request } from './request.ts'
import { type HubSettings, showUrl } from './settings.ts'
import { type Expected, isVerifiable } from './verify.ts'

/** A file to download. */
export interface RemoteFile extends Expected {
  /** Model and file, for progress and messages. */
  readonly name: string
  readonly file: string
  /** Its public address, whatever mirror or endpoint stands for it. */
  readonly url: string
  /** The most it may have where `bytes` is unknown. */
  readonly maxBytes: number
}

/** An attempt that brought so much was worth it: failures are counted anew. Each of endless attempts must bring this much. */
const worthwhileBytes = 2 ** 20
/** Progress is reported at most so often, milliseconds. */
const progressMs = 100
/** The disk keeps so much free space beside the file. */
const spareBytes = 16 * 2 ** 20

/** What an attempt tells whoever decides about the next one; see `persist`. */
export interface Attempt {
  readonly signal: AbortSignal
  readonly alive: () => void
  readonly advance: () => void
}

/** How a file became whole. */
export interface Fetched {
  /** Where the last part begins; 0 if all came at once. */
  readonly begins: number
  /** What the hub itself states, if it does. */
  readonly sha256?: string | undefined
}

/** Asks for what is missing, and keeps what comes. */
export async function fetchRest(partial: Partial, url: URL, remote: RemoteFile, settings: HubSettings, attempt: Attempt): Promise<Fetched> {
  const validator = await partial.validator()
  let loaded = await partial.size()
  // without a validator, only a hash can tell that both halves belong together
  if (loaded > 0 && validator === undefined && !isVerifiable(remote)) loaded = 0
  if (loaded > 0 && loaded === remote.bytes) return { begins: loaded }
  const range = loaded > 0 ? { range: `bytes=${loaded}-`, ...(validator === undefined ? {} : { 'if-range': validator }) } : {}
  const answer = await request(url, range, settings, attempt.signal)
  attempt.alive()
  settings.onProgress({ status: 'download', name: remote.name, file: remote.file })
  const where = `${remote.name}: ${remote.file} from ${showUrl(url)}`
  const begins = readStart(answer, where)
  if (answer.status === 416 || (begins > 0 && begins !== loaded) || (begins > 0 && isOther(answer, validator))) {
    if (answer.status === 416 && loaded > 0 && readTotal(answer, 0) === loaded) return { begins: loaded, ...answer.linked } // all of it was there
    await partial.restart(undefined)
    throw new HubError(`${where}: changed while it was downloaded; try again`, { code: 'network' })
  }
  const total = readTotal(answer, begins)
  checkTotal(total, remote, where)
  await checkSpace(settings.cacheFolder, (total ?? remote.bytes ?? 0) - begins, where)
  if (begins === 0) await partial.restart(readValidator(answer))
  await append(partial, answer, { ...remote, begins, total, where }, settings, attempt)
  return { begins, ...answer.linked }
}

/** Where the body begins: at 0 if the server sends all of it, asked for or not. */
function readStart({ status, headers }: Answer, where: string): number {
  if (status !== 206) return 0
  const start = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '')?.[1]
  if (start !== undefined) return Number(start)
  throw new HubError(`${where}: sent a part without saying which (content-range "${headers.get('content-range')}"); set another mirror`, {
    code: 'bad-response',
  })
}

/** The length of the whole file, if the server says so. */
function readTotal({ headers }: Answer, begins: number): number | undefined {
  const total = /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1]
  if (total !== undefined) return Number(total)
  const length = headers.get('content-length')
  return length !== null && /^\d+$/.test(length) ? begins + Number(length) : undefined
}

function readValidator({ headers }: Answer): string | undefined {
  const etag = headers.get('etag')
  return etag?.startsWith('"') ? etag : (headers.get('last-modified') ?? undefined) // If-Range takes no weak ETag
}

/** Whether a part is of another version than what has arrived, sent by a server that does not know If-Range. */
function isOther(answer: Answer, validator: string | undefined): boolean {
  const found = readValidator(answer)
  return validator !== undefined && found !== undefined && found !== validator
}

function checkTotal(total: number | undefined, { bytes, maxBytes }: RemoteFile, where: string): void {
  if (total === undefined) return
  if (bytes !== undefined && total !== bytes) {
    throw new HubError(
      `${where}: has ${total} bytes, expected ${bytes}; was another version published? Set another mirror, or update Mynah`,
      {
        code: 'wrong-size',
      },
    )
  }
  if (total > maxBytes) throw tooLarge(where, `${total}`, maxBytes)
}

function tooLarge(where: string, found: string, limit: number): HubError {
  return new HubError(`${where}: has ${found} bytes, expected at most ${limit}; set another mirror, or update Mynah`, { code: 'too-large' })
}

async function checkSpace(folder: string, needed: number, where: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (needed <= 0 || bavail * bsize >= needed + spareBytes) return
  throw new HubError(
    `${where}: needs ${needed} bytes, and ${folder} has ${bavail * bsize} free; free some, or set MYNAH_CACHE to a folder on another disk`,
    { code: 'no-space' },
  )
}

interface Body extends RemoteFile {
  readonly begins: number
  readonly total: number | undefined
  readonly where: string
}

async function append(
  partial: Partial,
  answer: Answer,
  body: Body,
  { onProgress }: HubSettings,
  { alive, advance }: Attempt,
): Promise<void> {
  const { name, file, where, begins } = body
  const limit = body.bytes ?? body.total ?? body.maxBytes
  let loaded = begins
  let reported = Number.NEGATIVE_INFINITY
  const report = () => {
    const total = Math.max(body.total ?? body.bytes ?? loaded, loaded)
    onProgress({ status: 'progress', name, file, progress: total === 0 ? 100 : (100 * loaded) / total, loaded, total })
    reported = performance.now()
  }
  const data = await partial.open()
  try {
    for await (const chunk of answer.body) {
      if (loaded + chunk.length > limit) throw tooLarge(where, `more than ${limit}`, limit)
      await data.appendFile(chunk)
      loaded += chunk.length
      alive()
      if (loaded - begins >= worthwhileBytes) advance()
      if (performance.now() - reported >= progressMs) report()
    }
  } finally {
    await data.close()
  }
  const expected = body.total ?? body.bytes
  if (expected !== undefined && loaded < expected) {
    throw new HubError(`${where}: the connection ended after ${loaded} of ${expected} bytes; try again: what has arrived is kept`, {
      code: 'network',
    })
  }
  report()
}

import { randomUUID } from 'node:crypto'
import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { HubError } from '../errors.ts'
import { sleepUntilAborted } from './persist.ts'

/** Whoever waits looks so often, milliseconds. */
const pollMs = 200
/** Whoever holds a lock touches it so often, milliseconds. */
const heartbeatMs = 2000
/** A lock that nobody touched for so long, milliseconds, belongs to a process that was killed. */
const staleMs = 30_000

/** A held lock; disposing of it lets the next one in. */
export interface FileLock extends AsyncDisposable {
  /** @throws {HubError} `network` if another process took the lock over, thinking this one dead, as after a machine slept */
  confirm(): Promise<void>
}

/**
 * Waits until this is the only one, of all processes on all machines that share the folder, to work on something.
 * Taking over from a process that was killed is not atomic: hence `confirm`, and the check of every download's hash.
 * @param path of the lock's own file
 * @throws the signal's reason
 */
export async function acquireLock(path: string, signal?: AbortSignal): Promise<FileLock> {
  const token = JSON.stringify({ process: process.pid, host: hostname(), id: randomUUID() })
  while (!(await create(path, token))) {
    signal?.throwIfAborted()
    if (await isAbandoned(path)) await rm(path, { force: true })
    else await sleepUntilAborted(pollMs, signal)
  }
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => undefined) // confirm() tells
  }, heartbeatMs)
  heartbeat.unref()
  const isOurs = async () => (await readFile(path, 'utf8').catch(() => undefined)) === token
  return {
    async confirm() {
      if (await isOurs()) return
      throw new HubError(`${path}: another process took over this download; try again`, { code: 'network' })
    },
    async [Symbol.asyncDispose]() {
      clearInterval(heartbeat)
      if (await isOurs()) await rm(path, { force: true })
    },
  }
}

async function create(path: string, token: string): Promise<boolean> {
  try {
    await writeFile(path, token, { flag: 'wx' })
    return true
  } catch (error) {
    // Windows says EPERM or EACCES while a deleted file is still open somewhere
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EEXIST') return false
    if (process.platform === 'win32' && (code === 'EPERM' || code === 'EACCES')) return false
    throw error
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (!found) return false // released just now
  if (Date.now() - found.mtimeMs > staleMs) return true
  try {
    const holder: { process: number; host: string } = JSON.parse(await readFile(path, 'utf8'))
    return holder.host === hostname() && !isAlive(holder.process)
  } catch {
    return false // being written, or released
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

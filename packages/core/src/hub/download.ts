import { createHash } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HubError } from '../errors.ts'
import { acquireLock } from './lock.ts'
import { Partial } from './partial.ts'
import { defaultPatience, type Patience, persist } from './persist.ts'
import { type HubSettings, locate, showUrl } from './settings.ts'
import { fetchRest, type RemoteFile } from './transfer.ts'
import { verifyFile } from './verify.ts'

/** The largest checkpoint of the catalogue has 1.5 GB; this bounds what a hostile manifest makes us write. */
export const maxFileBytes = 16 * 2 ** 30
/** What arrived is of no use. */
const wrongCodes: readonly string[] = ['wrong-size', 'wrong-hash', 'too-large']

/**
 * Downloads a file, or does nothing if it is there and right. It appears under its name only when whole and verified; what has arrived of it
 * until then is kept in the cache's `partial` folder, and the next attempt, even of another process, asks for the rest.
 * @param target absolute path
 * @throws {HubError} any but `unknown-model`; the signal's reason
 */
export async function downloadFile(
  remote: RemoteFile,
  target: string,
  settings: HubSettings,
  patience: Patience = defaultPatience,
): Promise<void> {
  const { name, file } = remote
  settings.signal?.throwIfAborted()
  settings.onProgress({ status: 'initiate', name, file })
  if (!(await isThere(target, remote))) {
    const url = locate(remote.url, settings)
    if (settings.offline) {
      throw new HubError(
        `${name}: ${file} is not in ${dirname(target)}, and downloads are switched off; download it once without MYNAH_OFFLINE, or copy it there`,
        { code: 'offline' },
      )
    }
    const partials = join(settings.cacheFolder, 'partial')
    await mkdir(partials, { recursive: true })
    const path = join(partials, createHash('sha256').update(`${target}\n${url}`).digest('hex').slice(0, 32))
    await using lock = await acquireLock(`${path}.lock`, settings.signal)
    if (!(await isThere(target, remote))) {
      const partial = new Partial(path)
      await fetchVerified(partial, url, remote, settings, patience)
      await lock.confirm()
      await mkdir(dirname(target), { recursive: true })
      await partial.moveTo(target)
    }
  }
  settings.onProgress({ status: 'done', name, file })
}

/** Whether there is a file that is as expected; another one is replaced. */
async function isThere(target: string, remote: RemoteFile): Promise<boolean> {
  const found = await stat(target).catch(() => undefined)
  if (!found?.isFile()) return false
  return verifyFile(target, remote, target).then(
    () => true,
    error => (HubError.isInstance(error) ? false : Promise.reject(error)),
  )
}

async function fetchVerified(partial: Partial, url: URL, remote: RemoteFile, settings: HubSettings, patience: Patience): Promise<void> {
  const where = `${remote.name}: ${remote.file} from ${showUrl(url)}`
  for (let isRetry = false; ; isRetry = true) {
    let isJoined = (await partial.size()) > 0
    try {
      const { begins, sha256 } = await persist(where, settings, patience, (signal, alive, advance) =>
        fetchRest(partial, url, remote, settings, { signal, alive, advance }),
      )
      isJoined = begins > 0
      await partial.verify({ ...remote, sha256: remote.sha256 ?? sha256 }, where)
      return
    } catch (error) {
      if (!HubError.isInstance(error) || !wrongCodes.includes(error.code)) throw error
      await partial.discard()
      if (isRetry || !isJoined) throw error // else the old beginning may be what is wrong: once more from the start
    }
  }
}

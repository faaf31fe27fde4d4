import { randomBytes } from 'node:crypto'
import { mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

/**
 * Writes a file beside the one that it replaces, and renames it when it is complete: if anything fails, what was there before is still there. What is no regular file
 * (`/dev/stdout`, a pipe) is written as it is.
 * @param write gets a path in the same folder with the same ending
 */
export async function replaceFile<T>(path: string, write: (path: string) => T | Promise<T>): Promise<T> {
  const found = await stat(path).catch(() => undefined)
  if (found && !found.isFile()) return await write(path)
  const target = found ? await realpath(path) : path
  const ending = /\..*$/.exec(basename(target))?.[0] ?? ''
  const beside = join(dirname(target), `${randomName()}${ending}`)
  try {
    const result = await write(beside)
    await rename(beside, target)
    return result
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}

/** As `replaceFile`, for the files of a folder; others that lie in it stay. */
export async function replaceFiles<T>(folder: string, write: (folder: string) => Promise<T>): Promise<T> {
  const target = resolve(folder)
  await mkdir(target, { recursive: true })
  const beside = join(target, randomName())
  try {
    const result = await write(beside)
    for (const file of await readdir(beside)) await rename(join(beside, file), join(target, file))
    return result
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
}

function randomName(): string {
  return `.mynah-${randomBytes(6).toString('hex')}`
}

import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { type Expected, verifyFile } from './verify.ts'

/** What has arrived of a file, and of which version of it. Only the holder of the lock may use it. */
export class Partial {
  readonly path: string
  readonly #data: string
  readonly #state: string

  constructor(path: string) {
    this.path = path
    this.#data = `${path}.data`
    this.#state = `${path}.json`
  }

  async size(): Promise<number> {
    return (await stat(this.#data).catch(() => undefined))?.size ?? 0
  }

  /** What tells this version of the file from others: a strong ETag, or the time of its last change. */
  async validator(): Promise<string | undefined> {
    try {
      const { validator } = JSON.parse(await readFile(this.#state, 'utf8'))
      return typeof validator === 'string' ? validator : undefined
    } catch {
      return undefined // none, or half written when a process was killed
    }
  }

  /** Begins anew: first without data, then with the new version's name. */
  async restart(validator: string | undefined): Promise<void> {
    await rm(this.#state, { force: true })
    await writeFile(this.#data, '')
    await writeFile(this.#state, JSON.stringify({ validator }))
  }

  open(): Promise<FileHandle> {
    return open(this.#data, 'a')
  }

  verify(expected: Expected, where: string): Promise<unknown> {
    return verifyFile(this.#data, expected, where)
  }

  async discard(): Promise<void> {
    await Promise.all([rm(this.#data, { force: true }), rm(this.#state, { force: true })])
  }

  /** Data reach the disk before the name does: a power failure leaves the whole file or none. */
  async moveTo(target: string): Promise<void> {
    const data = await open(this.#data, 'r+')
    try {
      await data.sync()
    } finally {
      await data.close()
    }
    await rename(this.#data, target)
    await rm(this.#state, { force: true })
  }
}

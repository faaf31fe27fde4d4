import { randomBytes } from 'node:crypto'
import { link, lstat, mkdir, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { MynahError, Voice, VoiceError } from '@mynah/core'
import { isSystemError, RequestError } from './errors.ts'

const ending = '.voice.safetensors'
/** What an id may be: it is a file name on every system, and can name nothing outside of its folder. */
const idPattern = /^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/
/** Listing reads each new file once; a folder of more is one for a database. */
const maxVoices = 1000

/** A voice of the folder, as it is listed. */
export interface StoredVoice {
  readonly id: string
  /** Undefined where the file is corrupt; `problem` then says how. */
  readonly voice: Voice | undefined
  readonly problem: string | undefined
  /** Seconds since 1970. */
  readonly createdAt: number
}

/** Voices in one folder, a file each. Ids are file names without their ending, and cannot leave it. */
export class VoiceFolder {
  readonly folder: string
  /** What was read, until the file changes. */
  readonly #read = new Map<string, { stamp: string; stored: StoredVoice }>()

  private constructor(folder: string) {
    this.folder = folder
  }

  /** Creates the folder if it is not there. */
  static async open(folder: string): Promise<VoiceFolder> {
    await mkdir(folder, { recursive: true })
    return new VoiceFolder(folder)
  }

  /** All voices, corrupt ones included, by id. */
  async list(): Promise<StoredVoice[]> {
    const ids = await this.#ids()
    const stored = await Promise.all(ids.map(id => this.#find(id)))
    return stored.filter(each => each !== undefined)
  }

  /**
   * @returns undefined if there is none of that id
   * @throws {VoiceError} `malformed-voice`, `unknown-version` if its file is corrupt
   */
  async load(id: string): Promise<Voice | undefined> {
    const stored = await this.#find(id)
    if (stored === undefined || stored.voice) return stored?.voice
    throw new VoiceError(`voice "${id}" cannot be read: ${stored.problem}; delete it and create it again`, { code: 'malformed-voice' })
  }

  /**
   * Writes a voice, whole or not at all.
   * @param isTaken ids of voices that are elsewhere, such as those that came with the model
   * @returns its id: its name, in letters that an id may have, with a number behind it if there is one of that id
   */
  async save(voice: Voice, isTaken: (id: string) => boolean = () => false): Promise<StoredVoice> {
    if ((await this.#ids()).length >= maxVoices) {
      throw new RequestError(`there are ${maxVoices} voices, the most that one folder holds; delete some`, {
        status: 409,
        code: 'too-many-voices',
      })
    }
    const partial = join(this.folder, `.${randomBytes(8).toString('hex')}${ending}`)
    try {
      await voice.save(partial)
      for (let attempt = 1; ; attempt++) {
        const id = toId(voice.name, attempt)
        if (isTaken(id)) continue
        try {
          await link(partial, this.#path(id)) // unlike rename, link replaces nothing
          return (await this.#find(id))!
        } catch (error) {
          if (!isSystemError(error) || error.code !== 'EEXIST' || attempt > maxVoices) throw error
        }
      }
    } finally {
      await unlink(partial).catch(() => undefined)
    }
  }

  /** @returns whether there was one */
  async delete(id: string): Promise<boolean> {
    if (!idPattern.test(id)) return false
    this.#read.delete(id)
    try {
      await unlink(this.#path(id))
      return true
    } catch (error) {
      if (isSystemError(error) && error.code === 'ENOENT') return false
      throw error
    }
  }

  async #ids(): Promise<string[]> {
    const names = (await readdir(this.folder)).filter(name => name.endsWith(ending)).map(name => name.slice(0, -ending.length))
    return names.filter(name => idPattern.test(name)).sort()
  }

  #path(id: string): string {
    return join(this.folder, `${id}${ending}`)
  }

  async #find(id: string): Promise<StoredVoice | undefined> {
    if (!idPattern.test(id)) return undefined
    const file = await lstat(this.#path(id)).catch(() => undefined)
    if (!file?.isFile()) return undefined // a link could lead elsewhere
    const stamp = `${file.mtimeMs} ${file.size} ${file.ino}`
    const known = this.#read.get(id)
    if (known?.stamp === stamp) return known.stored
    const stored = { id, createdAt: Math.floor(file.mtimeMs / 1000), ...(await read(this.#path(id), this.folder)) }
    this.#read.set(id, { stamp, stored })
    return stored
  }
}

/** @returns the voice, or what is wrong with its file, without the path, which is no business of clients */
async function read(path: string, folder: string): Promise<Pick<StoredVoice, 'voice' | 'problem'>> {
  try {
    return { voice: await Voice.load(path), problem: undefined }
  } catch (error) {
    if (MynahError.isInstance(error))
      return { voice: undefined, problem: error.message.replaceAll(path, 'its file').replaceAll(folder, '') }
    throw error
  }
}

/** A name in the letters of an id: "Jürgen's voice!" is "jurgen-s-voice". */
function toId(name: string, attempt: number): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, '-')
    .slice(0, 56)
    .replace(/^[-_]+|[-_]+$/g, '')
  return `${plain || 'voice'}${attempt === 1 ? '' : `-${attempt}`}`
}

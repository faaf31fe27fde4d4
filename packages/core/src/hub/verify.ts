import { stat } from 'node:fs/promises'
import { HubError } from '../errors.ts'
import { hashFile } from '../hash-file.ts'

/** What a file must be; what is undefined is unknown. */
export interface Expected {
  readonly bytes?: number | undefined
  /** All 64 lower-case hex digits, or the first ones. */
  readonly sha256?: string | undefined
  /** Object id of the file in a Git repository. */
  readonly gitBlob?: string | undefined
}

/** Whether some hash of the file is known, so that no wrong byte goes unseen. */
export function isVerifiable({ sha256, gitBlob }: Expected): boolean {
  return sha256 !== undefined || gitBlob !== undefined
}

/**
 * Compares a file with all that is known of it.
 * @param where names it in the message
 * @returns its length and sha256
 * @throws {HubError} `wrong-size`, `wrong-hash`
 */
export async function verifyFile(path: string, expected: Expected, where: string): Promise<{ bytes: number; sha256: string }> {
  const { size } = await stat(path)
  if (expected.bytes !== undefined && size !== expected.bytes) {
    throw new HubError(`${where}: has ${size} bytes, expected ${expected.bytes}; ${advice}`, { code: 'wrong-size' })
  }
  const sha256 = await hashFile(path, 'sha256')
  if (expected.sha256 !== undefined && !sha256.startsWith(expected.sha256)) {
    const beginning = expected.sha256.length < sha256.length ? 'one that begins with ' : ''
    throw new HubError(`${where}: sha256 is ${sha256}, expected ${beginning}${expected.sha256}; ${advice}`, { code: 'wrong-hash' })
  }
  if (expected.gitBlob !== undefined) {
    const id = await hashFile(path, 'sha1', `blob ${size}\0`)
    if (id !== expected.gitBlob) {
      throw new HubError(`${where}: its Git object id is ${id}, expected ${expected.gitBlob}; ${advice}`, { code: 'wrong-hash' })
    }
  }
  return { bytes: size, sha256 }
}

const advice = 'do not use what was downloaded; try again, and if that does not help ask its publisher, or use another mirror'

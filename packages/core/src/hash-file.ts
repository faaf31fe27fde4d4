import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

/** Bytes hashed per turn of the event loop: about 3 ms. */
const hashChunkBytes = 2 ** 20

/**
 * The hash of a file, in lower-case hexadecimal digits.
 * @param before hashed ahead of the file's bytes
 */
export async function hashFile(path: string, algorithm: 'sha1' | 'sha256' = 'sha256', before = ''): Promise<string> {
  const hash = createHash(algorithm).update(before)
  await pipeline(createReadStream(path, { highWaterMark: hashChunkBytes }), hash)
  return hash.digest('hex')
}

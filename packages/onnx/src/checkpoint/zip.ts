import { inflateRawSync } from 'node:zlib'
import { CheckpointError } from '../errors.ts'
import { crc32 } from './crc32.ts'
import type { ByteSource } from './source.ts'

/** One member per tensor storage: a hundred times the largest published count. */
const MAX_MEMBERS = 100_000
/** A directory entry is about 100 bytes. */
const MAX_DIRECTORY_BYTES = 32 * 2 ** 20
/** Deflate cannot shrink data by more than this factor; a larger claim is a lie. */
const MAX_DEFLATE_RATIO = 1032
/** Largest deflated member that is inflated: it is held in memory whole. Checkpoints are stored, not deflated, as a rule. */
const MAX_INFLATED_BYTES = 2 ** 30

const END_BYTES = 22
const MAX_COMMENT_BYTES = 65_535
const LOCATOR_BYTES = 20
const END64_BYTES = 56
const ENTRY_BYTES = 46
const LOCAL_BYTES = 30
const END_SIGNATURE = 0x06054b50
const LOCATOR_SIGNATURE = 0x07064b50
const END64_SIGNATURE = 0x06064b50
const ENTRY_SIGNATURE = 0x02014b50
const LOCAL_SIGNATURE = 0x04034b50
const STORED = 0
const DEFLATED = 8

/** One member of a zip file. */
export interface ZipMember {
  readonly name: string
  /** Size of its contents in bytes. */
  readonly size: number
  /** Part of the contents. The whole is held against its checksum once, a deflated member inflated for each part. @throws {CheckpointError} `malformed-zip`, `wrong-checksum` */
  read(offset: number, length: number): Uint8Array
}

/**
 * Reads the directory of a zip file (stored and deflated members, ZIP64), checked against the file's size. Member data are read lazily.
 * @throws {CheckpointError} `malformed-zip`
 */
export function readZip(source: ByteSource): Map<string, ZipMember> {
  const { path } = source
  const directory = findDirectory(source)
  const bytes = source.read(directory.offset, directory.size)
  const view = viewOf(bytes)
  const members = new Map<string, ZipMember>()
  let position = 0
  for (let i = 0; i < directory.count; i++) {
    if (position + ENTRY_BYTES > bytes.length || view.getUint32(position, true) !== ENTRY_SIGNATURE) {
      throw malformed(path, `directory entry ${i} of ${directory.count} is cut or damaged`)
    }
    const flags = view.getUint16(position + 8, true)
    const method = view.getUint16(position + 10, true)
    const nameBytes = view.getUint16(position + 28, true)
    const extraBytes = view.getUint16(position + 30, true)
    const next = position + ENTRY_BYTES + nameBytes + extraBytes + view.getUint16(position + 32, true)
    if (next > bytes.length) throw malformed(path, `directory entry ${i} is cut`)
    const nameEnd = position + ENTRY_BYTES + nameBytes
    const name = new TextDecoder().decode(bytes.subarray(position + ENTRY_BYTES, nameEnd))
    const sizes = readSizes(path, name, view, position, nameEnd, extraBytes)
    const sum = view.getUint32(position + 16, true)
    position = next
    if (flags & 1) throw malformed(path, `member "${name}" is encrypted`)
    if (method !== STORED && method !== DEFLATED)
      throw malformed(path, `member "${name}" uses compression method ${method}, expected stored or deflated`)
    if (sizes.offset + LOCAL_BYTES + sizes.packed > directory.offset) {
      throw malformed(
        path,
        `member "${name}" claims ${sizes.packed} bytes at ${sizes.offset}, outside the file's ${directory.offset} bytes of members`,
      )
    }
    if (method === STORED ? sizes.packed !== sizes.size : sizes.size > sizes.packed * MAX_DEFLATE_RATIO) {
      throw malformed(path, `member "${name}" claims ${sizes.size} bytes in ${sizes.packed}`)
    }
    if (members.has(name)) throw malformed(path, `member "${name}" occurs twice`)
    members.set(name, memberOf(source, name, { ...sizes, method, sum, limit: directory.offset }))
  }
  return members
}

interface Directory {
  offset: number
  size: number
  count: number
}

function findDirectory(source: ByteSource): Directory {
  const { path, size } = source
  const tailStart = Math.max(0, size - END_BYTES - MAX_COMMENT_BYTES - LOCATOR_BYTES)
  const tail = source.read(tailStart, size - tailStart)
  const view = viewOf(tail)
  let end = tail.length - END_BYTES
  while (end >= 0 && !(view.getUint32(end, true) === END_SIGNATURE && view.getUint16(end + 20, true) === tail.length - end - END_BYTES))
    end--
  if (end < 0) throw malformed(path, 'has no directory at its end: it is cut short; download it again')
  let directory: Directory = {
    count: view.getUint16(end + 10, true),
    size: view.getUint32(end + 12, true),
    offset: view.getUint32(end + 16, true),
  }
  let before = tailStart + end
  // A ZIP64 record, where there is one, is authoritative: torch always writes it, and reads it in preference.
  if (end >= LOCATOR_BYTES && view.getUint32(end - LOCATOR_BYTES, true) === LOCATOR_SIGNATURE) {
    const at = whole(path, view.getBigUint64(end - LOCATOR_BYTES + 8, true))
    if (at + END64_BYTES > before - LOCATOR_BYTES) throw malformed(path, 'ZIP64 end record is outside the file')
    const record = viewOf(source.read(at, END64_BYTES))
    if (record.getUint32(0, true) !== END64_SIGNATURE) throw malformed(path, 'ZIP64 end record is damaged')
    const field = (offset: number) => whole(path, record.getBigUint64(offset, true))
    directory = { count: field(32), size: field(40), offset: field(48) }
    before = at
  }
  if (directory.offset + directory.size > before) {
    throw malformed(path, `directory claims ${directory.size} bytes at ${directory.offset}, outside the file`)
  }
  if (directory.count > MAX_MEMBERS || directory.size > MAX_DIRECTORY_BYTES) {
    throw malformed(path, `directory has ${directory.count} members in ${directory.size} bytes, at most ${MAX_MEMBERS} are read`)
  }
  return directory
}

interface Sizes {
  packed: number
  size: number
  offset: number
}

/** Sizes and offset of a directory entry; those that do not fit 32 bits are in its ZIP64 extra field, in this order. */
function readSizes(path: string, name: string, view: DataView, entry: number, extraStart: number, extraBytes: number): Sizes {
  const fields = [view.getUint32(entry + 24, true), view.getUint32(entry + 20, true), view.getUint32(entry + 42, true)]
  if (fields.includes(0xffffffff)) {
    const end = extraStart + extraBytes
    let at = extraStart
    while (at + 4 <= end && view.getUint16(at, true) !== 1) at += 4 + view.getUint16(at + 2, true)
    const fieldEnd = at + 4 <= end ? Math.min(end, at + 4 + view.getUint16(at + 2, true)) : at
    at += 4
    for (let i = 0; i < fields.length; i++) {
      if (fields[i] !== 0xffffffff) continue
      if (at + 8 > fieldEnd) throw malformed(path, `member "${name}" lacks its 64-bit size`)
      fields[i] = whole(path, view.getBigUint64(at, true))
      at += 8
    }
  }
  return { size: fields[0]!, packed: fields[1]!, offset: fields[2]! }
}

function memberOf(source: ByteSource, name: string, at: Sizes & { method: number; sum: number; limit: number }): ZipMember {
  // The local header's own name and extra field decide where the data begin.
  const locate = (): number => {
    const header = viewOf(source.read(at.offset, LOCAL_BYTES))
    const start = at.offset + LOCAL_BYTES + header.getUint16(26, true) + header.getUint16(28, true)
    if (header.getUint32(0, true) !== LOCAL_SIGNATURE || start + at.packed > at.limit) {
      throw malformed(source.path, `member "${name}" has a damaged local header`)
    }
    return start
  }
  const inflate = (): Uint8Array => {
    if (at.size > MAX_INFLATED_BYTES) {
      throw malformed(
        source.path,
        `deflated member "${name}" has ${at.size} bytes, at most ${MAX_INFLATED_BYTES} are inflated; store it instead`,
      )
    }
    let bytes: Uint8Array
    try {
      const inflated = inflateRawSync(source.read(locate(), at.packed), { maxOutputLength: Math.max(1, at.size) })
      bytes = new Uint8Array(inflated.buffer, inflated.byteOffset, inflated.length) // Buffer.slice would not copy
    } catch (cause) {
      throw new CheckpointError(`${source.path}: deflated member "${name}" is damaged`, { code: 'malformed-zip', cause })
    }
    if (bytes.length !== at.size)
      throw malformed(source.path, `member "${name}" inflates to ${bytes.length} bytes, its entry claims ${at.size}`)
    return bytes
  }
  // torch.save writes a sum of 0 where it was told to compute none.
  let checked = at.sum === 0
  const check = (contents: Uint8Array) => {
    if (!checked && crc32(contents) !== at.sum) {
      throw new CheckpointError(`${source.path}: zip member "${name}" does not have its checksum: it is damaged; download it again`, {
        code: 'wrong-checksum',
      })
    }
    checked = true
    return contents
  }
  const contents = () => (at.method === STORED ? source.read(locate(), at.size) : inflate())
  return {
    name,
    size: at.size,
    read(offset, length) {
      if (!(offset >= 0 && length >= 0 && offset + length <= at.size)) {
        throw malformed(source.path, `member "${name}" has ${at.size} bytes, ${length} at ${offset} are asked for`)
      }
      if (length === at.size) return check(contents())
      if (at.method === STORED && checked) return source.read(locate() + offset, length)
      return check(contents()).slice(offset, offset + length)
    },
  }
}

function whole(path: string, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(path, `a 64-bit field claims ${value} bytes`)
  return Number(value)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function malformed(path: string, problem: string): CheckpointError {
  return new CheckpointError(`${path}: zip ${problem}`, { code: 'malformed-zip' })
}

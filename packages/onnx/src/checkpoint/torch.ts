import { CheckpointError } from '../errors.ts'
import { Cursor, MAX_PICKLE_BYTES } from './cursor.ts'
import { type PickleHost, readPickle } from './pickle.ts'
import { type ByteSource, openSource } from './source.ts'
import { nameValue, storedBytes } from './stored.ts'
import { createTorchHost, storageDType } from './torch-globals.ts'
import { createStorage, type TorchStorage } from './torch-tensor.ts'
import { readZip, type ZipMember } from './zip.ts'

/** First value of a legacy file. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn
const LEGACY_PROTOCOL = 1001
/** A storage inside a nested file inside a checkpoint; nothing nests deeper. */
const MAX_NESTING = 1
/** `archive/data/12345`: keys are numbers in practice, addresses in legacy files. */
const MAX_KEY_LENGTH = 64
const MAX_BYTEORDER_BYTES = 16

/** What a torch.save file holds. */
export interface TorchContents {
  readonly root: unknown
  readonly warnings: readonly string[]
}

/** True if a file that begins so is a zip. */
export function isZip(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b && (head[2] === 3 || head[2] === 5)
}

/** True if a file that begins so is a legacy torch.save file: protocol 2 or later, then LONG1 of ten bytes with the magic number. */
export function isLegacyTorch(head: Uint8Array): boolean {
  if (head[0] !== 0x80 || head[2] !== 0x8a || head[3] !== 10) return false
  return head.subarray(4, 14).reduceRight((value, byte) => value * 256n + BigInt(byte), 0n) === LEGACY_MAGIC
}

/**
 * Reads the pickle of a PyTorch ≥ 1.6 file and checks every storage and tensor against the zip directory.
 * @throws {CheckpointError} `malformed-zip`, `malformed-torch`, `malformed-pickle`, `dangerous-global`
 */
export function readTorchZip(source: ByteSource, nesting = 0): TorchContents {
  const { path } = source
  const members = readZip(source)
  const pickle = findPickle(path, members)
  const prefix = pickle.name.slice(0, -'data.pkl'.length)
  if (pickle.size > MAX_PICKLE_BYTES) throw malformed(path, `data.pkl has ${pickle.size} bytes, at most ${MAX_PICKLE_BYTES} are read`)
  const bigEndian = readByteOrder(path, members.get(`${prefix}byteorder`)) === 'big'

  const host = createHost(source, nesting, id => {
    const { key, dtype, numel } = parseId(path, id)
    const member = members.get(`${prefix}data/${key}`)
    if (!member) throw malformed(path, `storage "${key}" is missing from the zip`)
    const needed = numel * storedBytes[dtype]
    if (member.size !== needed)
      throw malformed(path, `storage "${key}" has ${member.size} bytes, ${numel} elements of ${dtype} need ${needed}`)
    const readBytes = (offset: number, length: number) => member.read(offset, length)
    return createStorage({ where: `${path}: storage "${key}"`, key, dtype, numel, start: 0, bigEndian, readBytes })
  })
  const bytes = openSource(pickle.read(0, pickle.size))
  const root = readPickle(new Cursor({ ...bytes, path: `${path}: data.pkl` }, 0), host)
  return { root, warnings: host.warnings }
}

/**
 * Reads the pickles of an older PyTorch file (magic, protocol, system, object, storage keys) and checks every storage against the file's size.
 * @throws {CheckpointError} `malformed-torch`, `malformed-pickle`, `dangerous-global`
 */
export function readTorchLegacy(source: ByteSource, nesting = 0): TorchContents {
  const { path } = source
  const claims = new Map<string, { numel: number; width: number }>()
  const positions = new Map<string, number>()

  const host = createHost(source, nesting, id => {
    const { key, dtype, numel, view } = parseId(path, id)
    const width = storedBytes[dtype]
    const claim = claims.get(key) ?? { numel, width }
    if (claim.numel !== numel || claim.width !== width) throw malformed(path, `storage "${key}" is described in two ways`)
    claims.set(key, claim)
    const { start, size } = view ?? { start: 0, size: numel }
    if (start + size > numel) throw malformed(path, `a view of storage "${key}" ends at element ${start + size} of ${numel}`)
    const readBytes = (offset: number, length: number) => source.read(positions.get(key)! + offset, length)
    return createStorage({ where: `${path}: storage "${key}"`, key, dtype, numel: size, start, bigEndian: false, readBytes })
  })
  const next = (position: number) => {
    const cursor = new Cursor(source, position)
    return { value: readPickle(cursor, host), end: cursor.position }
  }
  const magic = next(0)
  const protocol = next(magic.end)
  if (magic.value !== LEGACY_MAGIC || protocol.value !== LEGACY_PROTOCOL) {
    throw malformed(
      path,
      `has magic number ${nameValue(magic.value)} and protocol ${nameValue(protocol.value)}, expected ${LEGACY_MAGIC} and ${LEGACY_PROTOCOL}`,
    )
  }
  const system = next(protocol.end)
  const object = next(system.end)
  const keys = next(object.end)
  if (!Array.isArray(keys.value)) throw malformed(path, 'has no list of storage keys')
  let position = keys.end
  for (const key of keys.value) {
    const claim = typeof key === 'string' ? claims.get(key) : undefined
    if (!claim || positions.has(key))
      throw malformed(path, `lists a storage "${nameValue(key).slice(0, MAX_KEY_LENGTH)}" that no tensor uses, or lists it twice`)
    const header = source.read(position, 8)
    const numel = new DataView(header.buffer, header.byteOffset).getBigInt64(0, true)
    if (numel !== BigInt(claim.numel)) throw malformed(path, `storage "${key}" has ${numel} elements, its tensors expect ${claim.numel}`)
    positions.set(key, position + 8)
    position += 8 + claim.numel * claim.width
    if (position > source.size)
      throw malformed(path, `storage "${key}" ends at byte ${position}, the file has ${source.size}: it is cut short; download it again`)
  }
  for (const key of claims.keys()) if (!positions.has(key)) throw malformed(path, `storage "${key}" is missing`)
  return { root: object.value, warnings: host.warnings }
}

function createHost(
  source: ByteSource,
  nesting: number,
  persistentLoad: (id: unknown) => TorchStorage,
): PickleHost & { warnings: readonly string[] } {
  let nestedBytes = 0
  const loadFromBytes = (bytes: Uint8Array): unknown => {
    nestedBytes += bytes.length
    if (nesting >= MAX_NESTING || nestedBytes > MAX_PICKLE_BYTES || !isLegacyTorch(bytes))
      throw malformed(source.path, 'has a nested storage that cannot be read')
    return readTorchLegacy({ ...openSource(bytes), path: source.path }, nesting + 1).root
  }
  return createTorchHost({ path: source.path, persistentLoad, loadFromBytes })
}

function findPickle(path: string, members: ReadonlyMap<string, ZipMember>): ZipMember {
  const found = [...members.values()].filter(member => /^([^/]+\/)?data\.pkl$/.test(member.name))
  if (found.length === 1) return found[0]!
  const arrays = [...members.keys()].some(name => name.endsWith('.npy'))
  const reason = arrays ? 'it is a numpy .npz file; use readNpz' : found.length > 1 ? 'it holds several data.pkl' : 'it holds no data.pkl'
  throw malformed(path, `zip is not a PyTorch checkpoint: ${reason}`)
}

function readByteOrder(path: string, member: ZipMember | undefined): 'little' | 'big' {
  if (!member) return 'little'
  const text = member.size <= MAX_BYTEORDER_BYTES ? new TextDecoder().decode(member.read(0, member.size)).trim() : ''
  if (text !== 'little' && text !== 'big') throw malformed(path, 'byteorder member says neither little nor big')
  return text
}

interface StorageId {
  key: string
  dtype: TorchStorage['dtype']
  numel: number
  view: { start: number; size: number } | undefined
}

/** `('storage', type, key, location, numel[, view])`; a legacy view is `(key, start, size)`. */
function parseId(path: string, id: unknown): StorageId {
  const [kind, type, key, , numel, view] = Array.isArray(id) ? id : []
  const dtype = storageDType(type)
  if (kind !== 'storage' || typeof key !== 'string' || key.length > MAX_KEY_LENGTH || !isCount(numel))
    throw malformed(path, 'has a storage reference that PyTorch does not write')
  if (!dtype) throw malformed(path, `storage "${key}" is of an unknown type`)
  if (!Number.isSafeInteger(numel * storedBytes[dtype])) throw malformed(path, `storage "${key}" claims ${numel} elements`)
  if (!Array.isArray(view)) return { key, dtype, numel, view: undefined }
  const [, start, size] = view
  if (!isCount(start) || !isCount(size)) throw malformed(path, `storage "${key}" has a view that PyTorch does not write`)
  return { key, dtype, numel, view: { start, size } }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function malformed(path: string, problem: string): CheckpointError {
  return new CheckpointError(`${path}: ${problem}`, { code: 'malformed-torch' })
}

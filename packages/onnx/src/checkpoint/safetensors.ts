import { closeSync, openSync, writeSync } from 'node:fs'
import { CheckpointError } from '../errors.ts'
import type { DType, Tensor } from '../tensor.ts'
import { sizeOf } from '../tensor.ts'
import { type ByteSource, openSource } from './source.ts'
import { assertShape, decodeTensor, type StoredDType, storedBytes, TensorRef } from './stored.ts'

/** Longest header: about 100 bytes per tensor, so 160,000 tensors; bounds what JSON.parse may allocate. */
const MAX_HEADER_BYTES = 16 * 2 ** 20
const PREFIX_BYTES = 8
/** Tensor data begin on a multiple of this, as the official writer does. */
const ALIGNMENT_BYTES = 8

const dtypes = new Map<string, StoredDType>([
  ['F64', 'float64'],
  ['F32', 'float32'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['I64', 'int64'],
  ['I32', 'int32'],
  ['I16', 'int16'],
  ['I8', 'int8'],
  ['U8', 'uint8'],
  ['BOOL', 'bool'],
  ['U16', 'uint16'],
  ['U32', 'uint32'],
  ['U64', 'uint64'],
  ['F8_E4M3', 'float8'],
  ['F8_E5M2', 'float8'],
  ['C64', 'complex64'],
])
const dtypeNames = new Map([...dtypes].filter(([name]) => name !== 'F8_E5M2').map(([name, dtype]) => [dtype, name]))

class SafetensorsRef extends TensorRef {
  readonly dtype: StoredDType
  readonly shape: readonly number[]
  readonly key: string
  readonly #source: ByteSource
  readonly #offset: number
  readonly #name: string

  constructor(source: ByteSource, name: string, dtype: StoredDType, shape: readonly number[], offset: number) {
    super()
    this.dtype = dtype
    this.shape = shape
    // Empty tensors may share an offset with the next one.
    this.key = `${offset}:${dtype}:${shape.join('x')}`
    this.#source = source
    this.#offset = offset
    this.#name = name
  }

  read(): Tensor {
    const bytes = this.#source.read(this.#offset, sizeOf(this.shape) * storedBytes[this.dtype])
    return decodeTensor(bytes, this.dtype, this.shape, { where: `${this.#source.path}: "${this.#name}"` })
  }
}

/** The tensors (lazy) and string metadata of a safetensors file; both records have no prototype, so any name is an ordinary key. */
export interface SafetensorsIndex {
  readonly tensors: Record<string, TensorRef>
  readonly metadata: Record<string, string>
}

/**
 * Reads and checks the header only. As the format demands, tensors must tile the data exactly: no hole, no overlap, nothing left over.
 * @throws {CheckpointError} `malformed-safetensors`
 */
export function readSafetensorsIndex(source: ByteSource): SafetensorsIndex {
  const fail = (problem: string, cause?: unknown): never => {
    throw new CheckpointError(`${source.path}: ${problem}; download or export the safetensors file again`, {
      code: 'malformed-safetensors',
      ...(cause === undefined ? {} : { cause }),
    })
  }
  if (source.size < PREFIX_BYTES + 2) fail(`${source.size} bytes are too few for a safetensors header`)
  const prefix = source.read(0, PREFIX_BYTES)
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true)
  if (length > BigInt(Math.min(MAX_HEADER_BYTES, source.size - PREFIX_BYTES))) {
    fail(`header claims ${length} bytes, the file has ${source.size} and at most ${MAX_HEADER_BYTES} are read`)
  }
  const headerBytes = Number(length)
  const dataStart = PREFIX_BYTES + headerBytes
  const dataBytes = source.size - dataStart
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(source.read(PREFIX_BYTES, headerBytes)))
  } catch (cause) {
    fail('header is not JSON', cause)
  }
  if (!isRecord(header)) return fail('header is not a JSON object')

  const tensors: Record<string, TensorRef> = Object.create(null)
  const metadata: Record<string, string> = Object.create(null)
  const ranges: { name: string; begin: number; end: number }[] = []
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      if (!isRecord(entry)) return fail('"__metadata__" is not an object of strings')
      for (const [key, value] of Object.entries(entry)) {
        if (typeof value !== 'string') return fail(`"__metadata__" value of "${key}" is not a string`)
        metadata[key] = value
      }
      continue
    }
    if (!isRecord(entry)) return fail(`entry "${name}" is not an object`)
    const dtype = typeof entry.dtype === 'string' ? dtypes.get(entry.dtype) : undefined
    if (!dtype) return fail(`"${name}" has element type ${printable(entry.dtype)}, expected one of ${[...dtypes.keys()].join(' ')}`)
    const { shape, data_offsets: offsets } = entry
    if (!Array.isArray(shape)) return fail(`"${name}" has no shape`)
    assertShape(shape, `${source.path}: "${name}"`, 'malformed-safetensors')
    if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(offset => Number.isSafeInteger(offset) && offset >= 0)) {
      return fail(`"${name}" has data_offsets ${printable(offsets)}, expected two whole numbers ≥ 0`)
    }
    const [begin, end] = offsets as [number, number]
    const needed = sizeOf(shape) * storedBytes[dtype]
    if (begin > end || end > dataBytes) return fail(`"${name}" spans bytes ${begin} to ${end}, the file has ${dataBytes} bytes of data`)
    if (end - begin !== needed)
      return fail(`"${name}" ${dtype} [${shape.join(', ')}] needs ${needed} bytes, its offsets give ${end - begin}`)
    ranges.push({ name, begin, end })
    tensors[name] = new SafetensorsRef(source, name, dtype, shape, dataStart + begin)
  }
  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let position = 0
  for (const { name, begin, end } of ranges) {
    if (begin !== position) fail(`"${name}" begins at data byte ${begin}, expected ${position}: tensors overlap, repeat or leave a hole`)
    position = end
  }
  if (position !== dataBytes) fail(`${dataBytes - position} bytes after the last tensor belong to none`)
  return { tensors, metadata }
}

/** Every tensor of a safetensors file, in memory, and its metadata. Both records have no prototype. */
export interface Safetensors {
  readonly tensors: Record<string, Tensor>
  readonly metadata: Record<string, string>
}

/**
 * Reads a whole safetensors file (a voice, a golden case). For large model files use `readCheckpoint`, which reads lazily.
 * bfloat16 is widened to float32; everything else stays as stored.
 * @param path what errors call bytes in memory
 * @throws {CheckpointError} `malformed-safetensors`, `unreadable-file`, `unsupported-dtype`
 */
export function readSafetensors(input: string | Uint8Array, path?: string): Safetensors {
  const source = openSource(input, path)
  try {
    const index = readSafetensorsIndex(source)
    const tensors: Record<string, Tensor> = Object.create(null)
    for (const [name, ref] of Object.entries(index.tensors)) tensors[name] = ref.read()
    return { tensors, metadata: index.metadata }
  } finally {
    source.close()
  }
}

/**
 * Writes tensors of any element type as a safetensors file, replacing one that is there. Wider elements come first, so that all are aligned.
 * @throws {TypeError} if a tensor is called `__metadata__` or a metadata value is not a string
 */
export function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const fd = openSync(path, 'w')
  try {
    for (const part of serialize(tensors, metadata)) {
      for (let done = 0; done < part.length; ) done += writeSync(fd, part, done, part.length - done)
    }
  } finally {
    closeSync(fd)
  }
}

/** The bytes `writeSafetensors` would write. */
export function toSafetensors(tensors: Readonly<Record<string, Tensor>>, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  return new Uint8Array(Buffer.concat(serialize(tensors, metadata)))
}

function serialize(tensors: Readonly<Record<string, Tensor>>, metadata: Readonly<Record<string, string>>): Uint8Array[] {
  const entries = Object.entries(tensors).sort(([nameA, a], [nameB, b]) => {
    return storedBytes[b.dtype] - storedBytes[a.dtype] || (nameA < nameB ? -1 : 1)
  })
  const header: [string, unknown][] = []
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') throw new TypeError(`safetensors metadata "${key}" is ${typeof value}, expected a string`)
  }
  if (Object.keys(metadata).length > 0) header.push(['__metadata__', metadata])
  let offset = 0
  for (const [name, { dtype, shape, data }] of entries) {
    if (name === '__metadata__') throw new TypeError('a safetensors tensor cannot be called "__metadata__"')
    const dtypeName = dtypeNames.get(dtype satisfies DType)
    header.push([name, { dtype: dtypeName, shape, data_offsets: [offset, offset + data.byteLength] }])
    offset += data.byteLength
  }
  // Joined by hand: an object literal would lose a tensor called "__proto__".
  const json = `{${header.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(',')}}`
  const headerBytes = new TextEncoder().encode(json)
  const padded = new Uint8Array(Math.ceil(headerBytes.length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES).fill(0x20)
  padded.set(headerBytes)
  const prefix = new Uint8Array(PREFIX_BYTES)
  new DataView(prefix.buffer).setBigUint64(0, BigInt(padded.length), true)
  return [prefix, padded, ...entries.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))]
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function printable(value: unknown): string {
  return typeof value === 'string' ? `"${value.slice(0, 40)}"` : typeof value === 'object' ? 'of the wrong kind' : String(value)
}

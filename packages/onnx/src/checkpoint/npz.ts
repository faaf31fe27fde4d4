import { CheckpointError } from '../errors.ts'
import { sizeOf, type Tensor } from '../tensor.ts'
import { type ByteSource, openSource } from './source.ts'
import { assertShape, decodeTensor, gatherStrided, rowMajorStrides, type StoredDType, storedBytes } from './stored.ts'
import { readZip } from './zip.ts'

/** numpy pads its header to a multiple of 64 bytes; one of plain arrays has 128. */
const MAX_HEADER_BYTES = 64 * 1024
/** All arrays of a file together: prompts and statistics have kilobytes. Bounds what deflated members may become. */
const MAX_ARRAY_BYTES = 256 * 2 ** 20
const MAGIC = '\x93NUMPY'

const dtypes = new Map<string, StoredDType>([
  ['f2', 'float16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
  ['i1', 'int8'],
  ['i2', 'int16'],
  ['i4', 'int32'],
  ['i8', 'int64'],
  ['u1', 'uint8'],
  ['u2', 'uint16'],
  ['u4', 'uint32'],
  ['u8', 'uint64'],
  ['b1', 'bool'],
  ['c8', 'complex64'],
  ['c16', 'complex128'],
])

/** numpy's code of an element type, such as `<f4`, `|b1` or `i8`; undefined for text, objects and structures. */
export function numpyDType(code: string): { dtype: StoredDType; bigEndian: boolean } | undefined {
  const dtype = dtypes.get(code.replace(/^[<>|=]/, ''))
  return dtype && { dtype, bigEndian: code.startsWith('>') }
}

/** A Fortran-ordered (column-major) array of any numpy type as a dense row-major tensor. */
export function decodeNumpy(
  bytes: Uint8Array,
  type: { dtype: StoredDType; bigEndian: boolean },
  shape: readonly number[],
  options: { fortran: boolean; where: string },
): Tensor {
  const strides = rowMajorStrides(shape.toReversed()).toReversed()
  const dense = options.fortran && shape.length > 1 ? gatherStrided(bytes, storedBytes[type.dtype], shape, strides) : bytes
  return decodeTensor(dense, type.dtype, shape, { where: options.where, bigEndian: type.bigEndian })
}

/**
 * Reads a numpy `.npy` file of plain numbers or booleans, any byte and memory order.
 * @param input a file path, or the bytes of a file
 * @throws {CheckpointError} `malformed-npy`, `unsupported-dtype`, `too-large`, `unreadable-file`
 */
export function readNpy(input: string | Uint8Array): Tensor {
  const source = openSource(input)
  try {
    return parseNpy(readAll(source, source.path), source.path)
  } finally {
    source.close()
  }
}

/**
 * Reads a numpy `.npz` file (stored or compressed): array name → tensor. The record has no prototype.
 * @param input a file path, or the bytes of a file
 * @throws {CheckpointError} `malformed-zip`, `malformed-npy`, `unsupported-dtype`, `too-large`, `unreadable-file`
 */
export function readNpz(input: string | Uint8Array): Record<string, Tensor> {
  const source = openSource(input)
  try {
    const arrays: Record<string, Tensor> = Object.create(null)
    let total = 0
    for (const [name, member] of readZip(source)) {
      if (!name.endsWith('.npy')) {
        throw new CheckpointError(`${source.path}: member "${name}" is no array; expected an .npz file written by numpy.savez`, {
          code: 'malformed-npy',
        })
      }
      const where = `${source.path}: "${name}"`
      total += member.size
      if (total > MAX_ARRAY_BYTES) throw tooLarge(source.path, total)
      arrays[name.slice(0, -'.npy'.length)] = parseNpy(readAll(member, where), where)
    }
    return arrays
  } finally {
    source.close()
  }
}

function readAll(source: Pick<ByteSource, 'size' | 'read'>, where: string): Uint8Array {
  if (source.size > MAX_ARRAY_BYTES) throw tooLarge(where, source.size)
  return source.read(0, source.size)
}

function parseNpy(bytes: Uint8Array, where: string): Tensor {
  const fail = (problem: string): never => {
    throw new CheckpointError(`${where}: ${problem}; expected a file written by numpy.save`, { code: 'malformed-npy' })
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length < 12 || text.toString('latin1', 0, 6) !== MAGIC) return fail('is no numpy array')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = bytes[6]!
  if (version < 1 || version > 3) return fail(`has format version ${version}, expected 1 to 3`)
  const headerStart = version === 1 ? 10 : 12
  const headerBytes = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  const dataStart = headerStart + headerBytes
  if (headerBytes > MAX_HEADER_BYTES || dataStart > bytes.length)
    return fail(`has a header of ${headerBytes} bytes in a file of ${bytes.length}`)
  const header = text.toString('latin1', headerStart, dataStart)
  const code = /'descr':\s*'([^']{1,16})'/.exec(header)?.[1]
  const fortran = /'fortran_order':\s*(True|False)/.exec(header)?.[1]
  const sizes = /'shape':\s*\(([\d,\sL]{0,400})\)/.exec(header)?.[1]
  if (code === undefined || fortran === undefined || sizes === undefined) {
    return fail('its header lacks a plain descr, fortran_order or shape (structured arrays are not read)')
  }
  const type = numpyDType(code)
  if (!type) {
    throw new CheckpointError(`${where}: element type ${code} is not supported, expected numbers or booleans; save such values apart`, {
      code: 'unsupported-dtype',
    })
  }
  const shape = [...sizes.matchAll(/\d+/g)].map(([digits]) => Number(digits))
  assertShape(shape, where, 'malformed-npy')
  const needed = sizeOf(shape) * storedBytes[type.dtype]
  if (needed !== bytes.length - dataStart)
    return fail(`${code} [${shape.join(', ')}] needs ${needed} bytes, ${bytes.length - dataStart} are there`)
  return decodeNumpy(bytes.slice(dataStart), type, shape, { fortran: fortran === 'True', where })
}

function tooLarge(where: string, size: number): CheckpointError {
  return new CheckpointError(`${where}: ${size} bytes, at most ${MAX_ARRAY_BYTES} are read`, { code: 'too-large' })
}

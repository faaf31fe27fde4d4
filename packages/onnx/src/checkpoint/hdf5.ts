import { CheckpointError } from '../errors.ts'
import { sizeOf, type Tensor } from '../tensor.ts'
import { openSource } from './source.ts'
import { assertShape, decodeTensor, storedBytes } from './stored.ts'

/** Statistics files have 2 to 10 KB; the whole file is held in memory. */
const MAX_FILE_BYTES = 16 * 2 ** 20
/** Datasets, groups of symbols and header messages: a statistics file has a dozen in all. Ends cycles, too. */
const MAX_STEPS = 10_000

const SIGNATURE = '\x89HDF\r\n\x1a\n'
const SUPERBLOCK_BYTES = 56
const UNDEFINED_ADDRESS = 0xffff_ffff_ffff_ffffn
const DATASPACE = 1
const DATATYPE = 3
const LAYOUT = 8
const CONTINUATION = 16
const FLOAT_CLASS = 1
const CONTIGUOUS = 1

/**
 * Reads the datasets in the root group of an HDF5 file as h5py writes it by default (superblock 0, symbol-table groups): float32 or float64, contiguous.
 * That is what `stats.h5` of ParallelWaveGAN recipes holds (`mean`, `scale`). Format: HDF5 File Format Specification 3.0.
 * @param input a file path, or the bytes of a file
 * @returns dataset name → tensor; the record has no prototype
 * @throws {CheckpointError} `malformed-hdf5`, `unsupported-hdf5` (chunked, compressed, other types, newer superblocks), `unreadable-file`
 */
export function readHdf5(input: string | Uint8Array): Record<string, Tensor<'float32' | 'float64'>> {
  const source = openSource(input)
  try {
    if (source.size > MAX_FILE_BYTES)
      throw failure(source.path, `${source.size} bytes, at most ${MAX_FILE_BYTES} are read`, 'unsupported-hdf5')
    return new Hdf5(source.path, source.read(0, source.size)).readRoot()
  } finally {
    source.close()
  }
}

class Hdf5 {
  readonly #path: string
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #steps = 0
  #total = 0

  constructor(path: string, bytes: Uint8Array) {
    this.#path = path
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  readRoot(): Record<string, Tensor<'float32' | 'float64'>> {
    if (this.#text(0, 8) !== SIGNATURE) throw this.#malformed('is no HDF5 file')
    const version = this.#u8(8)
    if (version !== 0 || this.#u8(13) !== 8 || this.#u8(14) !== 8) throw this.#unsupported(`superblock version ${version}`)
    // The root group's symbol-table entry closes the superblock; its scratch pad repeats the addresses of B-tree and heap.
    const root = SUPERBLOCK_BYTES
    if (this.#u32(root + 16) !== 1) throw this.#unsupported('a root group without symbol table')
    const heap = this.#address(root + 32)
    this.#expect(heap, 'HEAP')
    const names = this.#address(heap + 24)
    const tensors: Record<string, Tensor<'float32' | 'float64'>> = Object.create(null)
    const nodes = [this.#address(root + 24)]
    for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
      this.#step()
      this.#expect(node, 'TREE')
      const children = this.#u16(node + 6)
      for (let i = 0; i < children; i++) {
        const child = this.#address(node + 32 + 16 * i)
        if (this.#u8(node + 5) > 0) nodes.push(child)
        else this.#readSymbols(child, names, tensors)
      }
    }
    return tensors
  }

  #readSymbols(node: number, names: number, tensors: Record<string, Tensor<'float32' | 'float64'>>): void {
    this.#expect(node, 'SNOD')
    const count = this.#u16(node + 6)
    for (let i = 0; i < count; i++) {
      this.#step()
      const entry = node + 8 + 40 * i
      const name = this.#name(names + this.#address(entry))
      tensors[name] = this.#readDataset(this.#address(entry + 8), name)
    }
  }

  #readDataset(header: number, name: string): Tensor<'float32' | 'float64'> {
    if (this.#u8(header) !== 1) throw this.#unsupported(`object header version ${this.#u8(header)} of "${name}"`)
    let shape: number[] | undefined
    let type: { dtype: 'float32' | 'float64'; bigEndian: boolean } | undefined
    let data: { offset: number; length: number } | undefined
    const blocks = [{ start: header + 16, end: header + 16 + this.#u32(header + 8) }]
    for (let block = blocks.pop(); block; block = blocks.pop()) {
      let end = 0
      for (let at = block.start; at + 8 <= block.end; at = end) {
        this.#step()
        const kind = this.#u16(at)
        const body = at + 8
        end = body + this.#u16(at + 2)
        if (kind === DATASPACE) shape = this.#readShape(body, name)
        else if (kind === DATATYPE) type = this.#readType(body, name)
        else if (kind === LAYOUT) data = this.#readLayout(body, name)
        else if (kind === CONTINUATION) {
          const start = this.#address(body)
          blocks.push({ start, end: start + this.#address(body + 8) })
        }
      }
    }
    if (!shape || !type || !data) throw this.#unsupported(`"${name}", which is no dataset (a group?)`)
    assertShape(shape, `${this.#path}: "${name}"`, 'malformed-hdf5')
    const needed = sizeOf(shape) * storedBytes[type.dtype]
    if (needed !== data.length)
      throw this.#malformed(`"${name}" ${type.dtype} [${shape.join(', ')}] needs ${needed} bytes, ${data.length} are there`)
    this.#assertInside(data.offset, needed)
    this.#total += needed
    if (this.#total > this.#bytes.length) throw this.#malformed('datasets overlap')
    const bytes = this.#bytes.slice(data.offset, data.offset + needed)
    const tensor = decodeTensor(bytes, type.dtype, shape, { where: `${this.#path}: "${name}"`, bigEndian: type.bigEndian })
    return tensor as Tensor<'float32' | 'float64'>
  }

  #readShape(at: number, name: string): number[] {
    const version = this.#u8(at)
    if (version !== 1 && version !== 2) throw this.#unsupported(`dataspace version ${version} of "${name}"`)
    const sizes = at + (version === 1 ? 8 : 4)
    return Array.from({ length: this.#u8(at + 1) }, (_, i) => this.#address(sizes + 8 * i))
  }

  #readType(at: number, name: string): { dtype: 'float32' | 'float64'; bigEndian: boolean } {
    const size = this.#u32(at + 4)
    if ((this.#u8(at) & 15) !== FLOAT_CLASS || (size !== 4 && size !== 8))
      throw this.#unsupported(`"${name}", which is neither float32 nor float64`)
    return { dtype: size === 4 ? 'float32' : 'float64', bigEndian: (this.#u8(at + 1) & 1) === 1 }
  }

  #readLayout(at: number, name: string): { offset: number; length: number } {
    const version = this.#u8(at)
    const layout = this.#u8(at + 1)
    if ((version !== 3 && version !== 4) || layout !== CONTIGUOUS)
      throw this.#unsupported(`"${name}", which is chunked or compact, not contiguous`)
    // Never written to: no address, no data.
    if (this.#view.byteLength >= at + 10 && this.#view.getBigUint64(at + 2, true) === UNDEFINED_ADDRESS) return { offset: 0, length: 0 }
    return { offset: this.#address(at + 2), length: this.#address(at + 10) }
  }

  #name(at: number): string {
    const end = this.#bytes.indexOf(0, at)
    if (at >= this.#bytes.length || end < 0 || end - at > 255) throw this.#malformed('a dataset has no name')
    return this.#text(at, end - at)
  }

  #expect(at: number, signature: string): void {
    if (this.#text(at, 4) !== signature) throw this.#malformed(`no ${signature} block at byte ${at}`)
  }

  #text(at: number, length: number): string {
    this.#assertInside(at, length)
    return Buffer.from(this.#bytes.subarray(at, at + length)).toString('latin1')
  }

  #u8(at: number): number {
    this.#assertInside(at, 1)
    return this.#view.getUint8(at)
  }

  #u16(at: number): number {
    this.#assertInside(at, 2)
    return this.#view.getUint16(at, true)
  }

  #u32(at: number): number {
    this.#assertInside(at, 4)
    return this.#view.getUint32(at, true)
  }

  /** An 8-byte address, offset or length. */
  #address(at: number): number {
    this.#assertInside(at, 8)
    const value = this.#view.getBigUint64(at, true)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.#malformed(`an address or length at byte ${at} is undefined`)
    return Number(value)
  }

  #assertInside(at: number, length: number): void {
    if (at + length > this.#bytes.length) throw this.#malformed(`${length} bytes at ${at} are outside its ${this.#bytes.length} bytes`)
  }

  #step(): void {
    if (++this.#steps > MAX_STEPS) throw this.#malformed(`has more than ${MAX_STEPS} parts, or a cycle`)
  }

  #malformed(problem: string): CheckpointError {
    return failure(this.#path, problem, 'malformed-hdf5')
  }

  #unsupported(found: string): CheckpointError {
    return failure(
      this.#path,
      `holds ${found}; only contiguous float datasets as h5py writes them are read: save mean and scale as a [2, n] .npy`,
      'unsupported-hdf5',
    )
  }
}

function failure(path: string, problem: string, code: string): CheckpointError {
  return new CheckpointError(`${path}: ${problem}`, { code })
}

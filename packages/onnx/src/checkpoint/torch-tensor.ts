import { CheckpointError } from '../errors.ts'
import { sizeOf, type Tensor } from '../tensor.ts'
import { decodeNumpy, numpyDType } from './npz.ts'
import { assertShape, decodeTensor, gatherStrided, nameValue, rowMajorStrides, type StoredDType, storedBytes, TensorRef } from './stored.ts'

/** A stride-0 view may have more elements than its storage; positional tables that do stay below 16 M. Bounds what `read()` materialises. */
const MAX_EXPANDED_ELEMENTS = 2 ** 24

/** A run of elements in the file that tensors are views of. */
export interface TorchStorage {
  /** Checkpoint path and storage key, for messages. */
  readonly where: string
  readonly key: string
  readonly dtype: StoredDType
  /** Number of elements. */
  readonly numel: number
  /** First element's position in the storage that the file names `key` (legacy files have views of storages). */
  readonly start: number
  readonly bigEndian: boolean
  /** Reads bytes of the named storage, counted from its first. */
  readBytes(offset: number, length: number): Uint8Array
}

const storages = new WeakSet<object>()

/** Marks an object as a storage, so that nothing else in a pickle can pass for one. */
export function createStorage(storage: TorchStorage): TorchStorage {
  storages.add(storage)
  return storage
}

/** True for what `createStorage` made. */
export function isStorage(value: unknown): value is TorchStorage {
  return typeof value === 'object' && value !== null && storages.has(value)
}

/** A (possibly strided, offset, shared) view of a storage, checked against its bounds when it is made. */
export class TorchTensorRef extends TensorRef {
  readonly dtype: StoredDType
  readonly shape: readonly number[]
  readonly key: string
  readonly #storage: TorchStorage
  readonly #byteOffset: number
  readonly #strides: readonly number[]
  readonly #span: number

  /** @throws {CheckpointError} `malformed-torch` if the view is not one of its storage */
  constructor(storage: TorchStorage, offset: unknown, shape: unknown, strides: unknown, dtype = storage.dtype) {
    super()
    const damaged = (problem: string) =>
      new CheckpointError(`${storage.where}: a tensor ${problem}; the checkpoint is damaged`, { code: 'malformed-torch' })
    if (!Array.isArray(shape) || !Array.isArray(strides) || shape.length !== strides.length) {
      const ranks = [shape, strides].map(list => (Array.isArray(list) ? list.length : typeof list))
      throw damaged(`has ${ranks[0]} sizes and ${ranks[1]} strides`)
    }
    assertShape(shape, storage.where, 'malformed-torch')
    if (!strides.every(stride => Number.isSafeInteger(stride) && stride >= 0))
      throw damaged(`has strides [${strides.map(nameValue).join(', ')}], expected numbers ≥ 0`)
    if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) throw damaged(`begins at element ${nameValue(offset)}`)
    const count = sizeOf(shape)
    const span = count === 0 ? 0 : shape.reduce((last, size, axis) => last + (size - 1) * strides[axis], 1)
    const available = Math.floor((storage.numel * storedBytes[storage.dtype]) / storedBytes[dtype])
    if (count > 0 && offset + span > available) {
      throw damaged(
        `[${shape.join(', ')}] with strides [${strides.join(', ')}] ends at element ${offset + span}, its storage has ${available}`,
      )
    }
    if (count > Math.max(available, MAX_EXPANDED_ELEMENTS)) {
      throw damaged(`[${shape.join(', ')}] expands ${available} stored elements to ${count}, at most ${MAX_EXPANDED_ELEMENTS} are made`)
    }
    // Copies: the pickle may still change its own lists.
    this.dtype = dtype
    this.shape = [...shape]
    this.#storage = storage
    this.#byteOffset = storage.start * storedBytes[storage.dtype] + offset * storedBytes[dtype]
    this.#strides = [...strides]
    this.#span = span
    this.key = `${storage.key}:${this.#byteOffset}:${dtype}:${shape.join('x')}:${strides.join('x')}`
  }

  read(): Tensor {
    const width = storedBytes[this.dtype]
    const { where, bigEndian } = this.#storage
    const span = this.#storage.readBytes(this.#byteOffset, this.#span * width)
    const expected = rowMajorStrides(this.shape)
    const dense = this.shape.every((size, axis) => size === 1 || this.#strides[axis] === expected[axis]) || sizeOf(this.shape) === 0
    const bytes = dense ? span : gatherStrided(span, width, this.shape, this.#strides)
    return decodeTensor(bytes, this.dtype, this.shape, { where, bigEndian })
  }
}

/** A numpy element type inside a pickle: a code, completed by its state. */
export class NumpyDType {
  code: string

  constructor(code: string) {
    this.code = code
  }

  /** `(version, byte order, …)` */
  build(state: unknown): void {
    const order = Array.isArray(state) ? state[1] : undefined
    if (order === '>' || order === '<') this.code = order + this.code.replace(/^[<>|=]/, '')
  }
}

/** A numpy array inside a pickle: empty when it is made, complete after `build`. Arrays of objects keep their shape but cannot be read. */
export class NumpyArrayRef extends TensorRef {
  dtype: StoredDType = 'uint8'
  shape: readonly number[] = [0]
  readonly key: string
  readonly #where: string
  #data: Uint8Array = new Uint8Array(0)
  #type: { dtype: StoredDType; bigEndian: boolean } | undefined
  #fortran = false

  constructor(where: string, key: string) {
    super()
    this.#where = where
    this.key = key
  }

  /**
   * @param state `(version, shape, dtype, is Fortran-ordered, bytes)`
   * @throws {CheckpointError} `malformed-torch` if the bytes do not fill the shape
   */
  build(state: unknown): void {
    const [, shape, type, fortran, data] = Array.isArray(state) ? state : []
    if (!Array.isArray(shape) || !(type instanceof NumpyDType)) {
      throw new CheckpointError(`${this.#where}: a numpy array has no shape or element type`, { code: 'malformed-torch' })
    }
    assertShape(shape, `${this.#where}: numpy array`, 'malformed-torch')
    this.shape = [...shape]
    this.#type = data instanceof Uint8Array ? numpyDType(type.code) : undefined
    if (!this.#type) return
    const needed = sizeOf(shape) * storedBytes[this.#type.dtype]
    if (data.length !== needed) {
      throw new CheckpointError(
        `${this.#where}: numpy array ${type.code} [${shape.join(', ')}] needs ${needed} bytes, ${data.length} are there`,
        {
          code: 'malformed-torch',
        },
      )
    }
    this.dtype = this.#type.dtype
    this.#data = data
    this.#fortran = fortran === true
  }

  read(): Tensor {
    const where = `${this.#where}: numpy array`
    if (!this.#type) throw new CheckpointError(`${where} does not hold plain numbers`, { code: 'unsupported-dtype' })
    return decodeNumpy(this.#data.slice(), this.#type, this.shape, { fortran: this.#fortran, where })
  }
}

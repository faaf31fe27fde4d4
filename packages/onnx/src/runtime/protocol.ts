import type { DType, DTypeArrays, Tensor } from '../tensor.ts'
import { arrayTypes, sizeOf } from '../tensor.ts'

/** What inference can run on: one ONNX Runtime execution provider each. */
export type Provider = 'cpu' | 'cuda' | 'webgpu' | 'coreml' | 'dml'

/** One input or output of a loaded model; a string in `shape` is a symbolic dimension. */
export interface ValueInfo {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly (number | string)[]
}

/** A serialized model on its way to the worker. `externalData` holds weights kept outside of the protobuf, by the path the graph names; or they are files of `folder`. */
export interface ModelBytes {
  readonly bytes: Uint8Array
  readonly folder?: string
  readonly externalData?: readonly { readonly path: string; readonly data: Uint8Array }[]
}

/** A model that the worker builds itself: see `ModelOrder`. */
export interface OrderedModel {
  /** The URL of a module. */
  readonly module: string
  readonly order: unknown
}

/** How a session is opened. */
export interface SessionOptions {
  readonly device: Provider
  readonly threads: number
  readonly cpuMemArena: boolean
}

/** Milliseconds of one run of the two small graphs of `measureDevice`. */
export interface Speed {
  /** What vocoders and codecs are made of. */
  readonly convolutionsMs: number
  /** What autoregressive models do for each token. */
  readonly stepMs: number
}

/** How fast a device is, beside the CPU at the same time. */
export interface DeviceSpeed extends Speed {
  readonly cpu: Speed
  /** Whether its driver computes on the CPU: SwiftShader, llvmpipe, WARP. */
  readonly software: boolean
}

/** Tensors by input, output or slot name. */
export type Tensors = Record<string, Tensor>

/** A state to feed from, and which output replaces which of its slots. */
export interface StateUse {
  readonly id: number
  readonly slots: Readonly<Record<string, string>>
}

/** What needs no answer. State ids are chosen by the main thread. */
export type StateRequest =
  | { kind: 'createState'; state: number; tensors: Tensors }
  | { kind: 'forkState'; state: number; from: number }
  | { kind: 'releaseState'; state: number }

/** What the main thread asks of the worker. Model ids are chosen by the main thread. */
export type Request =
  | { kind: 'backends' }
  | { kind: 'probe'; device: Provider; source: ModelBytes }
  | { kind: 'load'; model: number; source: ModelBytes | OrderedModel; options: SessionOptions; warmUp: Tensors | undefined }
  | { kind: 'run'; model: number; feeds: Tensors; fetch: readonly string[]; state: StateUse | undefined }
  | { kind: 'releaseModel'; model: number }
  | { kind: 'nothing' }
  | { kind: 'crash' }

/** A request, and what is to be done before it. */
export interface Message {
  readonly before: readonly StateRequest[]
  readonly request: Request
}

/** What the worker answers to each kind of request. */
export interface Answers {
  backends: readonly string[]
  probe: undefined
  load: { inputs: readonly ValueInfo[]; outputs: readonly ValueInfo[]; told: unknown }
  run: Tensors
  releaseModel: undefined
  nothing: undefined
  crash: never
}

/** What a probing process sends: whether the device works and, if asked to, then how fast it is. */
export type ProbeReply = { readonly ok: true; readonly speed?: DeviceSpeed } | { readonly ok: false; readonly message: string }

/** An answer or a failure. One request is in the worker at a time, so none needs a number. */
export type Reply =
  | { ok: true; value: Answers[keyof Answers] }
  | { ok: false; code: string; message: string /** Of the error, if it was thrown while a model was built. */; type?: string }

/**
 * Readies a typed array for another thread and adds its buffer to `moved`. It is moved without a copy when `move` is set and the array
 * fills a buffer of its own; otherwise its elements alone are copied (a view would drag its whole buffer along, and ONNX Runtime refuses
 * shared memory).
 */
export function packArray<A extends DTypeArrays[DType]>(data: A, move: boolean, moved: Set<ArrayBuffer>): A {
  const own = move && data.buffer instanceof ArrayBuffer && data.byteLength === data.buffer.byteLength
  const packed = own ? data : copyOf(data)
  moved.add(packed.buffer as ArrayBuffer)
  return packed
}

/** A copy in a buffer of its own; `slice` would do but for Node's Buffer, whose slice is a view. */
function copyOf<A extends DTypeArrays[DType]>(data: A): A {
  const bytes = new Uint8Array(data.byteLength)
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  return (data instanceof Uint8Array ? bytes : Reflect.construct(data.constructor, [bytes.buffer])) as A
}

/** `packArray` for each tensor; `move` says whether one may be moved. */
export function packTensors(tensors: Readonly<Tensors>, move: (name: string) => boolean, moved: Set<ArrayBuffer>): Tensors {
  const packed: Tensors = {}
  for (const name of Object.keys(tensors)) {
    const { dtype, shape, data } = tensors[name]!
    packed[name] = { dtype, shape, data: packArray(data, move(name), moved) }
  }
  return packed
}

/**
 * Checks a tensor in itself, and against what a model declares if that is given.
 * @throws {TypeError} for a wrong element type or array type
 * @throws {RangeError} if data and shape disagree, or the shape does not fit the declared one
 */
export function checkTensor(where: string, { dtype, shape, data }: Tensor, expected: ValueInfo | undefined): void {
  const arrayType = Object.hasOwn(arrayTypes, dtype) ? arrayTypes[dtype].name : undefined
  if (!arrayType) throw new TypeError(`${where} has dtype ${dtype}, expected one of ${Object.keys(arrayTypes).join(', ')}`)
  // By name, so that arrays of another realm (a vm context, jsdom) pass; Node's Buffer is a Uint8Array.
  const found = data.constructor.name === 'Buffer' ? 'Uint8Array' : data.constructor.name
  if (found !== arrayType) throw new TypeError(`${where} is ${dtype} in a ${found}, expected a ${arrayType}`)
  if (data.length !== sizeOf(shape)) {
    const advice = data.buffer.byteLength === 0 ? '; an array fed with `transfer: true` is empty afterwards' : ''
    throw new RangeError(`${where} holds ${data.length} elements, expected ${sizeOf(shape)} for shape [${shape.join(', ')}]${advice}`)
  }
  if (!expected) return
  const declared = `${expected.dtype} [${expected.shape.join(', ')}]`
  if (dtype !== expected.dtype) throw new TypeError(`${where} is ${dtype} [${shape.join(', ')}], expected ${declared}`)
  const fits = shape.length === expected.shape.length && expected.shape.every((size, i) => typeof size === 'string' || size === shape[i])
  if (!fits) throw new RangeError(`${where} is ${dtype} [${shape.join(', ')}], expected ${declared}`)
}

import { CheckpointError } from '../errors.ts'
import { MAX_PICKLE_BYTES } from './cursor.ts'
import { numpyDType } from './npz.ts'
import { InertObject, isDict, PickleGlobal, type PickleHost } from './pickle.ts'
import { decodeTensor, type StoredDType, storedBytes } from './stored.ts'
import { isStorage, NumpyArrayRef, NumpyDType, type TorchStorage, TorchTensorRef } from './torch-tensor.ts'

/** More different unknown classes than any checkpoint has; the rest goes unnamed. */
const MAX_WARNINGS = 100
/** Longest path that is joined from its parts, as on Linux. */
const MAX_PATH_LENGTH = 4096
const MAX_PATH_PARTS = 256
/** Entries that `OrderedDict([(key, value), …])` may copy in one file: as many as a pickle can write out itself. */
const MAX_COPIED_ENTRIES = 4_000_000

/**
 * Functions that no checkpoint needs and an attack would call. They would never be executed, only named; the error says what was tried.
 * `getattr` is not among them: pickled methods and enum members use it; it stays inert like everything unknown.
 */
const DANGEROUS_MODULES =
  /^(os|posix|nt|ntpath|posixpath|subprocess|_posixsubprocess|sys|shutil|socket|_socket|ctypes|_ctypes|importlib|runpy|pty|popen2|webbrowser|pickle|_pickle|cPickle|marshal|pdb|bdb)(\.|$)/
const DANGEROUS_BUILTINS =
  /^(builtins|__builtin__|__builtins__)\.(eval|exec|execfile|compile|open|file|__import__|input|raw_input|breakpoint|globals|locals|vars|reload|exit|quit)$/

const storageTypes = new Map<string, StoredDType>([
  ['Float', 'float32'],
  ['Double', 'float64'],
  ['Half', 'float16'],
  ['BFloat16', 'bfloat16'],
  ['Long', 'int64'],
  ['Int', 'int32'],
  ['Short', 'int16'],
  ['Char', 'int8'],
  ['Byte', 'uint8'],
  ['Bool', 'bool'],
  ['Untyped', 'uint8'],
  ['ComplexFloat', 'complex64'],
  ['ComplexDouble', 'complex128'],
])

const torchDTypes = new Map<string, StoredDType>([
  ['float32', 'float32'],
  ['float64', 'float64'],
  ['float16', 'float16'],
  ['bfloat16', 'bfloat16'],
  ['int64', 'int64'],
  ['int32', 'int32'],
  ['int16', 'int16'],
  ['int8', 'int8'],
  ['uint8', 'uint8'],
  ['bool', 'bool'],
  ['uint16', 'uint16'],
  ['uint32', 'uint32'],
  ['uint64', 'uint64'],
  ['float8_e4m3fn', 'float8'],
  ['float8_e5m2', 'float8'],
  ['complex32', 'complex32'],
  ['complex64', 'complex64'],
  ['complex128', 'complex128'],
])

/** Classes that appear as themselves (default factories, array types) and mean nothing here. */
const QUIET =
  /^(builtins|__builtin__)\.(list|dict|set|frozenset|tuple|int|float|str|bool|bytes|object|complex|slice|range|type)$|^numpy\.(ndarray|\w+_|u?int\d+|float\d+)$/

/** Element type of a storage class such as `torch.FloatStorage`, `torch.cuda.HalfStorage` or `torch.storage.UntypedStorage`. */
export function storageDType(type: unknown): StoredDType | undefined {
  const match = type instanceof PickleGlobal ? /^torch\.(?:cuda\.|storage\.)?(\w+)Storage$/.exec(type.name) : null
  return match ? storageTypes.get(match[1]!) : undefined
}

type Callable = (args: readonly unknown[]) => unknown

/**
 * The allow-list of a PyTorch pickle: what each permitted class or function means as plain data. Nothing is imported or executed.
 * @param options.persistentLoad finds a storage
 * @param options.loadFromBytes reads the storage that `torch.storage._load_from_bytes` holds as a nested file
 */
export function createTorchHost(options: {
  path: string
  persistentLoad: (id: unknown) => TorchStorage
  loadFromBytes: (bytes: Uint8Array) => unknown
}): PickleHost & { readonly warnings: readonly string[] } {
  const { path } = options
  const warnings: string[] = []
  const seen = new Set<string>()
  const namespaces = new WeakSet<object>()
  let copied = 0
  let decoded = 0
  let arrays = 0

  const fail = (problem: string): never => {
    throw new CheckpointError(`${path}: ${problem}; the checkpoint is damaged`, { code: 'malformed-torch' })
  }
  const dict = (pairs: unknown): Record<string, unknown> => {
    if (isDict(pairs)) return pairs
    const entries: Record<string, unknown> = Object.create(null)
    if (!Array.isArray(pairs)) return entries
    copied += pairs.length
    if (copied > MAX_COPIED_ENTRIES) fail(`OrderedDict entries beyond ${MAX_COPIED_ENTRIES}`)
    for (const pair of pairs) if (Array.isArray(pair) && typeof pair[0] === 'string') entries[pair[0]] = pair[1]
    return entries
  }
  const list = (items: unknown): unknown[] => (Array.isArray(items) ? items : [])
  const namespace = (): Record<string, unknown> => {
    const value: Record<string, unknown> = Object.create(null)
    namespaces.add(value)
    return value
  }
  const rebuild = (args: readonly unknown[], dtype?: StoredDType): TorchTensorRef => {
    const [storage, offset, shape, strides] = args
    if (!isStorage(storage)) return fail('a tensor has no storage')
    return new TorchTensorRef(storage, offset, shape, strides, dtype)
  }
  const rebuildV3 = (args: readonly unknown[]): unknown => {
    const dtype = typeof args[6] === 'string' ? torchDTypes.get(args[6].replace('torch.', '')) : undefined
    return dtype ? rebuild(args, dtype) : fail('a tensor has no element type')
  }
  const rebuildFromType = (args: readonly unknown[]): unknown => {
    const [rebuilder, , inner] = args
    const isTensor =
      rebuilder instanceof PickleGlobal && /^torch\._utils\._rebuild_(tensor|tensor_v2|tensor_v3|parameter)$/.test(rebuilder.name)
    return isTensor && Array.isArray(inner)
      ? callables.get(rebuilder.name)!(inner)
      : new InertObject('torch._tensor._rebuild_from_type_v2', args)
  }
  const encode = (args: readonly unknown[]): unknown => {
    const [text, encoding] = args
    if (typeof text !== 'string' || encoding !== 'latin1') return new InertObject('_codecs.encode', args)
    decoded += text.length
    if (decoded > MAX_PICKLE_BYTES) fail(`bytes written as text beyond ${MAX_PICKLE_BYTES}`)
    return new Uint8Array(Buffer.from(text, 'latin1'))
  }
  const scalar = (args: readonly unknown[]): unknown => {
    const [type, bytes] = args
    const known = type instanceof NumpyDType ? numpyDType(type.code) : undefined
    if (!known || known.dtype.startsWith('complex') || !(bytes instanceof Uint8Array) || bytes.length !== storedBytes[known.dtype]) {
      return new InertObject('numpy.scalar', args)
    }
    const { data } = decodeTensor(bytes.slice(), known.dtype, [], { where: path, bigEndian: known.bigEndian })
    const value = data[0]!
    if (known.dtype === 'bool') return value !== 0
    return typeof value === 'bigint' && BigInt(Number(value)) === value ? Number(value) : value
  }
  const array = () => new NumpyArrayRef(path, `numpy:${arrays++}`)
  const fromBuffer = (args: readonly unknown[]): unknown => {
    const [data, type, shape, order] = args
    const made = array()
    made.build([1, shape, type, order === 'F', data])
    return made
  }
  const file = (name: string): Callable => {
    const separator = name.includes('Windows') ? '\\' : '/'
    return parts => {
      const texts =
        parts.length <= MAX_PATH_PARTS && parts.every((part): part is string => typeof part === 'string') ? (parts as string[]) : undefined
      if (!texts || texts.reduce((length, part) => length + part.length, 0) > MAX_PATH_LENGTH) return new InertObject(name, parts)
      return texts.reduce((joined, part) => (joined === '' || /[\\/]$/.test(joined) ? joined + part : joined + separator + part), '')
    }
  }
  const device: Callable = args => {
    const [type, index] = args
    if (typeof type !== 'string' || type.length > 64) return new InertObject('torch.device', args)
    return typeof index === 'number' ? `${type}:${index}` : type
  }
  const reconstructor: Callable = args => {
    const [type] = args
    return type instanceof PickleGlobal ? call(type.name, []) : new InertObject('copyreg._reconstructor', args)
  }

  const callables = new Map<string, Callable>([
    ['collections.OrderedDict', args => dict(args[0])],
    ['collections.Counter', args => dict(args[0])],
    ['collections.defaultdict', args => dict(args[1])],
    ['collections.deque', args => list(args[0])],
    ['torch._utils._rebuild_tensor', args => rebuild(args)],
    ['torch._utils._rebuild_tensor_v2', args => rebuild(args)],
    ['torch._utils._rebuild_tensor_v3', rebuildV3],
    ['torch._utils._rebuild_parameter', args => args[0]],
    ['torch._utils._rebuild_parameter_with_state', args => args[0]],
    ['torch._tensor._rebuild_from_type_v2', rebuildFromType],
    [
      'torch.storage._load_from_bytes',
      args => (args[0] instanceof Uint8Array ? options.loadFromBytes(args[0]) : fail('a nested storage has no bytes')),
    ],
    ['torch.Size', args => list(args[0])],
    ['torch.device', device],
    ['argparse.Namespace', namespace],
    ['types.SimpleNamespace', namespace],
    ['_codecs.encode', encode],
    ['numpy.dtype', args => new NumpyDType(typeof args[0] === 'string' ? args[0].slice(0, 16) : '')],
  ])
  for (const module of ['numpy.core', 'numpy._core']) {
    callables.set(`${module}.multiarray._reconstruct`, array)
    callables.set(`${module}.multiarray.scalar`, scalar)
    callables.set(`${module}.numeric._frombuffer`, fromBuffer)
  }
  for (const module of ['pathlib', 'pathlib._local']) {
    for (const name of ['Path', 'PurePath', 'PosixPath', 'PurePosixPath', 'WindowsPath', 'PureWindowsPath'])
      callables.set(`${module}.${name}`, file(name))
  }
  for (const module of ['builtins', '__builtin__']) {
    for (const name of ['set', 'frozenset', 'list', 'tuple']) callables.set(`${module}.${name}`, args => list(args[0]))
    callables.set(`${module}.dict`, args => dict(args[0]))
    callables.set(`${module}.bytearray`, args => (args[0] instanceof Uint8Array ? args[0] : new InertObject('builtins.bytearray', args)))
  }
  for (const module of ['copyreg', 'copy_reg']) callables.set(`${module}._reconstructor`, reconstructor)

  const call = (name: string, args: readonly unknown[]): unknown => callables.get(name)?.(args) ?? new InertObject(name, args)

  return {
    warnings,
    global(name) {
      if (DANGEROUS_MODULES.test(name) || DANGEROUS_BUILTINS.test(name)) {
        throw new CheckpointError(
          `${path}: its pickle wants to call ${name}, which no checkpoint needs: an attack, most likely. Nothing was executed. Delete the file`,
          { code: 'dangerous-global' },
        )
      }
      if (name.startsWith('torch.') && torchDTypes.has(name.slice('torch.'.length))) return name
      const type = new PickleGlobal(name)
      const known = callables.has(name) || storageDType(type) !== undefined || QUIET.test(name)
      if (!known && !seen.has(name) && seen.size < MAX_WARNINGS) {
        seen.add(name)
        warnings.push(`unknown class or function "${name}" was kept as an inert object`)
      }
      return type
    },
    call,
    build(target, state) {
      if (target instanceof NumpyArrayRef || target instanceof NumpyDType) target.build(state)
      // Attributes of dicts (a state dict's _metadata) are left out.
      else if (typeof target === 'object' && target !== null && namespaces.has(target) && isDict(state)) Object.assign(target, state)
    },
    persistentLoad: options.persistentLoad,
  }
}

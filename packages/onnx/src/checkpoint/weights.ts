import { CheckpointError } from '../errors.ts'
import { sizeOf, type Tensor } from '../tensor.ts'
import { type Checkpoint, readCheckpoint } from './checkpoint.ts'
import { MemoryTensorRef, type TensorRef, toFloat32 } from './stored.ts'
import { unwrapStateDict } from './unwrap.ts'
import { foldWeightNorm, weightNormBase } from './weight-norm.ts'

/** Named tensors of one checkpoint after unwrapping and weight-norm folding; data are read lazily. What every architecture file consumes. */
export interface Weights extends Disposable {
  /** File path, for error messages. */
  readonly source: string
  /** Names in the order of the file, relative to the scope, without the scales of quantized tensors and the halves of weight-normed ones. */
  readonly names: readonly string[]
  /** Whether there is a tensor of that name. */
  has(name: string): boolean
  /** @throws {CheckpointError} `missing-tensor` */
  shape(name: string): readonly number[]
  /**
   * One tensor as float32: float16, bfloat16, float64 and integers converted, int8 with a scale dequantized, weight norm folded.
   * Tied weights return the same object, as long as it is still referenced: do not write into it.
   * @param shape the expected shape; `undefined` for a size that may be anything
   * @throws {CheckpointError} `missing-tensor`, `shape-mismatch`, `unsupported-dtype`, `degenerate-weight-norm`, `non-finite-weight`, `wrong-checksum`, `closed`
   */
  get(name: string, shape?: readonly (number | undefined)[]): Tensor<'float32'>
  /** As stored (bfloat16 widened): int8 without its scale, which is `raw(name + '.scale')`; a weight-normed tensor comes folded. */
  raw(name: string): Tensor
  /** `weights.scope('conv_pre').get('weight')` is `weights.get('conv_pre.weight')`. Shares the read-tracking and the file. */
  scope(prefix: string): Weights
  /** Names that were neither get() nor raw(): after building, an architecture asserts that none it cares about are left over. */
  unread(): readonly string[]
  /** Counts these as read: by another thread, which has the same file open. */
  markRead(names: readonly string[]): void
  /** Closes the file; what was read stays valid. */
  close(): void
}

/** Where to look for the state dict. */
export interface LoadWeightsOptions {
  /** Dotted paths to try in this order instead of the usual ones, e.g. `['model.generator']`; `''` is the root. */
  readonly nesting?: readonly string[]
  /** Whether tensors with NaN or infinity are refused when they are read: what a model is made of. */
  readonly finite?: boolean
}

/**
 * Finds the generator's (or only) state dict in a checkpoint, strips wrapper prefixes, and presents it with weight norm folded.
 * Unwrap order: `generator`, `model_g`, `model.generator`, `model`, `state_dict`, `module`, then the root; `module.`, `_orig_mod.`, `generator.` and `model.`
 * are stripped from the names where all of them begin so (MelGAN's `model.1.weight_g` therefore becomes `1.weight`).
 * @param checkpoint an open checkpoint, or the path of one; `close()` of the result closes it
 * @throws {CheckpointError} `no-weights` if it holds only optimizer state, a discriminator, a whole pickled module, or no tensors; all of readCheckpoint's
 */
export function loadWeights(checkpoint: Checkpoint | string, options: LoadWeightsOptions = {}): Weights {
  const opened = typeof checkpoint === 'string' ? readCheckpoint(checkpoint) : checkpoint
  try {
    const tensors = unwrapStateDict(opened.root, opened.path, options.nesting)
    return presentWeights(opened.path, tensors, options.finite ?? false, () => opened.close())
  } catch (error) {
    if (opened !== checkpoint) opened.close()
    throw error
  }
}

/**
 * Weights from tensors in memory, for tests and converters. Names are taken as they are, but weight norm folds and int8 with a scale is dequantized as in files.
 * @param source stands for the file path in error messages
 */
export function createWeights(
  tensors: Readonly<Record<string, Tensor>>,
  source = '<memory>',
  { finite = false }: Pick<LoadWeightsOptions, 'finite'> = {},
): Weights {
  const keys = new Map<Tensor, string>()
  const refs = new Map<string, TensorRef>()
  for (const [name, tensor] of Object.entries(tensors)) {
    const key = keys.get(tensor) ?? `${keys.size}`
    keys.set(tensor, key)
    refs.set(name, new MemoryTensorRef(tensor, key))
  }
  return presentWeights(source, refs, finite, () => {})
}

interface Entry {
  readonly shape: readonly number[]
  /** Tied entries have equal keys. */
  readonly key: string
  raw(): Tensor
  get(): Tensor<'float32'>
}

interface Shared {
  readonly source: string
  readonly finite: boolean
  readonly visible: ReadonlyMap<string, Entry>
  /** Companion scales: readable by name, not listed. */
  readonly companions: ReadonlyMap<string, Entry>
  readonly read: Set<string>
  /** Keys of tied entries → what was read of them. Not of others: a WeakRef keeps its target until the end of the job, here until the graph is built. */
  readonly tied: Map<string, WeakRef<Tensor<'float32'>> | undefined>
  close(): void
}

function presentWeights(source: string, refs: ReadonlyMap<string, TensorRef>, finite: boolean, close: () => void): Weights {
  const visible = new Map<string, Entry>()
  const companions = new Map<string, Entry>()
  for (const [name, ref] of refs) {
    const base = weightNormBase(name)
    if (base) {
      const g = refs.get(base.g)
      const v = refs.get(base.v)
      if (g && v) {
        visible.set(base.weight, foldedEntry(g, v, `${source}: "${base.weight}"`))
        continue
      }
    }
    // Already listed: the folded product of a weight_g and weight_v that stand beside a stale copy.
    if (!visible.has(name)) visible.set(name, plainEntry(ref))
  }
  for (const [name, ref] of refs) {
    const scale = ref.dtype === 'int8' ? refs.get(`${name}.scale`) : undefined
    if (!scale || !visible.has(name)) continue
    if (scale.dtype !== 'float32' || scale.shape.length !== 1 || scale.shape[0] !== (ref.shape[0] ?? 1)) {
      throw new CheckpointError(
        `${source}: "${name}.scale" is ${scale.dtype} [${scale.shape.join(', ')}], expected float32 [${ref.shape[0] ?? 1}], one per row of int8 "${name}"`,
        { code: 'shape-mismatch' },
      )
    }
    visible.set(name, quantizedEntry(ref, scale))
    visible.delete(`${name}.scale`)
    companions.set(`${name}.scale`, plainEntry(scale))
  }
  const keys = [...visible.values()].map(entry => entry.key).sort()
  const tied = new Map(keys.filter((key, i) => key === keys[i - 1]).map(key => [key, undefined]))
  return viewOf({ source, finite, visible, companions, read: new Set(), tied, close }, '')
}

function viewOf(shared: Shared, prefix: string): Weights {
  const { source, visible, companions, read, tied } = shared
  const namesOf = (all: Iterable<string>) => [...all].filter(name => name.startsWith(prefix)).map(name => name.slice(prefix.length))
  const entryOf = (name: string): Entry => {
    const entry = visible.get(prefix + name) ?? companions.get(prefix + name)
    if (entry) return entry
    const parent = (prefix + name).split('.').slice(0, -1).join('.')
    const near = [...visible.keys()].filter(other => parent !== '' && other.startsWith(`${parent}.`))
    const shown = (near.length > 0 ? near : [...visible.keys()]).slice(0, 5).map(other => `"${other}"`)
    throw new CheckpointError(
      `${source}: has no tensor "${prefix}${name}"; it holds ${visible.size} tensors, such as ${shown.join(', ')}; is it a checkpoint of this architecture?`,
      { code: 'missing-tensor' },
    )
  }
  return {
    source,
    get names() {
      return namesOf(visible.keys())
    },
    has: name => visible.has(prefix + name) || companions.has(prefix + name),
    shape: name => entryOf(name).shape,
    get(name, shape) {
      const entry = entryOf(name)
      if (shape) assertExpected(entry.shape, shape, `${source}: "${prefix}${name}"`)
      read.add(prefix + name)
      const known = tied.get(entry.key)?.deref()
      if (known && known.data.length === sizeOf(known.shape)) return known // one that was given away to the worker is empty
      const tensor = readSound(entry.get, shared, `"${prefix}${name}"`)
      if (tied.has(entry.key)) tied.set(entry.key, new WeakRef(tensor))
      return tensor
    },
    raw(name) {
      const tensor = readSound(entryOf(name).raw, shared, `"${prefix}${name}"`)
      read.add(prefix + name)
      return tensor
    },
    scope: inner => viewOf(shared, inner === '' ? prefix : `${prefix}${inner}.`),
    unread: () => namesOf([...visible.keys()].filter(name => !read.has(name))),
    markRead(names) {
      for (const name of names) read.add(prefix + name)
    },
    close: () => shared.close(),
    [Symbol.dispose]: () => shared.close(),
  }
}

/** Reads a tensor and refuses one that is damaged, by its name. @throws {CheckpointError} `non-finite-weight`; what reading throws */
function readSound<T extends Tensor>(read: () => T, { source, finite }: Shared, name: string): T {
  let tensor: T
  try {
    tensor = read()
  } catch (error) {
    if (!CheckpointError.isInstance(error) || error.message.includes(name)) throw error
    throw new CheckpointError(`${source}: ${name} cannot be read: ${error.message}`, { code: error.code, cause: error })
  }
  if (finite && (tensor.dtype === 'float32' || tensor.dtype === 'float64')) {
    const values = tensor.data as Float32Array | Float64Array
    for (let i = 0; i < values.length; i++) {
      if (Number.isFinite(values[i]!)) continue
      throw new CheckpointError(
        `${source}: ${name} has ${values[i]} at element ${i}, expected finite numbers; training diverged, or the file is damaged`,
        {
          code: 'non-finite-weight',
        },
      )
    }
  }
  return tensor
}

function assertExpected(found: readonly number[], expected: readonly (number | undefined)[], where: string): void {
  if (found.length === expected.length && expected.every((size, axis) => size === undefined || size === found[axis])) return
  const shown = expected.map(size => size ?? 'any').join(', ')
  throw new CheckpointError(`${where} is [${found.join(', ')}], expected [${shown}]; does the config belong to this checkpoint?`, {
    code: 'shape-mismatch',
  })
}

function plainEntry(ref: TensorRef): Entry {
  return { shape: ref.shape, key: ref.key, raw: () => ref.read(), get: () => toFloat32(ref.read()) }
}

function foldedEntry(g: TensorRef, v: TensorRef, where: string): Entry {
  const get = () => foldWeightNorm(g.read(), v.read(), where)
  return { shape: v.shape, key: `fold(${g.key},${v.key})`, raw: get, get }
}

function quantizedEntry(ref: TensorRef, scale: TensorRef): Entry {
  const get = (): Tensor<'float32'> => {
    const codes = ref.read().data as Int8Array
    const scales = scale.read().data as Float32Array
    const data = new Float32Array(codes.length)
    const width = sizeOf(ref.shape.slice(1))
    for (let start = 0, row = 0; start < data.length; start += width, row++) {
      for (let i = start; i < start + width; i++) data[i] = codes[i]! * scales[row]!
    }
    return { dtype: 'float32', shape: ref.shape, data }
  }
  return { shape: ref.shape, key: `scaled(${ref.key},${scale.key})`, raw: () => ref.read(), get }
}

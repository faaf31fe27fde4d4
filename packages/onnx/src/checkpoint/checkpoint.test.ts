import { closeSync, existsSync, ftruncateSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { readCheckpoint } from './checkpoint.ts'
import { InertObject } from './pickle.ts'
import { readSafetensors } from './safetensors.ts'
import { TensorRef } from './stored.ts'
import { pickleOf, tensorOf, text, torchZipOf } from './torch.fixture.ts'
import { loadWeights } from './weights.ts'

const containers = join(import.meta.dirname, '../../../../test/fixtures/containers')
const good = join(containers, 'good')
const hostile = join(containers, 'hostile')
const folder = mkdtempSync(join(tmpdir(), 'mynah-checkpoint-'))
afterAll(() => rmSync(folder, { recursive: true }))

function errorOf(action: () => unknown): CheckpointError {
  try {
    action()
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError)
    return error as CheckpointError
  }
  throw new Error('expected an error')
}

/** Every tensor under `root`, by its keys joined with "/". */
function flatten(root: unknown, path: string[] = []): [string, TensorRef][] {
  if (root instanceof TensorRef) return [[path.join('/'), root]]
  if (typeof root !== 'object' || root === null || Object.getPrototypeOf(root) !== null) return []
  return Object.entries(root).flatMap(([key, value]) => flatten(value, [...path, key]))
}

interface GoodCase {
  expected?: string
  scalars?: Record<string, unknown>
}
const cases: Record<string, GoodCase> = JSON.parse(readFileSync(join(containers, 'README.json'), 'utf8')).good

describe('good containers', () => {
  it('are all covered', () => {
    const files = readdirSync(good).filter(name => !name.includes('.expected.'))
    expect(files.sort()).toEqual(Object.keys(cases).sort())
  })

  it.each(Object.entries(cases).filter(([, { expected }]) => expected !== undefined))(
    '%s has the values PyTorch saved, bit for bit',
    (file, { expected }) => {
      const checkpoint = readCheckpoint(join(good, file))
      const found = new Map(flatten(checkpoint.root).filter(([name]) => name !== 'np_arr'))
      const wanted = readSafetensors(join(good, expected!)).tensors
      expect([...found.keys()].sort()).toEqual(Object.keys(wanted).sort())
      for (const [name, tensor] of Object.entries(wanted)) expect(found.get(name)!.read(), name).toEqual(tensor)
      checkpoint.close()
    },
  )

  it.each(Object.entries(cases).filter(([, { scalars }]) => scalars?.epoch !== undefined))(
    '%s keeps numbers, lists and long integers',
    (file, { scalars }) => {
      const root = readCheckpoint(join(good, file)).root as Record<string, unknown>
      expect(root).toMatchObject({ ...scalars, big: 1180591620717411303424n })
    },
  )

  it.each(['objects.zip.pt', 'objects.legacy.pt'])(
    '%s reads Namespace, paths, device, Size, dtype, numpy, defaultdict and Counter as plain values',
    file => {
      const { root, warnings } = readCheckpoint(join(good, file))
      const { np_arr: array, ...scalars } = cases[file]!.scalars!
      expect(JSON.parse(JSON.stringify(root))).toMatchObject(scalars)
      expect((root as { np_arr: TensorRef }).np_arr.read()).toEqual({
        dtype: 'int64',
        shape: [2, 3],
        data: BigInt64Array.from((array as number[][]).flat(), BigInt),
      })
      expect(warnings).toEqual([])
    },
  )

  it.each(['proto3.zip.pt', 'proto4.zip.pt', 'proto5.zip.pt'])(
    '%s keeps an integer beyond 32 bits and a text beyond 255 characters',
    file => {
      const root = readCheckpoint(join(good, file)).root as { n: number; s: string }
      expect([root.n, root.s.length]).toEqual([123456789012, 300])
    },
  )

  it('plain.safetensors has every element type, empty and 0-d tensors, and metadata', () => {
    const checkpoint = readCheckpoint(join(good, 'plain.safetensors'))
    const weights = loadWeights(checkpoint)
    expect(checkpoint.format).toBe('safetensors')
    expect(Object.keys(checkpoint.metadata).length).toBeGreaterThan(0)
    expect(weights.raw('i')).toEqual({ dtype: 'int64', shape: [5], data: BigInt64Array.of(0n, 1n, 2n, 3n, 4n) })
    expect(weights.get('s', [])).toMatchObject({ shape: [], data: Float32Array.of(7) })
    expect(weights.get('w')).toEqual(readSafetensors(join(good, 'proto.expected.safetensors')).tensors.w)
    expect(weights.get('z').data).toHaveLength(0)
  })

  it('an unknown class becomes an inert object recorded by name', () => {
    const { root, warnings } = readCheckpoint(join(good, 'unknown_class.zip.pt'))
    const objects = Object.values(root as object).filter(value => value instanceof InertObject)
    expect(objects.map(object => object.className)).toEqual(['some_project.hparams.MyHP'])
    expect(warnings).toEqual([expect.stringContaining('some_project.hparams.MyHP')])
  })

  it('storages shared by tensors are recognised by key', () => {
    const refs = Object.fromEntries(flatten(readCheckpoint(join(good, 'views.zip.pt')).root))
    expect(refs.shared_a!.key.split(':')[0]).toBe(refs.shared_b!.key.split(':')[0])
    expect(refs.shared_a!.key).not.toBe(refs.shared_b!.key)
  })
})

/** Expected code of each hostile file, or what may be read of it. */
const hostileCases: Record<string, string | ((read: () => ReturnType<typeof loadWeights>) => void)> = {
  'os_system.zip.pt': 'dangerous-global',
  'os_system.legacy.pt': 'dangerous-global',
  'builtins_eval.zip.pt': 'dangerous-global',
  'getattr_chain.zip.pt': 'dangerous-global',
  'pickle_cut.zip.pt': 'malformed-pickle',
  'pickle_marks.zip.pt': 'malformed-pickle',
  'pickle_selfref.zip.pt': 'no-weights',
  'pickle_deep.zip.pt': 'malformed-pickle',
  'pickle_huge_string.zip.pt': 'malformed-pickle',
  'storage_truncated.zip.pt': 'malformed-torch',
  'storage_missing.zip.pt': 'malformed-torch',
  'no_data_pkl.zip.pt': 'malformed-torch',
  'bigendian.zip.pt': read => {
    // The bytes are 0..63 in little-endian order, so that swapping gives other numbers.
    const swapped = new DataView(new ArrayBuffer(4))
    swapped.setFloat32(0, 63, true)
    expect(read().get('w').data[63]).toBe(swapped.getFloat32(0, false))
  },
  'zip_cut.zip.pt': 'malformed-zip',
  'zip_bad_cd_offset.zip.pt': read => expect(read().get('w').data).toEqual(Float32Array.from({ length: 64 }, (_, i) => i)),
  'tensor_offset_oob.zip.pt': 'malformed-torch',
  'tensor_stride_oob.zip.pt': 'malformed-torch',
  'tensor_negative_stride.zip.pt': 'malformed-torch',
  'tensor_negative_size.zip.pt': 'malformed-torch',
  'tensor_numel_lie.zip.pt': 'malformed-torch',
  'tensor_huge_expand.zip.pt': 'malformed-torch',
  'tensor_rank_mismatch.zip.pt': 'malformed-torch',
  'tensor_key_traversal.zip.pt': 'malformed-torch',
  'zip_size_claim.zip.pt': 'malformed-zip',
  'deflate_bomb.zip.pt': 'malformed-torch',
  'legacy_cut_storage.pt': 'malformed-torch',
  'legacy_cut_pickle.pt': 'malformed-pickle',
  'legacy_numel_lie.pt': 'malformed-torch',
  'legacy_bad_magic.pt': 'unknown-container',
  'empty.pt': 'unknown-container',
  'html_instead.pt': 'unknown-container',
  'lfs_pointer.pt': 'unknown-container',
  'st_overlap.safetensors': 'malformed-safetensors',
  'st_oob.safetensors': 'malformed-safetensors',
  'st_hole.safetensors': 'malformed-safetensors',
  'st_header_too_long.safetensors': 'malformed-safetensors',
  'st_header_len_neg.safetensors': 'malformed-safetensors',
  'st_duplicate_key.safetensors': 'malformed-safetensors',
  'st_size_mismatch.safetensors': 'malformed-safetensors',
  'st_bad_dtype.safetensors': 'malformed-safetensors',
  'st_negative.safetensors': 'malformed-safetensors',
  'st_reversed.safetensors': 'malformed-safetensors',
  'st_shape_overflow.safetensors': 'malformed-safetensors',
  'st_proto.safetensors': read => {
    expect(read().names).toEqual(['__proto__', 'constructor'])
    expect(Object.prototype).not.toHaveProperty('dtype')
  },
  'st_not_json.safetensors': 'malformed-safetensors',
  'st_header_cut.safetensors': 'unknown-container',
}

describe('hostile containers', () => {
  it('are all covered', () => {
    expect(readdirSync(hostile).sort()).toEqual(Object.keys(hostileCases).sort())
  })

  it.each(Object.entries(hostileCases))('%s gives a typed error or the right values, executes nothing, stays small', (file, expected) => {
    const before = process.memoryUsage()
    const read = () => loadWeights(join(hostile, file))
    if (typeof expected === 'function') expected(read)
    else expect(errorOf(read)).toMatchObject({ code: expected, message: expect.stringContaining(file) })
    const after = process.memoryUsage()
    expect(after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed).toBeLessThan(64 * 2 ** 20)
    expect(existsSync('/tmp/tts_sdk_hostile_pickle_ran')).toBe(false)
  })

  it('the error of a pickle attack names the function', () => {
    expect(errorOf(() => readCheckpoint(join(hostile, 'os_system.zip.pt'))).message).toContain('posix.system')
  })

  it.each([
    ['html_instead.pt', 'HTML'],
    ['lfs_pointer.pt', 'git-lfs'],
    ['storage_truncated.zip.pt', 'storage "0" has 100 bytes'],
  ])('the error of %s says what happened: %s', (file, phrase) => {
    expect(errorOf(() => readCheckpoint(join(hostile, file))).message).toContain(phrase)
  })
})

describe('readCheckpoint', () => {
  const storage = { 0: new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer) }
  const dictOf = (body: string) => pickleOf('\x80\x02}', body, '.')

  it('says that a file does not exist', () => {
    expect(errorOf(() => readCheckpoint(join(folder, 'absent.pt'))).code).toBe('unreadable-file')
    expect(errorOf(() => readCheckpoint(folder)).code).toBe('unreadable-file')
    expect(() => readCheckpoint(7 as never)).toThrow(TypeError)
  })

  it('reads bytes in memory like a file', () => {
    const bytes = readFileSync(join(good, 'nested_ddp.legacy.pt'))
    expect(loadWeights(readCheckpoint(bytes)).names).toEqual(['conv.weight', 'conv.bias'])
  })

  it('refuses a dict where an old file has its protocol number', () => {
    const bytes = readFileSync(join(good, 'nested_ddp.legacy.pt'))
    const end = bytes.indexOf('.') + 1 // of the first pickle, the magic number
    const hostile = Buffer.concat([bytes.subarray(0, end), pickleOf('\x80\x02}.'), bytes.subarray(end)])
    expect(errorOf(() => readCheckpoint(hostile)).message).toContain('protocol an object')
  })

  it('reads nothing after close()', () => {
    const checkpoint = readCheckpoint(join(good, 'proto5.zip.pt'))
    const [[, ref]] = flatten(checkpoint.root) as [[string, TensorRef]]
    checkpoint.close()
    checkpoint.close()
    expect(errorOf(() => ref.read()).code).toBe('closed')
  })

  it('keeps a tensor as it was checked when the pickle changes its shape list afterwards', () => {
    // shape is list 0 of the memo, [4]; 200 is appended once the tensor stands.
    const tensor = tensorOf(4, 0, [4], [1]).replace('(K\x04t(K\x01t', ']q\x00K\x04a(K\x01t')
    const bytes = torchZipOf(dictOf(`${text('w')}${tensor}h\x00K\xc8a0s`), storage)
    const weights = loadWeights(readCheckpoint(bytes))
    expect(weights.get('w')).toMatchObject({ shape: [4], data: Float32Array.of(1, 2, 3, 4) })
  })

  it('reads a parameter, a transposed view and a stride-0 expansion', () => {
    const body = `${text('t')}${tensorOf(4, 0, [2, 2], [1, 2])}s${text('e')}${tensorOf(4, 3, [3], [0])}s`
    const weights = loadWeights(readCheckpoint(torchZipOf(dictOf(body), storage)))
    expect([...weights.get('t').data]).toEqual([1, 3, 2, 4])
    expect([...weights.get('e').data]).toEqual([4, 4, 4])
  })

  it('ends on a pickle whose dicts multiply by reference', () => {
    // Each level holds the one before under six names that are searched.
    const names = ['generator', 'model_g', 'model', 'state_dict', 'module']
    let body = '}q\x00'
    for (let level = 0; level < 200; level++) body += `}q\x01${names.map(name => `${text(name)}h\x00s`).join('')}q\x00`
    expect(errorOf(() => loadWeights(readCheckpoint(torchZipOf(pickleOf('\x80\x02', body, '.'))))).code).toBe('no-weights')
  })

  it('refuses an opcode that PyTorch does not write', () => {
    expect(errorOf(() => readCheckpoint(torchZipOf(pickleOf('\x80\x02', 'I12\n', '.'))))).toMatchObject({
      code: 'malformed-pickle',
      message: expect.stringContaining('0x49'),
    })
  })

  it('reads one small tensor of a 3 GiB file without loading the rest', () => {
    const path = join(folder, 'large.safetensors')
    const big = 3 * 2 ** 30
    const header = JSON.stringify({
      big: { dtype: 'F32', shape: [big / 4], data_offsets: [0, big] },
      small: { dtype: 'F32', shape: [2], data_offsets: [big, big + 8] },
    })
    const fd = openSync(path, 'w')
    const prefix = Buffer.alloc(8)
    prefix.writeBigUInt64LE(BigInt(header.length))
    writeSync(fd, Buffer.concat([prefix, Buffer.from(header)]))
    ftruncateSync(fd, 8 + header.length + big) // sparse: takes no room on the disk
    writeSync(fd, new Uint8Array(Float32Array.of(1.5, -2).buffer), 0, 8, 8 + header.length + big)
    closeSync(fd)
    const before = process.memoryUsage().arrayBuffers
    const weights = loadWeights(path)
    expect([...weights.get('small').data]).toEqual([1.5, -2])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20)
    weights.close()
  })
})

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { readCheckpoint } from './checkpoint.ts'
import { readHdf5 } from './hdf5.ts'
import { readNpy, readNpz } from './npz.ts'
import { pickleOf, tensorOf, text, torchZipOf } from './torch.fixture.ts'
import { loadWeights } from './weights.ts'

const fixtures = join(import.meta.dirname, '../../../../test/fixtures')
const good = join(fixtures, 'containers/good')
/** Longest a damaged file of a few KB may take. A healthy one takes 5 ms. */
const MAX_MILLISECONDS = 2000
const RUNS = 200

/** Runs a reader over bytes; anything but success or a CheckpointError fails the test. */
function survives(read: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean {
  const start = performance.now()
  let done = false
  try {
    read(bytes)
    done = true
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    expect(error.code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)+$/)
  }
  expect(performance.now() - start).toBeLessThan(MAX_MILLISECONDS)
  return done
}

function readWhole(bytes: Uint8Array): void {
  const weights = loadWeights(readCheckpoint(bytes))
  for (const name of weights.names) weights.get(name)
}

type Edit = { at: number; kind: 'set' | 'cut' | 'insert' | 'delete'; bytes: Uint8Array }
const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  kind: fc.constantFrom('set', 'set', 'set', 'cut', 'insert', 'delete'),
  // Often the extremes that lengths and offsets are sensitive to.
  bytes: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 8 }),
    fc.constantFrom(Uint8Array.of(255, 255, 255, 255), Uint8Array.of(0), Uint8Array.of(128)),
  ),
})

function mutate(original: Uint8Array, edits: readonly Edit[]): Uint8Array {
  let bytes = Buffer.from(original)
  for (const { at, kind, bytes: piece } of edits) {
    const position = Math.floor(at * bytes.length)
    if (kind === 'set') bytes.set(piece.subarray(0, bytes.length - position), position)
    else if (kind === 'cut') bytes = bytes.subarray(0, position)
    else if (kind === 'insert') bytes = Buffer.concat([bytes.subarray(0, position), piece, bytes.subarray(position)])
    else bytes = Buffer.concat([bytes.subarray(0, position), bytes.subarray(position + piece.length)])
  }
  return bytes
}

const edits = fc.array(edit, { minLength: 1, maxLength: 4 })

describe('damaged files give a CheckpointError or load, quickly', () => {
  const files = readdirSync(good).filter(name => !name.includes('.expected.'))

  it.each(files)('%s with bytes changed, cut, inserted and deleted', file => {
    const original = readFileSync(join(good, file))
    expect(survives(readWhole, original)).toBe(true)
    fc.assert(
      fc.property(edits, list => void survives(readWhole, mutate(original, list))),
      { numRuns: RUNS },
    )
  })

  it.each([
    ['checkpoint/arrays.npz', readNpz],
    ['checkpoint/stats.npy', readNpy],
    ['checkpoint/stats.h5', readHdf5],
    ['checkpoint/weight-norm-new.pt', readWhole],
  ] as const)('%s with bytes changed, cut, inserted and deleted', (file, read) => {
    const original = readFileSync(join(fixtures, file))
    expect(survives(read, original)).toBe(true)
    fc.assert(
      fc.property(edits, list => void survives(read, mutate(original, list))),
      { numRuns: 2 * RUNS },
    )
  })

  it('random bytes, with and without the beginnings of real files', () => {
    const starts = [
      '',
      'PK\x03\x04',
      '\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.',
      '\x20\0\0\0\0\0\0\0{',
      '\x93NUMPY\x01\x00',
      '\x89HDF\r\n\x1a\n',
    ]
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 400 }), (start, rest) => {
        const bytes = Buffer.concat([Buffer.from(start, 'latin1'), rest])
        for (const read of [readWhole, readNpz, readNpy, readHdf5]) survives(read, bytes)
      }),
      { numRuns: 3 * RUNS },
    )
  })

  it('safetensors headers of any JSON', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.record({
        dtype: fc.constantFrom('F32', 'I8', 'F64'),
        shape: fc.array(fc.integer({ min: -1, max: 3 })),
        data_offsets: fc.array(fc.integer({ min: -1, max: 40 }), { maxLength: 3 }),
      }),
    )
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value), header => {
        const json = Buffer.from(JSON.stringify(header))
        const prefix = Buffer.alloc(8)
        prefix.writeUInt32LE(json.length)
        survives(readWhole, Buffer.concat([prefix, json, new Uint8Array(16)]))
      }),
      { numRuns: 2 * RUNS },
    )
  })

  it('pickles of any opcodes over the allowed globals', () => {
    const names = [
      'collections\nOrderedDict', 'collections\nCounter', 'collections\ndefaultdict', 'torch\nSize', 'torch\ndevice', 'torch\nfloat32', 'torch\nFloatStorage',
      'torch._utils\n_rebuild_tensor_v2', 'torch._utils\n_rebuild_tensor_v3', 'torch._utils\n_rebuild_parameter', 'torch._tensor\n_rebuild_from_type_v2',
      'torch.storage\n_load_from_bytes', 'numpy\ndtype', 'numpy\nndarray', 'numpy.core.multiarray\n_reconstruct', 'numpy.core.multiarray\nscalar',
      'numpy._core.numeric\n_frombuffer', '_codecs\nencode', 'argparse\nNamespace', 'pathlib\nWindowsPath', 'copyreg\n_reconstructor', 'builtins\nset',
      'some\nThing',
    ] // biome-ignore format: a table of names
    const piece = fc.oneof(
      fc.constantFrom(
        '(',
        ')',
        ']',
        '}',
        '0',
        '1',
        '2',
        'N',
        '\x88',
        '\x89',
        'R',
        '\x81',
        '\x92',
        'b',
        'Q',
        's',
        'u',
        'a',
        'e',
        't',
        'l',
        'd',
        '\x85',
        '\x86',
        '\x87',
        '\x94',
        '\x8f',
        '\x90',
        '\x91',
        '\x93',
        '.',
      ),
      fc.constantFrom(...names).map(name => `c${name}\n`),
      fc.constantFrom('storage', '0', 'cpu', 'f4', 'latin1', 'w', '__proto__', 'model').map(text),
      fc.integer({ min: 0, max: 255 }).map(value => `K${String.fromCharCode(value)}`),
      fc.integer({ min: 0, max: 5 }).chain(slot => fc.constantFrom('q', 'h').map(opcode => opcode + String.fromCharCode(slot))),
      fc.constantFrom('\x8a\x01\xff', '\x8a\x08\0\0\0\0\0\0\0\x80', 'G\x7f\xf8\0\0\0\0\0\0', 'C\x04abcd', 'J\xff\xff\xff\xff'),
      fc.constantFrom(tensorOf(4, 0, [4], [1]), tensorOf(4, 1, [2, 1], [1, 3])),
    )
    const storage = { 0: new Uint8Array(16) }
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 60 }),
        pieces => void survives(readWhole, torchZipOf(pickleOf('\x80\x02', ...pieces, '.'), storage)),
      ),
      { numRuns: 20 * RUNS },
    )
  })
})

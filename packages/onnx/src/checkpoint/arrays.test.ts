import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { readHdf5 } from './hdf5.ts'
import { readNpy, readNpz } from './npz.ts'

const fixtures = join(import.meta.dirname, '../../../../test/fixtures/checkpoint')
const path = (name: string) => join(fixtures, name)

describe('readNpz and readNpy', () => {
  it('reads compressed, Fortran-ordered, big-endian, half, boolean, scalar and empty arrays', () => {
    expect({ ...readNpz(path('arrays.npz')) }).toEqual({
      int64: { dtype: 'int64', shape: [2, 3], data: BigInt64Array.of(0n, 1n, 2n, 3n, 4n, 5n) },
      fortran: { dtype: 'float32', shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) },
      big: { dtype: 'float64', shape: [2, 3], data: Float64Array.of(0, 1, 2, 3, 4, 5) },
      half: { dtype: 'float16', shape: [2, 3], data: Uint16Array.of(0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500) },
      flag: { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) },
      scalar: { dtype: 'int32', shape: [], data: Int32Array.of(7) },
      empty: { dtype: 'float32', shape: [0, 4], data: new Float32Array(0) },
    })
  })

  it('reads a [2, n] statistics file', () => {
    const stats = readNpy(path('stats.npy'))
    expect([stats.dtype, stats.shape, stats.data[0], stats.data[39]]).toEqual(['float32', [2, 20], -1, 2])
  })

  it('refuses texts, other files, and arrays cut short', () => {
    const stats = readFileSync(path('stats.npy'))
    expect(() => readNpz(path('objects.npz'))).toThrow(
      expect.objectContaining({ code: 'unsupported-dtype', message: expect.stringContaining('<U1') }),
    )
    expect(() => readNpy(path('stats.h5'))).toThrow(expect.objectContaining({ code: 'malformed-npy' }))
    expect(() => readNpy(stats.subarray(0, -1))).toThrow(expect.objectContaining({ code: 'malformed-npy' }))
    expect(() => readNpz(path('stats.npy'))).toThrow(CheckpointError)
    expect(() => readNpz(path('module.pt'))).toThrow(expect.objectContaining({ code: 'malformed-npy' }))
  })
})

describe('readHdf5', () => {
  it('reads mean and scale of a ParallelWaveGAN stats.h5', () => {
    const stats = readHdf5(path('stats.h5'))
    expect(Object.keys(stats)).toEqual(['mean', 'scale'])
    expect([stats.mean!.shape, stats.mean!.dtype]).toEqual([[20], 'float32'])
    // Little-endian words that stand in the file.
    expect(stats.mean!.data[0]).toBe(new Float32Array(Uint32Array.of(0xbf54ce06).buffer)[0])
    expect(stats.scale!.data[19]).toBe(new Float32Array(Uint32Array.of(0x3f277979).buffer)[0])
  })

  it('reads float64 datasets', () => {
    const bytes = readFileSync(path('stats.h5'))
    // The same 80 bytes of each dataset, described as ten float64: dimensions and element size of both headers change.
    for (const header of [0x320, 0x578]) {
      bytes.writeUInt32LE(10, header + 0x20)
      bytes.writeUInt32LE(8, header + 0x3c)
    }
    const { mean } = readHdf5(bytes)
    expect([mean!.dtype, mean!.shape]).toEqual(['float64', [10]])
    expect(mean!.data[0]).toBe(bytes.readDoubleLE(0x800))
  })

  it('refuses chunked layouts, integers and other files, naming the way out', () => {
    const patched = (at: number, value: number) => {
      const bytes = readFileSync(path('stats.h5'))
      bytes[at] = value
      return bytes
    }
    expect(() => readHdf5(patched(0x389, 2))).toThrow(
      expect.objectContaining({ code: 'unsupported-hdf5', message: expect.stringContaining('.npy') }),
    )
    expect(() => readHdf5(patched(0x358, 0x10))).toThrow(expect.objectContaining({ code: 'unsupported-hdf5' }))
    expect(() => readHdf5(path('stats.npy'))).toThrow(expect.objectContaining({ code: 'malformed-hdf5' }))
    expect(() => readHdf5(new Uint8Array(0))).toThrow(expect.objectContaining({ code: 'malformed-hdf5' }))
  })
})

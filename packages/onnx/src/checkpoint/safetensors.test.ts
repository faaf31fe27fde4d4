import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { arrayTypes, createTensor, type DType, type Tensor } from '../tensor.ts'
import { readSafetensors, toSafetensors, writeSafetensors } from './safetensors.ts'

const folder = mkdtempSync(join(tmpdir(), 'mynah-safetensors-'))
afterAll(() => rmSync(folder, { recursive: true }))

const dtypes = Object.keys(arrayTypes) as DType[]
const tensor: fc.Arbitrary<Tensor> = fc
  .tuple(
    fc.constantFrom(...dtypes),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    fc.uint8Array({ minLength: 512, maxLength: 512 }),
  )
  .map(([dtype, shape, bytes]) => {
    const count = shape.reduce((product, size) => product * size, 1)
    const width = arrayTypes[dtype] === Uint8Array ? 1 : new arrayTypes[dtype](new ArrayBuffer(8)).BYTES_PER_ELEMENT
    return createTensor(dtype, new arrayTypes[dtype](bytes.slice(0, count * width).buffer), shape)
  })
const name = fc.string({ unit: 'grapheme' }).filter(text => text !== '__metadata__')

it('reading what was written gives it back, for every element type, shape and name', () => {
  fc.assert(
    fc.property(fc.dictionary(name, tensor), fc.dictionary(fc.string(), fc.string()), (tensors, metadata) => {
      const read = readSafetensors(toSafetensors(tensors, metadata))
      expect(Object.keys(read.tensors).sort()).toEqual(Object.keys(tensors).sort())
      for (const [key, value] of Object.entries(tensors)) {
        expect(read.tensors[key]).toMatchObject({ dtype: value.dtype, shape: value.shape })
        // Bits, not values: float32 has many NaN.
        expect(Buffer.from(read.tensors[key]!.data.buffer)).toEqual(Buffer.from(value.data.buffer))
      }
      expect(Object.entries(read.metadata)).toEqual(Object.entries(metadata))
    }),
  )
})

it('writes the same bytes to a file, with every tensor aligned to its element size', () => {
  const path = join(folder, 'x.safetensors')
  const tensors = {
    a: createTensor('int8', Int8Array.of(1), [1]),
    b: createTensor('float64', Float64Array.of(2), [1]),
    c: createTensor('int16', Int16Array.of(3), [1]),
  }
  writeSafetensors(path, tensors, { licence: 'CC0' })
  const bytes = readFileSync(path)
  expect(new Uint8Array(bytes)).toEqual(new Uint8Array(toSafetensors(tensors, { licence: 'CC0' })))
  const length = Number(bytes.readBigUInt64LE())
  expect(length % 8).toBe(0)
  expect(JSON.parse(bytes.toString('utf8', 8, 8 + length))).toEqual({
    __metadata__: { licence: 'CC0' },
    b: { dtype: 'F64', shape: [1], data_offsets: [0, 8] },
    c: { dtype: 'I16', shape: [1], data_offsets: [8, 10] },
    a: { dtype: 'I8', shape: [1], data_offsets: [10, 11] },
  })
})

it('writes a view of a larger buffer without the rest of it', () => {
  const view = new Float32Array(8).fill(7).subarray(2, 4)
  expect(readSafetensors(toSafetensors({ view: createTensor('float32', view, [2]) })).tensors.view!.data).toEqual(Float32Array.of(7, 7))
})

it('refuses a tensor called __metadata__ and metadata that are no texts', () => {
  const scalar = createTensor('uint8', Uint8Array.of(1), [])
  expect(() => toSafetensors({ __metadata__: scalar })).toThrow(TypeError)
  expect(() => toSafetensors({ scalar }, { steps: 3 as never })).toThrow(TypeError)
})

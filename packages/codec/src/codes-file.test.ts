import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTensor, readSafetensors, type Tensor, writeSafetensors } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AudioCodec } from './codec.ts'
import { type EncodedAudio, readCodes, writeCodes } from './codes-file.ts'
import { ecdcLayouts } from './ecdc.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mynah-codes-'))
})
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string) => join(folder, name)

/** As much of a codec as files of codes need. */
function codecOf(name: string, fields: Partial<AudioCodec> = {}): AudioCodec {
  const layout = { sampleRate: 24000, frameRate: 75, codebooks: 3, codebookSize: 1024, normalizes: false, strides: [1, 1, 1] }
  return { name, ...layout, ...fields } as AudioCodec
}
const codes = (rows: readonly (readonly number[])[]): Tensor<'int32'> =>
  createTensor('int32', Int32Array.from(rows.flat()), [rows.length, rows[0]!.length])
const snac = codecOf('snac', { strides: [4, 2, 1] })
const ofSnac: EncodedAudio = {
  samples: 1200,
  segments: [
    {
      codes: codes([
        [7, 7, 7, 7],
        [1, 1, 1023, 1023],
        [4, 3, 2, 1],
      ]),
    },
  ],
}

describe('files of codes', () => {
  it('hold those of SNAC as one int16 tensor per codebook, each at its own rate', () => {
    const path = file('snac.safetensors')
    writeCodes(path, ofSnac, snac)
    const { tensors, metadata } = readSafetensors(path)
    expect(metadata).toEqual({ format: 'mynah-codes', version: '1', codec: 'snac', sampleRate: '24000', samples: '1200' })
    expect(Object.entries(tensors).map(([name, { dtype, data }]) => [name, dtype, ...Array.from(data, Number)])).toEqual([
      ['codes.0', 'int16', 7],
      ['codes.1', 'int16', 1, 1023],
      ['codes.2', 'int16', 4, 3, 2, 1],
    ])
    expect(readCodes(path, snac)).toEqual(ofSnac)
  })

  it('may hold fewer codebooks than the codec has', () => {
    const path = file('dac.safetensors')
    const encoded = { samples: 5, segments: [{ codes: codes([[1, 2, 3]]) }] }
    writeCodes(path, encoded, codecOf('dac'))
    expect(readCodes(path, codecOf('dac'))).toEqual(encoded)
  })

  it('take int32 where a code does not fit int16', () => {
    const path = file('large.safetensors')
    const large = codecOf('dac', { codebookSize: 2 ** 16 })
    const encoded = { samples: 5, segments: [{ codes: codes([[60_000]]) }] }
    writeCodes(path, encoded, large)
    expect(readCodes(path, large)).toEqual(encoded)
  })

  it('of EnCodec are .ecdc files under the name of the reference, with scales and segments', () => {
    const path = file('a.ecdc')
    const stereo = codecOf('encodec', { ...ecdcLayouts.encodec_48khz! })
    const part = (frames: number, scale: number) => ({ codes: codes([Array.from({ length: frames }, (_, i) => i)]), scale })
    const encoded = { samples: 48_100, segments: [part(150, 0.5), part(2, 0.25)] }
    writeCodes(path, encoded, stereo)
    expect(readFileSync(path, 'latin1')).toContain('"m":"encodec_48khz"')
    expect(readCodes(path, stereo)).toEqual(encoded)
    const mono = codecOf('encodec')
    expect(() => readCodes(path, mono)).toThrow(/written by encodec_48khz, but the checkpoint is encodec_24khz/)
  })

  it('are not written under another ending, nor with scales that they could not hold', () => {
    const path = file('b.ecdc')
    expect(() => writeCodes(path, ofSnac, snac)).toThrow(/codes of snac are kept in files that end in \.safetensors/)
    const scaled = { samples: 5, segments: [{ codes: codes([[1]]), scale: 2 }] }
    expect(() => writeCodes(file('c.safetensors'), scaled, codecOf('soundstream'))).toThrow(/"segment" and "normalize"/)
    expect([path, file('c.safetensors')].some(existsSync)).toBe(false)
  })

  it('are refused if another codec wrote them, or they are damaged', () => {
    const path = file('d.safetensors')
    const codeOf = (tensors: Record<string, Tensor>, metadata: Record<string, string>, codec = snac) => {
      writeSafetensors(path, tensors, metadata)
      try {
        readCodes(path, codec)
      } catch (error) {
        expect((error as Error).message).toContain(path)
        return (error as { code?: string }).code
      }
      throw new Error('nothing was thrown')
    }
    writeCodes(path, ofSnac, snac)
    const { tensors, metadata } = readSafetensors(path)
    const int16 = (values: number[], shape = [values.length]) => createTensor('int16', Int16Array.from(values), shape)
    expect(codeOf(tensors, metadata, codecOf('dac'))).toBe('wrong-codec')
    expect(codeOf(tensors, { ...metadata, sampleRate: '44100' })).toBe('wrong-codec')
    expect(codeOf(tensors, {})).toBe('bad-metadata')
    expect(codeOf(tensors, { ...metadata, samples: 'many' })).toBe('bad-metadata')
    expect(codeOf({}, metadata)).toBe('bad-codes')
    expect(codeOf({ ...tensors, 'codes.3': int16([1, 2, 3, 4]) }, metadata)).toBe('bad-codes')
    expect(codeOf({ ...tensors, other: int16([1]) }, metadata)).toBe('bad-codes')
    expect(codeOf({ ...tensors, 'codes.0': int16([1, 2]) }, metadata)).toBe('bad-codes') // not of the same duration
    expect(codeOf({ ...tensors, 'codes.0': int16([1024]) }, metadata)).toBe('bad-codes')
    expect(codeOf({ ...tensors, 'codes.0': int16([-1]) }, metadata)).toBe('bad-codes')
    expect(codeOf({ ...tensors, 'codes.0': int16([1], [1, 1]) }, metadata)).toBe('bad-codes')
    expect(codeOf({ ...tensors, 'codes.0': createTensor('float32', Float32Array.of(1), [1]) }, metadata)).toBe('bad-codes')
    writeFileSync(path, 'nonsense')
    expect(() => readCodes(path, snac)).toThrow(/safetensors/)
  })
})

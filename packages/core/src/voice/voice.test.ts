import { mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CheckpointError, readSafetensors, toSafetensors } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { VoiceError } from '../errors.ts'
import { Voice } from './voice.ts'

const fields = {
  name: 'Änne',
  transcript: 'Héllo "there"',
  codec: 'mynah-codec@00',
  consent: 'by herself, for tests',
  licence: 'CC0',
  codes: { dtype: 'int32' as const, shape: [2, 5], data: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 1023) },
  phonemes: Int32Array.of(0, 7, 0),
  durations: Int32Array.of(1, 3, 1),
}
const code = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => undefined,
    error => error,
  )
  if (!VoiceError.isInstance(error)) throw error ?? new Error('nothing was thrown')
  return error.code
}

describe('Voice', () => {
  it('is the same after save and load', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mynah-voice-'))
    const path = join(folder, 'anne.voice.safetensors')
    const voice = new Voice(fields)
    await voice.save(path)
    expect(await Voice.load(path)).toEqual(voice)
    expect(await Voice.load(voice.toSafetensors())).toEqual(voice)
    expect(await readdir(folder)).toEqual(['anne.voice.safetensors'])
  })

  it('is a safetensors file with int32 tensors and its texts as metadata', () => {
    const { tensors, metadata } = readSafetensors(new Voice(fields).toSafetensors())
    expect(
      Object.entries(tensors)
        .map(([name, { dtype, shape }]) => [name, dtype, shape])
        .sort(),
    ).toEqual([
      ['codes', 'int32', [2, 5]],
      ['durations', 'int32', [3]],
      ['phonemes', 'int32', [3]],
    ])
    expect({ ...metadata }).toEqual({
      format: 'mynah-voice',
      version: '1',
      codec: 'mynah-codec@00',
      name: 'Änne',
      transcript: 'Héllo "there"',
      consent: 'by herself, for tests',
      licence: 'CC0',
    })
  })

  it('is saved only under its own ending', async () => {
    await expect(new Voice(fields).save('x.safetensors')).rejects.toThrow(RangeError)
  })

  it('refuses durations that do not fill the codes', () => {
    for (const durations of [Int32Array.of(1, 3, 2), Int32Array.of(5, 0, 0), Int32Array.of(2, 3), Int32Array.of(7, -1, -1)]) {
      expect(() => new Voice({ ...fields, durations })).toThrow(VoiceError)
    }
    expect(() => new Voice({ ...fields, codes: { dtype: 'int32', shape: [2, 0], data: new Int32Array(0) } })).toThrow(VoiceError)
  })

  it('refuses files that are no voice', async () => {
    const { codes, phonemes, durations } = fields
    const list = (data: Int32Array) => ({ dtype: 'int32' as const, shape: [data.length], data })
    const tensors = { codes, phonemes: list(phonemes), durations: list(durations) }
    const head = { format: 'mynah-voice', version: '1' }
    expect(await code(Voice.load('/no/such/file'))).toBe('malformed-voice')
    expect(await code(Voice.load(toSafetensors(tensors)))).toBe('malformed-voice')
    expect(await code(Voice.load(toSafetensors(tensors, { ...head, version: '9' })))).toBe('unknown-version')
    expect(await code(Voice.load(toSafetensors({ ...tensors, codes: list(phonemes) }, head)))).toBe('malformed-voice')
    expect(await code(Voice.load(toSafetensors({ codes, phonemes: list(phonemes) }, head)))).toBe('malformed-voice')
    const wide = { dtype: 'float32' as const, shape: [3], data: Float32Array.of(1, 3, 1) }
    expect(await code(Voice.load(toSafetensors({ ...tensors, durations: wide }, head)))).toBe('malformed-voice')
    await expect(Voice.load(new TextEncoder().encode('<!doctype html>'))).rejects.toThrow(CheckpointError)
    await expect(Voice.load(new Voice(fields).toSafetensors().subarray(0, 300))).rejects.toThrow(CheckpointError)
  })

  it('names the file that is damaged', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'mynah-voice-')), 'half.voice.safetensors')
    await writeFile(path, new Voice(fields).toSafetensors().subarray(0, 300))
    await expect(Voice.load(path)).rejects.toThrow(path)
    await expect(Voice.load(new Uint8Array(4))).rejects.toThrow(/^voice: 4 bytes/)
  })

  it('refuses a large file before reading it', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'mynah-voice-')), 'big.voice.safetensors')
    await writeFile(path, new Uint8Array(17 * 2 ** 20))
    expect(await code(Voice.load(path))).toBe('malformed-voice')
  })
})

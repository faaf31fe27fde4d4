import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRuntime, loadWeights, type Runtime, type Tensor, writeSafetensors } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findCases, formatResults, runCase } from './parity.ts'

const golden = fileURLToPath(new URL('../fixtures/golden', import.meta.url))
let runtime: Runtime
let folder: string

beforeAll(async () => {
  runtime = await createRuntime({ device: 'cpu', threads: 1 })
  folder = mkdtempSync(join(tmpdir(), 'mynah-parity-'))
})
afterAll(async () => {
  await runtime.dispose()
  rmSync(folder, { recursive: true })
})

/** A copy of a case to spoil. */
function copy(name: string, change: (path: string) => void): string {
  const path = join(folder, name)
  cpSync(join(golden, 'hifi-gan/v2'), path, { recursive: true })
  change(path)
  return path
}

function rewriteIo(path: string, change: (tensors: Record<string, Tensor>) => void): void {
  const file = join(path, 'io.safetensors')
  const tensors: Record<string, Tensor> = {}
  using io = loadWeights(file)
  for (const name of io.names) tensors[name] = io.raw(name)
  change(tensors)
  writeSafetensors(file, tensors)
}

describe('parity', () => {
  it('finds every case below a folder, and the folder itself', () => {
    expect(findCases(golden)).toContain(join(golden, 'hifi-gan/v1'))
    expect(findCases(join(golden, 'hifi-gan/v1'))).toEqual([join(golden, 'hifi-gan/v1')])
  })

  it('passes a case whose outputs are within its tolerance', async () => {
    const result = await runCase(golden, join(golden, 'hifi-gan/v2'), runtime)
    expect(result).toMatchObject({ name: 'hifi-gan/v2', arch: 'hifi-gan', tolerance: 1e-4, pass: true, detail: '4 outputs' })
    expect(result.error).toBeLessThan(1e-5)
    expect(formatResults([result])).toMatch(/hifi-gan\/v2 +\d\.\de-\d +1\.0e-4 +pass[\s\S]*1 of 1 cases pass/)
  })

  it.each(findCases(join(golden, 'vall-e')))('passes %s', async path => {
    expect(await runCase(golden, path, runtime)).toMatchObject({ arch: 'valle-lifeiteng', pass: true })
  })

  it('fails a case with an architecture that no runner knows', async () => {
    const path = copy('unknown', at => {
      const json = JSON.parse(readFileSync(join(at, 'case.json'), 'utf8'))
      writeFileSync(join(at, 'case.json'), JSON.stringify({ ...json, arch: 'constructor' }))
    })
    expect(await runCase(folder, path, runtime)).toMatchObject({
      pass: false,
      detail: expect.stringContaining('no runner for "constructor"'),
    })
  })

  it('fails a case with a tensor that the runner did not look at', async () => {
    const path = copy('more', at =>
      rewriteIo(at, tensors => {
        tensors.surprise = tensors.mel!
      }),
    )
    expect(await runCase(folder, path, runtime)).toMatchObject({ pass: false, detail: 'not understood: surprise' })
  })

  it('fails a case with wrong audio, of wrong length, without outputs, or without its checkpoint', async () => {
    const wrong = copy('wrong', at =>
      rewriteIo(at, tensors => {
        const data = (tensors.audio_2!.data as Float32Array).slice()
        data[100]! += 2e-4
        tensors.audio_2 = { ...tensors.audio_2!, data } as Tensor
      }),
    )
    const result = await runCase(folder, wrong, runtime)
    expect(result).toMatchObject({ pass: false, detail: expect.stringContaining('audio_2') })
    expect(result.error).toBeCloseTo(2e-4, 5)
    const longer = copy('longer', at =>
      rewriteIo(at, tensors => {
        tensors.audio_2 = tensors.audio!
      }),
    )
    expect(await runCase(folder, longer, runtime)).toMatchObject({ pass: false, error: Number.POSITIVE_INFINITY })
    const empty = copy('empty', at =>
      rewriteIo(at, tensors => {
        delete tensors.audio
        delete tensors.audio_2
      }),
    )
    expect(await runCase(folder, empty, runtime)).toMatchObject({ pass: false, detail: 'nothing was compared' })
    const bare = copy('bare', at => rmSync(join(at, 'g_00002000')))
    expect(await runCase(folder, bare, runtime)).toMatchObject({ pass: false })
  })
})

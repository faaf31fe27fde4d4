import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findConfigFile, readConfigFile } from './config.ts'

const golden = (path: string) => fileURLToPath(new URL(`../../../../test/fixtures/golden/${path}`, import.meta.url))

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mynah-config-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('findConfigFile', () => {
  it("finds config.json, args.yml or a file of the checkpoint's name, and no other JSON", () => {
    expect(findConfigFile(golden('hifi-gan/v1/g_00001000'))).toBe(golden('hifi-gan/v1/config.json'))
    expect(findConfigFile(golden('melgan/descript/multi_speaker.pt'))).toBe(golden('melgan/descript/args.yml'))
    writeFileSync(join(folder, 'case.json'), '{}')
    expect(findConfigFile(join(folder, 'model.pt'))).toBeUndefined()
    writeFileSync(join(folder, 'model.json'), '{}')
    expect(findConfigFile(join(folder, 'model.pt'))).toBe(join(folder, 'model.json'))
  })

  it("reads argparse's YAML dump as a plain object, and refuses alias bombs, huge and broken files", () => {
    const path = join(folder, 'args.yml')
    writeFileSync(path, '!!python/object:argparse.Namespace\nngf: 32\nsave_path: !!python/object/apply:pathlib.PosixPath [logs]\n')
    expect(readConfigFile(path)).toMatchObject({ ngf: 32 })
    const bomb = ['a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]']
    for (let i = 0; i < 8; i++) bomb.push(`${'bcdefghi'[i]}: &${'bcdefghi'[i]} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(', ')}]`)
    for (const text of [bomb.join('\n'), `x: ${'y'.repeat(2 ** 20)}`, '{ broken']) {
      writeFileSync(path, text)
      expect(() => readConfigFile(path)).toThrow(expect.objectContaining({ code: 'unreadable-config' }))
    }
  })
})

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRuntime } from '@mynah/onnx'
import { afterAll, describe, expect, it } from 'vitest'
import { runCase } from './parity/parity.ts'

// A Python with torch, librosa and safetensors: MYNAH_PYTHON, or python3 if it has them. The product and its tests never need it.
const python = process.env.MYNAH_PYTHON ?? 'python3'
const hasTorch = spawnSync(python, ['-c', 'import torch, librosa, soxr, safetensors'], { stdio: 'ignore' }).status === 0
const folder = fileURLToPath(new URL('../training', import.meta.url))
const runs = mkdtempSync(join(tmpdir(), 'mynah-training-'))

const required = process.env.MYNAH_TRAINING === 'required' // by `pnpm test:training`

if (!hasTorch && required) throw new Error(`${python} has no torch, librosa, soxr and safetensors`)
if (!hasTorch)
  process.stderr.write(
    `training scripts are not tested: ${python} has no torch, librosa, soxr and safetensors; 'pnpm test:training' makes one that has\n`,
  )

afterAll(() => rmSync(runs, { recursive: true, force: true }))

const glide = `
import json, math, torch
from mynah.pitch import yin
f = torch.linspace(100, 300, 24000)
turns = (f / 24000).cumsum(0)
glide = sum(torch.sin(2 * math.pi * k * turns) / k for k in range(1, 20))[None] * 0.1
certain = lambda x: float((yin(x, 24000, 300) > 0).float().mean())
torch.manual_seed(1)
off = (yin(glide, 24000, 300)[0] / f[150::300] - 1)[5:-5].abs().max()
print(json.dumps(dict(off=float(off), certainInNoise=certain(torch.randn(1, 24000) * 0.1), certainInSilence=certain(torch.zeros(1, 24000)))))
`

describe.skipIf(!hasTorch)('training scripts', () => {
  /** Runs a script's smoke test; its folder below `runs`. */
  const smoke = (script: string, name: string, ...options: string[]) => {
    const run = join(runs, name)
    return {
      run,
      result: spawnSync(python, [`train/${script}.py`, '--smoke', '--run', run, '--threads', '1', ...options], {
        cwd: folder,
        encoding: 'utf8',
      }),
    }
  }

  it.each(['train_codec', 'train_aligner', 'train_listener', 'train_ar', 'train_nar'])(
    '%s --smoke trains, saves and resumes',
    { timeout: 120_000 },
    name => {
      const { run, result } = smoke(name, name)
      expect(result.status, result.stderr).toBe(0)
      expect(result.stdout).toContain("'step': 6")
      for (const file of ['last.pt', 'log.csv']) expect(existsSync(join(run, file)), file).toBe(true)
      const second = smoke(name, name).result // it was finished: nothing more to do
      expect(second.status, second.stderr).toBe(0)
      expect(second.stdout).not.toContain("'step': 1,")
    },
  )

  it('train_codec --adversarial leaves discriminators that another run begins with', { timeout: 120_000 }, () => {
    const { run, result } = smoke('train_codec', 'judged', '--adversarial', '0.3', '--disc-warmup', '2')
    expect(result.status, result.stderr).toBe(0)
    const discriminators = join(run, 'discriminators.safetensors')
    const again = smoke('train_codec', 'judged-again', '--adversarial', '0.3', '--disc-init', discriminators).result
    expect(again.status, again.stderr).toBe(0)
  })

  it('yin finds the pitch of a glide, and none in noise and silence', { timeout: 60_000 }, () => {
    const { stdout, stderr } = spawnSync(python, ['-c', glide], { cwd: folder, encoding: 'utf8' })
    const { off, certainInNoise, certainInSilence } = JSON.parse(stdout || `"${stderr}"`)
    expect(off).toBeLessThan(0.005)
    expect(certainInNoise).toBe(0)
    expect(certainInSilence).toBe(0)
  })

  it('codebooks counts what the committed corpus uses: all of every codebook', { timeout: 60_000 }, () => {
    const { stdout, stderr } = spawnSync(python, ['eval/codebooks.py', '--cache', 'assets/tokens-en'], { cwd: folder, encoding: 'utf8' })
    expect(stdout.match(/^\| \d \| 100\.0 \|/gm), stderr).toHaveLength(8)
  })

  const vocoders = ['melgan', 'parallel-wavegan', 'hifi-gan', 'fre-gan', 'univnet', 'bigvgan', 'istftnet', 'vocos']
  it.each<[name: string, script: string, ...options: string[]]>([
    ...vocoders.map((paper): [string, string, string, string] => [paper, 'train_vocoder', '--paper', paper]),
    ['bigvgan v2', 'train_vocoder', '--paper', 'bigvgan', '--preset', 'tiny-v2'],
    ['wavenet', 'train_wavenet'],
    ['encodec', 'train_encodec', '--paper', 'encodec'],
    ['soundstream', 'train_encodec', '--paper', 'soundstream'],
    ['vocos encodec', 'train_vocoder', '--paper', 'vocos', '--preset', 'tiny-encodec', '--codec', join(runs, 'encodec/export')],
    ['vall-e', 'train_valle'],
    ['vall-e-x', 'train_valle', '--preset', 'tiny-x'],
  ])('%s: what PyTorch trains and exports, TypeScript computes alike', { timeout: 300_000 }, async (name, script, ...options) => {
    const { run, result } = smoke(script, name, ...options)
    expect(result.status, result.stderr).toBe(0)
    expect(result.stdout).toContain("'step': 6")
    await using runtime = await createRuntime({ device: 'cpu', threads: 1 })
    expect(await runCase(runs, join(run, 'export'), runtime)).toMatchObject({ pass: true })
  })
})

const hasRecognizer = spawnSync(python, ['-c', 'import moonshine_voice, num2words, soxr, soundfile'], { stdio: 'ignore' }).status === 0

if (!hasRecognizer && required) throw new Error(`${python} has no moonshine_voice, num2words, soxr and soundfile`)

describe.skipIf(!hasRecognizer)('robustness.py', () => {
  it.each([
    ['the cat the cat sat on the mat', 'The cat sat on the mat.', 'the cat'],
    ['no no no no', 'No, no, no, no.', ''],
    ['one two three and one two three', 'One, two, three, and one.', 'one two three'],
    ['we saw of the king of the hill', 'We saw a king of the hill.', ''],
    ['hello hello', 'Hello.', 'hello'],
  ])('hears in "%s" for "%s" the repeated phrase "%s"', { timeout: 120_000 }, (heard, text, expected) => {
    const script = 'import sys; from eval.robustness import repeated, words; print(*repeated(words(sys.argv[1]), words(sys.argv[2])))'
    const { stdout, stderr } = spawnSync(python, ['-c', script, heard, text], { cwd: folder, encoding: 'utf8' })
    expect(stdout.trim(), stderr).toBe(expected)
  })
})

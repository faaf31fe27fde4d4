import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BundleError } from '@mynah/onnx'
import type { Models } from '../contracts.ts'
import { hashFile } from '../hash-file.ts'
import type { ManifestHead } from './fields.ts'

/** The name of a manifest. */
export const manifestFile = 'bundle.json'

/**
 * Checks one file of a bundle against its manifest.
 * @param expected `bytes` and `sha256` where the manifest tells
 * @returns its absolute path
 * @throws {BundleError} `missing-file`, `corrupted-file`
 */
export async function checkFile(
  folder: string,
  expected: { file: string; bytes?: number | undefined; sha256?: string | undefined },
): Promise<string> {
  const path = join(folder, expected.file)
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile()) {
    throw new BundleError(`${path}: is missing, but ${manifestFile} lists it; install or download the bundle again`, {
      code: 'missing-file',
    })
  }
  if (expected.bytes !== undefined && found.size !== expected.bytes) {
    throw new BundleError(
      `${path}: has ${found.size} bytes, expected ${expected.bytes}; install or download the bundle again (or run "git lfs pull")`,
      { code: 'corrupted-file' },
    )
  }
  if (expected.sha256 === undefined) return path
  const sha256 = await hashFile(path)
  if (sha256 !== expected.sha256) {
    throw new BundleError(`${path}: sha256 is ${sha256}, expected ${expected.sha256}; install or download the bundle again`, {
      code: 'corrupted-file',
    })
  }
  return path
}

/** What must fit together. */
interface Claims extends Pick<Models, 'codec' | 'vocoder' | 'lm'> {
  /** Of the text table. */
  readonly symbols: number
}

/** @throws {BundleError} `malformed-manifest` if a manifest contradicts its models, or these each other */
export function checkClaims(folder: string, manifest: ManifestHead, { codec, vocoder, lm, symbols }: Claims): void {
  const path = join(folder, manifestFile)
  const fail = (problem: string) => {
    throw new BundleError(`${path}: ${problem}`, { code: 'malformed-manifest' })
  }
  const claims = [
    ['sampleRate', manifest.sampleRate, codec.sampleRate],
    ['frameRate', manifest.frameRate, codec.frameRate],
    ['sample rate of vocoder', vocoder.sampleRate, codec.sampleRate],
    ['samples per frame of vocoder', vocoder.samplesFor(1), codec.samplesPerFrame],
    ['latentDim of vocoder', vocoder.featureDim, codec.latentDim],
  ] as const
  for (const [what, found, expected] of claims) {
    if (found !== expected) fail(`${what} is ${found}, expected ${expected}, as its codec has; export it again`)
  }
  if (lm.codebooks > codec.codebooks || lm.codebookSize !== codec.codebookSize) {
    fail(
      `the language model speaks ${lm.codebooks} codebooks of ${lm.codebookSize}, its codec has ${codec.codebooks} of ${codec.codebookSize}; do these files belong together?`,
    )
  }
  if (lm.symbols < symbols)
    fail(`the language model knows ${lm.symbols} symbols, its texts have ${symbols}; do these files belong together?`)
}

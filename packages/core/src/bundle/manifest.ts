import { BundleError } from '@mynah/onnx'
import { z } from 'zod'
import { systemOf, systems } from '../systems/index.ts'
import type { MynahManifest } from '../systems/mynah.ts'
import type { PublishedManifest } from '../systems/vall-e-x.ts'
import { type BundlePart, bundleVersion } from './fields.ts'

/** A real manifest has a few kilobytes; this bounds what JSON.parse may allocate. */
export const maxManifestBytes = 2 ** 20

/** Problems shown of a broken manifest: the first ones usually explain the rest. */
const shownProblems = 3

/** `bundle.json`: what a bundle holds. */
export type BundleManifest = MynahManifest | PublishedManifest

/** A ready voice of a bundle. */
export type BundleVoice = BundleManifest['voices'][number]

/** The models of a bundle by what they are for. */
export function bundleParts(manifest: BundleManifest): Readonly<Record<string, BundlePart>> {
  const isPart = (value: unknown): value is BundlePart => typeof value === 'object' && value !== null && 'architecture' in value
  return Object.fromEntries(Object.entries(manifest).filter((entry): entry is [string, BundlePart] => isPart(entry[1])))
}

/**
 * Reads a manifest.
 * @param text the contents of `bundle.json`
 * @param where its path, for messages
 * @throws {BundleError} `malformed-manifest`, `unsupported-architecture`, or `unknown-version` for one of a later Mynah
 */
export function parseManifest(text: string, where: string): BundleManifest {
  const json = readHead(text, where)
  const system = systems.find(each => each.detect(json))
  if (!system) {
    throw new BundleError(
      `${where}: names no language model; expected the models of ${systems.map(({ name, architectures }) => `${name} (${Object.keys(architectures).join(', ')})`).join(' or ')}`,
      { code: 'malformed-manifest' },
    )
  }
  const parsed = system.schema.safeParse(json)
  if (!parsed.success) {
    const { issues } = parsed.error
    const shown = issues.slice(0, shownProblems).map(({ path, message }) => `${path.join('.')}: ${message}`)
    if (issues.length > shownProblems) shown.push(`and ${issues.length - shownProblems} more`)
    throw new BundleError(`${where}: ${shown.join('; ')}; get the bundle again, or export it again with training/export/export.py`, {
      code: 'malformed-manifest',
    })
  }
  return parsed.data as BundleManifest
}

/** The fields of a bundle of this version. */
function readHead(text: string, where: string): Readonly<Record<string, unknown>> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new BundleError(`${where}: is not JSON (${cause instanceof Error ? cause.message : cause}); get the bundle again`, {
      code: 'malformed-manifest',
      cause,
    })
  }
  const head = z.looseObject({ format: z.literal('mynah-bundle'), version: z.unknown().optional() }).safeParse(json)
  if (!head.success) {
    throw new BundleError(`${where}: has no "format": "mynah-bundle"; pass the folder of a Mynah bundle`, { code: 'malformed-manifest' })
  }
  if (head.data.version !== bundleVersion) {
    throw new BundleError(
      `${where}: has version ${JSON.stringify(head.data.version)}, expected ${bundleVersion}; install the version of @mynah/core that the bundle was made for`,
      { code: 'unknown-version' },
    )
  }
  return head.data
}

/** @throws {BundleError} `unsupported-architecture` if a model is of another architecture than the bundle's system has */
export function checkArchitectures(manifest: BundleManifest, where: string): void {
  const system = systemOf(manifest)
  for (const [part, { architecture }] of Object.entries(bundleParts(manifest))) {
    const expected = system.architectures[part]
    if (expected?.includes(architecture)) continue
    throw new BundleError(
      `${where}: ${part}.architecture is "${architecture}", expected ${expected ? `"${expected[0]}"` : 'no such model'}; install a version of Mynah that knows it`,
      { code: 'unsupported-architecture' },
    )
  }
}

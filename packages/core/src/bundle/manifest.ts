import { BundleError } from '@mynah/onnx'
import { z } from 'zod'

/** The version of `bundle.json` that this code reads. */
export const bundleVersion = 1

/** A real manifest has a few kilobytes; this bounds what JSON.parse may allocate. */
export const maxManifestBytes = 2 ** 20

/** More symbols than the whole of Unicode's phonetic blocks. */
const maxPhonemes = 4096
/** Problems shown of a broken manifest: the first ones usually explain the rest. */
const shownProblems = 3

/** Forward slashes, no absolute path, no drive letter, no empty, `.` or `..` step: nothing outside of the bundle's folder can be named. */
const pathInside = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[\w.+-]+(?:\/[\w.+-]+)*$/

const file = z.string().max(255).regex(pathInside, 'expected a plain path inside the bundle, such as "codec.safetensors"')
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits')
const part = z.object({
  architecture: z.string().min(1),
  config: z.record(z.string(), z.unknown()),
  file,
  bytes: z.int().positive(),
  sha256,
})
const sampling = z.object({
  temperature: z.number().min(0),
  topK: z.int().positive(),
  topP: z.number().positive().max(1),
  repetitionPenalty: z.number().positive(),
})
const voice = z.object({
  name: z.string().min(1).max(100),
  file,
  description: z.string().default(''),
  licence: z.string().default(''),
  sha256,
})

const schema = z.object({
  format: z.literal('mynah-bundle'),
  version: z.literal(bundleVersion),
  name: z.string().min(1),
  language: z.string().min(1),
  licence: z.string().min(1),
  sampleRate: z.int().positive(),
  frameRate: z.number().positive(),
  phonemes: z
    .array(z.string().refine(symbol => [...symbol].length === 1, 'expected one character'))
    .min(2)
    .max(maxPhonemes)
    .refine(symbols => new Set(symbols).size === symbols.length, 'expected every symbol once'),
  codec: part,
  vocoder: part,
  ar: part,
  nar: part,
  aligner: part,
  sampling,
  voices: z.array(voice).refine(voices => new Set(voices.map(({ name }) => name)).size === voices.length, 'expected every name once'),
})

/** `bundle.json`: what a bundle holds. Written by `training/export.py`. */
export type BundleManifest = z.infer<typeof schema>

/** One model of a bundle: architecture, its config (checked by the architecture itself), and the file of its weights. */
export type BundlePart = z.infer<typeof part>

/** A ready voice of a bundle. */
export type BundleVoice = z.infer<typeof voice>

/** Defaults of the sampling options. */
export type Sampling = z.infer<typeof sampling>

/**
 * Reads a manifest.
 * @param text the contents of `bundle.json`
 * @param where its path, for messages
 * @throws {BundleError} `malformed-manifest`, or `unknown-version` for one of a later Mynah
 */
export function parseManifest(text: string, where: string): BundleManifest {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new BundleError(`${where}: is not JSON (${cause instanceof Error ? cause.message : cause}); get the bundle again`, {
      code: 'malformed-manifest',
      cause,
    })
  }
  const head = z.object({ format: z.literal('mynah-bundle'), version: z.unknown().optional() }).safeParse(json)
  if (!head.success) {
    throw new BundleError(`${where}: has no "format": "mynah-bundle"; pass the folder of a Mynah bundle`, { code: 'malformed-manifest' })
  }
  if (head.data.version !== bundleVersion) {
    throw new BundleError(
      `${where}: has version ${JSON.stringify(head.data.version)}, expected ${bundleVersion}; install the version of @mynah/core that the bundle was made for`,
      { code: 'unknown-version' },
    )
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const { issues } = parsed.error
  const shown = issues.slice(0, shownProblems).map(({ path, message }) => `${path.join('.')}: ${message}`)
  if (issues.length > shownProblems) shown.push(`and ${issues.length - shownProblems} more`)
  throw new BundleError(`${where}: ${shown.join('; ')}; get the bundle again, or export it again with training/export.py`, {
    code: 'malformed-manifest',
  })
}

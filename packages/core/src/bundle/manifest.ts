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
  takes: z.int().min(1).max(16).default(1),
})
const voice = z.object({
  name: z.string().min(1).max(100),
  file,
  description: z.string().default(''),
  licence: z.string().default(''),
  sha256,
})

const uniqueNames = (voices: readonly { readonly name: string }[]) => new Set(voices.map(({ name }) => name)).size === voices.length
const head = z.object({
  format: z.literal('mynah-bundle'),
  version: z.literal(bundleVersion),
  name: z.string().min(1),
  language: z.string().min(1),
  licence: z.string().min(1),
  sampleRate: z.int().positive(),
  frameRate: z.number().positive(),
})
const mynahSchema = head.extend({
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
  listener: part.optional(),
  sampling,
  voices: z.array(voice).refine(uniqueNames, 'expected every name once'),
})

/** A published checkpoint: its config lies inside or beside it unless given, and its sums may be left out. */
const publishedPart = z.object({
  architecture: z.string().min(1),
  config: z.record(z.string(), z.unknown()).optional(),
  file,
  bytes: z.int().positive().optional(),
  sha256: sha256.optional(),
})
const publishedSchema = head.extend({
  lm: publishedPart.extend({ dtype: z.enum(['float32', 'int8', 'int4']).default('float32') }),
  codec: publishedPart.extend({ sha256 }), // it names the codec in voices
  vocoder: publishedPart,
  sampling: z
    .object({
      temperature: z.number().min(0).default(1),
      topK: z.int().nonnegative().default(0),
      topP: z.number().positive().max(1).default(1),
      repetitionPenalty: z.number().positive().default(1),
      repetitionAware: z.boolean().default(false),
    })
    .prefault({}),
  voices: z
    .array(voice.extend({ sha256: sha256.optional() }))
    .default([])
    .refine(uniqueNames, 'expected every name once'),
})

/** `bundle.json` of Mynah's own models. Written by `training/export.py`. */
export type MynahManifest = z.infer<typeof mynahSchema>

/** `bundle.json` of published checkpoints: a language model, a codec and a vocoder. Written by hand: docs/formats/bundle.md. */
export type PublishedManifest = z.infer<typeof publishedSchema>

/** `bundle.json`: what a bundle holds. */
export type BundleManifest = MynahManifest | PublishedManifest

/** One model of a bundle: architecture, its config (checked by the architecture itself), and the file of its weights. */
export type BundlePart = z.infer<typeof part> | z.infer<typeof publishedPart>

/** A ready voice of a bundle. */
export type BundleVoice = BundleManifest['voices'][number]

/** Defaults of the sampling options. */
export type Sampling = z.infer<typeof sampling>

/** Whether a manifest is one of published checkpoints. */
export function isPublished(manifest: unknown): manifest is PublishedManifest {
  return typeof manifest === 'object' && manifest !== null && 'lm' in manifest
}

/** The models of a bundle by what they are for. */
export function bundleParts(manifest: BundleManifest): Readonly<Record<string, BundlePart>> {
  if (isPublished(manifest)) return { lm: manifest.lm, codec: manifest.codec, vocoder: manifest.vocoder }
  const { codec, vocoder, ar, nar, aligner, listener } = manifest
  return { codec, vocoder, ar, nar, aligner, ...(listener ? { listener } : {}) }
}

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
  const began = z.object({ format: z.literal('mynah-bundle'), version: z.unknown().optional() }).safeParse(json)
  if (!began.success) {
    throw new BundleError(`${where}: has no "format": "mynah-bundle"; pass the folder of a Mynah bundle`, { code: 'malformed-manifest' })
  }
  if (began.data.version !== bundleVersion) {
    throw new BundleError(
      `${where}: has version ${JSON.stringify(began.data.version)}, expected ${bundleVersion}; install the version of @mynah/core that the bundle was made for`,
      { code: 'unknown-version' },
    )
  }
  const parsed = (isPublished(json) ? publishedSchema : mynahSchema).safeParse(json)
  if (parsed.success) return parsed.data
  const { issues } = parsed.error
  const shown = issues.slice(0, shownProblems).map(({ path, message }) => `${path.join('.')}: ${message}`)
  if (issues.length > shownProblems) shown.push(`and ${issues.length - shownProblems} more`)
  throw new BundleError(`${where}: ${shown.join('; ')}; get the bundle again, or export it again with training/export.py`, {
    code: 'malformed-manifest',
  })
}

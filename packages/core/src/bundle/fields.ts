import { z } from 'zod'

/** The version of `bundle.json` that this code reads. */
export const bundleVersion = 1

/** Forward slashes, no absolute path, no drive letter, no empty, `.` or `..` step: nothing outside of the bundle's folder can be named. */
const pathInside = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[\w.+-]+(?:\/[\w.+-]+)*$/

const file = z.string().max(255).regex(pathInside, 'expected a plain path inside the bundle, such as "codec.safetensors"')
/** The sum of a file. */
export const sha256Field = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits')

/** A model of a bundle: architecture, its config (checked by the architecture itself), and the file of its weights. */
export const partFields = z.object({
  architecture: z.string().min(1),
  config: z.record(z.string(), z.unknown()),
  file,
  bytes: z.int().positive(),
  sha256: sha256Field,
})

/** A published checkpoint: its config lies inside or beside it unless given, and its sums may be left out. */
export const publishedPartFields = partFields.partial({ config: true, bytes: true, sha256: true })

/** A ready voice. */
export const voiceFields = z.object({
  name: z.string().min(1).max(100),
  file,
  description: z.string().default(''),
  licence: z.string().default(''),
  sha256: sha256Field,
})

/** For lists of voices. */
export const uniqueNames = [
  (voices: readonly { readonly name: string }[]) => new Set(voices.map(({ name }) => name)).size === voices.length,
  'expected every name once',
] as const

/** Defaults of the sampling options. */
export const samplingFields = z.object({
  temperature: z.number().min(0),
  topK: z.int().nonnegative(),
  topP: z.number().positive().max(1),
  repetitionPenalty: z.number().positive(),
  candidates: z.int().min(1).max(16).optional(),
  repetitionAware: z.boolean().optional(),
})

/** What every bundle says. */
export const headFields = z.object({
  format: z.literal('mynah-bundle'),
  version: z.literal(bundleVersion),
  name: z.string().min(1),
  language: z.string().min(1),
  licence: z.string().min(1),
  sampleRate: z.int().positive(),
  frameRate: z.number().positive(),
})

/** One model of a bundle. */
export type BundlePart = z.infer<typeof publishedPartFields>

/** Defaults of the sampling options. */
export type Sampling = z.infer<typeof samplingFields>

/** What the manifests of all systems have. */
export interface ManifestHead extends z.infer<typeof headFields> {
  readonly codec: BundlePart & { readonly sha256: string }
  readonly sampling: Sampling
  readonly voices: readonly (Omit<z.infer<typeof voiceFields>, 'sha256'> & { readonly sha256?: string | undefined })[]
}

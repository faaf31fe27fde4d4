import type { Runtime } from '@mynah/onnx'
import type { z } from 'zod'
import type { ManifestHead } from '../bundle/fields.ts'
import type { Models } from '../contracts.ts'
import type { TextStyle } from '../phoneme-sequence.ts'

/** Speech options that not every system has. */
export type SystemOption = 'candidates' | 'language' | 'repetitionAware'

/** The networks of a bundle. Disposing of them closes their files, too. */
export type Networks = Omit<Models, 'frontEnd'>

/** How a system's texts are written: its phoneme table, and its corpus' habits. */
export interface SystemText {
  /** The phoneme table in the order of the ids. */
  readonly symbols: readonly string[]
  readonly style: TextStyle
}

/**
 * A way to speak: which models a bundle holds, and how they work together. One file each in this folder, and one line in `index.ts`.
 */
export interface System<Manifest extends ManifestHead = ManifestHead> {
  readonly name: string
  /** The architecture of each model of a bundle, or all spellings of it. */
  readonly architectures: Readonly<Record<string, readonly string[]>>
  /** `bundle.json` */
  readonly schema: z.ZodType<Manifest>
  /** Speech options that it does not have, and why: what a caller asks for them becomes a warning. */
  readonly lacks: Readonly<Partial<Record<SystemOption, string>>>
  /** Whether these fields of a `bundle.json` are meant for it. */
  detect(fields: Readonly<Record<string, unknown>>): boolean
  textOf(manifest: Manifest): SystemText
  /**
   * Checks every file of the bundle and loads its models; the largest one first, since building one takes several times its size for a moment.
   * @throws {BundleError} `missing-file`, `corrupted-file`; `malformed-manifest` if the manifest contradicts the models
   * @throws {CheckpointError} where tensors are missing or have another shape than the config says
   */
  load(folder: string, manifest: Manifest, runtime: Runtime): Promise<Networks>
}

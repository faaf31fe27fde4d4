import models from './catalogue.json' with { type: 'json' }

/** One file of a published model. */
export interface CatalogueFile {
  /** Its name in the cache, where a config keeps the name under which architectures look for it. */
  readonly file: string
  /** Where it was published; of a Git repository a commit where one is known, so that its bytes cannot change. */
  readonly url: string
  /** Exact length, where a source states it. */
  readonly bytes?: number
  /** Roughly, in MB of 10⁶ bytes, where `bytes` is unknown. */
  readonly megabytes?: number
  /** Lower-case hex digits: all 64, or the first ones where only these are known. */
  readonly sha256?: string
  /** Its object id in Git (SHA-1 of "blob", length and content), where that is what is known. */
  readonly gitBlob?: string
}

/** A published model that Mynah runs, and where its files are. */
export interface CatalogueModel {
  readonly name: string
  readonly kind: 'codec' | 'language model' | 'vocoder'
  readonly sampleRate: number
  /** Of the weights, as their publisher states it. */
  readonly licence: string
  /** Page of the publisher. */
  readonly home: string
  /** The first one is the checkpoint. */
  readonly files: readonly [CatalogueFile, ...CatalogueFile[]]
}

/**
 * Published models that Mynah runs, and that have an address of their own. What a size or a hash is known from:
 * the file's name (EnCodec), the Git repository that holds it, or public projects that pin it.
 */
export const catalogue = models as unknown as readonly CatalogueModel[]

/** Bytes of a file, roughly where its exact length is unknown. */
export function sizeOf({ bytes, megabytes }: CatalogueFile): number {
  return bytes ?? (megabytes ?? 0) * 1e6
}

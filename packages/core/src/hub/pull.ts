import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { HubError } from '../errors.ts'
import { downloadBundle, findCachedBundle, isHubReference, parseHubReference } from './bundle.ts'
import { type CatalogueModel, catalogue, sizeOf } from './catalogue.ts'
import { downloadFile } from './download.ts'
import { type HubOptions, type HubSettings, readSettings } from './settings.ts'

/** A published model, and whether it has been downloaded. */
export interface ListedModel extends CatalogueModel {
  /** Bytes of all its files, roughly where an exact length is unknown. */
  readonly bytes: number
  /** Where its files are, or would be. */
  readonly folder: string
  readonly isCached: boolean
}

/** A model that is on this machine. */
export interface PulledModel {
  /** As it was asked for. */
  readonly name: string
  /** Absolute path: what `createSynthesizer` takes, if it is a bundle. */
  readonly folder: string
  /** The checkpoint, which lies beside its config, or `bundle.json`. */
  readonly path: string
}

/** How much longer than its rough size a file may be. */
const roughness = 1.5

/** Lists the published models that `pullModel` knows by name. Reads the cache, and never the network. */
export async function listModels(options: HubOptions = {}): Promise<ListedModel[]> {
  const settings = readSettings(options)
  return Promise.all(
    catalogue.map(async model => ({
      ...model,
      bytes: model.files.reduce((sum, file) => sum + sizeOf(file), 0),
      folder: modelFolder(model, settings),
      isCached: await isCached(model, settings),
    })),
  )
}

/**
 * Downloads a published model, or what is missing of it; what is there is verified. Several processes may do so at once: one downloads.
 * @param name of the catalogue, or `hf:owner/name[@revision]` for a bundle on the Hugging Face hub
 * @throws {HubError} if it cannot be had, or is not what it should be; {BundleError} for a bundle that this version cannot read
 * @throws the reason of `options.signal`
 */
export async function pullModel(name: string, options: HubOptions = {}): Promise<PulledModel> {
  const settings = readSettings(options)
  if (isHubReference(name)) {
    const reference = parseHubReference(name)
    const offline = settings.offline ? await findCachedBundle(reference, settings) : undefined
    return bundleAt(name, offline ?? (await downloadBundle(reference, settings)))
  }
  const model = findModel(name)
  const folder = modelFolder(model, settings)
  for (const file of model.files) {
    const maxBytes = Math.ceil(sizeOf(file) * roughness)
    await downloadFile({ name, ...file, maxBytes }, join(folder, file.file), settings)
  }
  return { name, folder, path: join(folder, model.files[0].file) }
}

/**
 * The folder of a bundle on the hub: the one that was downloaded before, without using the network, or else `pullModel`.
 * @throws as `pullModel` does
 */
export async function resolveHubBundle(name: string, options: HubOptions = {}): Promise<string> {
  const cached = await findCachedBundle(parseHubReference(name), readSettings(options))
  return cached ?? (await pullModel(name, options)).folder
}

function bundleAt(name: string, folder: string): PulledModel {
  return { name, folder, path: join(folder, 'bundle.json') }
}

function findModel(name: string): CatalogueModel {
  const found = catalogue.find(model => model.name === name)
  if (found) return found
  const known = catalogue.map(model => model.name).join(', ')
  throw new HubError(`model "${name}": is not in the catalogue, which has ${known}; or name a bundle on the hub: hf:owner/name`, {
    code: 'unknown-model',
  })
}

const modelFolder = ({ name }: CatalogueModel, { cacheFolder }: HubSettings) => join(cacheFolder, 'models', name)

/** A file gets its name only after it was verified: that it is there, and as long as it should be, is enough here. */
async function isCached(model: CatalogueModel, settings: HubSettings): Promise<boolean> {
  const sizes = await Promise.all(
    model.files.map(async ({ file, bytes }) => {
      const found = await stat(join(modelFolder(model, settings), file)).catch(() => undefined)
      return found?.isFile() && (bytes === undefined || found.size === bytes)
    }),
  )
  return sizes.every(Boolean)
}

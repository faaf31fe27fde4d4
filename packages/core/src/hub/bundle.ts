import { createHash } from 'node:crypto'
import { copyFile, link, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { maxManifestBytes, parseManifest } from '../bundle/manifest.ts'
import { HubError } from '../errors.ts'
import { downloadFile, maxFileBytes } from './download.ts'
import { defaultPatience, persist } from './persist.ts'
import { request } from './request.ts'
import { type HubSettings, locate, publicEndpoint, showUrl } from './settings.ts'

/** A bundle in a repository of the Hugging Face hub. */
export interface HubReference {
  readonly repository: string
  /** Branch, tag or commit. */
  readonly revision: string
}

/** One file that a manifest lists. */
interface ListedFile {
  readonly file: string
  readonly bytes?: number
  readonly sha256: string
}

const manifestFile = 'bundle.json'
/** A voice, whose manifest does not say how long it is, holds a few seconds of codes. */
const maxUnsizedBytes = 64 * 2 ** 20
/** Real bundles list ten files. */
const maxFiles = 1000
/** The hub's own rules are narrower; what matters is that nothing can climb out of the cache. */
const referencePattern = /^hf:(?<repository>[\w-][\w.-]{0,95}\/[\w-][\w.-]{0,95})(?:@(?<revision>[\w-][\w.-]*(?:\/[\w-][\w.-]*)*))?$/
/** Plain steps with forward slashes; none that climbs, and none that Windows takes for another name or for a device. */
const safeName = /^(?:(?!(?:con|prn|aux|nul|com\d|lpt\d)(?:[./]|$))[\w+-][\w.+-]*(?<!\.)(?:\/(?!$)|$))+$/i

/** Whether a bundle is meant to be found on the hub. */
export function isHubReference(bundle: string | URL): boolean {
  return String(bundle).startsWith('hf:')
}

/** @throws {HubError} `unsafe-name` */
export function parseHubReference(text: string): HubReference {
  const { repository, revision = 'main' } = referencePattern.exec(text)?.groups ?? {}
  if (repository !== undefined && text.length < 300) return { repository, revision }
  throw new HubError(
    `"${text.slice(0, 300)}": is no repository of the hub, expected hf:owner/name or hf:owner/name@revision; check the name`,
    {
      code: 'unsafe-name',
    },
  )
}

/**
 * The folder of a bundle that was downloaded before, without using the network.
 * @returns undefined unless all its files are there
 */
export async function findCachedBundle(reference: HubReference, settings: HubSettings): Promise<string | undefined> {
  const snapshot = (await readFile(refPath(reference, settings), 'utf8').catch(() => '')).trim()
  if (!/^[0-9a-f]{16}$/.test(snapshot)) return undefined
  const folder = join(bundleFolder(reference, settings), snapshot)
  const text = await readFile(join(folder, manifestFile), 'utf8').catch(() => undefined)
  if (text === undefined || nameSnapshot(text) !== snapshot) return undefined
  const sizes = await Promise.all(
    listFiles(text, folder).map(async ({ file, bytes }) => {
      const found = await stat(join(folder, file)).catch(() => undefined)
      return found?.isFile() && (bytes === undefined || found.size === bytes)
    }),
  )
  return sizes.every(Boolean) ? folder : undefined
}

/**
 * Downloads what a bundle's repository has now: `bundle.json`, and then the files it lists, each checked against its sha256. A new version
 * gets a folder of its own, so that whoever is reading the former one is not disturbed; files that both have are not downloaded again.
 * @returns its folder
 * @throws {HubError} any but `unknown-model`; {BundleError} `malformed-manifest`, `unknown-version`
 */
export async function downloadBundle(reference: HubReference, settings: HubSettings): Promise<string> {
  const { repository } = reference
  const { text, commit } = await fetchManifest(reference, settings)
  const former = await findCachedBundle(reference, settings)
  const hasFormer = former === undefined ? [] : listFiles(await readFile(join(former, manifestFile), 'utf8'), former)
  const folder = join(bundleFolder(reference, settings), nameSnapshot(text))
  for (const listed of listFiles(text, `hf:${repository}`)) {
    const target = join(folder, listed.file)
    const same = hasFormer.find(({ sha256 }) => sha256 === listed.sha256)
    if (former !== undefined && same && former !== folder) await reuse(join(former, same.file), target)
    const url = resolveUrl({ repository, revision: commit ?? reference.revision }, listed.file)
    await downloadFile({ name: `hf:${repository}`, url, maxBytes: maxUnsizedBytes, ...listed }, target, settings)
  }
  await writeWhole(join(folder, manifestFile), text)
  await writeWhole(refPath(reference, settings), nameSnapshot(text))
  return folder
}

const resolveUrl = ({ repository, revision }: HubReference, file: string) =>
  `${publicEndpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${file}`
/** A version of a bundle is its manifest, which has the sha256 of everything else. */
const nameSnapshot = (manifest: string) => createHash('sha256').update(manifest).digest('hex').slice(0, 16)
const bundleFolder = ({ repository }: HubReference, { cacheFolder }: HubSettings) => join(cacheFolder, 'hf', ...repository.split('/'))
const refPath = (reference: HubReference, settings: HubSettings) =>
  join(bundleFolder(reference, settings), 'refs', encodeURIComponent(reference.revision))

async function fetchManifest(reference: HubReference, settings: HubSettings): Promise<{ text: string; commit: string | undefined }> {
  const url = locate(resolveUrl(reference, manifestFile), settings)
  const where = showUrl(url)
  if (settings.offline) {
    throw new HubError(
      `hf:${reference.repository}@${reference.revision}: is not complete in ${settings.cacheFolder}, and downloads are switched off; download it once without MYNAH_OFFLINE`,
      { code: 'offline' },
    )
  }
  return persist(where, settings, defaultPatience, async (signal, alive) => {
    const { body, linked } = await request(url, {}, settings, signal)
    const pieces: Uint8Array[] = []
    let bytes = 0
    for await (const piece of body) {
      alive()
      bytes += piece.length
      if (bytes > maxManifestBytes) {
        throw new HubError(
          `${where}: has more than ${maxManifestBytes} bytes, expected a manifest; is it the repository of a Mynah bundle?`,
          {
            code: 'too-large',
          },
        )
      }
      pieces.push(piece)
    }
    return { text: Buffer.concat(pieces).toString('utf8'), commit: linked.commit }
  })
}

/**
 * Every file that a manifest mentions, whatever the part: an object with `file` and `sha256`. The manifest comes from a stranger.
 * @throws {BundleError} those of `parseManifest`; {HubError} `unsafe-name`, `too-large`
 */
function listFiles(text: string, where: string): ListedFile[] {
  const files = new Map<string, ListedFile>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    if ('file' in value && typeof value.file === 'string' && 'sha256' in value && typeof value.sha256 === 'string') {
      const bytes = 'bytes' in value && typeof value.bytes === 'number' ? { bytes: value.bytes } : {}
      add({ file: value.file, sha256: value.sha256, ...bytes })
    }
    for (const inner of Object.values(value)) visit(inner)
  }
  const add = (listed: ListedFile) => {
    const { file, bytes = 0, sha256 } = listed
    const key = file.toLowerCase() // one file on macOS and Windows
    if (!safeName.test(file) || key === manifestFile || (files.get(key)?.sha256 ?? sha256) !== sha256) {
      throw new HubError(
        `${where}: ${manifestFile} lists "${file}", expected a plain name, once; do not use this bundle, and tell its publisher`,
        {
          code: 'unsafe-name',
        },
      )
    }
    if (bytes > maxFileBytes || files.size >= maxFiles) {
      const limits = `at most ${maxFiles} files of at most ${maxFileBytes} bytes`
      throw new HubError(`${where}: ${manifestFile} lists "${file}" of ${bytes} bytes, expected ${limits}; tell its publisher`, {
        code: 'too-large',
      })
    }
    files.set(key, listed)
  }
  visit(parseManifest(text, `${where}/${manifestFile}`))
  return [...files.values()]
}

/** The same bytes under a new name, or a copy where the file system has no links. What is there is checked afterwards, like a download. */
async function reuse(from: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  await link(from, target).catch(() => copyFile(from, target).catch(() => undefined))
}

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}.${Date.now()}`
  await writeFile(draft, text)
  await rename(draft, path)
}

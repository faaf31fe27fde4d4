import { readFile, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BundleError } from '@mynah/onnx'
import { isHubReference } from '../hub/bundle.ts'
import { resolveHubBundle } from '../hub/pull.ts'
import type { HubOptions } from '../hub/settings.ts'
import { placeOfCore } from '../placed.ts'
import { Voice } from '../voice/voice.ts'
import { checkFile, manifestFile } from './files.ts'
import { type BundleManifest, checkArchitectures, maxManifestBytes, parseManifest } from './manifest.ts'

/** The model that comes with Mynah. */
const embeddedBundle = '@mynah/voice-en'
/** npm's rule for names: such a string may be a package, anything else is a path. */
const packageName = /^(?:@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*$/

/** A bundle whose manifest has been read. Files are checked when they are used. */
export interface Bundle {
  /** Absolute path. */
  readonly folder: string
  readonly manifest: BundleManifest
}

/**
 * Finds a bundle and reads its manifest.
 * @param bundle a folder, the name of an installed package, or `hf:owner/name[@revision]`, downloaded unless it was before; without it the
 * embedded English model
 * @param hub how to download
 * @throws {BundleError} `bundle-not-found`, `malformed-manifest`, `unknown-version`, `unsupported-architecture`
 * @throws {HubError} if it cannot be downloaded
 */
export async function openBundle(bundle: string | URL = embeddedBundle, hub?: HubOptions): Promise<Bundle> {
  if (typeof bundle !== 'string' && !(bundle instanceof URL)) {
    throw new TypeError(`bundle is ${typeof bundle}, expected the path of a folder or the name of a package`)
  }
  const folder = isHubReference(bundle) ? await resolveHubBundle(String(bundle), hub) : await findFolder(bundle)
  const path = join(folder, manifestFile)
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile()) {
    throw new BundleError(`${folder}: has no ${manifestFile}; pass the folder of a Mynah bundle, which holds ${manifestFile} and weights`, {
      code: 'bundle-not-found',
    })
  }
  if (found.size > maxManifestBytes) {
    throw new BundleError(`${path}: has ${found.size} bytes, expected at most ${maxManifestBytes}; get the bundle again`, {
      code: 'malformed-manifest',
    })
  }
  const manifest = parseManifest(await readFile(path, 'utf8'), path)
  checkArchitectures(manifest, path)
  return { folder, manifest }
}

async function findFolder(bundle: string | URL): Promise<string> {
  const path = bundle instanceof URL ? fileURLToPath(bundle) : resolve(bundle)
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false
  if (isFolder) return path
  const name = String(bundle)
  if (!packageName.test(name)) {
    throw new BundleError(`bundle "${name}": there is no folder ${path}; check the path`, { code: 'bundle-not-found' })
  }
  // as the application sees its packages, then as this one does
  for (const from of [join(process.cwd(), 'bundle'), placeOfCore]) {
    try {
      return dirname(createRequire(from).resolve(`${name}/${manifestFile}`))
    } catch {
      // not installed there
    }
  }
  throw new BundleError(
    `bundle "${name}": is neither a folder nor an installed package with a ${manifestFile}; run "npm install ${name}"`,
    {
      code: 'bundle-not-found',
    },
  )
}

/**
 * Loads a ready voice of a bundle.
 * @throws {RangeError} if the bundle has no voice of that name
 * @throws {BundleError} those of `checkFile`
 * @throws {VoiceError} those of `Voice.load`
 */
export async function loadBundleVoice({ folder, manifest }: Bundle, name: string): Promise<Voice> {
  const voice = manifest.voices.find(each => each.name === name)
  if (!voice) {
    const names = manifest.voices.map(each => `"${each.name}"`).join(', ')
    throw new RangeError(
      `voice "${name}": ${manifest.name} has ${names === '' ? 'no ready voices' : names}; or pass a Voice from createVoice or Voice.load`,
    )
  }
  const path = await checkFile(folder, voice)
  if (!voice.file.endsWith('.npz')) return Voice.load(path)
  const { architecture, sha256 } = manifest.codec
  return Voice.fromNpz(path, { name, licence: voice.licence, codec: `${architecture}@${sha256}` })
}

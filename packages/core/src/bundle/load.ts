import { readFile, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Codec, loadCodec, loadMynahCodec } from '@mynah/codec'
import { type Aligner, createVallELanguageModel, loadMynahAligner, loadMynahLm, loadVallE } from '@mynah/lm'
import { BundleError, loadWeights, type Runtime, type Weights } from '@mynah/onnx'
import { loadMynahDecoder, loadVocoder, type Vocoder } from '@mynah/vocoder'
import type { Models } from '../contracts.ts'
import { createFrontEnd } from '../front-end.ts'
import { hashFile } from '../hash-file.ts'
import { isHubReference } from '../hub/bundle.ts'
import { resolveHubBundle } from '../hub/pull.ts'
import type { HubOptions } from '../hub/settings.ts'
import { createLexicon } from '../text/lexicon.ts'
import { createPhonemizer } from '../text/phonemize.ts'
import { vallEXStyle, vallEXSymbols } from '../text/vall-e-x.ts'
import { Voice } from '../voice/voice.ts'
import {
  type BundleManifest,
  type BundlePart,
  bundleParts,
  isPublished,
  type MynahManifest,
  maxManifestBytes,
  type PublishedManifest,
  parseManifest,
} from './manifest.ts'

/** The model that comes with Mynah. */
const embeddedBundle = '@mynah/voice-en'
const manifestFile = 'bundle.json'
/** npm's rule for names: such a string may be a package, anything else is a path. */
const packageName = /^(?:@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*$/
/** What each part of a bundle may be today. */
const mynahArchitectures = {
  codec: 'mynah-codec',
  vocoder: 'mynah-decoder',
  ar: 'mynah-ar',
  nar: 'mynah-nar',
  aligner: 'mynah-aligner',
  listener: 'mynah-listener',
} as const
const publishedArchitectures = { lm: 'vall-e-x', codec: 'encodec', vocoder: 'vocos' } as const

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
  const expected: Readonly<Record<string, string>> = isPublished(manifest) ? publishedArchitectures : mynahArchitectures
  for (const [part, { architecture: name }] of Object.entries(bundleParts(manifest))) {
    const architecture = expected[part]
    if (name === architecture) continue
    throw new BundleError(
      `${path}: ${part}.architecture is "${name}", expected "${architecture}"; install a version of Mynah that knows it`,
      {
        code: 'unsupported-architecture',
      },
    )
  }
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
  for (const from of [join(process.cwd(), 'bundle'), import.meta.url]) {
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

/** What the phonemizer reads while the models load: until its code has been compiled, espeak-ng takes half a second and more for a sentence, afterwards a tenth. */
const warmUpText =
  'The old lighthouse keeper counted seven ships before the storm came in. He came back to the harbour with a broken mast and seven wet sailors.'

/**
 * Checks every weight file of a bundle and builds its models; disposing of them and of `runtime` frees everything.
 * @param lexicon pronunciations of words, see `createLexicon`
 * @throws {BundleError} those of `checkFile`; `malformed-manifest` if it contradicts the models
 * @throws {CheckpointError} where tensors are missing or have another shape than the config says
 * @throws {RangeError} for an entry of the lexicon that cannot be used
 */
export async function loadModels(bundle: Bundle, runtime: Runtime, lexicon: Readonly<Record<string, string>> = {}): Promise<Models> {
  const phonemizer = createPhonemizer({ lexicon: createLexicon(lexicon) })
  try {
    const { folder, manifest } = bundle
    const frontEnd = isPublished(manifest)
      ? createFrontEnd(vallEXSymbols, phonemizer, vallEXStyle)
      : createFrontEnd(manifest.phonemes, phonemizer)
    const networks = isPublished(manifest) ? loadPublished(folder, manifest, runtime) : loadNetworks(folder, manifest, runtime)
    const [models] = await Promise.all([networks, phonemizer.phonemize(warmUpText)])
    const close = async () => {
      await Promise.all([frontEnd[Symbol.asyncDispose](), models[Symbol.asyncDispose]()])
    }
    return { ...models, frontEnd, [Symbol.asyncDispose]: close }
  } catch (error) {
    await phonemizer[Symbol.asyncDispose]()
    throw error
  }
}

async function loadNetworks(folder: string, manifest: MynahManifest, runtime: Runtime): Promise<Omit<Models, 'frontEnd'>> {
  await Promise.all(Object.values(bundleParts(manifest)).map(part => checkFile(folder, part)))
  // The files stay open: what is needed later is read later, and what a crash of the inference thread takes is read again.
  const files: Weights[] = []
  const close = async () => {
    for (const file of files) file.close()
  }
  const open = ({ file }: BundlePart) => {
    const weights = loadWeights(join(folder, file))
    files.push(weights)
    return weights
  }
  try {
    return { ...(await buildNetworks(folder, manifest, open, runtime)), [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The networks on files that `open` opens and that stay open. The largest comes first: building one takes several times its size for a moment. */
async function buildNetworks(
  folder: string,
  manifest: MynahManifest,
  open: (part: BundlePart) => Weights,
  runtime: Runtime,
): Promise<Omit<Models, 'frontEnd' | typeof Symbol.asyncDispose>> {
  const { codec, vocoder: decoder, ar, nar, aligner, listener } = manifest
  const part = (each: BundlePart) => ({ weights: open(each), config: each.config })
  const vocoder = await loadMynahDecoder(open(decoder), decoder.config, runtime)
  const mynahCodec = await loadMynahCodec(open(codec), codec.config, runtime)
  checkClaims(folder, manifest, mynahCodec, vocoder)
  const lm = await loadMynahLm(
    { ar: part(ar), nar: part(nar), listener: listener && part(listener), codebook: mynahCodec.codebook },
    runtime,
  )
  let loading: Promise<Aligner> | undefined
  return {
    codec: mynahCodec,
    codecId: `${codec.architecture}@${codec.sha256}`,
    aligner: {
      load: () => {
        loading ??= loadMynahAligner(open(aligner), aligner.config, runtime)
        return loading
      },
      features: waveform => mynahCodec.features(waveform),
    },
    lm,
    vocoder,
  }
}

/** Published checkpoints: VALL-E X, EnCodec and Vocos for EnCodec. Loads one after another, the largest first, so that memory peaks low. */
async function loadPublished(folder: string, manifest: PublishedManifest, runtime: Runtime): Promise<Omit<Models, 'frontEnd'>> {
  const { lm, codec, vocoder } = manifest
  await Promise.all([lm, codec, vocoder].map(part => checkFile(folder, part)))
  const open = ({ file, config }: { file: string; config?: Record<string, unknown> | undefined }) =>
    [join(folder, file), { runtime, ...(config ? { config } : {}) }] as const
  const [lmPath, lmOptions] = open(lm)
  const valle = await loadVallE(lmPath, { ...lmOptions, dtype: lm.dtype })
  const encodec = await loadCodec(...open(codec))
  const vocos = await loadVocoder(...open(vocoder))
  checkClaims(folder, manifest, encodec, vocos)
  const { codebooks, audioTokens, textTokens } = valle.config
  const misfit =
    codebooks > encodec.codebooks || audioTokens !== encodec.codebookSize
      ? `the language model speaks ${codebooks} codebooks of ${audioTokens}, its codec has ${encodec.codebooks} of ${encodec.codebookSize}`
      : textTokens < vallEXSymbols.length
        ? `the language model knows ${textTokens} text tokens, VALL-E X has ${vallEXSymbols.length}`
        : undefined
  if (misfit) throw malformedManifest(folder, `${misfit}; do these files belong together?`)
  const kbps = (codebooks * Math.log2(audioTokens) * encodec.frameRate) / 1000
  const bandwidthId = vocos.bandwidths?.findIndex(bandwidth => Math.abs(bandwidth - kbps) < 0.01) ?? -1
  return {
    codec: firstCodebooks(encodec, codebooks),
    codecId: `${codec.architecture}@${codec.sha256}`,
    aligner: undefined,
    lm: createVallELanguageModel(valle, codes => vocos.toFeatures(codes, { codebookSize: audioTokens })),
    spokenCodebooks: codebooks,
    vocoder: bandwidthId < 0 ? vocos : { ...vocos, decode: (features, options) => vocos.decode(features, { ...options, bandwidthId }) },
    [Symbol.asyncDispose]: async () => {},
  }
}

/** The codec at a lower bit rate: residual quantization makes the first codes independent of the later ones. */
function firstCodebooks(codec: Codec, codebooks: number): Codec {
  return {
    ...codec,
    codebooks,
    async encode(waveform, options) {
      const { shape, data } = await codec.encode(waveform, options)
      const frames = shape[1]!
      return { dtype: 'int32', shape: [codebooks, frames], data: data.slice(0, codebooks * frames) }
    },
  }
}

function checkClaims(folder: string, manifest: BundleManifest, codec: Codec, vocoder: Vocoder): void {
  const claims = [
    ['sampleRate', manifest.sampleRate, codec.sampleRate],
    ['frameRate', manifest.frameRate, codec.frameRate],
    ['sample rate of vocoder', vocoder.sampleRate, codec.sampleRate],
    ['samples per frame of vocoder', vocoder.samplesFor(1), codec.samplesPerFrame],
    ['latentDim of vocoder', vocoder.featureDim, codec.latentDim],
  ] as const
  for (const [what, found, expected] of claims) {
    if (found !== expected) throw malformedManifest(folder, `${what} is ${found}, expected ${expected}, as its codec has; export it again`)
  }
}

function malformedManifest(folder: string, problem: string): BundleError {
  return new BundleError(`${join(folder, manifestFile)}: ${problem}`, { code: 'malformed-manifest' })
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

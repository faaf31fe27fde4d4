import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { HubError } from '../errors.ts'
import { checkOptionNames } from '../option-names.ts'

/** What is known of a download while it goes on; the payloads of transformers.js. */
export type HubProgress =
  | { readonly status: 'initiate' | 'download' | 'done'; readonly name: string; readonly file: string }
  | {
      readonly status: 'progress'
      /** The model, as it was asked for. */
      readonly name: string
      readonly file: string
      /** 0 to 100. */
      readonly progress: number
      /** Bytes, those of an earlier attempt included. */
      readonly loaded: number
      /** Bytes; as many as loaded where the server does not say. */
      readonly total: number
    }

/** How models are found and downloaded. Environment variables give what is not said here. */
export interface HubOptions {
  /** Folder of downloaded models; `MYNAH_CACHE`, or else `mynah` in the user's cache folder. */
  readonly cacheFolder?: string | undefined
  /** Take only what is there, and never use the network; `MYNAH_OFFLINE` or `HF_HUB_OFFLINE`. */
  readonly offline?: boolean | undefined
  /** Stands for https://huggingface.co; `HF_ENDPOINT`. */
  readonly endpoint?: string | undefined
  /** Everything is read from `MIRROR/HOST/PATH` instead of `https://HOST/PATH`, and nothing from elsewhere; `MYNAH_MIRROR`. */
  readonly mirror?: string | undefined
  /** For private repositories; sent to the endpoint's host only; `HF_TOKEN`. */
  readonly token?: string | undefined
  /** A connection that brings nothing for so long is dropped, and tried again; 30 by default. */
  readonly timeoutSeconds?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Called as a download goes on. */
  readonly onProgress?: ((progress: HubProgress) => void) | undefined
}

/** Options with everything decided. */
export interface HubSettings {
  readonly cacheFolder: string
  readonly offline: boolean
  readonly endpoint: URL
  readonly mirror: URL | undefined
  readonly token: string | undefined
  readonly timeoutSeconds: number
  readonly signal: AbortSignal | undefined
  readonly onProgress: (progress: HubProgress) => void
}

export type Environment = Readonly<Record<string, string | undefined>>

export const publicEndpoint = 'https://huggingface.co'
const defaultTimeoutSeconds = 30

const names = Object.keys({
  cacheFolder: true, offline: true, endpoint: true, mirror: true, token: true, timeoutSeconds: true, signal: true, onProgress: true,
} satisfies Record<keyof HubOptions, true>) // biome-ignore format: a list

/** @throws {HubError} `insecure-url` for an endpoint or mirror that is no web address; {TypeError} for an unknown option */
export function readSettings(options: HubOptions = {}, environment: Environment = process.env): HubSettings {
  checkOptionNames('hub', options, names)
  const { timeoutSeconds = defaultTimeoutSeconds } = options
  if (!(timeoutSeconds > 0)) throw new RangeError(`timeoutSeconds is ${timeoutSeconds}, expected more than 0`)
  const mirror = options.mirror ?? environment.MYNAH_MIRROR
  return {
    cacheFolder: resolve(options.cacheFolder ?? findCacheFolder(environment)),
    offline: options.offline ?? (isOn(environment.MYNAH_OFFLINE) || isOn(environment.HF_HUB_OFFLINE)),
    endpoint: parseBase(options.endpoint ?? (environment.HF_ENDPOINT || publicEndpoint), 'HF_ENDPOINT'),
    mirror: mirror ? parseBase(mirror, 'MYNAH_MIRROR') : undefined,
    token: (options.token ?? environment.HF_TOKEN?.trim()) || undefined,
    timeoutSeconds,
    signal: options.signal,
    onProgress: options.onProgress ?? (() => undefined),
  }
}

/** The folder of downloaded models: `MYNAH_CACHE`, or where the platform keeps what can be had again. */
export function findCacheFolder(environment: Environment = process.env, platform: NodeJS.Platform = process.platform): string {
  const { MYNAH_CACHE, LOCALAPPDATA, XDG_CACHE_HOME } = environment
  if (MYNAH_CACHE) return resolve(MYNAH_CACHE)
  if (platform === 'win32') return join(LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'mynah', 'cache')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'mynah')
  // the XDG specification says to ignore a relative path
  return join(XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache'), 'mynah')
}

/** As the hub's own clients read such variables. */
function isOn(value: string | undefined): boolean {
  return /^(1|true|yes|on)$/i.test(value?.trim() ?? '')
}

function parseBase(text: string, variable: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && (url.protocol === 'https:' || url.protocol === 'http:')) return url
  throw new HubError(`${variable} is "${text}", expected a web address such as ${publicEndpoint}; correct or unset it`, {
    code: 'insecure-url',
  })
}

/** Where a public address is really read from: below the mirror, at the endpoint, or there. */
export function locate(address: string, { mirror, endpoint }: HubSettings): URL {
  const url = new URL(address)
  if (mirror) return below(mirror, `${url.host}${url.pathname}`)
  return url.origin === publicEndpoint ? below(endpoint, url.pathname.slice(1)) : url
}

function below(base: URL, path: string): URL {
  const url = new URL(base)
  url.pathname = `${base.pathname.replace(/\/+$/, '')}/${path}`
  return url
}

/** For messages: without credentials, and without a query, which can hold a signature. */
export function showUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`
}

import { HubError } from '../errors.ts'
import { type HubSettings, publicEndpoint, showUrl } from './settings.ts'

/** The Hugging Face hub redirects once or twice; browsers stop at 20. */
const maxRedirects = 10
/** Of undici and OpenSSL: trying again does not help. */
const hopeless =
  /^(ENOTFOUND|ERR_TLS_CERT_ALTNAME_INVALID|CERT_.*|SELF_SIGNED_CERT.*|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_.*|ERR_INVALID_URL)$/

/** An answer whose headers have arrived. */
export interface Answer {
  /** 200, 206 or 416. */
  readonly status: number
  readonly headers: Headers
  readonly body: AsyncIterable<Uint8Array>
  /** What the hub itself says of a file that it keeps elsewhere, collected on the way. */
  readonly linked: { readonly sha256?: string; readonly commit?: string }
}

/**
 * Sends a GET and follows redirects: never from https to http, and with the token to the hub's own host only.
 * @param signal ends it, reading the body included
 * @throws {HubError} `not-found`, `unauthorized`, `rate-limited`, `unavailable`, `bad-response`, `bad-redirect`, `insecure-url`, `network`, `unreachable`
 */
export async function request(
  start: URL,
  headers: Readonly<Record<string, string>>,
  settings: HubSettings,
  signal: AbortSignal,
): Promise<Answer> {
  let url = start
  let linked: Answer['linked'] = {}
  checkScheme(start, start, settings)
  let trusted = !settings.mirror && start.origin === settings.endpoint.origin
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const response = await send(url, { ...headers, ...authorize(url, trusted ? settings.token : undefined) }, signal)
    linked = { ...linked, ...readLinked(response.headers) }
    if (![301, 302, 303, 307, 308].includes(response.status)) {
      if (![200, 206, 416].includes(response.status)) {
        await response.body?.cancel()
        throw explainStatus(url, response, settings)
      }
      return { status: response.status, headers: response.headers, body: readBody(url, response), linked }
    }
    await response.body?.cancel()
    const next = readLocation(url, response)
    checkScheme(next, url, settings)
    trusted &&= next.origin === url.origin
    url = next
  }
  throw new HubError(
    `${showUrl(start)}: more than ${maxRedirects} redirects, the last one to ${showUrl(url)}; set another mirror or endpoint`,
    {
      code: 'bad-redirect',
    },
  )
}

async function send(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
  const { origin, pathname, search } = url // fetch refuses credentials: they are in a header
  try {
    return await fetch(`${origin}${pathname}${search}`, {
      headers: { 'accept-encoding': 'identity', 'user-agent': 'mynah', ...headers },
      redirect: 'manual',
      signal,
    })
  } catch (error) {
    throw explainFailure(url, error, signal)
  }
}

async function* readBody(url: URL, { headers, body }: Response): AsyncGenerator<Uint8Array> {
  const encoding = headers.get('content-encoding') ?? 'identity'
  if (encoding !== 'identity') {
    await body?.cancel()
    throw new HubError(`${showUrl(url)}: came as "${encoding}", expected the file as it is; set another mirror or endpoint`, {
      code: 'bad-response',
    })
  }
  if (!body) return
  try {
    yield* body
  } catch (error) {
    throw explainFailure(url, error, undefined)
  }
}

function authorize({ username, password }: URL, token: string | undefined): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` }
  if (username === '') return {}
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
}

function readLinked(headers: Headers): Answer['linked'] {
  const sha256 = /^"?([0-9a-f]{64})"?$/.exec(headers.get('x-linked-etag') ?? '')?.[1]
  const commit = /^[0-9a-f]{40}$/.exec(headers.get('x-repo-commit') ?? '')?.[0]
  return { ...(sha256 ? { sha256 } : {}), ...(commit ? { commit } : {}) }
}

function readLocation(url: URL, { headers, status }: Response): URL {
  const location = headers.get('location')
  if (location !== null && URL.canParse(location, url.href)) return new URL(location, url)
  throw new HubError(`${showUrl(url)}: answered ${status} without a usable location; set another mirror or endpoint`, {
    code: 'bad-redirect',
  })
}

/** Plain http only where the user set it (an endpoint or a mirror), or on this very machine; never coming from https. */
function checkScheme(url: URL, from: URL, { endpoint, mirror }: HubSettings): void {
  if (url.protocol === 'https:') return
  const chosen = [endpoint, mirror].some(base => base?.protocol === 'http:' && base.host === url.host)
  if (url.protocol === 'http:' && from.protocol === 'http:' && (chosen || isLoopback(url.hostname))) return
  throw new HubError(`${showUrl(from)}: leads to ${url.protocol}//${url.host}, expected https; set an https mirror or endpoint`, {
    code: 'insecure-url',
  })
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

function explainStatus(url: URL, { status, headers }: Response, { token, endpoint }: HubSettings): HubError {
  const where = `${showUrl(url)}: answered ${status}`
  const retryAfterSeconds = readRetryAfter(headers.get('retry-after'))
  if (status === 401 || status === 403) {
    const advice =
      url.origin !== endpoint.origin
        ? 'check the address, or set another mirror'
        : token
          ? 'does the token in HF_TOKEN allow to read it, and is the licence of a gated model accepted on its page?'
          : 'check the name; for a private or gated repository set HF_TOKEN'
    return new HubError(`${where}, expected the file; ${advice}`, { code: 'unauthorized' })
  }
  if (status === 404 || status === 410) {
    return new HubError(`${where}, expected the file; check name and revision, or what the mirror has`, { code: 'not-found' })
  }
  if (status === 429) {
    const wait = retryAfterSeconds === undefined ? 'a while' : `${retryAfterSeconds} s`
    return new HubError(`${where} (too many requests); try again in ${wait}, or set HF_TOKEN`, { code: 'rate-limited', retryAfterSeconds })
  }
  if (status === 408 || status >= 500) {
    return new HubError(`${where}; try again later, or set another mirror`, { code: 'unavailable', retryAfterSeconds })
  }
  return new HubError(`${where}, expected the file; set another mirror or endpoint`, { code: 'bad-response' })
}

/** Seconds, or a date. */
function readRetryAfter(text: string | null): number | undefined {
  if (text === null) return undefined
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined
}

function explainFailure(url: URL, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason
  if (HubError.isInstance(error)) return error
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error)
  const code = 'code' in cause ? String(cause.code) : ''
  const found = `${showUrl(url)}: ${cause.message || code || 'the connection failed'}`
  if (hopeless.test(code)) {
    const hint = url.origin === publicEndpoint ? 'HF_ENDPOINT or MYNAH_MIRROR' : 'MYNAH_MIRROR'
    return new HubError(`${found}; check the network and the address, set ${hint}, or put the files into the cache`, {
      code: 'unreachable',
      cause: error,
    })
  }
  return new HubError(`${found}; check the network and try again: what has arrived is kept`, { code: 'network', cause: error })
}

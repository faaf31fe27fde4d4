import { createHash, timingSafeEqual } from 'node:crypto'
import { RequestError } from './errors.ts'

/** Shorter keys can be tried out. */
const minKeyLength = 16
/** Clients that are remembered for the rate; beyond, those that waited longest are forgotten. */
const maxClients = 10_000

/** Says whether a key is one of those that are allowed, in a time that tells nothing about them. */
export type KeyCheck = (key: string | undefined) => boolean

/** @throws {RangeError} for a key that is too short */
export function createKeyCheck(keys: readonly string[]): KeyCheck {
  const short = keys.find(key => key.length < minKeyLength)
  if (short !== undefined)
    throw new RangeError(`apiKeys: one has ${short.length} characters, expected at least ${minKeyLength}; openssl rand -hex 32 makes one`)
  const digests = keys.map(digest)
  return key => {
    if (key === undefined) return false
    const given = digest(key) // of equal length, whatever was given
    let found = false
    for (const each of digests) found = timingSafeEqual(each, given) || found // all of them, always
    return found
  }
}

/** What stands for a key where it must not be seen. */
export function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/** A key as clients send it: `Authorization: Bearer` (OpenAI), or `xi-api-key` (ElevenLabs). */
export function readKey(header: (name: string) => string | undefined): string | undefined {
  const bearer = /^Bearer +(\S+)\s*$/i.exec(header('authorization') ?? '')?.[1]
  return bearer ?? header('xi-api-key')
}

/** A token bucket per client: bursts up to a minute's worth, then an even rate. */
export class RateLimit {
  readonly #perMinute: number
  readonly #now: () => number
  readonly #clients = new Map<string, { tokens: number; at: number }>()

  /** @param now milliseconds; for tests */
  constructor(perMinute: number, now: () => number = () => performance.now()) {
    this.#perMinute = perMinute
    this.#now = now
  }

  /** Counts a request. @throws {RequestError} `rate-limited` */
  take(client: string): void {
    const now = this.#now()
    const { tokens, at } = this.#clients.get(client) ?? { tokens: this.#perMinute, at: now }
    const available = Math.min(this.#perMinute, tokens + ((now - at) / 60_000) * this.#perMinute)
    this.#clients.delete(client) // and so the first of the map is the one that waited longest
    this.#clients.set(client, { tokens: Math.max(0, available - 1), at: now })
    for (const oldest of this.#clients.keys()) {
      if (this.#clients.size <= maxClients) break
      this.#clients.delete(oldest)
    }
    if (available >= 1) return
    const retryAfterSeconds = ((1 - available) * 60) / this.#perMinute
    throw new RequestError(`more than ${this.#perMinute} requests a minute; try again in ${Math.ceil(retryAfterSeconds)} s`, {
      status: 429,
      code: 'rate-limited',
      retryAfterSeconds,
    })
  }
}

/** True for an address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host) || host.endsWith('.localhost')
}

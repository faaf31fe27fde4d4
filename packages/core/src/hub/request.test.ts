import { describe, expect, it } from 'vitest'
import { HubError } from '../errors.ts'
import { persist } from './persist.ts'
import { request } from './request.ts'
import { type Behaviour, codeOf, createCache, quick, sendStatus, startServer } from './server.fixture.ts'
import type { HubOptions } from './settings.ts'

const sendText: Behaviour = response => void response.end('hello')
const redirect = (location: string, status = 302): Behaviour => sendStatus(status, { location })

async function get(url: string, options: HubOptions = {}, headers = {}): Promise<string> {
  const { settings } = await createCache(options)
  return persist(url, settings, quick, async signal => {
    const { body } = await request(new URL(url), headers, settings, signal)
    let text = ''
    for await (const piece of body) text += Buffer.from(piece)
    return text
  })
}

describe('a request', () => {
  it('follows relative and absolute redirects, with all of its headers', async () => {
    const far = await startServer(sendText)
    const near = await startServer(redirect('../b/c?d=1', 307), redirect(`${far.url}/end`, 308))
    expect(await get(`${near.url}/a/x`, {}, { range: 'bytes=5-' })).toBe('hello')
    expect(near.received.map(({ path }) => path)).toEqual(['/a/x', '/b/c?d=1'])
    expect(far.received[0]).toMatchObject({ path: '/end', headers: { range: 'bytes=5-' } })
  })

  it('sends the token to the endpoint only, and never again once it has been elsewhere', async () => {
    const far = await startServer((response, request) => redirect(`${near.url}/back`)(response, request))
    const near = await startServer(redirect('/here'), (response, request) => redirect(`${far.url}/away`)(response, request), sendText)
    await get(`${near.url}/start`, { endpoint: near.url, token: 'secret' })
    expect(near.received.map(({ headers }) => headers.authorization)).toEqual(['Bearer secret', 'Bearer secret', undefined])
    expect(far.received[0]!.headers.authorization).toBeUndefined()
    const unrelated = await startServer(sendText)
    await get(`${unrelated.url}/start`, { endpoint: near.url, token: 'secret' })
    await get(`${unrelated.url}/start`, { endpoint: unrelated.url, mirror: unrelated.url, token: 'secret' })
    expect(unrelated.received.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined])
  })

  it('turns credentials in an address into a header, and keeps them and queries out of messages', async () => {
    const { url, received } = await startServer(sendStatus(404))
    const address = `${url.replace('//', '//anna:p%40ss@')}/x?signature=s3cret`
    const error = await get(address).catch(error => error)
    expect(received[0]!.headers.authorization).toBe(`Basic ${Buffer.from('anna:p@ss').toString('base64')}`)
    expect(error.message).toContain(`${url}/x: answered 404`)
    expect(error.message).not.toMatch(/p%40ss|p@ss|s3cret/)
  })

  it('does not run in circles', async () => {
    const { url, received } = await startServer(redirect('/again'))
    await expect(get(`${url}/x`)).rejects.toThrow(/more than 10 redirects/)
    expect(received).toHaveLength(11)
  })

  it.each([
    ['', 'bad-redirect'],
    ['http://', 'bad-redirect'],
    ['http://example.com/x', 'insecure-url'],
    ['file:///etc/passwd', 'insecure-url'],
    ['data:text/plain,x', 'insecure-url'],
  ])('does not follow a redirect to %j', async (location, code) => {
    const { url } = await startServer(location === '' ? sendStatus(302) : redirect(location))
    expect(await codeOf(get(`${url}/x`))).toBe(code)
  })

  it('uses plain http on this machine, and where the user says so, and nowhere else', async () => {
    expect(await codeOf(get('http://example.com/x'))).toBe('insecure-url')
    expect(await codeOf(get('http://localhost.example.com/x'))).toBe('insecure-url')
    expect(await codeOf(get('http://mirror.invalid/x', { mirror: 'http://mirror.invalid' }))).toBe('unreachable')
  })

  it.each<[number, string, RegExp]>([
    [401, 'unauthorized', /answered 401, expected the file; check the name; for a private or gated repository set HF_TOKEN/],
    [403, 'unauthorized', /answered 403/],
    [404, 'not-found', /check name and revision/],
    [410, 'not-found', /answered 410/],
    [418, 'bad-response', /answered 418, expected the file/],
    [204, 'bad-response', /answered 204/],
  ])('says what %d means, and does not insist', async (status, code, message) => {
    const { url, received } = await startServer(sendStatus(status))
    const error: HubError = await get(`${url}/x`, { endpoint: url }).catch(error => error)
    expect(HubError.isInstance(error)).toBe(true)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(received).toHaveLength(1)
  })

  it('with a token asks whether that token is good enough', async () => {
    const { url } = await startServer(sendStatus(403))
    await expect(get(`${url}/x`, { endpoint: url, token: 't' })).rejects.toThrow(/does the token in HF_TOKEN/)
  })

  it.each([500, 502, 503, 408])('tries again after %d, and gives up in the end', async status => {
    const recovering = await startServer(sendStatus(status), sendText)
    expect(await get(recovering.url)).toBe('hello')
    const broken = await startServer(sendStatus(status))
    expect(await codeOf(get(broken.url))).toBe('unavailable')
    expect(broken.received).toHaveLength(quick.attempts)
  })

  it('waits as long as it is told, but not for minutes', async () => {
    const busy = await startServer(sendStatus(429, { 'retry-after': '1' }), sendText)
    const began = performance.now()
    expect(await get(busy.url)).toBe('hello')
    expect(performance.now() - began).toBeGreaterThan(950)
    for (const retryAfter of ['3600', new Date(Date.now() + 3600_000).toUTCString()]) {
      const { url, received } = await startServer(sendStatus(429, { 'retry-after': retryAfter }))
      const error: HubError = await get(url).catch(error => error)
      expect(error.code).toBe('rate-limited')
      expect(error.retryAfterSeconds).toBeGreaterThan(3500)
      expect(received).toHaveLength(1)
    }
  })

  it('stops waiting when aborted', async () => {
    const { url } = await startServer(sendStatus(503, { 'retry-after': '50' }))
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('enough')), 100)
    await expect(get(url, { signal: controller.signal })).rejects.toThrow('enough')
  })

  it('says that nobody listens', async () => {
    await expect(get('http://127.0.0.1:9/x')).rejects.toThrow(/127\.0\.0\.1:9\/x: .*check the network/)
  })
})

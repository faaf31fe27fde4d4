import { randomUUID } from 'node:crypto'
import { OpenAPIHono } from '@hono/zod-openapi'
import { MynahError } from '@mynah/core'
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import packageJson from '../package.json' with { type: 'json' }
import type { RouteContext, ServerContext, ServerEnv } from './context.ts'
import { elevenLabsRoutes, errorDetail } from './elevenlabs.ts'
import { elevenLabsSocket } from './elevenlabs-socket.ts'
import { elevenLabsVoiceRoutes } from './elevenlabs-voices.ts'
import { RequestError, toRequestError } from './errors.ts'
import { createMetrics } from './metrics.ts'
import { errorBody, openAiRoutes } from './openai.ts'
import { defaultLimits, type Limits, type LogEntry } from './options.ts'
import { pageRoutes } from './page.ts'
import { createKeyCheck, digest, RateLimit, readKey } from './security.ts'
import { type Engine, SpeechService } from './service.ts'
import { watchBody } from './streaming.ts'
import { VoiceFolder } from './voices.ts'

/** What an app is made of. */
export interface AppOptions {
  /** Speaks. It stays yours to dispose of, after `close`. */
  readonly synthesizer: Engine
  /** The folder of created voices, made if it is not there; without one, none can be created. */
  readonly voices?: string | undefined
  /** Whoever sends one of these is served; without any, everybody is. At least 16 characters each. */
  readonly apiKeys?: readonly string[] | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Whether the page is at `/`; true by default. */
  readonly page?: boolean | undefined
  /** Takes a line per request. */
  readonly log?: ((entry: LogEntry) => void) | undefined
}

/** The server without a socket: mount its `fetch` anywhere. */
export interface App {
  /** Answers a request. Under Node's own server, WebSockets need `startServer`. */
  readonly fetch: (request: Request, env?: object) => Response | Promise<Response>
  readonly service: SpeechService
  /** Lets what runs come to its end, for at most `graceSeconds` (10 by default), and refuses what comes. */
  close(graceSeconds?: number): Promise<void>
}

/** What needs no key. */
/** Paths that take recordings. */
const uploadPaths = new Set(['/v1/audio/voices', '/v1/voices/add'])
const openPaths = new Set(['/', '/health', '/ready', '/openapi.json', '/favicon.ico'])

/**
 * Builds the server.
 * @throws {RangeError} for a key that is too short
 */
export async function createApp(options: AppOptions): Promise<App> {
  const limits: Limits = { ...defaultLimits, ...options.limits }
  const keys = options.apiKeys ?? []
  const isAllowed = keys.length === 0 ? () => true : createKeyCheck(keys)
  const folder = options.voices === undefined ? undefined : await VoiceFolder.open(options.voices)
  const service = new SpeechService(
    options.synthesizer,
    folder,
    createMetrics(options.synthesizer.stats && (() => options.synthesizer.stats!())),
  )
  const log: RouteContext['log'] = (level, event, fields) => options.log?.({ time: new Date().toISOString(), level, event, ...fields })
  const context: RouteContext = { service, limits, isAllowed, rate: new RateLimit(limits.requestsPerMinute), log }

  const app = new OpenAPIHono<ServerEnv>()
  app.onError((error, c) => answerError(c, error, context))
  app.notFound(c => answerError(c, notFound(c), context))
  app.use(observe(context))
  app.use(admit(context))
  app.use((c, next) => {
    const isUpload = uploadPaths.has(c.req.path)
    const maxSize = isUpload ? limits.recordingBytes : limits.bodyBytes
    return bodyLimit({
      maxSize,
      onError: () => {
        throw new RequestError(`the body is larger than ${maxSize} bytes; send less${isUpload ? ': a minute of speech is enough' : ''}`, {
          status: 413,
          code: 'body-too-large',
        })
      },
    })(c, next)
  })
  if (options.page !== false) app.route('/', pageRoutes())
  operations(app, context)
  app.route('/', openAiRoutes(context))
  app.route('/', elevenLabsRoutes(context))
  app.route('/', elevenLabsVoiceRoutes(context))
  app.route('/', elevenLabsSocket(context))
  const components = { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } }
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: { title: 'Mynah', version: packageJson.version },
    security: [{ key: [] }],
    ...{ components },
  })
  return {
    fetch: (request, env = {}) => app.fetch(request, env),
    service,
    close: (graceSeconds = 10) => service.close(graceSeconds),
  }
}

/** Gives each request an id, counts it, and logs it when its last byte is out. */
function observe({ service: { metrics }, limits, log }: RouteContext) {
  return async (c: ServerContext, next: () => Promise<void>) => {
    const began = performance.now()
    const requestId = randomUUID()
    c.set('requestId', requestId)
    c.set('logged', {})
    c.header('x-request-id', requestId)
    await next()
    c.header('x-request-id', requestId)
    const finish = (outcome: string) => {
      const seconds = (performance.now() - began) / 1000
      const route = c.req.routePath.startsWith('/') ? c.req.routePath : 'other'
      metrics.requests.inc({ route, status: c.res.status })
      metrics.requestSeconds.observe({ route }, seconds)
      log('info', 'request', {
        requestId,
        method: c.req.method,
        path: c.req.path.slice(0, 200),
        status: c.res.status,
        outcome,
        seconds,
        ...c.get('logged'),
      })
    }
    if (c.res.body === null) return finish('done')
    const { status, headers } = c.res
    const outgoing = c.env?.outgoing
    c.res = new Response(
      watchBody(c.res.body, { stalledSeconds: limits.stalledSeconds, onEnd: finish, cut: outgoing && (() => outgoing.destroy()) }),
      { status, headers },
    )
  }
}

/** Key and rate. A WebSocket may bring its key in its first message, and is admitted there. */
function admit({ isAllowed, rate }: RouteContext) {
  return async (c: ServerContext, next: () => Promise<void>) => {
    const { path } = c.req
    if (openPaths.has(path) || path.startsWith('/page/')) return next()
    const key = readKey(name => c.req.header(name))
    const isSocket = path.endsWith('/stream-input')
    if (!isAllowed(key) && !(isSocket && key === undefined)) {
      const message = `${key === undefined ? 'the key is missing' : 'the key is wrong'}; send it as "Authorization: Bearer KEY" or "xi-api-key: KEY"`
      throw new RequestError(message, { status: 401, code: 'unauthorized' })
    }
    if (c.req.method !== 'GET' || isSocket)
      rate.take(key === undefined ? (c.env?.incoming?.socket.remoteAddress ?? '') : digest(key).toString('hex'))
    return next()
  }
}

/** Health, metrics. */
function operations(app: OpenAPIHono<ServerEnv>, { service }: RouteContext): void {
  app.get('/health', c => c.json({ status: 'ok' }))
  app.get('/ready', c =>
    service.isClosing ? c.json({ status: 'shutting-down' }, 503) : c.json({ status: 'ready', model: service.engine.bundle.name }),
  )
  app.get('/metrics', async c => c.body(await service.metrics.render(), 200, { 'content-type': service.metrics.contentType }))
}

/** An error in the words of whoever asked: ElevenLabs' clients read `detail`, all others OpenAI's `error`. */
function answerError(c: ServerContext, cause: Error, { log }: RouteContext): Response {
  const error = cause instanceof HTTPException ? fromHttpException(cause) : toRequestError(cause)
  if (error.status >= 500 && error.code !== 'shutting-down') {
    const code = MynahError.isInstance(cause) ? cause.code : undefined
    log('error', 'failure', { requestId: c.get('requestId'), name: cause.name, code, stack: cause.stack })
  }
  if (error.retryAfterSeconds !== undefined) c.header('retry-after', String(Math.ceil(error.retryAfterSeconds)))
  if (error.status === 401) c.header('www-authenticate', 'Bearer')
  const isElevenLabs = /^\/(v1\/(text-to-speech|voices)|v2\/voices)(\/|$)/.test(c.req.path)
  return c.json(isElevenLabs ? errorDetail(error) : errorBody(error), error.status)
}

function fromHttpException({ status, message, cause }: HTTPException): RequestError {
  const isJson = /json/i.test(message)
  const said = isJson ? 'the body is no valid JSON; send an object, as /openapi.json describes it' : message
  return new RequestError(said, { status: status as 400, code: isJson ? 'invalid-json' : 'invalid-request', cause })
}

function notFound(c: ServerContext): RequestError {
  return new RequestError(`there is no ${c.req.method} ${c.req.path.slice(0, 200)}; /openapi.json lists what there is`, {
    status: 404,
    code: 'not-found',
  })
}

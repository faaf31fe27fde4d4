import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer, type WebSocketServerLike } from '@hono/node-server'
import { WebSocketServer } from 'ws'
import { type App, type AppOptions, createApp } from './app.ts'
import { RequestError } from './errors.ts'
import { errorBody } from './openai.ts'
import { defaultLimits } from './options.ts'
import { isLoopback } from './security.ts'
import { startWyoming } from './wyoming.ts'

/** What a listening server is made of. */
export interface ServerOptions extends AppOptions {
  /** `127.0.0.1` by default. Others reach it from outside, which needs `apiKeys`. */
  readonly host?: string | undefined
  /** 0, a free one, by default. */
  readonly port?: number | undefined
  /** Also speaks Wyoming (Home Assistant). It knows no keys: whoever reaches it is served. On 127.0.0.1 where no host is named. */
  readonly wyoming?: { readonly host?: string | undefined; readonly port: number } | undefined
}

/** A server that listens. */
export interface RunningServer {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string
  readonly wyomingPort: number | undefined
  readonly app: App
  /** Refuses what comes, lets what runs come to its end for at most `graceSeconds` (10 by default), and closes every socket. */
  close(graceSeconds?: number): Promise<void>
}

/** Messages of a socket are pieces of text. */
const maxMessageBytes = 2 ** 18

/**
 * Starts to listen.
 * @throws {RangeError} for a host that others reach without `apiKeys`; the error of the system if the port is taken
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host = '127.0.0.1', port = 0 } = options
  const isOpen = (options.apiKeys ?? []).length === 0
  if (!isLoopback(host) && isOpen) {
    throw new RangeError(`host is ${host}, which others reach; give apiKeys (mynah serve --api-key-file FILE), or listen on 127.0.0.1`)
  }
  const app = await createApp(options)
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxMessageBytes })
  const fetch = (request: Request, env: object) =>
    isOpen && !isLocalRequest(request) ? refuseForeignHost() : app.fetch(toPlainRequest(request), env)
  const server = createAdaptorServer({
    fetch,
    overrideGlobalObjects: false,
    websocket: { server: sockets as unknown as WebSocketServerLike },
  }) as Server
  await listen(server, port, host)
  const wyoming =
    options.wyoming && (await startWyoming(app.service, { ...options.wyoming, limits: { ...defaultLimits, ...options.limits } }))
  const address = server.address() as AddressInfo
  return {
    url: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`,
    wyomingPort: wyoming?.port,
    app,
    async close(graceSeconds = 10) {
      const closed = new Promise(resolve => server.close(resolve))
      server.closeIdleConnections()
      await app.close(graceSeconds)
      await wyoming?.close()
      for (const socket of sockets.clients) socket.terminate()
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), 1000) // what was sent may still be on its way
      await closed
      clearTimeout(timer)
    },
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** A page of another site reaches a server on loopback by its address, or through a name that it points there. It says so in one of these headers. */
function isLocalRequest(request: Request): boolean {
  const origin = request.headers.get('origin')
  return isLoopback(new URL(request.url).hostname) && (origin === null || (URL.canParse(origin) && isLoopback(new URL(origin).hostname)))
}

/** A request of the platform: what the adapter passes looks like one, but cannot be copied, which limiting a body of unknown length does. */
function toPlainRequest(request: Request): Request {
  const { url, method, headers, signal } = request
  if (method === 'GET' || method === 'HEAD') return request
  return new Request(url, { method, headers, signal, body: request.body, duplex: 'half' })
}

function refuseForeignHost(): Response {
  const message = 'this server has no keys and answers only to localhost and 127.0.0.1; ask for it by these names, or start it with keys'
  return Response.json(errorBody(new RequestError(message, { status: 403, code: 'forbidden' })), { status: 403 })
}

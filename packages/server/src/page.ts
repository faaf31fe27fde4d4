import { readFile } from 'node:fs/promises'
import { Hono } from 'hono'
import type { ServerEnv } from './context.ts'

const files = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page/style.css': ['style.css', 'text/css; charset=utf-8'],
  '/page/app.js': ['app.js', 'text/javascript; charset=utf-8'],
  '/page/common.js': ['common.js', 'text/javascript; charset=utf-8'],
  '/page/voices.js': ['voices.js', 'text/javascript; charset=utf-8'],
  '/page/audio.js': ['audio.js', 'text/javascript; charset=utf-8'],
  '/page/figures.js': ['figures.js', 'text/javascript; charset=utf-8'],
  '/page/recorder.js': ['recorder.js', 'text/javascript; charset=utf-8'],
  '/page/capture.js': ['capture.js', 'text/javascript; charset=utf-8'],
  '/favicon.ico': ['icon.svg', 'image/svg+xml'],
} as const

/** The page loads nothing from elsewhere, and nothing else may show it in a frame. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
}

/** The page to try voices on: files of this package, as they are. */
export function pageRoutes(): Hono<ServerEnv> {
  const app = new Hono<ServerEnv>()
  const folder = new URL('../page/', import.meta.url) // beside src and dist alike
  for (const [path, [name, type]] of Object.entries(files)) {
    app.get(path, async c => c.body(new Uint8Array(await readFile(new URL(name, folder))), 200, { ...headers, 'content-type': type }))
  }
  return app
}

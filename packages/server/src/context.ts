import type { HttpBindings } from '@hono/node-server'
import { OpenAPIHono } from '@hono/zod-openapi'
import { speedRange } from '@mynah/core'
import type { Context } from 'hono'
import { RequestError } from './errors.ts'
import type { Limits, LogEntry } from './options.ts'
import type { RateLimit } from './security.ts'
import type { SpeechService } from './service.ts'

/** What every route finds in its context. */
export interface ServerEnv {
  Bindings: Partial<HttpBindings>
  Variables: {
    requestId: string
    /** Fields that the route adds to the line of the log. */
    logged: Record<string, string | number>
  }
}

/** A request as the routes see it. */
export type ServerContext = Context<ServerEnv>

/** What the routes share. */
export interface RouteContext {
  readonly service: SpeechService
  readonly limits: Limits
  readonly isAllowed: (key: string | undefined) => boolean
  readonly rate: RateLimit
  readonly log: (level: LogEntry['level'], event: string, fields: Record<string, string | number | undefined>) => void
}

/** An app whose routes answer an invalid request as all others answer theirs. */
export function createRoutes(): OpenAPIHono<ServerEnv> {
  return new OpenAPIHono<ServerEnv>({
    defaultHook: result => {
      if (result.success) return undefined
      const [issue] = result.error.issues
      const field = issue?.path.join('.') ?? ''
      throw new RequestError(`${field || result.target}: ${issue?.message ?? 'invalid'}; see /openapi.json`, {
        status: 400,
        code: 'invalid-request',
        ...(field ? { field } : {}),
      })
    },
  })
}

/** @throws {RequestError} `text-too-long`, or `invalid-request` for a text of nothing but spaces */
export function checkText(text: string, field: string, limits: Limits): string {
  checkLength(text.length, field, limits)
  if (text.trim() === '')
    throw new RequestError(`${field} is empty; send what is to be spoken`, { status: 400, code: 'invalid-request', field })
  return text
}

/** @throws {RequestError} `text-too-long` */
export function checkLength(characters: number, field: string, { textCharacters }: Limits): void {
  if (characters <= textCharacters) return
  const message = `${field} has ${characters} characters, expected at most ${textCharacters}; send it in parts`
  throw new RequestError(message, { status: 400, code: 'text-too-long', field })
}

/** What is asked for beyond what Mynah speaks at is clamped, with a warning. */
export function clampSpeed(asked: number, warnings: string[]): number {
  const [least, most] = speedRange
  const speed = Math.min(most, Math.max(least, asked))
  if (speed !== asked) warnings.push(`speed ${asked} was clamped to ${speed}; Mynah speaks at ${least} to ${most}`)
  return speed
}

/** Warnings in a header: JSON in ASCII, as headers are. */
export function warningHeaders(warnings: readonly string[]): Record<string, string> {
  if (warnings.length === 0) return {}
  const ascii = JSON.stringify(warnings).replace(/[^ -~]/g, letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return { 'x-mynah-warnings': ascii.slice(0, 4000) }
}

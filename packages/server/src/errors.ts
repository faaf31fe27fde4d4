import { AudioFormatError, BusyError, InferenceError, MynahError, VoiceError } from '@mynah/core'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

/**
 * What a client is told when a request fails. `code` is stable; the message says what was found, what was expected, and what to do.
 * Codes of its own: `invalid-request`, `invalid-json`, `body-too-large`, `text-too-long`, `unsupported-format`, `unauthorized`, `forbidden`, `not-found`, `voice-not-found`, `model-not-found`,
 * `voice-read-only`, `too-many-voices`, `rate-limited`, `busy`, `no-space`, `shutting-down`, `stalled`, `internal`.
 */
export class RequestError extends MynahError {
  readonly status: ContentfulStatusCode
  /** The field of the request that is wrong. */
  readonly field: string | undefined
  /** When another try may succeed. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    message: string,
    options: { status: ContentfulStatusCode; code: string; field?: string; retryAfterSeconds?: number; cause?: unknown },
  ) {
    super(message, options)
    this.status = options.status
    this.field = options.field
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** What a client is told of an error. What it cannot know or mend is `internal`: the log has the rest. */
export function toRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error
  if (VoiceError.isInstance(error))
    return new RequestError(error.message, { status: /^(prompt|transcript)-/.test(error.code) ? 400 : 422, code: error.code, cause: error })
  if (AudioFormatError.isInstance(error))
    return new RequestError(error.message, { status: 400, code: error.code, field: 'audio_sample', cause: error })
  if (InferenceError.isInstance(error)) return inferenceFailure(error)
  if (BusyError.isInstance(error)) return error.code === 'draining' ? shuttingDown(error) : busy(error)
  if (error instanceof RangeError) {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : 'invalid-request' // such as nothing-to-speak
    return new RequestError(error.message, { status: 400, code, cause: error })
  }
  if (isSystemError(error) && ['ENOSPC', 'EDQUOT'].includes(error.code)) {
    const message = 'the disk of the server is full; delete voices that are not needed, or tell whoever runs the server'
    return new RequestError(message, { status: 507, code: 'no-space', cause: error })
  }
  const message = 'something failed inside of the server; its log says what, under the id in the x-request-id header'
  return new RequestError(message, { status: 500, code: 'internal', cause: error })
}

function inferenceFailure(error: MynahError): RequestError {
  if (error.code === 'missing-package' || error.code === 'transcription-failed') {
    const message = 'this server cannot write down what is said in a recording; send it as "transcript", every word of it'
    return new RequestError(message, { status: 400, code: error.code, field: 'transcript', cause: error })
  }
  if (error.code === 'disposed') return shuttingDown(error)
  return new RequestError('the model failed; try again, and if it fails again, report the text and the seed', {
    status: 500,
    code: error.code,
    cause: error,
  })
}

function busy(error: MynahError): RequestError {
  const retryAfterSeconds = 'retryAfterSeconds' in error && typeof error.retryAfterSeconds === 'number' ? error.retryAfterSeconds : 1
  return new RequestError(`the server is busy; try again in ${Math.ceil(retryAfterSeconds)} s`, {
    status: 429,
    code: 'busy',
    retryAfterSeconds,
    cause: error,
  })
}

/** What is answered once the server closes. */
export function shuttingDown(cause?: unknown): RequestError {
  return new RequestError('the server is shutting down; try again in a few seconds', {
    status: 503,
    code: 'shutting-down',
    retryAfterSeconds: 5,
    cause,
  })
}

/** An error of the operating system. */
export function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && 'syscall' in error
}

/** The type that OpenAI's clients know. */
export function errorType(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 404) return 'not_found_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

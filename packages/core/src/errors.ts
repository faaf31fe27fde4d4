import { MynahError } from '@mynah/onnx'

/**
 * A recording cannot become a voice, or a voice cannot be used: record again, correct the transcript, or create the voice anew.
 * Codes: `prompt-silent`, `prompt-too-short`, `prompt-too-long`, `transcript-mismatch`, `malformed-voice`, `unknown-version`, `codec-mismatch`.
 */
export class VoiceError extends MynahError {}

/**
 * A model cannot be downloaded, or is not what it should be. Nothing incomplete or unverified ever has a model file's name.
 * - worth another try later, and tried several times already: `network`, `timeout`, `unavailable` (5xx), `rate-limited`
 * - not as it is: `offline`, `unreachable` (no such host, no valid certificate), `not-found`, `unauthorized`, `bad-response`, `bad-redirect`,
 *   `insecure-url`, `unsafe-name`, `unknown-model`, `no-space`
 * - other bytes than expected, and deleted: `too-large`, `wrong-size`, `wrong-hash`
 */
export class HubError extends MynahError {
  /** How long the server asked to wait, seconds. */
  readonly retryAfterSeconds: number | undefined

  constructor(message: string, options: { code: string; cause?: unknown; retryAfterSeconds?: number | undefined }) {
    super(message, options)
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

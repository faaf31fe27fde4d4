/** Limits on what clients send. */
export interface Limits {
  /** Characters of one text; 20,000 by default, twenty minutes of speech. */
  readonly textCharacters: number
  /** Bytes of a request's body, recordings aside; 1 MiB by default. */
  readonly bodyBytes: number
  /** Bytes of an uploaded recording; 32 MiB by default, a minute of WAV in any format. */
  readonly recordingBytes: number
  /** Requests a minute of one key, or, without keys, of one address; 600 by default. */
  readonly requestsPerMinute: number
  /** A reader that takes nothing for so long is cut off; 60 by default. */
  readonly stalledSeconds: number
}

/** The limits where the caller names none. */
export const defaultLimits: Limits = {
  textCharacters: 20_000,
  bodyBytes: 2 ** 20,
  recordingBytes: 32 * 2 ** 20,
  requestsPerMinute: 600,
  stalledSeconds: 60,
}

/** A line of the log: what happened, without texts, keys or recordings. */
export interface LogEntry {
  readonly time: string
  readonly level: 'info' | 'error'
  readonly event: string
  readonly [field: string]: string | number | boolean | undefined
}

import { RequestError } from './errors.ts'

/** An event of Wyoming, Home Assistant's protocol of voice services (github.com/rhasspy/wyoming). */
export interface WyomingEvent {
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
  readonly payload?: Uint8Array | undefined
}

/** A header is a line of JSON: far longer ones are none. */
const maxHeaderBytes = 2 ** 16
/** Texts come as data. */
const maxDataBytes = 2 ** 20
/** Nothing that is sent to a speaker has a payload; a microphone's audio is read over. */
const maxPayloadBytes = 2 ** 20

/** A line of JSON, then its data as JSON, then its payload. */
export function writeEvent({ type, data, payload }: WyomingEvent): Uint8Array {
  const body = Buffer.from(JSON.stringify(data))
  const header = { type, version: '1.5.4', data_length: body.length, ...(payload ? { payload_length: payload.length } : {}) }
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body, payload ?? new Uint8Array(0)])
}

/**
 * Reads events out of bytes that come in any pieces.
 * @throws {RequestError} `invalid-request` for what is no Wyoming, or too large
 */
export async function* readEvents(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<WyomingEvent, void, undefined> {
  let held: Buffer = Buffer.alloc(0)
  for await (const piece of bytes) {
    held = Buffer.concat([held, piece])
    for (;;) {
      const found = readEvent(held)
      if (!found) break
      held = held.subarray(found.bytes)
      yield found.event
    }
  }
}

function readEvent(bytes: Buffer): { event: WyomingEvent; bytes: number } | undefined {
  const line = bytes.indexOf(10)
  if (line > maxHeaderBytes || (line === -1 && bytes.length > maxHeaderBytes))
    throw malformed(`a header of more than ${maxHeaderBytes} bytes`)
  if (line === -1) return undefined
  const header = readObject(bytes.subarray(0, line))
  const dataEnd = line + 1 + readLength(header.data_length, 'data_length', maxDataBytes)
  const end = dataEnd + readLength(header.payload_length, 'payload_length', maxPayloadBytes)
  if (typeof header.type !== 'string') throw malformed('a header without a type')
  if (bytes.length < end) return undefined
  const inline = typeof header.data === 'object' && header.data !== null ? header.data : {}
  const data = dataEnd > line + 1 ? readObject(bytes.subarray(line + 1, dataEnd)) : {}
  return { event: { type: header.type, data: { ...inline, ...data }, payload: bytes.subarray(dataEnd, end) }, bytes: end }
}

function readLength(value: unknown, field: string, most: number): number {
  if (value === undefined || value === null) return 0
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value
  throw malformed(`${field} ${JSON.stringify(value)?.slice(0, 40)}, at most ${most}`)
}

function readObject(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw malformed('a line that is no JSON', cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('JSON that is no object')
  return value as Record<string, unknown>
}

function malformed(found: string, cause?: unknown): RequestError {
  const message = `wyoming: found ${found}, expected a JSON header such as {"type":"describe"} and a newline; is this a Wyoming client?`
  return new RequestError(message, { status: 400, code: 'invalid-request', cause })
}

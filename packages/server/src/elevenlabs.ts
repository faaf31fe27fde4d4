import { createRoute, z } from '@hono/zod-openapi'
import { type EncodedFormat, type EncodedSampleRate, encodedFormats } from '@mynah/core'
import { CharacterAligner, type CharacterTimes, withCharacters } from './characters.ts'
import { checkText, clampSpeed, createRoutes, type RouteContext, type ServerContext, warningHeaders } from './context.ts'
import { RequestError, toRequestError } from './errors.ts'
import { bytesOf, collectBytes, type EncodedChunks, toByteStream } from './streaming.ts'

/** Formats of ElevenLabs that are spoken here: `codec_rate`, or `codec_rate_kbps`. */
const formatPattern = /^(?:(pcm|wav|mp3|opus)_(8000|16000|22050|24000|44100|48000)(?:_(\d{2,3}))?|(ulaw|alaw)_8000)$/
const defaultFormat = 'mp3_44100_128'

/** How speech is encoded. */
export interface Encoding {
  readonly format: EncodedFormat
  readonly sampleRate: EncodedSampleRate
  readonly bitrateKbps?: number
}

/** @throws {RequestError} `unsupported-format` */
export function readOutputFormat(name: string | undefined): Encoding {
  const match = formatPattern.exec(name ?? defaultFormat)
  const [, codec, rate, kbps, law] = match ?? []
  if (law) return { format: law === 'ulaw' ? 'mulaw' : 'alaw', sampleRate: 8000 }
  // MPEG-2.5, which MP3 needs for 8 kHz, is not what players expect.
  if (codec && !(codec === 'mp3' && rate === '8000'))
    return {
      format: codec as 'pcm',
      sampleRate: Number(rate) as EncodedSampleRate,
      ...(kbps && ['mp3', 'opus'].includes(codec) ? { bitrateKbps: Number(kbps) } : {}),
    }
  const message = `output_format is ${JSON.stringify(name?.slice(0, 40))}, expected such as mp3_44100_128, pcm_24000, wav_24000, opus_48000_64, ulaw_8000 or alaw_8000`
  throw new RequestError(message, { status: 400, code: 'unsupported-format', field: 'output_format' })
}

const TextBody = z
  .object({
    text: z.string({ error: 'is missing, expected the text to speak' }).openapi({ example: 'Hello from Mynah.' }),
    model_id: z.string().nullish(),
    seed: z
      .number()
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .nullish(),
    voice_settings: z.object({ speed: z.number().nullish() }).loose().nullish(),
  })
  .loose()
  .openapi('TextToSpeechRequest')

const request = {
  params: z.object({ voice_id: z.string() }),
  query: z.object({ output_format: z.string().optional().openapi({ example: defaultFormat }) }).loose(),
  body: { required: true, content: { 'application/json': { schema: TextBody } } },
}
const audio = { description: 'Audio', content: { 'audio/mpeg': { schema: z.string().openapi({ format: 'binary' }) } } }
const json = { description: 'Audio in base64, and when each character is spoken', content: { 'application/json': { schema: z.any() } } }
const route = (path: string, summary: string, answer: typeof audio | typeof json) =>
  createRoute({ method: 'post', path: `/v1/text-to-speech/{voice_id}${path}`, summary, request, responses: { 200: answer as typeof json } })

const wholeRoute = route('', 'Speak a text', audio)
const streamRoute = route('/stream', 'Speak a text, streamed', audio)
const timestampsRoute = route('/with-timestamps', 'Speak a text, with the times of its characters', json)
const streamTimestampsRoute = route('/stream/with-timestamps', 'The same, streamed as a JSON object a line', json)
type TextBody = z.infer<typeof TextBody>

/** ElevenLabs' wire over HTTP: speech. */
export function elevenLabsRoutes(context: RouteContext) {
  const begin = (c: ServerContext, body: TextBody, voice: string, format: string | undefined) =>
    speak(c, body, voice, readOutputFormat(format), context)
  return createRoutes()
    .openapi(wholeRoute, async c => {
      const { chunks, headers } = await begin(c, c.req.valid('json'), c.req.valid('param').voice_id, c.req.valid('query').output_format)
      return c.body(await collectBytes(bytesOf(chunks)), 200, headers) as never
    })
    .openapi(streamRoute, async c => {
      const { chunks, headers } = await begin(c, c.req.valid('json'), c.req.valid('param').voice_id, c.req.valid('query').output_format)
      return c.body(await toByteStream(bytesOf(chunks)), 200, headers) as never
    })
    .openapi(timestampsRoute, async c => {
      const body = c.req.valid('json')
      const { chunks } = await begin(c, body, c.req.valid('param').voice_id, c.req.valid('query').output_format)
      const parts = { bytes: [] as Uint8Array[], times: [] as CharacterTimes[] }
      for await (const { bytes, times } of timed(chunks, body.text)) {
        parts.bytes.push(bytes)
        parts.times.push(times)
      }
      return c.json(toTimestamps(Buffer.concat(parts.bytes), joinTimes(parts.times)), 200)
    })
    .openapi(streamTimestampsRoute, async c => {
      const body = c.req.valid('json')
      const { chunks, headers } = await begin(c, body, c.req.valid('param').voice_id, c.req.valid('query').output_format)
      const lines = toLines(timed(chunks, body.text))
      return c.body(await toByteStream(lines), 200, { ...headers, 'content-type': 'application/json' }) as never
    })
}

async function speak(c: ServerContext, body: TextBody, id: string, encoding: Encoding, { service, limits }: RouteContext) {
  const text = checkText(body.text, 'text', limits)
  const voice = await service.findVoice(id)
  c.get('logged').characters = text.length
  const warnings: string[] = []
  const speed = clampSpeed(body.voice_settings?.speed ?? 1, warnings) // ElevenLabs allows 0.7 to 1.2
  const chunks = await service.speakEncoded({ text, voice, speed, seed: body.seed ?? undefined, signal: c.req.raw.signal }, encoding)
  return {
    chunks,
    headers: { 'content-type': encodedFormats[encoding.format].contentType, 'cache-control': 'no-store', ...warningHeaders(warnings) },
  }
}

function timed(chunks: EncodedChunks, text: string) {
  const aligner = new CharacterAligner()
  aligner.push(text)
  return withCharacters(chunks, aligner)
}

async function* toLines(chunks: ReturnType<typeof withCharacters>): AsyncGenerator<Uint8Array, void, undefined> {
  const line = (data: object) => Buffer.from(`${JSON.stringify(data)}\n`)
  try {
    for await (const { bytes, times } of chunks) {
      if (bytes.length > 0 || times.characters.length > 0) yield line(toTimestamps(bytes, times))
    }
  } catch (error) {
    yield line(errorDetail(toRequestError(error)))
  }
}

function toTimestamps(bytes: Uint8Array, { characters, startSeconds, endSeconds }: CharacterTimes) {
  const alignment = { characters, character_start_times_seconds: startSeconds, character_end_times_seconds: endSeconds }
  return { audio_base64: Buffer.from(bytes).toString('base64'), alignment, normalized_alignment: alignment }
}

function joinTimes(parts: readonly CharacterTimes[]): CharacterTimes {
  return {
    characters: parts.flatMap(each => each.characters),
    startSeconds: parts.flatMap(each => each.startSeconds),
    endSeconds: parts.flatMap(each => each.endSeconds),
  }
}

/** An error as ElevenLabs' clients read it. */
export function errorDetail({ message, code, field }: RequestError) {
  return { detail: { status: code, message, ...(field ? { field } : {}) } }
}

import { createRoute, z } from '@hono/zod-openapi'
import { encodedFormats, type Speech } from '@mynah/core'
import { checkText, clampSpeed, createRoutes, type RouteContext, type ServerContext, warningHeaders } from './context.ts'
import { errorType, RequestError, toRequestError } from './errors.ts'
import type { ListedVoice } from './service.ts'
import { bytesOf, type EncodedChunks, toByteStream } from './streaming.ts'

/** Models of OpenAI: whoever asks for one gets the one that is here. */
const knownModels = /^(tts-1(-hd)?(-\d+)?|gpt-4o-mini-tts(-[\d-]+)?|mynah)$/
/** Voices of OpenAI, which its clients name where nothing else is said: each stands for one of ours. */
const knownVoices = ['alloy', 'ash', 'ballad', 'coral', 'echo', 'fable', 'onyx', 'nova', 'sage', 'shimmer', 'verse', 'marin', 'cedar']
const formats = ['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm'] as const

const ErrorBody = z
  .object({ error: z.object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() }) })
  .openapi('Error')
const failure = (description: string) => ({ description, content: { 'application/json': { schema: ErrorBody } } })
const failures = {
  400: failure('The request is wrong; the message says what is expected'),
  401: failure('No valid key'),
  404: failure('No such voice or model'),
  429: failure('Busy, or too many requests: Retry-After says when to try again'),
}

const SpeechBody = z
  .object({
    input: z.string({ error: 'is missing, expected the text to speak' }).openapi({ example: 'Hello from Mynah.' }),
    model: z.string({ error: 'is missing, expected "mynah" or "tts-1"' }).openapi({ example: 'mynah' }),
    voice: z
      .union([z.string().min(1), z.object({ id: z.string().min(1) })], { error: 'is missing, expected the id of a voice, or { "id": … }' })
      .openapi({ example: 'wren' }),
    instructions: z.string().optional().openapi({ description: 'Ignored, with a warning: the voice decides how it sounds' }),
    response_format: z.enum(formats, { error: `is not a format, expected ${formats.join(', ')}` }).default('mp3'),
    speed: z.number({ error: 'is no number' }).min(0.25, 'is below 0.25').max(4, 'is above 4').default(1),
    stream_format: z.enum(['audio', 'sse'], { error: 'expected audio or sse' }).default('audio'),
    seed: z
      .number()
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .optional()
      .openapi({ description: 'The same seed gives the same speech (of Mynah, not of OpenAI)' }),
  })
  .openapi('SpeechRequest')

const speechRoute = createRoute({
  method: 'post',
  path: '/v1/audio/speech',
  summary: 'Speak a text',
  request: { body: { required: true, content: { 'application/json': { schema: SpeechBody } } } },
  responses: {
    200: {
      description:
        'Audio as it is spoken, or events (stream_format sse): speech.audio.delta with base64 audio and word times, then speech.audio.done',
      content: { 'audio/mpeg': { schema: z.string().openapi({ format: 'binary' }) }, 'text/event-stream': { schema: z.string() } },
    },
    ...failures,
  },
})

const modelsRoute = createRoute({
  method: 'get',
  path: '/v1/models',
  summary: 'What speaks here',
  responses: { 200: { description: 'One model', content: { 'application/json': { schema: z.any() } } } },
})

const VoiceBody = z
  .object({
    object: z.literal('audio.voice'),
    id: z.string(),
    name: z.string(),
    description: z.string(),
    licence: z.string(),
    consent: z.string(),
    kind: z.enum(['ready', 'created']),
    created_at: z.number().int(),
    status: z.enum(['ready', 'unusable']),
    problem: z.string().optional(),
    warnings: z.array(z.string()).optional(),
  })
  .openapi('Voice')

const listRoute = createRoute({
  method: 'get',
  path: '/v1/audio/voices',
  summary: 'List the voices',
  responses: {
    200: {
      description: 'Ready voices and created ones',
      content: { 'application/json': { schema: z.object({ object: z.literal('list'), data: z.array(VoiceBody) }) } },
    },
    401: failures[401],
  },
})

/** A field of a form. @param what it is for, where it is missing */
const field = (name: string, most: number, what: string) =>
  z
    .string({ error: `is missing: ${what}` })
    .trim()
    .min(1, `is empty: ${what}`)
    .max(most, `${name} is longer than ${most} characters`)

const UploadBody = z
  .object({
    name: field('name', 100, 'what the voice is called').openapi({ example: 'Anna' }),
    audio_sample: z
      .instanceof(File, { error: 'is missing: a recording of 1 to 15 s of one speaker, as a file' })
      .openapi({ type: 'string', format: 'binary', description: 'wav, mp3, flac or ogg' }),
    consent: field('consent', 1000, 'say who the speaker is and what they allowed; clone only voices whose owner has agreed to it').openapi(
      {
        example: 'My own voice, for this project.',
      },
    ),
    transcript: z
      .string()
      .trim()
      .max(2000)
      .optional()
      .openapi({ description: 'What is said. Without it the model hears the sounds itself, and is less sure of them' }),
  })
  .openapi('VoiceUpload')

const createVoiceRoute = createRoute({
  method: 'post',
  path: '/v1/audio/voices',
  summary: 'Make a voice of a recording, whose owner has agreed to it',
  request: { body: { required: true, content: { 'multipart/form-data': { schema: UploadBody } } } },
  responses: { 201: { description: 'The voice', content: { 'application/json': { schema: VoiceBody } } }, ...failures },
})

const deleteRoute = createRoute({
  method: 'delete',
  path: '/v1/audio/voices/{id}',
  summary: 'Delete a created voice',
  request: { params: z.object({ id: z.string() }) },
  responses: {
    200: {
      description: 'It is gone',
      content: { 'application/json': { schema: z.object({ id: z.string(), object: z.string(), deleted: z.boolean() }) } },
    },
    ...failures,
  },
})

type SpeechBody = z.infer<typeof SpeechBody>

/** OpenAI's wire: speech, models, voices. */
export function openAiRoutes(context: RouteContext) {
  const { service } = context
  return createRoutes()
    .openapi(speechRoute, async c => (await speak(c, c.req.valid('json'), context)) as never) // a stream has no type of its own
    .openapi(modelsRoute, c => c.json(listModels(c, service.engine.bundle.name), 200))
    .openapi(listRoute, async c => c.json({ object: 'list' as const, data: (await service.listVoices()).map(toVoiceBody) }, 200))
    .openapi(createVoiceRoute, async c => {
      const { name, consent, transcript, audio_sample: file } = c.req.valid('form')
      const audio = new Uint8Array(await file.arrayBuffer())
      const voice = await service.createVoice({ name, consent, audio, ...(transcript ? { transcript } : {}), signal: c.req.raw.signal })
      return c.json({ ...toVoiceBody(voice), warnings: [...voice.warnings] }, 201)
    })
    .openapi(deleteRoute, async c => {
      const { id } = c.req.valid('param')
      await service.deleteVoice(id)
      return c.json({ id, object: 'audio.voice.deleted', deleted: true }, 200)
    })
}

async function speak(c: ServerContext, body: SpeechBody, { service, limits }: RouteContext): Promise<Response> {
  const { response_format: format } = body
  if (format === 'aac') {
    const message = 'response_format is aac, which Mynah does not encode; ask for mp3, opus, flac, wav or pcm'
    throw new RequestError(message, { status: 400, code: 'unsupported-format', field: 'response_format' })
  }
  const text = checkText(body.input, 'input', limits)
  const warnings = checkModel(body.model, service.engine.bundle.name)
  if (body.instructions) warnings.push('instructions are ignored: the voice decides how it sounds')
  const speed = clampSpeed(body.speed, warnings)
  const asked = typeof body.voice === 'string' ? body.voice : body.voice.id
  const voice = await service.findVoice(
    substitute(
      asked,
      service.engine.voices.map(each => each.name),
      warnings,
    ),
  )
  c.get('logged').characters = text.length
  const chunks = await service.speakEncoded({ text, voice, speed, seed: body.seed, signal: c.req.raw.signal }, { format })
  const events = body.stream_format === 'sse'
  const headers = {
    'content-type': events ? 'text/event-stream' : encodedFormats[format].contentType,
    'cache-control': 'no-store',
    ...warningHeaders(warnings),
  }
  const pieces = events ? toEvents(chunks, text.length, warnings) : bytesOf(chunks)
  return c.body(await toByteStream(pieces), 200, headers)
}

/** Server-sent events; a failure on the way is the last of them. */
async function* toEvents(chunks: EncodedChunks, characters: number, begun: readonly string[]): AsyncGenerator<Uint8Array, void, undefined> {
  const event = (data: object) => Buffer.from(`data: ${JSON.stringify(data)}\n\n`)
  const warnings = [...begun]
  let seconds = 0
  try {
    for await (const { speech, bytes } of chunks) {
      seconds += speech?.durationSeconds ?? 0
      warnings.push(...(speech?.warnings ?? []))
      if (speech || bytes.length > 0) {
        yield event({ type: 'speech.audio.delta', audio: Buffer.from(bytes).toString('base64'), words: speech?.words.map(toWord) ?? [] })
      }
    }
    // OpenAI counts tokens; here they are characters in, and seconds of speech out.
    const usage = { input_tokens: characters, output_tokens: Math.ceil(seconds), total_tokens: characters + Math.ceil(seconds) }
    yield event({ type: 'speech.audio.done', usage, warnings })
  } catch (error) {
    yield event({ type: 'error', ...errorBody(toRequestError(error)) })
  }
}

/** Word times on the wire; a mark of SSML has its name, and no text. */
function toWord({ text, startSeconds, endSeconds, mark }: Speech['words'][number]) {
  return { text, start: round(startSeconds), end: round(endSeconds), ...(mark === undefined ? {} : { mark }) }
}

const round = (seconds: number) => Math.round(seconds * 1000) / 1000

/** An error as OpenAI's clients read it. */
export function errorBody({ message, status, field, code }: RequestError) {
  return { error: { message, type: errorType(status), param: field ?? null, code } }
}

function checkModel(model: string, name: string): string[] {
  if (model === name || model === 'mynah') return []
  if (knownModels.test(model)) return [`model ${model} is not here; ${name} speaks in its place`]
  const message = `there is no model ${JSON.stringify(model.slice(0, 80))}; ask for "mynah", or "tts-1", in whose place it speaks`
  throw new RequestError(message, { status: 404, code: 'model-not-found', field: 'model' })
}

/** One of ours for a voice of OpenAI's that is not among them. */
function substitute(voice: string, ready: readonly string[], warnings: string[]): string {
  const index = knownVoices.indexOf(voice)
  if (index === -1 || ready.includes(voice) || ready.length === 0) return voice
  const chosen = ready[index % ready.length]!
  warnings.push(`voice ${voice} is OpenAI's; ${chosen} speaks in its place`)
  return chosen
}

/** ElevenLabs has the same path for another list; its clients send their own header. */
function listModels(c: ServerContext, name: string) {
  if (c.req.header('xi-api-key') !== undefined) {
    const languages = [{ language_id: 'en', name: 'English' }]
    return [{ model_id: name, name, can_do_text_to_speech: true, can_do_voice_conversion: false, can_be_finetuned: false, languages }]
  }
  const model = (id: string) => ({ id, object: 'model', created: 0, owned_by: 'mynah' })
  return { object: 'list', data: [model('mynah'), model(name)] }
}

function toVoiceBody({ createdAt, problem, kind, id, name, description, licence, consent }: ListedVoice): z.infer<typeof VoiceBody> {
  const status = problem === undefined ? ('ready' as const) : ('unusable' as const)
  const shared = { object: 'audio.voice' as const, id, name, description, licence, consent, kind, created_at: createdAt, status }
  return problem === undefined ? shared : { ...shared, problem }
}

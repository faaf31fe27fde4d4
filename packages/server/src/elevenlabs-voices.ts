import { createRoute, z } from '@hono/zod-openapi'
import { createRoutes, type RouteContext } from './context.ts'
import { RequestError } from './errors.ts'
import type { ListedVoice } from './service.ts'

const json = (description: string) => ({ 200: { description, content: { 'application/json': { schema: z.any() } } } })
const params = z.object({ voice_id: z.string() })

const listRoute = createRoute({ method: 'get', path: '/v1/voices', summary: 'List the voices', responses: json('Voices') })

const searchRoute = createRoute({
  method: 'get',
  path: '/v2/voices',
  summary: 'Search the voices',
  request: {
    query: z
      .object({
        page_size: z.coerce.number().int().min(1).max(100).default(10),
        next_page_token: z
          .string()
          .regex(/^\d{1,6}$/, 'is none that this server gave')
          .optional(),
        search: z.string().max(200).optional().openapi({ description: 'Part of the name or the description' }),
        category: z.string().optional().openapi({ example: 'cloned' }),
        voice_ids: z.union([z.string(), z.array(z.string())]).optional(),
      })
      .loose(),
  },
  responses: json('A page of voices'),
})

const voiceRoute = createRoute({
  method: 'get',
  path: '/v1/voices/{voice_id}',
  summary: 'One voice',
  request: { params },
  responses: json('The voice'),
})

/** Labels of a form: JSON. */
const Labels = z.preprocess(
  text => {
    try {
      return typeof text === 'string' ? JSON.parse(text) : text
    } catch {
      return text
    }
  },
  z.record(z.string(), z.string(), { error: 'is expected to be JSON such as {"consent": "My own voice."}' }),
)

const consentAdvice =
  'say who the speaker is and what they allowed, in labels: {"consent": "My own voice."}; clone only voices whose owner has agreed to it'

const AddBody = z
  .object({
    name: z.string({ error: 'is missing: what the voice is called' }).trim().min(1, 'is empty: what the voice is called').max(100),
    files: z
      .union([z.instanceof(File), z.array(z.instanceof(File)).length(1)], {
        error: ({ input }) =>
          `${Array.isArray(input) ? 'has several' : 'is missing'}: one recording of 1 to 15 s of one speaker, as a file`,
      })
      .openapi({ type: 'string', format: 'binary', description: 'wav, mp3, flac or ogg' }),
    description: z.string().max(1000).optional(),
    labels: Labels.optional().openapi({ type: 'string', description: `JSON: consent (${consentAdvice}), transcript` }),
  })
  .openapi('AddVoice')

const addRoute = createRoute({
  method: 'post',
  path: '/v1/voices/add',
  summary: 'Make a voice of a recording, whose owner has agreed to it',
  request: { body: { required: true, content: { 'multipart/form-data': { schema: AddBody } } } },
  responses: json('Its id'),
})

const deleteRoute = createRoute({
  method: 'delete',
  path: '/v1/voices/{voice_id}',
  summary: 'Delete a created voice',
  request: { params },
  responses: json('It is gone'),
})

/** ElevenLabs' wire over HTTP: voices. */
export function elevenLabsVoiceRoutes({ service }: RouteContext) {
  const usable = async () => (await service.listVoices()).filter(each => each.problem === undefined)
  return createRoutes()
    .openapi(listRoute, async c => c.json({ voices: (await usable()).map(toVoice) }, 200))
    .openapi(searchRoute, async c => {
      const { page_size: size, next_page_token: token = '0', search = '', category, voice_ids: ids } = c.req.valid('query')
      const all = (await usable())
        .map(toVoice)
        .filter(
          each =>
            `${each.name} ${each.description}`.toLowerCase().includes(search.toLowerCase()) &&
            (category === undefined || each.category === category) &&
            (ids === undefined || [ids].flat().includes(each.voice_id)),
        )
      const [from, to] = [Number(token), Number(token) + size]
      const more = to < all.length
      const page = { voices: all.slice(from, to), has_more: more, total_count: all.length, next_page_token: more ? String(to) : null }
      return c.json(page, 200)
    })
    .openapi(voiceRoute, async c => {
      const id = c.req.valid('param').voice_id
      await service.findVoice(id)
      return c.json(toVoice((await service.listVoices()).find(each => each.id === id)!), 200)
    })
    .openapi(addRoute, async c => {
      const { name, files, labels = {} } = c.req.valid('form')
      const { consent, transcript } = labels
      if (!consent?.trim())
        throw new RequestError(`labels has no consent: ${consentAdvice}`, { status: 400, code: 'invalid-request', field: 'labels' })
      const [file] = [files].flat() as [File]
      const audio = new Uint8Array(await file.arrayBuffer())
      const voice = await service.createVoice({ name, consent, audio, ...(transcript ? { transcript } : {}), signal: c.req.raw.signal })
      return c.json({ voice_id: voice.id, requires_verification: false }, 200)
    })
    .openapi(deleteRoute, async c => {
      await service.deleteVoice(c.req.valid('param').voice_id)
      return c.json({ status: 'ok' }, 200)
    })
}

function toVoice({ id, name, description, licence, consent, kind, createdAt }: ListedVoice) {
  return {
    voice_id: id,
    name,
    category: kind === 'ready' ? 'premade' : 'cloned',
    description,
    labels: { licence, ...(consent === '' ? {} : { consent }) },
    samples: [],
    available_for_tiers: [],
    high_quality_base_model_ids: [],
    settings: { speed: 1 },
    is_owner: kind === 'created',
    ...(createdAt > 0 ? { created_at_unix: createdAt } : {}),
  }
}

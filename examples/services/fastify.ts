/**
 * Speech in a Fastify app:
 *   npx tsx --conditions=@mynah/source examples/services/fastify.ts
 *   curl http://127.0.0.1:3000/say -H 'Content-Type: application/json' -d '{"text":"Hello."}' -o hello.opus
 */
import { createSynthesizer } from '@mynah/core'
import fastify from 'fastify'

const mynah = await createSynthesizer({ maxQueue: 16 })
const app = fastify()

app.post<{ Body: { text: string } }>('/say', {
  schema: { body: { type: 'object', required: ['text'], properties: { text: { type: 'string', maxLength: 5000 } } } },
  handler: (request, reply) => reply.type('audio/ogg').send(mynah.streamAudio(request.body.text, { format: 'opus' })),
})

app.addHook('onClose', () => mynah.dispose())
await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })

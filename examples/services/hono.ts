/**
 * All of `mynah serve` below a path of a Hono app (it also runs under Bun's and Deno's server, and anything else that takes a fetch handler):
 *   npx tsx --conditions=@mynah/source examples/services/hono.ts
 *   curl http://127.0.0.1:3000/speech/v1/audio/voices
 */
import { serve } from '@hono/node-server'
import { createSynthesizer } from '@mynah/core'
import { createApp } from '@mynah/server'
import { Hono } from 'hono'

const mynah = await createSynthesizer({ maxQueue: 16 })
const speech = await createApp({ synthesizer: mynah, voices: 'voices', page: false })

const app = new Hono()
app.get('/', c => c.text('Speech is at /speech/v1/audio/speech.'))
app.mount('/speech', speech.fetch)

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000), hostname: '127.0.0.1', overrideGlobalObjects: false })

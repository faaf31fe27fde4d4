/**
 * Speech in an Express app:
 *   npx tsx --conditions=@mynah/source examples/services/express.ts
 *   curl 'http://127.0.0.1:3000/say?text=Hello.' -o hello.mp3
 */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { BusyError, createSynthesizer } from '@mynah/core'
import express from 'express'

const mynah = await createSynthesizer({ maxQueue: 16 })
const app = express()

app.get('/say', async (request, response) => {
  const audio = mynah.streamAudio(String(request.query.text ?? 'Hello.'), { format: 'mp3' })
  response.type('audio/mpeg')
  try {
    await pipeline(Readable.fromWeb(audio as ReadableStream), response) // a client that goes away ends the work
  } catch (error) {
    if (BusyError.isInstance(error) && !response.headersSent) response.status(429).end()
    else response.destroy()
  }
})

app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')

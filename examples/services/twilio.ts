/**
 * Speaks into a telephone call over Twilio Media Streams: 8 kHz µ-law, in base64, over a WebSocket.
 *   npx tsx --conditions=@mynah/source examples/services/twilio.ts
 * Point the call there: <Connect><Stream url="wss://your.host/" /></Connect>
 */
import { createSynthesizer } from '@mynah/core'
import { WebSocketServer } from 'ws'

const frameBytes = 160 // 20 ms
const mynah = await createSynthesizer({ maxQueue: 16 })

new WebSocketServer({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' }).on('connection', socket => {
  const ended = new AbortController()
  socket.on('close', () => ended.abort())
  socket.on('message', async data => {
    const message = JSON.parse(String(data)) as { event: string; start?: { streamSid: string } }
    if (message.event !== 'start') return
    const { streamSid } = message.start!
    const send = (fields: object) => socket.send(JSON.stringify({ streamSid, ...fields }))
    try {
      for await (const bytes of mynah.streamAudio('Hello! You have reached a bird.', { format: 'mulaw', signal: ended.signal })) {
        for (let i = 0; i < bytes.length; i += frameBytes) {
          send({ event: 'media', media: { payload: Buffer.from(bytes.subarray(i, i + frameBytes)).toString('base64') } })
        }
      }
      send({ event: 'mark', mark: { name: 'spoken' } }) // comes back when it was heard
    } catch {
      socket.close() // the caller hung up, or speaking failed
    }
  })
})

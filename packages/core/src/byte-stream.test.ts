import { decodeAudio } from '@mynah/audio'
import { describe, expect, it } from 'vitest'
import { createTinySynthesizer } from './models.fixture.ts'
import { createTextStream } from './text/stream.ts'

const text = 'Hello there. How are you today? Fine, thank you.'
/** Much faster than comparing element by element. */
const same = (a: ArrayBufferView, b: ArrayBufferView) =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength))
const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => new Uint8Array(await new Response(stream).arrayBuffer())

describe('streamAudio', () => {
  it('gives the bytes of speech.stream, which are those of the same samples', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const speech = await synthesizer.synthesize(text, { voice })
    const pcm = await read(synthesizer.streamAudio(text, { voice, format: 'pcm' }))
    expect(same(pcm, await read(speech.stream({ format: 'pcm' })))).toBe(true)
    expect(same(pcm, speech.toPcm16())).toBe(true)
  })

  it('begins a wav file before its length is known, and readers find all of it', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const speech = await synthesizer.synthesize(text, { voice })
    const { channels, sampleRate } = await decodeAudio(await read(synthesizer.streamAudio(text, { voice })))
    expect(sampleRate).toBe(24000)
    expect(channels[0]!.length).toBe(speech.audio.length)
  })

  it('ends the work when it is cancelled', async () => {
    const { synthesizer, voice, behaviour } = createTinySynthesizer({ milliseconds: 5 })
    const reader = synthesizer.streamAudio(text, { voice }).getReader()
    await reader.read()
    await reader.cancel()
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(behaviour.asked.length).toBeLessThanOrEqual(2)
  })

  it('fails with the reason of an abort, and with what is wrong with the text', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    await expect(read(synthesizer.streamAudio(text, { voice, signal: AbortSignal.abort(new Error('enough')) }))).rejects.toThrow('enough')
    await expect(read(synthesizer.streamAudio('', { voice }))).rejects.toThrow(/is empty/)
  })

  it('refuses unknown formats and rates at once', () => {
    const { synthesizer } = createTinySynthesizer()
    expect(() => synthesizer.streamAudio(text, { format: 'aac' as never })).toThrow(/format is "aac", expected pcm, wav, mp3/)
    expect(() => synthesizer.streamAudio(text, { sampleRate: 11025 as never })).toThrow(/sampleRate is 11025 Hz, expected 8000/)
  })
})

describe('texts', () => {
  it('may be arrays, web streams and text streams, with nothing in between', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const whole = await synthesizer.synthesize('Hello there. Bye.', { voice })
    const pushed = createTextStream()
    for (const piece of ['Hel', undefined, 'lo there. ', '', null, 'Bye.']) pushed.push(piece)
    pushed.close()
    const sources = [['Hello ', undefined, 'there. Bye.'], ReadableStream.from(['Hello there', '', '. Bye.']), pushed]
    for (const source of sources) {
      const audio: number[] = []
      for await (const chunk of synthesizer.stream(source, { voice })) audio.push(...chunk.audio)
      expect(same(Float32Array.from(audio), whole.audio)).toBe(true)
    }
  })
})

import { describe, expect, it } from 'vitest'
import { createTinySynthesizer } from './models.fixture.ts'

const document =
  '<speak><mark name="start"/>Hello <break time="0.5s"/>the <sub alias="world wide web">WWW</sub>. <prosody rate="50%">Slow.</prosody><mark name="end"/></speak>'

describe('SSML', () => {
  it('is spoken as text is, by synthesize and stream alike, with marks among the words', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const speech = await synthesizer.synthesize(document, { voice })
    expect(speech.words.map(({ text, mark }) => mark ?? text)).toEqual(['start', 'Hello', 'the', 'WWW', 'Slow', 'end'])
    expect(speech.warnings).toEqual([])
    const [start, hello, the] = speech.words
    expect(start).toMatchObject({ text: '', startSeconds: start!.endSeconds })
    expect(the!.startSeconds - hello!.endSeconds).toBeGreaterThan(0.5)
    const pieces = document.match(/[\s\S]{1,3}/g) as string[]
    const samples: number[] = []
    const words: string[] = []
    for await (const chunk of synthesizer.stream(pieces, { voice })) {
      samples.push(...chunk.audio)
      words.push(...chunk.words.map(({ text, mark }) => mark ?? text))
    }
    expect(Float32Array.from(samples)).toEqual(speech.audio)
    expect(words).toEqual(['start', 'Hello', 'the', 'WWW', 'Slow', 'end'])
  })

  it('speaks slower where it is asked to, and not slower than the speed allows', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const seconds = async (text: string, speed?: number) => (await synthesizer.synthesize(text, { voice, speed })).durationSeconds
    expect(await seconds('<speak><prosody rate="0.5">Hello there.</prosody></speak>')).toBeCloseTo(await seconds('Hello there.', 0.5), 6)
    expect(await seconds('<speak><prosody rate="0.5">Hello there.</prosody></speak>', 0.6)).toBeCloseTo(
      await seconds('Hello there.', 0.5),
      6,
    )
  })

  it('goes on with the voice of the call where a voice is not there, and says so', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const speech = await synthesizer.synthesize('<speak>One. <voice name="nobody">Two.</voice></speak>', { voice })
    expect(speech.words.map(word => word.text)).toEqual(['One', 'Two'])
    expect(speech.warnings).toEqual([expect.stringContaining('there is no voice "nobody"')])
  })

  it('is text where the caller says so, as is markup', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    const plain = await synthesizer.synthesize('Wait [pause 9s] here', { voice, markup: false })
    expect(plain.words.map(word => word.text)).toEqual(['Wait', 'pause', '9s', 'here'])
    expect(plain.durationSeconds).toBeLessThan(9)
    await expect(synthesizer.synthesize('x', { voice, ssml: 'yes' } as never)).rejects.toThrow('ssml is string, expected a boolean')
  })
})

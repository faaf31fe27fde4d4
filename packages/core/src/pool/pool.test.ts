import { setTimeout as wait } from 'node:timers/promises'
import { InferenceError } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { createTinyModels, createTinySynthesizer } from '../models.fixture.ts'
import type { Speech } from '../speech.ts'
import { createTextStream } from '../text/stream.ts'
import { BusyError } from './busy.ts'

const text = 'Hello there. How are you today? Fine, thank you.'
const same = (a: Float32Array, b: Float32Array) => Buffer.from(a.buffer).equals(Buffer.from(b.buffer))
const collect = async (stream: AsyncIterable<Speech>) => {
  const chunks: Speech[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}
const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

/** Models whose worker dies at the given calls of the language model. */
function crashing(...calls: number[]) {
  const log = { calls: 0 }
  const models = createTinyModels({ asked: [], encoded: [], chunkFrames: 10 })
  const { lm } = models
  return {
    log,
    models: {
      ...models,
      lm: {
        ...lm,
        async *generate(...args: Parameters<typeof lm.generate>) {
          for await (const generated of lm.generate(...args)) {
            if (calls.includes(++log.calls)) throw new InferenceError('it died', { code: 'worker-crashed' })
            yield generated
          }
        },
      },
    },
  }
}

describe('a pool', () => {
  it('gives the same samples with several workers as with one', async () => {
    const one = createTinySynthesizer()
    const two = createTinySynthesizer({ milliseconds: 1 }, undefined, 2)
    const texts = ['Hello.', text, 'Yes indeed.', 'Good evening, everybody.']
    const alone = []
    for (const each of texts) alone.push(await one.synthesizer.synthesize(each, { voice: one.voice, seed: 3 }))
    const together = await Promise.all(texts.map(each => two.synthesizer.synthesize(each, { voice: two.voice, seed: 3 })))
    for (const [i, speech] of together.entries()) expect(same(speech.audio, alone[i]!.audio)).toBe(true)
    expect(two.synthesizer.stats()).toMatchObject({ workers: 2, running: 0, queued: 0, finished: 4, failed: 0, refused: 0 })
  })

  it('finishes equal requests in the order in which they came', async () => {
    const { synthesizer, voice } = createTinySynthesizer({ milliseconds: 5 })
    const order: number[] = []
    await Promise.all(Array.from({ length: 5 }, (_, i) => synthesizer.synthesize(text, { voice }).then(() => order.push(i))))
    expect(order).toEqual([0, 1, 2, 3, 4])
  })

  it('lets a short request and one of high priority overtake a long one', async () => {
    const { synthesizer, voice } = createTinySynthesizer({ milliseconds: 5 })
    const order: string[] = []
    const say = (name: string, what: string, priority = 0) => synthesizer.synthesize(what, { voice, priority }).then(() => order.push(name))
    const all = [say('long', text.repeat(8))]
    await wait(20)
    all.push(say('short', 'Hello.'), say('urgent', text, 1))
    await Promise.all(all)
    expect(order.at(-1)).toBe('long')
  })

  it('refuses what cannot wait, at once, and says when to come again', async () => {
    const { synthesizer, voice } = createTinySynthesizer({ milliseconds: 20 }, undefined, 1, 2)
    const accepted = Array.from({ length: 3 }, () => synthesizer.synthesize('Hello.', { voice }))
    await wait(1)
    expect(synthesizer.stats()).toMatchObject({ running: 1, queued: 2, maxQueue: 2 })
    const refused = await errorOf(synthesizer.synthesize('Hello.', { voice }))
    expect(BusyError.isInstance(refused) && refused).toMatchObject({ code: 'busy', retryAfterSeconds: expect.any(Number) })
    expect((refused as BusyError).retryAfterSeconds).toBeGreaterThanOrEqual(1)
    expect((refused as BusyError).message).toMatch(/3 requests are spoken or wait, expected at most 1 and 2/)
    await expect(synthesizer.stream('Hello.', { voice }).next()).rejects.toThrow(BusyError)
    await Promise.all(accepted)
    expect((await synthesizer.synthesize('Hello.', { voice })).words).toHaveLength(1)
    expect(synthesizer.stats()).toMatchObject({ finished: 4, refused: 2, queued: 0, running: 0 })
    expect(synthesizer.stats().realTimeFactor).toBeGreaterThan(0)
  })

  it('keeps no place for who does not read on, or writes nothing', async () => {
    const { synthesizer, voice } = createTinySynthesizer({}, undefined, 1, 0)
    const slow = synthesizer.stream(text, { voice })
    await slow.next()
    const writing = createTextStream()
    writing.push('Hello there. And')
    const speaking = synthesizer.stream(writing, { voice })
    await wait(300)
    await speaking.next()
    await wait(300)
    expect(synthesizer.stats()).toMatchObject({ running: 0, queued: 0, paused: 2 })
    expect((await synthesizer.synthesize('Hello.', { voice })).words).toHaveLength(1)
    writing.close()
    expect([...(await collect(speaking)), ...(await collect(slow))].length).toBeGreaterThan(2)
    expect(synthesizer.stats()).toMatchObject({ paused: 0, finished: 3 })
  })

  it('forgets requests that were aborted or left', async () => {
    const { synthesizer, voice } = createTinySynthesizer({ milliseconds: 10 }, undefined, 1, 1)
    const controller = new AbortController()
    const running = errorOf(synthesizer.synthesize(text, { voice, signal: controller.signal }))
    const queued = errorOf(synthesizer.synthesize(text, { voice, signal: controller.signal }))
    await wait(5)
    controller.abort(new Error('enough'))
    expect(await running).toBe(controller.signal.reason)
    expect(await queued).toBe(controller.signal.reason)
    for await (const _ of synthesizer.stream(text, { voice })) break
    await wait(30)
    expect(synthesizer.stats()).toMatchObject({ running: 0, queued: 0, paused: 0, failed: 3 })
  })
})

describe('a worker that dies', () => {
  it('before anything was heard is not noticed, but for the count', async () => {
    const plain = createTinySynthesizer({ chunkFrames: 10 })
    const expected = await plain.synthesizer.synthesize(text, { voice: plain.voice })
    const { models } = crashing(1, 4)
    const { synthesizer, voice } = createTinySynthesizer({}, models)
    expect(same((await synthesizer.synthesize(text, { voice })).audio, expected.audio)).toBe(true)
    expect(synthesizer.stats()).toMatchObject({ retried: 2, finished: 1, failed: 0 })
  })

  it('does not lose text that was already read', async () => {
    const { models } = crashing(1)
    const { synthesizer, voice } = createTinySynthesizer({}, models)
    const chunks = await collect(synthesizer.stream(['Hello ', 'there. ', 'Bye.'], { voice }))
    expect(chunks.flatMap(({ words }) => words.map(word => word.text))).toEqual(['Hello', 'there', 'Bye'])
    expect(synthesizer.stats().retried).toBe(1)
  })

  it('after something was heard fails the stream, and a request that kills every worker fails', async () => {
    const late = crashing(6)
    const streaming = createTinySynthesizer({}, late.models)
    const chunks: Speech[] = []
    const error = await errorOf(
      (async () => {
        for await (const chunk of streaming.synthesizer.stream(text, { voice: streaming.voice })) chunks.push(chunk)
      })(),
    )
    expect(chunks.length).toBeGreaterThan(0)
    expect(error).toMatchObject({ code: 'worker-crashed' })
    const poison = createTinySynthesizer({}, crashing(1, 2, 3, 4, 5, 6).models)
    expect(await errorOf(poison.synthesizer.synthesize(text, { voice: poison.voice }))).toMatchObject({ code: 'worker-crashed' })
    expect(poison.synthesizer.stats()).toMatchObject({ retried: 2, failed: 1 })
  })
})

describe('drain', () => {
  it('lets what was accepted end, and takes nothing more', async () => {
    const { synthesizer, voice } = createTinySynthesizer({ milliseconds: 10 })
    const running = [1, 2, 3].map(() => synthesizer.synthesize(text, { voice }))
    await wait(1)
    let drained = false
    const draining = synthesizer.drain().then(() => {
      drained = true
    })
    expect(await errorOf(synthesizer.synthesize(text, { voice }))).toMatchObject({ code: 'draining' })
    await Promise.all(running)
    await draining
    expect(drained).toBe(true)
    await synthesizer.drain()
  })
})

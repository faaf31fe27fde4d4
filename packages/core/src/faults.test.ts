import { setTimeout as wait } from 'node:timers/promises'
import { MynahError } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { createTinyModels, createTinySynthesizer } from './models.fixture.ts'
import { createSynthesizer } from './synthesizer.ts'
import { Voice } from './voice/voice.ts'

/** A tone in syllables. */
const samples = Float32Array.from({ length: 3 * 24000 }, (_, i) => 0.3 * Math.sin(i / 20) * Math.abs(Math.sin(i / 3000)))
const recording = { audio: { samples, sampleRate: 24000 }, transcript: 'Hello there, how are you today my friend?' }
const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: Error & { code?: string }) => error,
  )

/** A synthesizer whose aligner never comes back. */
function stuck() {
  const models = createTinyModels({ asked: [], encoded: [] })
  const load = async () => ({ hear: () => new Promise<never>(() => undefined), async [Symbol.asyncDispose]() {} })
  return createTinySynthesizer({}, { ...models, aligner: { ...models.aligner!, load } })
}

describe('createVoice', () => {
  it('ends with the reason of an abort, even while the aligner is at work', async () => {
    const { synthesizer } = stuck()
    const controller = new AbortController()
    const creating = errorOf(synthesizer.createVoice({ ...recording, signal: controller.signal }))
    await wait(300)
    controller.abort(new Error('enough'))
    expect((await creating)?.message).toBe('enough')
  })

  it('ends with `disposed` when the synthesizer is disposed of', async () => {
    const { synthesizer } = stuck()
    const creating = errorOf(synthesizer.createVoice(recording))
    await wait(300)
    await synthesizer.dispose()
    expect((await creating)?.code).toBe('disposed')
  })

  it('is waited for by drain, and refused after it', async () => {
    const { synthesizer } = createTinySynthesizer()
    const creating = synthesizer.createVoice(recording)
    await synthesizer.drain()
    expect((await creating).codec).toBe('mynah-codec@tiny')
    expect((await errorOf(synthesizer.createVoice(recording)))?.code).toBe('draining')
  })
})

describe('createSynthesizer', () => {
  it('ends with the reason of its signal', async () => {
    expect((await errorOf(createSynthesizer({ signal: AbortSignal.abort(new Error('before')) })))?.message).toBe('before')
    const controller = new AbortController()
    const creating = errorOf(createSynthesizer({ signal: controller.signal }))
    controller.abort(new Error('during'))
    expect((await creating)?.message).toBe('during')
  })

  it('refuses workers, queues and isolation that it cannot have', async () => {
    expect((await errorOf(createSynthesizer({ workers: 0 })))?.message).toMatch(/workers is 0, expected an integer from 1, or "auto"/)
    expect((await errorOf(createSynthesizer({ maxQueue: -1 })))?.message).toMatch(/maxQueue is -1, expected a number from 0/)
    expect((await errorOf(createSynthesizer({ isolation: 'vm' as never })))?.message).toMatch(/isolation is "vm"/)
  })
})

describe('texts and voices', () => {
  it('in which nothing can be spoken have a code', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    for (const text of ['', ' \n', '🎉🎉'])
      expect(await errorOf(synthesizer.synthesize(text, { voice }))).toMatchObject({ name: 'RangeError', code: 'nothing-to-speak' })
  })

  it('whose codes or phonemes the models do not have are refused by name', async () => {
    const { synthesizer, voice } = createTinySynthesizer()
    for (const change of [
      { codes: { ...voice.codes, data: voice.codes.data.map((code, i) => (i === 2 ? 16 : code)) } },
      { phonemes: Int32Array.of(0, 1000, 0) },
    ]) {
      const error = await errorOf(synthesizer.synthesize('Hello.', { voice: new Voice({ ...voice, ...change }) }))
      expect(MynahError.isInstance(error) && error.code).toBe('malformed-voice')
      expect(error?.message).toMatch(/voice "tiny": (code|phoneme) \d is -?\d+, expected 0 to \d+/)
    }
  })
})

describe('many requests', () => {
  it('that share a signal make Node print no warning', async () => {
    const warnings: Error[] = []
    const keep = (warning: Error) => void warnings.push(warning)
    process.on('warning', keep)
    const { synthesizer, voice } = createTinySynthesizer({ milliseconds: 2 })
    const { signal } = new AbortController()
    await Promise.all(Array.from({ length: 30 }, () => synthesizer.synthesize('Hello.', { voice, signal })))
    await wait(10)
    process.off('warning', keep)
    expect(warnings).toEqual([])
  })

  it('leave nothing behind', async () => {
    const { synthesizer, voice, behaviour } = createTinySynthesizer()
    const heap = () => {
      globalThis.gc?.()
      return process.memoryUsage().heapUsed
    }
    const speak = async (count: number) => {
      for (let i = 0; i < count; i++) for await (const _ of synthesizer.streamAudio('Hello.', { voice, format: 'pcm' }));
      behaviour.asked.splice(0)
    }
    await speak(20)
    const before = heap()
    await speak(200)
    expect(heap() - before).toBeLessThan(10e6)
    expect(synthesizer.stats()).toMatchObject({ finished: 220, running: 0, queued: 0, paused: 0 })
  })
})

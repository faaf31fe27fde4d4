import { fileURLToPath } from 'node:url'
import { createRandom, createRuntime, float32Tensor, type Runtime } from '@mynah/onnx'
import { loadVocoder, type MelVocoder } from '@mynah/vocoder'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Models } from './contracts.ts'
import { createTinyModels, createTinySynthesizer } from './models.fixture.ts'
import { type VocoderOption, withVocoder } from './vocoder.ts'

const golden = (path: string) => fileURLToPath(new URL(`../../../test/fixtures/golden/${path}`, import.meta.url))
const hifiGan = golden('hifi-gan/v1/g_00001000')
const univNet = golden('univnet/c4/univ_c4_0003.pt')
const vocosEncodec = golden('vocos-encodec/encodec-24khz/pytorch_model.bin')

const tinyModels = () => createTinyModels({ asked: [], encoded: [] })
const latents = (frames: number) => float32Tensor(new Float32Array(3 * frames).fill(1), [3, frames])

let runtime: Runtime
beforeAll(async () => {
  runtime = await createRuntime({ device: 'cpu', threads: 1 })
})
afterAll(() => runtime.dispose())

describe('a vocoder of mel spectrograms', () => {
  it.each([
    ['a path', hifiGan],
    ['a URL', new URL(`file://${hifiGan}`)],
    ['path and config', { checkpoint: hifiGan, config: golden('hifi-gan/v1/config.json') }],
  ])('is loaded from %s', async (_, option) => {
    const { vocoder } = await withVocoder(tinyModels(), option, runtime)
    expect(vocoder).toMatchObject({ name: 'hifi-gan', sampleRate: 22050, featureDim: 3 })
  })

  it('resynthesizes what the decoder spoke, at its own rate and of the same duration', async () => {
    const models = tinyModels()
    const loaded = await loadVocoder(univNet, { runtime }) // 24 kHz, as the decoder: nothing is resampled
    const { vocoder } = await withVocoder(models, loaded, runtime)
    const spoken = await models.vocoder.decode(latents(64))
    const expected = await loaded.decode(loaded.mel(spoken), { seed: 6 })
    const audio = await vocoder.decode(latents(64), { seed: 6 })
    expect(audio).toEqual(expected.subarray(0, vocoder.samplesFor(64)))
    expect(await vocoder.decode(latents(64), { seed: 7 })).not.toEqual(audio)
    for (const frames of [1, 3, 40]) expect(await vocoder.decode(latents(frames))).toHaveLength(frames * 600)
    const other = (await withVocoder(models, hifiGan, runtime)).vocoder
    for (const frames of [1, 3, 40]) expect(await other.decode(latents(frames))).toHaveLength(Math.round((frames * 600 * 22050) / 24000))
  })

  it('speaks through synthesize and stream: words keep their times, and one warning says what happened', async () => {
    const plain = createTinySynthesizer()
    const { synthesizer, voice } = createTinySynthesizer({}, await withVocoder(tinyModels(), hifiGan, runtime))
    const text = 'Hello there. How are you?'
    const [speech, before] = [await synthesizer.synthesize(text, { voice }), await plain.synthesizer.synthesize(text, { voice })]
    expect([synthesizer.sampleRate, speech.sampleRate]).toEqual([22050, 22050])
    expect(speech.durationSeconds).toBeCloseTo(before.durationSeconds, 3)
    expect(speech.words.map(word => word.text)).toEqual(before.words.map(word => word.text))
    for (const [i, { startSeconds }] of speech.words.entries()) expect(startSeconds).toBeCloseTo(before.words[i]!.startSeconds, 3)
    expect(speech.warnings.filter(warning => /hifi-gan resynthesized/.test(warning))).toHaveLength(1)
    const chunks = []
    for await (const chunk of synthesizer.stream(text, { voice })) chunks.push(chunk)
    expect(chunks.map(({ warnings }) => warnings.length)).toEqual([1, 0])
    expect(Float32Array.from(chunks.flatMap(({ audio }) => [...audio]))).toEqual(speech.audio)
  })
})

describe("a vocoder of a codec's codewords", () => {
  /** Models that speak the codes that a vocoder decodes. */
  const modelsOf = (vocoder: MelVocoder): Models => {
    const models = tinyModels()
    const codec = {
      ...models.codec,
      latentDim: vocoder.featureDim,
      codebooks: 2,
      codebookSize: 1024,
      samplesPerFrame: vocoder.hopLength,
      frameRate: 75,
    }
    return { ...models, codec: { ...codec, toFeatures: codes => vocoder.toFeatures(codes) } }
  }

  it('decodes them directly, with the bandwidth of the models and without a warning', async () => {
    const loaded = await loadVocoder(vocosEncodec, { runtime })
    const { vocoder, warnings } = await withVocoder(modelsOf(loaded), loaded, runtime)
    expect(warnings ?? []).toEqual([])
    const random = createRandom(3)
    const data = Float32Array.from({ length: loaded.featureDim * 9 }, () => random.normal())
    const features = float32Tensor(data, [loaded.featureDim, 9])
    expect(await vocoder.decode(features, { seed: 1 })).toEqual(await loaded.decode(features, { bandwidthId: 0 })) // 2 · 10 bits · 75 Hz = 1.5 kbps
    const six = await withVocoder({ ...modelsOf(loaded), spokenCodebooks: 8 }, loaded, runtime)
    expect(await six.vocoder.decode(features)).toEqual(await loaded.decode(features, { bandwidthId: 2 }))
    const three = await withVocoder({ ...modelsOf(loaded), spokenCodebooks: 3 }, loaded, runtime)
    expect(three.warnings).toEqual([expect.stringMatching(/trained for 1\.5, 3, 6, 12 kbps; the models speak 2\.25, .* as of 1\.5$/)])
  })

  it('is refused for models that speak another codec', async () => {
    const loaded = await loadVocoder(vocosEncodec, { runtime })
    const models = modelsOf(loaded)
    const codec: Models['codec'] = {
      ...models.codec,
      toFeatures: codes => ({ ...loaded.toFeatures(codes), data: loaded.toFeatures(codes).data.map(value => 2 * value) }),
    }
    for (const other of [{ ...models, codec }, tinyModels()]) {
      await expect(withVocoder(other, loaded, runtime)).rejects.toMatchObject({
        code: 'feature-mismatch',
        message: expect.stringMatching(/bundle/),
      })
    }
  })
})

describe('the option', () => {
  it.each([[3], [null], [''], [{}], [{ checkpoint: 5 }], [{ checkpoint: 'a', konfig: 'b' }], [{ decode: 1 }]])(
    '%j is a TypeError',
    async option => {
      await expect(withVocoder(tinyModels(), option as unknown as VocoderOption, runtime)).rejects.toThrow(TypeError)
    },
  )

  it('with a checkpoint that is none fails as loadVocoder does', async () => {
    await expect(withVocoder(tinyModels(), golden('hifi-gan/v1/config.json'), runtime)).rejects.toMatchObject({ name: 'CheckpointError' })
  })
})

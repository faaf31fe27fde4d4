import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom, float32Tensor, loadWeights, sizeOf, type Tensor, writeSafetensors } from '@mynah/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSynthesizer, type Synthesizer } from '../synthesizer.ts'
import { Voice } from '../voice/voice.ts'

// A whole VALL-E X in small: random weights in the published layouts.
const golden = (path: string) => fileURLToPath(new URL(`../../../../test/fixtures/golden/${path}`, import.meta.url))
const [dim, heads, layers, textTokens, audioTokens, codebooks] = [16, 2, 2, 70, 64, 8]
const text = 'The birch canoe slid.'

let folder: string
let synthesizer: Synthesizer

const random = createRandom(7)
const noise = (...shape: number[]) =>
  float32Tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => random.uniform() - 0.5),
    shape,
  )

function tinyVallEX(): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {}
  for (const part of ['ar', 'nar']) {
    tensors[`${part}_text_embedding.word_embeddings.weight`] = noise(textTokens, dim)
    tensors[`${part}_language_embedding.word_embeddings.weight`] = noise(3, dim)
    for (const side of ['text', 'audio']) tensors[`${part}_${side}_position.alpha`] = noise(1)
    const norm = (name: string) => {
      if (part === 'nar')
        Object.assign(tensors, { [`${name}.project_layer.weight`]: noise(2 * dim, dim), [`${name}.project_layer.bias`]: noise(2 * dim) })
      const inner = part === 'nar' ? `${name}.norm` : name
      Object.assign(tensors, { [`${inner}.weight`]: noise(dim), [`${inner}.bias`]: noise(dim) })
    }
    for (let i = 0; i < layers; i++) {
      const layer = `${part}_decoder.layers.${i}`
      tensors[`${layer}.self_attn.in_proj_weight`] = noise(3 * dim, dim)
      tensors[`${layer}.self_attn.in_proj_bias`] = noise(3 * dim)
      for (const [name, out, width] of [
        ['self_attn.out_proj', dim, dim],
        ['linear1', 4 * dim, dim],
        ['linear2', dim, 4 * dim],
      ] as const) {
        tensors[`${layer}.${name}.weight`] = noise(out, width)
        tensors[`${layer}.${name}.bias`] = noise(out)
      }
      for (const n of [1, 2]) norm(`${layer}.norm${n}`)
    }
    norm(`${part}_decoder.norm`)
  }
  tensors['ar_audio_embedding.word_embeddings.weight'] = noise(audioTokens + 2, dim)
  tensors['ar_predict_layer.weight'] = noise(audioTokens + 1, dim)
  for (let k = 0; k < codebooks; k++)
    tensors[`nar_audio_embeddings.${k}.word_embeddings.weight`] = noise(audioTokens + Number(k === 0), dim)
  for (let stage = 0; stage < codebooks - 1; stage++) {
    tensors[`nar_predict_layers.${stage}.weight`] = noise(audioTokens, dim)
    tensors[`nar_stage_embeddings.${stage}.word_embeddings.weight`] = noise(1, dim)
  }
  return tensors
}

/** Vocos' golden model with the hop of this EnCodec. */
function tinyVocos(): { tensors: Record<string, Tensor>; config: unknown } {
  using weights = loadWeights(golden('vocos-encodec/encodec-24khz/pytorch_model.bin'))
  const tensors: Record<string, Tensor> = Object.fromEntries(weights.names.map(name => [name, weights.raw(name)]))
  const nFft = 1280
  Object.assign(tensors, { 'head.out.weight': noise(nFft + 2, 36), 'head.out.bias': noise(nFft + 2), 'head.istft.window': noise(nFft) })
  const at = (name: string, init_args: object) => ({ class_path: `vocos.${name}`, init_args })
  const config = {
    feature_extractor: at('feature_extractors.EncodecFeatures', { encodec_model: 'encodec_24khz', bandwidths: [1.5, 3, 6, 12] }),
    backbone: at('models.VocosBackbone', { input_channels: 24, dim: 36, intermediate_dim: 72, num_layers: 3, adanorm_num_embeddings: 4 }),
    head: at('heads.ISTFTHead', { dim: 36, n_fft: nFft, hop_length: 320, padding: 'same' }),
  }
  return { tensors, config }
}

function manifest(change: object = {}): string {
  const sha256 = createHash('sha256')
    .update(readFileSync(join(folder, 'encodec.th')))
    .digest('hex')
  return JSON.stringify({
    format: 'mynah-bundle',
    version: 1,
    name: 'tiny-vall-e-x',
    language: 'en',
    licence: 'MIT',
    sampleRate: 24000,
    frameRate: 75,
    lm: { architecture: 'vall-e-x', file: 'vallex-checkpoint.pt', config: { nhead: heads } },
    codec: {
      architecture: 'encodec',
      file: 'encodec.th',
      config: JSON.parse(readFileSync(golden('encodec/24khz/config.json'), 'utf8')),
      sha256,
    },
    vocoder: { architecture: 'vocos', file: 'vocos.safetensors', config: tinyVocos().config },
    voices: [{ name: 'preset', file: 'preset.npz', licence: 'MIT' }],
    ...change,
  })
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mynah-published-'))
  writeSafetensors(join(folder, 'vallex-checkpoint.pt'), tinyVallEX())
  writeSafetensors(join(folder, 'vocos.safetensors'), tinyVocos().tensors)
  copyFileSync(golden('encodec/24khz/encodec_24khz-00000000.th'), join(folder, 'encodec.th'))
  copyFileSync(golden('vall-e/prompt.npz'), join(folder, 'preset.npz'))
  writeFileSync(join(folder, 'bundle.json'), manifest())
  synthesizer = await createSynthesizer({ bundle: folder, device: 'cpu', threads: 1 })
}, 120_000)
afterAll(async () => {
  await synthesizer?.dispose()
  rmSync(folder, { recursive: true })
})

describe('a bundle of VALL-E X, EnCodec and Vocos', () => {
  const limits = { maxSeconds: 1, topK: 20 }

  it('speaks with a preset, the same for the same seed', async () => {
    expect(synthesizer.voices).toEqual([{ name: 'preset', description: '', licence: 'MIT' }])
    const speech = await synthesizer.synthesize(text, limits)
    expect(speech.sampleRate).toBe(24000)
    expect(speech.audio.length).toBeGreaterThan(0)
    expect(speech.audio.length % 320).toBe(0)
    expect(speech.audio.every(sample => Math.abs(sample) <= 1)).toBe(true)
    expect(speech.audio.some(sample => Math.abs(sample) > 1e-4)).toBe(true)
    expect(speech.phonemes).toMatch(/^ðə_bəɹtʃ_kəˈnu_slɪd\.$/)
    expect(speech.words.map(word => word.text)).toEqual(['The', 'birch', 'canoe', 'slid'])
    expect(speech.words.at(-1)!.endSeconds).toBeLessThanOrEqual(speech.audio.length / 24000 + 1e-6)
    expect((await synthesizer.synthesize(text, limits)).audio).toEqual(speech.audio)
    expect((await synthesizer.synthesize(text, { ...limits, seed: 5 })).audio).not.toEqual(speech.audio)
  }, 60_000)

  it('speaks other languages from phonemes, and differently with a language', async () => {
    const chinese = '[你好](/ni↓xɑʊ↓↑/)'
    const [zh, ja] = [
      await synthesizer.synthesize(chinese, { ...limits, language: 'zh' }),
      await synthesizer.synthesize(chinese, { ...limits, language: 'ja' }),
    ]
    expect(zh.phonemes).toBe('ni↓xɑʊ↓↑.')
    expect(zh.warnings.filter(warning => warning.includes('phonemes'))).toEqual([])
    expect(zh.audio).not.toEqual(ja.audio)
    await expect(synthesizer.synthesize(chinese, { ...limits, language: 'de' })).rejects.toThrow(
      /language is "de", expected one of en, zh, ja/,
    )
  }, 60_000)

  it('makes a voice of a recording without aligning it, and reads it back', async () => {
    const samples = Float32Array.from({ length: 48000 }, (_, i) => 0.3 * Math.sin(i / 20) * Math.abs(Math.sin(i / 3000)))
    const voice = await synthesizer.createVoice({
      audio: { samples, sampleRate: 24000 },
      transcript: 'Oh, what a lovely day.',
      language: 'en',
    })
    expect(voice.codes.shape[0]).toBe(codebooks)
    expect(voice.durations).toHaveLength(0)
    const path = join(folder, 'own.voice.safetensors')
    await voice.save(path)
    const loaded = await Voice.load(path)
    expect(loaded).toMatchObject({ language: 'en', codec: voice.codec })
    expect((await synthesizer.synthesize('Ah.', { ...limits, voice: loaded })).audio.length).toBeGreaterThan(0)
    const long = { samples: new Float32Array(24000 * 17).map((_, i) => samples[i % 48000]!), sampleRate: 24000 }
    const transcript = Array(6).fill('Oh, what a lovely day it is.').join(' ')
    await expect(synthesizer.createVoice({ audio: long, transcript })).rejects.toMatchObject({ code: 'prompt-too-long' })
  }, 60_000)

  it('warns of candidates, which it does not have, and speaks without them', async () => {
    const plain = await synthesizer.synthesize(text, limits)
    const { audio, warnings } = await synthesizer.synthesize(text, { ...limits, candidates: 4 })
    expect(audio).toEqual(plain.audio)
    expect(warnings.filter(warning => !plain.warnings.includes(warning))).toEqual([expect.stringMatching(/option candidates was left out/)])
  })

  it('ends what is too long with a warning, and draws repeated codes anew if asked', async () => {
    const plain = await synthesizer.synthesize(text, { maxSeconds: 0.5, topK: 2 })
    expect(plain.warnings.join()).toMatch(/was cut/)
    expect((await synthesizer.synthesize(text, { maxSeconds: 0.5, topK: 2, repetitionAware: true })).audio).not.toEqual(plain.audio)
  }, 60_000)

  it.each([
    ['unsupported-architecture', { codec: { architecture: 'dac', file: 'encodec.th', sha256: '0'.repeat(64) } }],
    ['malformed-manifest', { frameRate: 50 }],
    ['malformed-manifest', { codec: { architecture: 'encodec', file: 'encodec.th' } }],
    ['malformed-manifest', { lm: undefined }],
    ['corrupted-file', { lm: { architecture: 'vall-e-x', file: 'vallex-checkpoint.pt', bytes: 3 } }],
    ['missing-file', { vocoder: { architecture: 'vocos', file: 'nowhere.bin' } }],
  ])(
    'refuses with %s a manifest with %j',
    async (code, change) => {
      writeFileSync(join(folder, 'bundle.json'), manifest(change))
      await expect(createSynthesizer({ bundle: folder, device: 'cpu', threads: 1 })).rejects.toMatchObject({ name: 'BundleError', code })
    },
    60_000,
  )
})

describe('Voice.fromNpz', () => {
  it('reads codes by codebook, text ids and language', async () => {
    const voice = await Voice.fromNpz(golden('vall-e/prompt.npz'), { name: 'me' })
    expect(voice).toMatchObject({ name: 'me', language: 'en', codec: expect.stringContaining('encodec@d7cc33bc') })
    expect(voice.codes.shape).toEqual([8, 30])
    expect(voice.phonemes).toHaveLength(7)
  })

  it('refuses what is none', async () => {
    await expect(Voice.fromNpz(golden('vall-e/make.py'))).rejects.toMatchObject({ name: 'CheckpointError' })
    await expect(Voice.fromNpz('/nowhere.npz')).rejects.toMatchObject({ code: 'malformed-voice' })
  })
})

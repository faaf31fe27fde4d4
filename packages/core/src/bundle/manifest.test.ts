import { BundleError } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { parseManifest } from './manifest.ts'

const sha256 = 'ab'.repeat(32)
const part = (architecture: string, file: string) => ({ architecture, config: {}, file, bytes: 3, sha256 })
const manifest = {
  format: 'mynah-bundle',
  version: 1,
  name: 'tiny',
  language: 'en-us',
  licence: 'MIT',
  sampleRate: 24000,
  frameRate: 40,
  phonemes: ['_', ' ', 'a'],
  codec: part('mynah-codec', 'codec.safetensors'),
  vocoder: part('mynah-decoder', 'vocoder.safetensors'),
  ar: part('mynah-ar', 'ar.safetensors'),
  nar: part('mynah-nar', 'nar.safetensors'),
  aligner: part('mynah-aligner', 'aligner.safetensors'),
  sampling: { temperature: 0.5, topK: 30, topP: 1, repetitionPenalty: 1, candidates: 2 },
  voices: [{ name: 'anna', file: 'voices/anna.voice.safetensors', description: 'warm', licence: 'CC0', sha256 }],
}
const parse = (changes: object) => () => parseManifest(JSON.stringify({ ...manifest, ...changes }), 'x/bundle.json')
const codeOf = (action: () => unknown) => {
  try {
    action()
  } catch (error) {
    if (BundleError.isInstance(error)) return `${error.code}: ${error.message}`
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('parseManifest', () => {
  it('reads what export.py writes, and ignores fields that it does not know', () => {
    expect(parseManifest(JSON.stringify({ ...manifest, later: true }), 'x')).toEqual(manifest)
  })

  it('reads the names of bundles from before 0.2: listener for scorer, takes for candidates', () => {
    const { candidates: takes, ...sampling } = manifest.sampling
    const scorer = part('mynah-listener', 'listener.safetensors')
    const old = { ...manifest, listener: scorer, sampling: { ...sampling, takes } }
    expect(parseManifest(JSON.stringify(old), 'x')).toEqual({ ...manifest, scorer })
  })

  it('refuses what is not JSON, and JSON that is no manifest', () => {
    expect(codeOf(() => parseManifest('<!doctype html>', 'x/bundle.json'))).toMatch(/^malformed-manifest: x\/bundle.json: is not JSON/)
    for (const text of ['null', '[]', '3', '{"name": "left-pad"}']) {
      expect(codeOf(() => parseManifest(text, 'x'))).toMatch(/^malformed-manifest: .*"format": "mynah-bundle"/)
    }
  })

  it('names the version it found, the one it reads, and what to do', () => {
    expect(codeOf(parse({ version: 2, codec: 'new layout' }))).toMatch(/^unknown-version: .*version 2, expected 1; install/)
    expect(codeOf(parse({ version: undefined }))).toMatch(/^unknown-version/)
  })

  it.each(['../secret', '/etc/passwd', 'a/../../b', 'C:\\x', 'a\\..\\b', './codec', 'a//b', '', 'a/', '..', 'a\0b'])(
    'refuses the file name %j, which could lie outside of the bundle',
    file => {
      expect(codeOf(parse({ codec: { ...manifest.codec, file } }))).toMatch(/^malformed-manifest: .*codec\.file/)
      expect(codeOf(parse({ voices: [{ ...manifest.voices[0], file }] }))).toMatch(/^malformed-manifest: .*voices\.0\.file/)
    },
  )

  it('accepts names with dots that do not climb', () => {
    const file = 'weights..v2/codec.safetensors'
    expect(parse({ codec: { ...manifest.codec, file } })().codec.file).toBe(file)
  })

  it('says which field is wrong, and how', () => {
    expect(codeOf(parse({ codec: { ...manifest.codec, sha256: 'XYZ' } }))).toMatch(/codec\.sha256: expected 64/)
    expect(codeOf(parse({ phonemes: ['_', 'ab'] }))).toMatch(/phonemes\.1: expected one character/)
    expect(codeOf(parse({ phonemes: ['_', 'a', 'a'] }))).toMatch(/phonemes: expected every symbol once/)
    expect(codeOf(parse({ voices: [manifest.voices[0], manifest.voices[0]] }))).toMatch(/voices: expected every name once/)
    expect(codeOf(parse({ codec: 1, ar: 1, nar: 1, aligner: 1 }))).toMatch(/and 1 more/)
  })
})

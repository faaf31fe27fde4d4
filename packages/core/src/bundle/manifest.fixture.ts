import { sha256 } from '../hub/server.fixture.ts'

/** The manifest of a bundle whose parts all are `weights`, in weights.safetensors, and whose one voice is `voice`, in voices/anna.voice.safetensors. */
export function createManifest(weights: Uint8Array, voice: Uint8Array, name = 'tiny') {
  const part = (architecture: string) => ({
    architecture,
    config: {},
    file: 'weights.safetensors',
    bytes: weights.length,
    sha256: sha256(weights),
  })
  return {
    format: 'mynah-bundle',
    version: 1,
    name,
    language: 'en-us',
    licence: 'MIT',
    sampleRate: 24000,
    frameRate: 40,
    phonemes: ['_', ' ', 'a'],
    codec: part('mynah-codec'),
    vocoder: part('mynah-decoder'),
    ar: part('mynah-ar'),
    nar: part('mynah-nar'),
    aligner: part('mynah-aligner'),
    sampling: { temperature: 0.5, topK: 30, topP: 1, repetitionPenalty: 1, candidates: 2 },
    voices: [{ name: 'anna', file: 'voices/anna.voice.safetensors', description: '', licence: '', sha256: sha256(voice) }],
  }
}

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeAudio, measureLevel, toMono } from '@mynah/audio'
import { createSynthesizer, type Synthesizer } from '@mynah/core'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningServer, startServer } from './server.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const hasModel = existsSync(`${root}/packages/voice-en/bundle.json`)
/** Models load, and a busy machine is slow. */
const timeout = 240_000

describe.skipIf(!hasModel)(
  `the server with the embedded voice${hasModel ? '' : ' (skipped: packages/voice-en has no bundle.json)'}`,
  { timeout },
  () => {
    let mynah: Synthesizer
    let server: RunningServer
    let client: OpenAI
    const voices = mkdtempSync(join(tmpdir(), 'mynah-server-'))
    beforeAll(async () => {
      mynah = await createSynthesizer()
      server = await startServer({ synthesizer: mynah, voices })
      client = new OpenAI({ apiKey: 'none', baseURL: `${server.url}/v1`, maxRetries: 0, timeout })
    }, timeout)
    afterAll(async () => {
      await server?.close(0)
      await mynah?.dispose()
      rmSync(voices, { recursive: true, force: true })
    }, timeout)

    it('speaks audible speech for the client of OpenAI', async () => {
      const response = await client.audio.speech.create({
        model: 'tts-1',
        voice: 'alloy',
        input: 'Hello from the server.',
        response_format: 'wav',
      })
      const audio = await decodeAudio(new Uint8Array(await response.arrayBuffer()))
      const { speechSeconds } = measureLevel(toMono(audio), audio.sampleRate)
      expect(speechSeconds).toBeGreaterThan(0.6)
      expect(speechSeconds).toBeLessThan(4)
    })

    it('makes a voice of a recording and speaks with it', async () => {
      const form = new FormData()
      form.set('name', 'Kathleen')
      form.set('audio_sample', new Blob([readFileSync(`${root}/examples/recording.opus`)]), 'recording.opus')
      form.set('transcript', 'Only, it is so wonderful, so almost impossible to believe.')
      form.set('consent', 'The speaker dedicated her recordings to the public domain.')
      const voice = await client.post<{ id: string }>('/audio/voices', { body: form })
      expect(voice.id).toBe('kathleen')
      const response = await client.audio.speech.create({
        model: 'mynah',
        voice: { id: 'kathleen' },
        input: 'I can say this, too.',
        response_format: 'pcm',
      })
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(24_000)
    })

    it('makes a voice without a transcript, and says what it heard', async () => {
      const form = new FormData()
      form.set('name', 'Heard')
      form.set('audio_sample', new Blob([readFileSync(`${root}/examples/recording.opus`)]), 'recording.opus')
      form.set('consent', 'The speaker dedicated her recordings to the public domain.')
      const voice = await client.post<{ id: string; warnings: string[] }>('/audio/voices', { body: form })
      expect(voice.id).toBe('heard')
      expect(voice.warnings).toEqual([expect.stringMatching(/without a transcript, heard \/.+\/, \d+ % sure/)])
    })

    it('refuses a recording that does not match its transcript, and says so', async () => {
      const form = new FormData()
      form.set('name', 'Wrong')
      form.set('audio_sample', new Blob([readFileSync(`${root}/examples/recording.opus`)]), 'recording.opus')
      form.set('transcript', 'The quick brown fox jumps over the lazy dog near the river bank.')
      form.set('consent', 'The speaker dedicated her recordings to the public domain.')
      await expect(client.post('/audio/voices', { body: form })).rejects.toMatchObject({ status: 400, code: 'transcript-mismatch' })
    })

    it('times the characters for the client of ElevenLabs', async () => {
      const response = await fetch(`${server.url}/v1/text-to-speech/${mynah.voices[0]!.name}/with-timestamps?output_format=ulaw_8000`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: 'Hello, world! It is 5 pm.' }),
      })
      const { audio_base64, alignment } = (await response.json()) as {
        audio_base64: string
        alignment: { characters: string[]; character_end_times_seconds: number[] }
      }
      expect(alignment.characters.join('')).toBe('Hello, world! It is 5 pm.')
      const seconds = Buffer.from(audio_base64, 'base64').length / 8000
      expect(Math.max(...alignment.character_end_times_seconds)).toBeLessThanOrEqual(seconds + 0.01)
    })
  },
)

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Speech } from '@mynah/core'
import { describe, expect, it } from 'vitest'
import { createTts, type LiveKitAgents, type SpeechEngine, type TtsOptions } from './index.ts'

/** @livekit/agents brings 285 MB, which no test of a fresh clone should: it is used where somebody has installed it. */
const folder = process.env.MYNAH_LIVEKIT
const why = folder ? '' : ' (skipped: npm install @livekit/agents @livekit/rtc-node in a folder, and name it in MYNAH_LIVEKIT)'

/** A tenth of a second and a half for each word. */
const sampleRate = 24000
function createEngine() {
  const asked: string[] = []
  const engine: SpeechEngine = {
    bundle: { name: 'fake-en', language: 'en-us', licence: 'MIT' },
    sampleRate,
    async *stream(text, { signal } = {}) {
      let position = 0
      for await (const piece of typeof text === 'string' ? [text] : (text as AsyncIterable<string>)) {
        if (typeof piece !== 'string') continue
        asked.push(piece)
        for (const word of piece.split(' ').filter(Boolean)) {
          signal?.throwIfAborted()
          const startSeconds = 0.15 * position++
          const timings = { frontEndSeconds: 0, languageModelSeconds: 0, vocoderSeconds: 0, totalSeconds: 0 }
          const words = [{ text: word, startSeconds, endSeconds: startSeconds + 0.15 }]
          yield new Speech({
            audio: new Float32Array(3600).fill(0.1),
            sampleRate,
            startSeconds,
            phonemes: word,
            words,
            warnings: [],
            timings,
          })
        }
      }
    },
  }
  return { engine, asked }
}

interface Synthesized {
  readonly frame: { readonly samplesPerChannel: number; readonly sampleRate: number; readonly data: Int16Array }
  readonly final: boolean
  readonly segmentId: string
  readonly timedTranscripts?: { readonly text: string; readonly startTime: number; readonly endTime: number }[]
}
interface Tts {
  readonly capabilities: object
  readonly model: string
  readonly provider: string
  synthesize(text: string): AsyncIterable<Synthesized>
  stream(): AsyncIterable<Synthesized | symbol> & { pushText(text: string): void; flush(): void; endInput(): void; close(): void }
}

async function load(): Promise<{
  agents: LiveKitAgents & { initializeLogger(options: object): void }
  AudioFrame: TtsOptions<LiveKitAgents>['AudioFrame']
}> {
  const resolve = createRequire(join(folder!, 'package.json')).resolve
  const open = async (name: string) => import(pathToFileURL(resolve(name)).href)
  const agents = await open('@livekit/agents')
  const { AudioFrame } = await open('@livekit/rtc-node')
  return { agents: agents.default ?? agents, AudioFrame }
}

describe.skipIf(!folder || !existsSync(join(folder, 'node_modules/@livekit/agents')))(
  `the LiveKit plugin, under the classes of @livekit/agents${why}`,
  { timeout: 120_000 },
  () => {
    async function create() {
      const { agents, AudioFrame } = await load()
      agents.initializeLogger({ pretty: false, level: 'silent' })
      const { engine, asked } = createEngine()
      return {
        tts: createTts({ agents, AudioFrame, synthesizer: engine, voice: 'wren' }) as unknown as Tts,
        asked,
        END: agents.tts.SynthesizeStream.END_OF_STREAM,
      }
    }

    it('speaks a text in frames of at most 100 ms, the last one marked, with the times of the words', async () => {
      const { tts } = await create()
      expect(tts).toMatchObject({ capabilities: { streaming: true, alignedTranscript: true }, model: 'fake-en', provider: 'mynah' })
      const frames: Synthesized[] = []
      for await (const each of tts.synthesize('Hello there')) frames.push(each)
      expect(frames.map(({ frame }) => frame.samplesPerChannel)).toEqual([2400, 1200, 2400, 1200])
      expect(frames.map(({ final }) => final)).toEqual([false, false, false, true])
      const timed = frames.flatMap(({ timedTranscripts }) => timedTranscripts ?? [])
      expect(timed.map(({ text, startTime, endTime }) => [text, startTime, endTime])).toEqual([
        ['Hello ', 0, 0.15],
        ['there ', 0.15, 0.3],
      ])
    })

    it('speaks text that is pushed, a segment for each flush', async () => {
      const { tts, asked, END } = await create()
      const stream = tts.stream()
      stream.pushText('Hello ')
      stream.pushText('there.')
      stream.flush()
      stream.pushText('You.')
      stream.flush()
      stream.endInput()
      const got: (Synthesized | symbol)[] = []
      for await (const each of stream) got.push(each)
      expect(asked).toEqual(['Hello ', 'there.', 'You.'])
      expect(got.filter(each => each === END).length).toBe(2)
      const frames = got.filter(each => typeof each !== 'symbol')
      expect(new Set(frames.map(({ segmentId }) => segmentId)).size).toBe(2)
      expect(frames.reduce((sum, { frame }) => sum + frame.samplesPerChannel, 0)).toBe(3 * 3600)
    })
  },
)

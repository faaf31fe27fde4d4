import { setTimeout as wait } from 'node:timers/promises'
import type { Expected } from '@mynah/lm'
import { concat, createRandom, float32Tensor, type Tensor } from '@mynah/onnx'
import { createManifest } from './bundle/manifest.fixture.ts'
import { parseManifest } from './bundle/manifest.ts'
import type { GenerateOptions, Models } from './contracts.ts'
import { createFrontEnd } from './front-end.ts'
import { assembleSynthesizer } from './synthesizer.ts'
import { createPhonemizer } from './text/phonemize.ts'
import { Voice } from './voice/voice.ts'

/** The phoneme table of `training/assets/phonemes.json`. */
const symbols = [...'_;:,.!?"() abdefhijklmnoprstuvwzɑɐæɔðəɚɛɜɡɪŋθɹɾʃʊʌʒʔˈˌːᵻ']
const sampleRate = 24000
const frameRate = 40
const hop = sampleRate / frameRate
const [codebooks, codebookSize, latentDim] = [2, 16, 3] as const
/** Frames of every phoneme but the boundaries. */
const phonemeFrames = 2
/** What the aligner hears without a transcript: m. */
const hummed = Int32Array.of(0, 21, 0)

const nothing = new Uint8Array(1)
const manifest = parseManifest(
  JSON.stringify({ ...createManifest(nothing, nothing), sampleRate, frameRate, phonemes: symbols, voices: [] }),
  'bundle.json',
)

/** One espeak-ng for all: starting its thread takes longer than a test. */
const frontEnd = createFrontEnd(symbols, createPhonemizer())

/** How the tiny models behave, and what they were asked for. */
export interface Behaviour {
  /** The share of a transcript's words that the aligner hears; it takes the others for something else. */
  match?: number
  /** How certain it is of every word. */
  certainty?: number
  /** What it was told to expect. */
  expected?: Expected | undefined
  /** A language model that takes this long for every utterance. */
  milliseconds?: number
  /** Frames of each boundary, 10 by default. */
  boundaryFrames?: number
  /** Peak of the waveform. */
  amplitude?: number
  /** The longest utterance that the language model can speak. */
  longestFrames?: number
  /** Frames of a chunk that the language model gives; all at once by default. */
  chunkFrames?: number
  readonly asked: { phonemes: Int32Array; options: GenerateOptions }[]
  readonly encoded: Float32Array[]
}

/** Models that obey the contracts and compute next to nothing: boundaries last 10 frames, every other phoneme 2; the waveform is a tone of seeded loudness, smoothed over neighbours. */
export function createTinyModels(behaviour: Behaviour): Models {
  const dispose = async () => undefined
  return {
    frontEnd,
    [Symbol.asyncDispose]: dispose,
    codecId: 'mynah-codec@tiny',
    spokenCodebooks: codebooks,
    codec: {
      name: 'tiny',
      sampleRate,
      frameRate,
      samplesPerFrame: hop,
      codebooks,
      codebookSize,
      latentDim,
      async encode(waveform) {
        behaviour.encoded.push(waveform)
        const frames = Math.ceil(waveform.length / hop)
        return { dtype: 'int32', shape: [codebooks, frames], data: new Int32Array(codebooks * frames).fill(3) }
      },
      toFeatures: codes => ({ dtype: 'float32', shape: [latentDim, codes.shape[1]!], data: new Float32Array(latentDim * codes.shape[1]!) }),
      [Symbol.asyncDispose]: dispose,
    },
    aligner: {
      async features(waveform) {
        const frames = Math.ceil(waveform.length / hop)
        return { dtype: 'float32', shape: [160, frames], data: new Float32Array(160 * frames) }
      },
      load: async () => ({
        async hear(features, told) {
          behaviour.expected = told
          const expected = told ?? { phonemes: hummed, words: [{ start: 1, end: hummed.length - 1 }] }
          const frames = features.shape[1]!
          const { phonemes, words } = expected
          const at = (i: number) => Math.round((i * frames) / phonemes.length)
          const durations = phonemes.map((_, i) => at(i + 1) - at(i))
          const heard = words.map(({ start, end }, index) => {
            const isExpected = phonemes !== hummed && index < words.length * (behaviour.match ?? 1)
            return {
              start,
              end,
              frames: at(end) - at(start),
              certainty: behaviour.certainty ?? 0.8,
              ...(isExpected ? { expected: index } : {}),
            }
          })
          return { phonemes, durations, words: heard }
        },
        [Symbol.asyncDispose]: dispose,
      }),
    },
    lm: {
      name: 'tiny',
      codebooks,
      codebookSize,
      symbols: symbols.length,
      async *generate(phonemes, options) {
        behaviour.asked.push({ phonemes, options })
        if (behaviour.milliseconds) await wait(behaviour.milliseconds, undefined, options.signal ? { signal: options.signal } : {})
        options.signal?.throwIfAborted()
        const limit = Math.min(options.maxFrames ?? Number.POSITIVE_INFINITY, behaviour.longestFrames ?? Number.POSITIVE_INFINITY)
        const durations: number[] = []
        let frames = 0
        for (const id of phonemes) {
          if (frames >= limit) break
          const wanted = id === 0 ? (behaviour.boundaryFrames ?? 10) : phonemeFrames
          durations.push(Math.min(wanted, limit - frames))
          frames += durations.at(-1)!
          options.onFrame?.(frames)
        }
        const random = createRandom(options.seed ?? 0)
        const levels = Float32Array.from({ length: frames }, () => 0.5 + 0.5 * random.uniform())
        const chunk = (from: number, to: number) =>
          float32Tensor(Array.from({ length: latentDim }, () => [...levels.subarray(from, to)]).flat(), [latentDim, to - from])
        const { chunkFrames = frames } = behaviour
        let given = 0
        for (; given + chunkFrames < frames; given += chunkFrames) {
          const ended: number[] = []
          for (let end = 0, i = 0; i < durations.length && end + durations[i]! <= given + chunkFrames; end += durations[i++]!)
            ended.push(durations[i]!)
          yield { latents: chunk(given, given + chunkFrames), durations: Int32Array.from(ended) }
        }
        const complete = frames < limit || durations.length === phonemes.length
        yield { latents: chunk(given, frames), durations: Int32Array.from(durations), stopped: complete ? 'end' : 'length' }
      },
      [Symbol.asyncDispose]: dispose,
    },
    vocoder: {
      name: 'tiny',
      sampleRate,
      featureDim: latentDim,
      samplesFor: frames => frames * hop,
      decode: async features => decodeTiny(features, behaviour),
      open() {
        let arrived = float32Tensor([], [latentDim, 0])
        let given = 0
        return {
          async push(features, last = false) {
            arrived = concat([arrived, features])
            const end = Math.max(given, arrived.shape[1]! - (last ? 0 : 1)) // a sample depends on the frame after its own
            const samples = decodeTiny(arrived, behaviour).slice(given * hop, end * hop)
            given = end
            return samples
          },
          async [Symbol.asyncDispose]() {},
        }
      },
      [Symbol.asyncDispose]: dispose,
    },
  }
}

/** A cosine in every frame, as loud as the frame and its neighbours on average. */
function decodeTiny({ shape, data }: Tensor<'float32'>, { amplitude = 0.3 }: Behaviour): Float32Array {
  const frames = shape[1]!
  const level = (frame: number) => data[Math.max(0, Math.min(frames - 1, frame))]!
  const mean = (frame: number) => (level(frame - 1) + level(frame) + level(frame + 1)) / 3
  return Float32Array.from({ length: frames * hop }, (_, i) => amplitude * mean(Math.floor(i / hop)) * Math.cos((i % hop) / 20))
}

/** A voice of the tiny codec. */
export function createTinyVoice(): Voice {
  return new Voice({
    name: 'tiny',
    transcript: 'Ah.',
    codec: 'mynah-codec@tiny',
    codes: { dtype: 'int32', shape: [codebooks, 4], data: new Int32Array(codebooks * 4) },
    phonemes: Int32Array.of(0, 11, 0),
    durations: Int32Array.of(1, 2, 1),
  })
}

/** A synthesizer of tiny models, or of others, with a log of what the tiny ones were asked for. */
export function createTinySynthesizer(behaviour: Partial<Behaviour> = {}, models?: Models, workers = 1, maxQueue?: number) {
  const full: Behaviour = { ...behaviour, asked: [], encoded: [] }
  const state = { disposed: 0, restarts: 0 }
  const runtime = {
    device: 'cpu' as const,
    get restarts() {
      return state.restarts
    },
    async [Symbol.asyncDispose]() {
      state.disposed++
    },
  }
  const lanes = Array.from({ length: workers }, () => ({ models: models ?? createTinyModels(full), runtime }))
  const synthesizer = assembleSynthesizer({ folder: '/nowhere', manifest }, lanes, maxQueue)
  return { synthesizer, voice: createTinyVoice(), behaviour: full, state, frameRate, hop, sampleRate }
}

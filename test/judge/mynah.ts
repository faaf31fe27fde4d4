import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeAudio, encodeWav, toMono } from '@mynah/audio'
import { loadMynahCodec } from '@mynah/codec'
import {
  bundleParts,
  createSynthesizer,
  MynahError,
  openBundle,
  type Speech,
  type SpeechOptions,
  type Synthesizer,
  type Voice,
} from '@mynah/core'
import { createRuntime } from '@mynah/onnx'
import { loadVocoder } from '@mynah/vocoder'
import type { Case, Row } from './set.ts'

/** What one synthesis gave and cost. */
export interface Spoken {
  readonly wav: string
  /** Of speech. */
  readonly seconds: number
  /** Wall-clock time. */
  readonly spentSeconds: number
  /** Processor time of all threads of this process. */
  readonly cpuSeconds: number
  readonly warnings: readonly string[]
}

/** What tells one model from another: the weights' names and hashes, and their size in millions of bytes. */
export async function describeModel(bundle?: string): Promise<{ weights: string[]; megabytes: number }> {
  const { manifest } = await openBundle(bundle)
  const parts = Object.values(bundleParts(manifest))
  return {
    weights: parts.map(({ file, sha256 }) => `${file} ${sha256}`),
    megabytes: parts.reduce((sum, { bytes = 0 }) => sum + bytes, 0) / 1e6,
  }
}

/** Times one synthesis, writes it to `wav` and a line about it to `log`. */
export async function speakTo(wav: string, log: string, speak: () => Promise<Speech>): Promise<Speech> {
  const started = performance.now()
  const before = process.cpuUsage()
  const speech = await speak()
  const spentSeconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(before)
  writeFileSync(wav, speech.toWav())
  const line: Spoken = {
    wav,
    seconds: speech.durationSeconds,
    spentSeconds,
    cpuSeconds: (user + system) / 1e6,
    warnings: speech.warnings,
  }
  appendFileSync(log, `${JSON.stringify(line)}\n`)
  return speech
}

/** Encodes and decodes every input with all codebooks. What is there already is not made again. */
export async function reconstructAll(set: string, rows: readonly Row[], out: string, bundlePath?: string): Promise<Case[]> {
  const bundle = await openBundle(bundlePath)
  const parts = bundle.manifest
  await using runtime = await createRuntime({ device: 'cpu', threads: 1 })
  const codec = await loadMynahCodec(join(bundle.folder, parts.codec.file), parts.codec.config, runtime)
  await using decoder = await loadVocoder(join(bundle.folder, parts.vocoder.file), {
    config: parts.vocoder.config,
    runtime,
  })
  const cases: Case[] = []
  for (const { id, group, text, input } of rows) {
    if (!input) continue
    const wav = join(out, `${id}.codec.wav`)
    if (!existsSync(wav)) {
      const samples = toMono(await decodeAudio(readFileSync(join(set, input))))
      writeFileSync(wav, encodeWav(await decoder.decode(codec.toFeatures(await codec.encode(samples))), codec.sampleRate))
    }
    cases.push({ wav, text, prompt: join(set, input), group: `${group} codec` })
  }
  return cases
}

interface Spoke {
  readonly cases: Case[]
  /** Prompts that no voice could be made of, with the reason. */
  readonly refused: Readonly<Record<string, string>>
}

/** Speaks every row that has a prompt, with its transcript or, where that is empty, without, once for each seed. What is there already is not made again. */
export async function speakAll(
  set: string,
  rows: readonly Row[],
  out: string,
  options: SpeechOptions & { bundle?: string; seeds: number },
): Promise<Spoke> {
  const { bundle, seeds, ...sampling } = options
  await using mynah = await createSynthesizer({ device: 'cpu', threads: 1, bundle })
  const voices = new Map<string, Voice | Error>()
  const cases: Case[] = []
  const refused: Record<string, string> = {}
  for (const { id, group, text, prompt, person, transcript } of rows) {
    if (!prompt || transcript === undefined) continue
    const key = `${prompt}\n${transcript}`
    for (let seed = 0; seed < seeds; seed++) {
      const wav = join(out, `${id}.${seed}.wav`)
      if (!existsSync(wav)) {
        const voice = voices.get(key) ?? (await voiceOf(mynah, join(set, prompt), transcript))
        voices.set(key, voice)
        if (voice instanceof Error) {
          refused[prompt] = voice.message
          break
        }
        await speakTo(wav, join(out, 'spoken.jsonl'), () => mynah.synthesize(text, { ...sampling, voice, seed }))
      }
      cases.push({ wav, text, prompt: join(set, person ?? prompt), group: `${group} mynah` })
    }
  }
  return { cases, refused }
}

/** A recording that cannot be a prompt is a finding of the evaluation, not its end. */
async function voiceOf(mynah: Synthesizer, audio: string, transcript: string): Promise<Voice | Error> {
  try {
    return await mynah.createVoice({ audio, ...(transcript === '' ? {} : { transcript }) })
  } catch (error) {
    if (MynahError.isInstance(error)) return error
    throw error
  }
}

/**
 * Whether Mynah always says something, once, and stops: `pnpm judge:robustness OUT [--bundle FOLDER] [--sentences 200] [--seeds 5] [--shard 1/1]`.
 * Speaks sentences of 1 to 60 words in the bundle's voices in turn, with several seeds each, into OUT, and checks length and level. Goes on where it was stopped; shards
 * (1/4 … 4/4) write into the same OUT and may run at the same time. `training/eval/robustness.py OUT` then hears what was said and counts.
 */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { measureLevel } from '@mynah/audio'
import { createSynthesizer } from '@mynah/core'
import { speakTo } from './mynah.ts'
import { makeSentences } from './sentences.ts'
import { readLines } from './set.ts'

/** A line of OUT/checked-SHARD.jsonl: what training/eval/robustness.py reads. */
interface Checked {
  readonly id: string
  readonly wav: string
  readonly text: string
  readonly voice: string | undefined
  readonly seed: number
  readonly seconds: number
  readonly phonemes: number
  /** Of the frames in which somebody speaks; nothing where nobody does. */
  readonly speechDbfs: number | null
  readonly speechSeconds: number
  readonly warnings: readonly string[]
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    bundle: { type: 'string' },
    sentences: { type: 'string', default: '200' },
    seeds: { type: 'string', default: '5' },
    shard: { type: 'string', default: '1/1' },
  },
})
const [folder] = positionals
if (!folder) throw new TypeError('usage: pnpm judge:robustness OUT [--bundle FOLDER] [--sentences 200] [--seeds 5] [--shard 1/4]')
const [shard, shards] = values.shard.split('/').map(Number) as [number, number]
if (!(shard >= 1 && shard <= shards)) throw new RangeError(`--shard is ${values.shard}, expected 1/4, 2/4, 3/4 or 4/4, for example`)
const out = resolve(folder)
mkdirSync(out, { recursive: true })
const results = join(out, `checked-${shard}-of-${shards}.jsonl`)
const done = new Set(readLines<Checked>(results).map(({ id }) => id))
const seeds = Number(values.seeds)
const sentences = makeSentences(Number(values.sentences))
await using mynah = await createSynthesizer({ device: 'cpu', threads: 1, bundle: values.bundle })
for (const [index, text] of sentences.entries()) {
  if (index % shards !== shard - 1) continue
  const voice = mynah.voices[index % mynah.voices.length]?.name
  for (let seed = 0; seed < seeds; seed++) {
    const id = `${String(index).padStart(3, '0')}-${seed}`
    if (done.has(id)) continue
    const wav = join(out, `${id}.wav`)
    const speech = await speakTo(wav, join(out, `spoken-${shard}-of-${shards}.jsonl`), () => mynah.synthesize(text, { voice, seed }))
    const level = measureLevel(speech.audio, speech.sampleRate)
    const checked: Checked = {
      id,
      wav,
      text,
      voice,
      seed,
      seconds: speech.durationSeconds,
      phonemes: [...speech.phonemes].length,
      speechDbfs: level.isSilent ? null : level.speechDbfs,
      speechSeconds: level.speechSeconds,
      warnings: speech.warnings,
    }
    appendFileSync(results, `${JSON.stringify(checked)}\n`)
  }
}
process.stdout.write(
  `shard ${values.shard}: ${readLines(results).length} of ${Math.ceil((sentences.length - shard + 1) / shards) * seeds} utterances\n`,
)

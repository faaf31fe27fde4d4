/**
 * Speaks an evaluation set with the embedded model, for the judge of ../shared/tools/judge. `pnpm judge DIR`, DIR made by training/evaluation.py.
 * Writes DIR/ID.codec.wav (the codec's reconstruction of the input), DIR/ID.mynah.wav (synthesis, prompted with ID.prompt.wav) and DIR/cases.jsonl.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeAudio, encodeWav, toMono } from '@mynah/audio'
import { loadMynahCodec } from '@mynah/codec'
import { createSynthesizer, openBundle, type SpeechOptions } from '@mynah/core'
import { createRuntime, loadWeights } from '@mynah/onnx'
import { loadMynahDecoder } from '@mynah/vocoder'

interface Row {
  readonly id: string
  readonly text: string
  readonly transcript: string
}

const [folder, ...settings] = process.argv.slice(2)
if (!folder) throw new TypeError('usage: pnpm judge DIR [temperature=0.5 topK=30 …]')
const options: SpeechOptions = Object.fromEntries(settings.map(setting => [setting.split('=')[0]!, Number(setting.split('=')[1])]))
const label = ['mynah', ...settings].join(' ')
const rows: Row[] = readFileSync(join(folder, 'set.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line))
const cases: object[] = []
const bundle = await openBundle()
const file = (name: string) => join(bundle.folder, name)

await using runtime = await createRuntime({ device: 'cpu', threads: 1 })
const codec = await loadMynahCodec(loadWeights(file(bundle.manifest.codec.file)), bundle.manifest.codec.config, runtime)
const decoder = await loadMynahDecoder(loadWeights(file(bundle.manifest.vocoder.file)), bundle.manifest.vocoder.config, runtime)
await using mynah = await createSynthesizer({ device: 'cpu', threads: 1 })
let seconds = 0
let spent = 0
for (const { id, text, transcript } of rows) {
  const path = (kind: string) => join(folder, `${id}.${kind}.wav`)
  const add = (group: string, wav: string) => cases.push({ wav, text, prompt: path('prompt'), group })
  add('input', path('input'))
  const input = toMono(await decodeAudio(readFileSync(path('input'))))
  writeFileSync(path('codec'), encodeWav(await decoder.decode(codec.toFeatures(await codec.encode(input))), codec.sampleRate))
  add('codec', path('codec'))
  cases.push({ wav: path('codec'), text, prompt: path('input'), group: 'codec against its own input' })
  const voice = await mynah.createVoice({ audio: path('prompt'), transcript })
  const started = performance.now()
  const speech = await mynah.synthesize(text, { voice, ...options })
  spent += (performance.now() - started) / 1000
  seconds += speech.durationSeconds
  await speech.save(path(label.replaceAll(' ', '-')))
  add(label, path(label.replaceAll(' ', '-')))
  for (const warning of [...voice.warnings, ...speech.warnings]) process.stderr.write(`${id}: ${warning}\n`)
}
writeFileSync(join(folder, 'cases.jsonl'), cases.map(each => `${JSON.stringify(each)}\n`).join(''))
process.stdout.write(
  `${rows.length} sentences, ${seconds.toFixed(0)} s of speech, real-time factor ${(spent / seconds).toFixed(3)} on one thread\n`,
)

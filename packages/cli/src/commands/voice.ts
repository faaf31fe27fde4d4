import { basename, extname } from 'node:path'
import { type Bundle, loadBundleVoice, openBundle, Voice } from '@mynah/core'
import { devices } from '@mynah/onnx'
import { type Arguments, type Command, defined, sharedOptions, UsageError } from '../arguments.ts'
import { openSynthesizer, withDownloads } from '../downloads.ts'
import { replaceFile } from '../outputs.ts'
import { type Terminal, toColumns, writeJson, writeLines } from '../terminal.ts'
import { checkTranscript, readTranscript, transcriptOptions } from '../transcript.ts'
import { describeVoice, voiceReport } from '../voice-report.ts'

const voiceEnding = '.voice.safetensors'

/** `mynah voice create`: a recording → a voice file, so that the prompt is encoded once. */
export const voiceCreate: Command = {
  name: 'voice create',
  operands: 'AUDIO',
  summary: 'Make a voice file of a recording of 1 to 15 s',
  details: [
    'Record one speaker, without music or noise, and clone only voices whose owner has agreed to it: --consent says who, and for what.',
  ],
  options: {
    ...transcriptOptions,
    name: { value: 'NAME', help: 'name of the voice (default: that of the recording)' },
    consent: { value: 'TEXT', help: 'who allowed this voice to be used, and for what; kept in the file' },
    licence: { value: 'TEXT', help: 'licence of the recording; kept in the file' },
    out: { value: 'FILE', short: 'o', help: `voice file to write (default: NAME${voiceEnding})` },
    device: sharedOptions.device,
    bundle: sharedOptions.bundle,
    json: sharedOptions.json,
  },
  examples: [
    ['mynah voice create me.wav --transcript "What I say in the file." --consent "my own voice"', `writes me${voiceEnding}`],
    ['mynah voice create me.wav', 'hears what is said itself'],
    ['mynah say "Hello." --voice me.voice.safetensors', 'speaks with it'],
  ],

  async run(args, terminal) {
    const { stdout, stderr, signal } = terminal
    const audio = args.operand('AUDIO, the recording')
    const name = args.text('name') ?? basename(audio, extname(audio))
    const out = args.text('out') ?? `${name}${voiceEnding}`
    if (!out.endsWith(voiceEnding)) throw new UsageError(`--out is "${out}", expected a name that ends in ${voiceEnding}`)
    checkTranscript(args)
    const device = args.choice('device', ['auto', ...devices])
    await using mynah = await openSynthesizer(terminal, defined({ bundle: args.text('bundle'), device }))
    const transcript = await readTranscript(args, audio)
    const [consent, licence] = ['consent', 'licence'].map(option => args.text(option))
    const voice = await mynah.createVoice({ audio, name, signal, ...defined({ transcript, consent, licence }) })
    await replaceFile(out, path => voice.save(path))
    if (args.flag('json')) await writeJson(stdout, { out, ...voiceReport(voice) })
    else await writeLines(stderr, [...describeVoice(out, voice), ...voice.warnings.map(warning => `warning: ${warning}`)])
    return true
  },
}

/** `mynah voice list`: the voices of a bundle. */
export const voiceList: Command = {
  name: 'voice list',
  operands: '',
  summary: 'List the ready voices of a model',
  options: { bundle: sharedOptions.bundle, json: sharedOptions.json },
  examples: [['mynah voice list', 'names, descriptions and licences; the first one is the default']],

  async run(args, terminal) {
    const { stdout } = terminal
    args.noOperands('voice list')
    const { manifest } = await findBundle(args, terminal)
    const voices = manifest.voices.map(({ name, description, licence }) => ({ name, description, licence }))
    if (args.flag('json')) await writeJson(stdout, voices)
    else await writeLines(stdout, toColumns(voices.map(({ name, description, licence }) => [name, licence, description])))
    return true
  },
}

/** `mynah voice show`: what one voice is. */
export const voiceShow: Command = {
  name: 'voice show',
  operands: 'NAME|FILE',
  summary: 'Show transcript, length, consent and licence of a voice',
  options: { bundle: sharedOptions.bundle, json: sharedOptions.json },
  examples: [['mynah voice show me.voice.safetensors', 'of a voice file; a ready voice is named as in mynah voice list']],

  async run(args, terminal) {
    const { stdout } = terminal
    const name = args.operand('NAME of a ready voice, or FILE')
    const voice = await findVoice(name, args, terminal)
    if (args.flag('json')) await writeJson(stdout, voiceReport(voice))
    else await writeLines(stdout, describeVoice(name, voice))
    return true
  },
}

async function findVoice(name: string, args: Arguments, terminal: Terminal): Promise<Voice> {
  if (name.endsWith('.safetensors')) return Voice.load(name)
  return await loadBundleVoice(await findBundle(args, terminal), name)
}

function findBundle(args: Arguments, terminal: Terminal): Promise<Bundle> {
  return withDownloads(terminal, hub => openBundle(args.text('bundle'), hub))
}

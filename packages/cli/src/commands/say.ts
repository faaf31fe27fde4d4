import { extname } from 'node:path'
import { type Speech, type Synthesizer, speechEndings, speedRange, type VocoderSource, Voice } from '@mynah/core'
import { type Arguments, type Command, defined, sharedOptions, UsageError } from '../arguments.ts'
import { openSynthesizer } from '../downloads.ts'
import { replaceFile } from '../outputs.ts'
import { playWav } from '../play.ts'
import { createProgress, secondsSince, type Terminal, write, writeJson, writeLines } from '../terminal.ts'
import { checkTranscript, readTranscript, transcriptOptions } from '../transcript.ts'

/** Where speech goes if nothing else is said. */
const defaultOut = 'speech.wav'
/** More text than a long novel is a file given by mistake. */
const maxTextBytes = 8 * 2 ** 20

/** `mynah say`: text → audio file, stdout or loudspeaker. */
export const say: Command = {
  name: 'say',
  operands: 'TEXT|-',
  summary: 'Speak a text in a ready voice, a saved one, or that of a recording',
  details: [
    'TEXT may hold [word](/wˈɜːd/) for a pronunciation and [pause 0.4s] for silence; "-" reads it from stdin.',
    'Clone only voices whose owner has agreed to it.',
  ],
  options: {
    voice: { value: 'NAME|FILE', short: 'v', help: 'a ready voice, or a .voice.safetensors file (see: mynah voice list)' },
    prompt: { value: 'FILE', short: 'p', help: 'speak like this recording of 1 to 15 s (wav, mp3, flac, ogg)' },
    ...transcriptOptions,
    out: {
      value: 'FILE',
      short: 'o',
      help: `${speechEndings.join(', ')} to write, or "-" for WAV on stdout (default: ${defaultOut}, or none with --play)`,
    },
    play: { help: 'play it' },
    seed: { value: 'N', help: 'an integer; the same seed on the same device gives the same speech (default: 0)' },
    speed: { value: 'X', help: 'speaking rate, 0.5 to 2 (default: 1)' },
    temperature: { value: 'X', help: 'liveliness, 0 (the likeliest) to 2 (default: what the model was tuned for)' },
    candidates: {
      value: 'N',
      help: 'speaks a passage up to N times until its phonemes are clear, 1 (fastest) to 16 (default: what the model was tuned for)',
    },
    takes: { value: 'N', help: 'the old name of --candidates, until 0.3' },
    device: sharedOptions.device,
    threads: sharedOptions.threads,
    bundle: sharedOptions.bundle,
    vocoder: { value: 'FILE', help: 'speak with this published vocoder, at its sample rate (default: the decoder of the model)' },
    'vocoder-config': { value: 'FILE', help: 'its config (default: the one beside it, or inside of it)' },
    json: { help: 'print what ran, times, words with timestamps and warnings as JSON on stdout' },
  },
  examples: [
    ['mynah say "Hello from a bird." --out hello.wav', 'speaks with the default voice'],
    ['mynah say "Like me!" --prompt me.wav --transcript "What I say in the file." --play', 'speaks in the voice of a recording'],
    ['mynah say - --out chapter.mp3 < chapter.txt', 'reads a text file aloud'],
    ['mynah say "Hello." --vocoder generator_v1 --out hello.wav', 'resynthesizes with HiFi-GAN, whose config.json lies beside it'],
    ['mynah say "One two." --out - | ffmpeg -i - out.opus', 'pipes WAV into another program'],
  ],

  async run(args, terminal) {
    const request = readRequest(args)
    const text = await readText(args, terminal)
    const { stdout, stderr, signal } = terminal

    const began = performance.now()
    await using mynah = await openSynthesizer(terminal, request.model)
    const loadSeconds = secondsSince(began)
    const voice = await findVoice(args, mynah, signal)
    const voiceName = voice?.name ?? mynah.voices[0]?.name ?? ''
    const started = performance.now()
    const speech = await speak(mynah, text, { ...request.speech, voice }, terminal)
    const seconds = secondsSince(started)

    if (request.out === '-') await write(stdout, speech.toWav())
    else if (request.out) await replaceFile(request.out, path => speech.save(path))
    const report = {
      out: request.out ?? null,
      model: mynah.bundle.name,
      device: mynah.device,
      voice: voiceName,
      sampleRate: speech.sampleRate,
      durationSeconds: speech.durationSeconds,
      loadSeconds,
      synthesisSeconds: seconds,
      realTimeFactor: seconds / speech.durationSeconds,
      timings: speech.timings,
      phonemes: speech.phonemes,
      words: speech.words,
      warnings: [...(voice?.warnings ?? []), ...speech.warnings],
    }
    if (args.flag('json')) await writeJson(stdout, report)
    else await writeLines(stderr, summarize(report))
    if (args.flag('play')) await playWav(speech.toWav(), signal)
    return true
  },
}

type Report = Pick<Speech, 'durationSeconds' | 'sampleRate' | 'warnings'> &
  Record<'model' | 'device' | 'voice', string> &
  Record<'loadSeconds' | 'synthesisSeconds' | 'realTimeFactor', number> & { readonly out: string | null }

function summarize({
  out,
  model,
  device,
  voice,
  durationSeconds,
  sampleRate,
  loadSeconds,
  synthesisSeconds,
  realTimeFactor,
  warnings,
}: Report) {
  const where = out === null ? 'spoken' : out === '-' ? 'stdout' : out
  return [
    `${where}: ${durationSeconds.toFixed(2)} s of speech at ${sampleRate} Hz, ${model}${voice === '' ? '' : `, voice "${voice}"`}, on ${device}`,
    `loaded in ${loadSeconds.toFixed(2)} s, synthesized in ${synthesisSeconds.toFixed(2)} s: real-time factor ${realTimeFactor.toFixed(3)}`,
    ...warnings.map(warning => `warning: ${warning}`),
  ]
}

/** Checks the whole command line before anything slow begins. */
function readRequest(args: Arguments) {
  const [prompt, transcript, voice] = ['prompt', 'transcript', 'voice'].map(name => args.text(name))
  if (prompt !== undefined && voice !== undefined) throw new UsageError('--prompt and --voice exclude each other: both choose the voice')
  if (prompt === undefined && transcript !== undefined)
    throw new UsageError('--transcript needs --prompt FILE: the recording it belongs to')
  if (prompt === undefined && args.flag('transcribe')) throw new UsageError('--transcribe needs --prompt FILE: the recording to transcribe')
  checkTranscript(args)
  const out = args.text('out') ?? (args.flag('play') ? undefined : defaultOut)
  if (out !== undefined && out !== '-' && !speechEndings.includes(extname(out).toLowerCase())) {
    throw new UsageError(`--out is "${out}", expected a name that ends in ${speechEndings.join(', ')}, or "-"`)
  }
  if (out === '-' && args.flag('json')) throw new UsageError('--out - and --json both want stdout: name a file with --out')
  return {
    out,
    model: { ...args.modelOptions(), ...defined({ vocoder: readVocoder(args) }) },
    speech: defined({
      seed: args.seed(),
      speed: args.number('speed', { least: speedRange[0], most: speedRange[1] }),
      temperature: args.number('temperature', { least: 0, most: 2 }),
      candidates: ['candidates', 'takes'].map(name => args.number(name, { least: 1, most: 16, integer: true })).find(Boolean),
    }),
  }
}

function readVocoder(args: Arguments): VocoderSource | undefined {
  const [checkpoint, config] = [args.text('vocoder'), args.text('vocoder-config')]
  if (checkpoint !== undefined) return { checkpoint, ...defined({ config }) }
  if (config !== undefined) throw new UsageError('--vocoder-config needs --vocoder FILE: the checkpoint it belongs to')
  return undefined
}

async function readText(args: Arguments, { stdin }: Terminal): Promise<string> {
  if (args.operands.length === 0) throw new UsageError('TEXT is missing; "-" reads it from stdin')
  if (args.operands.length > 1 || args.operands[0] !== '-') return args.operands.join(' ')
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of stdin) {
    pieces.push(Buffer.from(piece as Uint8Array))
    bytes += piece.length
    if (bytes > maxTextBytes) throw new RangeError(`stdin: more than ${maxTextBytes} bytes, expected a text; split it`)
  }
  return Buffer.concat(pieces).toString('utf8')
}

/** The voice that the command line names; undefined for the bundle's first. */
async function findVoice(args: Arguments, mynah: Synthesizer, signal: AbortSignal): Promise<Voice | undefined> {
  const prompt = args.text('prompt')
  if (prompt !== undefined) {
    return mynah.createVoice({ audio: prompt, name: prompt, signal, ...defined({ transcript: await readTranscript(args, prompt) }) })
  }
  const voice = args.text('voice')
  if (voice === undefined) return undefined
  return voice.endsWith('.safetensors') ? Voice.load(voice) : mynah.loadVoice(voice)
}

async function speak(
  mynah: Synthesizer,
  text: string,
  options: { voice: Voice | undefined; seed?: number },
  terminal: Terminal,
): Promise<Speech> {
  using progress = createProgress(terminal)
  const { voice, ...others } = options
  return await mynah.synthesize(text, {
    ...others,
    ...defined({ voice }),
    signal: terminal.signal,
    onProgress: ({ utterances, seconds }) => progress.show(`${seconds.toFixed(1)} s spoken, ${utterances} sentences`),
  })
}

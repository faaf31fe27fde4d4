import { resolve } from 'node:path'
import { type AudioStream, createMelStream, createResampler, createWavWriter, openAudio, toMono } from '@mynah/audio'
import { loadVocoder, type MelVocoder } from '@mynah/core'
import { createRuntime } from '@mynah/onnx'
import { type Arguments, type Command, defined, readWavOut, sharedOptions, UsageError } from '../arguments.ts'
import { MelDistance } from '../mel-distance.ts'
import { replaceFile } from '../outputs.ts'
import { createProgress, secondsSince, type Terminal, writeJson, writeLines } from '../terminal.ts'

/** `mynah vocode`: a recording → features → the recording as a published vocoder speaks it. */
export const vocode: Command = {
  name: 'vocode',
  operands: 'AUDIO',
  summary: 'Resynthesize a recording with a published vocoder, through its own mel front-end',
  details: [
    'The recording (wav, mp3, flac, ogg) is mixed to mono and resampled to the rate of the checkpoint. WAV of any',
    'length is processed in bounded memory. The mel distance is the mean absolute difference of the natural',
    'log-mels of input and output in the front-end of the checkpoint; other frames and bands than its own do not count.',
  ],
  options: {
    checkpoint: sharedOptions.checkpoint,
    config: sharedOptions.config,
    stats: { value: 'FILE', help: 'stats.h5 or stats.npy of the recipe (Parallel WaveGAN; default: the one beside it)' },
    out: { value: 'FILE', short: 'o', help: '.wav to write, 16 bits (required)' },
    seed: { value: 'N', help: 'draws the noise of vocoders that take some: an integer (default: 0)' },
    device: sharedOptions.device,
    threads: sharedOptions.threads,
    json: sharedOptions.json,
  },
  examples: [
    ['mynah vocode me.wav --checkpoint generator_v1 --out again.wav', 'HiFi-GAN, with config.json beside the checkpoint'],
    ['mynah vocode me.wav --checkpoint pytorch_model.bin --config config.yaml --out again.wav', 'Vocos, with its config named'],
  ],

  async run(args, terminal) {
    const request = readRequest(args)
    const { input, out, checkpoint } = request
    using audio = await openAudio(input)
    const began = performance.now()
    await using runtime = await createRuntime(request.runtime)
    await using vocoder = await loadVocoder(checkpoint, { ...request.source, runtime })
    const loadSeconds = secondsSince(began)
    if (!vocoder.melConfig) {
      throw new RangeError(
        `${checkpoint}: this ${vocoder.name} decodes a codec's codes and no mel spectrogram; speak with it: mynah say --vocoder ${checkpoint}`,
      )
    }
    const result = await resynthesize(audio, vocoder, out, request.seed, terminal)
    const report = {
      out,
      architecture: vocoder.name,
      device: runtime.device,
      inputSampleRate: audio.sampleRate,
      sampleRate: vocoder.sampleRate,
      durationSeconds: result.samples / vocoder.sampleRate,
      loadSeconds,
      synthesisSeconds: result.seconds,
      realTimeFactor: (result.seconds * vocoder.sampleRate) / result.samples,
      melDistance: result.melDistance ?? null,
      warnings: [...audio.warnings, ...vocoder.warnings],
    }
    if (args.flag('json')) await writeJson(terminal.stdout, report)
    else await writeLines(terminal.stderr, summarize(report))
    return true
  },
}

function readRequest(args: Arguments) {
  const input = args.operand('AUDIO, the recording')
  const checkpoint = args.required('checkpoint', 'the generator to resynthesize with')
  const out = readWavOut(args)
  if (resolve(out) === resolve(input)) throw new UsageError(`--out is the recording itself, ${input}: name another file`)
  const [config, stats] = [args.text('config'), args.text('stats')]
  return { input, checkpoint, out, source: defined({ config, stats }), seed: args.seed() ?? 0, runtime: args.runtimeOptions() }
}

/** Chunk by chunk: read, mix, resample, analyse, decode, write. */
async function resynthesize(audio: AudioStream, vocoder: MelVocoder, out: string, seed: number, terminal: Terminal) {
  const { signal } = terminal
  using progress = createProgress(terminal)
  const distance = new MelDistance(vocoder.melConfig!)
  const began = performance.now()
  let compared = 0
  const compare = (add: () => void) => {
    const started = performance.now()
    add()
    compared += secondsSince(started)
  }
  async function* analyse() {
    const frontEnd = createMelStream(vocoder.melConfig!)
    for await (const samples of resampled(audio, vocoder.sampleRate)) {
      signal.throwIfAborted()
      compare(() => distance.addBefore(samples))
      yield frontEnd.push(samples)
    }
    yield frontEnd.finish()
  }
  let samples = 0
  await replaceFile(out, async path => {
    using writer = createWavWriter(path, vocoder.sampleRate)
    for await (const chunk of vocoder.decodeChunks(analyse(), { seed, signal })) {
      writer.write(chunk)
      compare(() => distance.addAfter(chunk))
      samples += chunk.length
      progress.show(`${(samples / vocoder.sampleRate).toFixed(1)} s resynthesized`)
    }
  })
  const seconds = secondsSince(began) - compared
  return { samples, seconds, melDistance: distance.finish() }
}

/** The recording as mono pieces at another rate. */
async function* resampled(audio: AudioStream, sampleRate: number) {
  const resampler = createResampler(audio.sampleRate, sampleRate)
  for await (const channels of audio.pieces()) yield resampler.push(toMono({ channels }))
  yield resampler.finish()
}

type Report = Record<'out' | 'architecture' | 'device', string> &
  Record<'inputSampleRate' | 'sampleRate' | 'durationSeconds' | 'loadSeconds' | 'synthesisSeconds' | 'realTimeFactor', number> & {
    readonly melDistance: number | null
    readonly warnings: readonly string[]
  }

function summarize(report: Report): string[] {
  const { out, architecture, device, inputSampleRate, sampleRate, melDistance } = report
  const rates = inputSampleRate === sampleRate ? `${sampleRate} Hz` : `${inputSampleRate} → ${sampleRate} Hz`
  return [
    `${out}: ${report.durationSeconds.toFixed(2)} s, ${rates}, ${architecture}, on ${device}`,
    `loaded in ${report.loadSeconds.toFixed(2)} s, resynthesized in ${report.synthesisSeconds.toFixed(2)} s: real-time factor ${report.realTimeFactor.toFixed(3)}`,
    melDistance === null ? 'mel distance: too short to measure' : `mel distance ${melDistance.toFixed(3)}`,
    ...report.warnings.map(warning => `warning: ${warning}`),
  ]
}

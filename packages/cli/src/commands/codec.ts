import { statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createResampler, encodeWav, joinPieces, openAudio, toMono } from '@mynah/audio'
import { type AudioCodec, codesEnding, loadCodec, readCodes, writeCodes } from '@mynah/core'
import { createRuntime, float32Tensor, type Tensor } from '@mynah/onnx'
import { type Arguments, type Command, defined, readWavOut, sharedOptions } from '../arguments.ts'
import { replaceFile } from '../outputs.ts'
import { secondsSince, type Terminal, writeJson, writeLines } from '../terminal.ts'

const shared = {
  checkpoint: sharedOptions.checkpoint,
  config: sharedOptions.config,
  device: sharedOptions.device,
  threads: sharedOptions.threads,
  json: sharedOptions.json,
}

/** `mynah codec encode`: a recording → codes. */
export const codecEncode: Command = {
  name: 'codec encode',
  operands: 'AUDIO',
  summary: 'Compress a recording into the codes of EnCodec, SoundStream, DAC or SNAC',
  details: [
    'Codes of EnCodec become an .ecdc file, which facebookresearch/encodec reads, too (without its language model);',
    'those of other codecs a .safetensors file with one tensor per codebook. The recording is resampled and mixed as needed.',
  ],
  options: {
    ...shared,
    out: { value: 'FILE', short: 'o', help: '.ecdc (EnCodec) or .safetensors (others) to write (required)' },
    bandwidth: { value: 'KBPS', help: 'bit rate, one that the codec has (default: all codebooks)' },
  },
  examples: [['mynah codec encode me.wav --checkpoint encodec_24khz-d7cc33bc.th --bandwidth 6 --out me.ecdc', 'EnCodec at 6 kbit/s']],

  async run(args, terminal) {
    const input = args.operand('AUDIO, the recording')
    const out = args.required('out', 'the file of codes to write')
    const bandwidthKbps = args.number('bandwidth', { least: 0, most: 1e6 })
    await using opened = await openCodec(args)
    const { codec } = opened
    if (!out.toLowerCase().endsWith(codesEnding(codec))) {
      throw new RangeError(`--out is "${out}", expected a name that ends in ${codesEnding(codec)}, as codes of ${codec.name} have`)
    }
    const waveform = await readFor(codec, input, terminal.signal)
    const samples = waveform.shape[1]!
    const began = performance.now()
    const segments = await codec.encodeSegments(waveform, { signal: terminal.signal, ...defined({ bandwidthKbps }) })
    const seconds = secondsSince(began)
    await replaceFile(out, path => writeCodes(path, { segments, samples }, codec))
    const report = {
      out,
      ...describeCodec(opened),
      samples,
      durationSeconds: samples / codec.sampleRate,
      codebooks: segments[0]!.codes.shape[0]!,
      frames: segments.reduce((sum, { codes }) => sum + codes.shape[1]!, 0),
      bytes: statSync(out).size,
      encodeSeconds: seconds,
      realTimeFactor: (seconds * codec.sampleRate) / samples,
    }
    const kbps = (report.bytes * 8) / report.durationSeconds / 1000
    return tell(args, terminal, report, [
      `${out}: ${report.durationSeconds.toFixed(2)} s, ${report.frames} frames × ${report.codebooks} codebooks, ${report.bytes} bytes (${kbps.toFixed(2)} kbit/s)`,
    ])
  },
}

/** `mynah codec decode`: codes → a recording. */
export const codecDecode: Command = {
  name: 'codec decode',
  operands: 'CODES',
  summary: 'Decode a file of codes with the checkpoint that wrote it',
  options: {
    ...shared,
    out: { value: 'FILE', short: 'o', help: '.wav to write, 16 bits (required)' },
    seed: { value: 'N', help: "draws the noise of SNAC's decoder: an integer (default: no noise)" },
  },
  examples: [['mynah codec decode me.ecdc --checkpoint encodec_24khz-d7cc33bc.th --out me.wav', 'also a file of the reference']],

  async run(args, terminal) {
    const input = args.operand('CODES, the file to decode')
    const out = readWavOut(args)
    const seed = args.seed()
    await using opened = await openCodec(args)
    const { codec } = opened
    const { samples, segments } = readCodes(input, codec)
    const began = performance.now()
    const { data } = await codec.decodeSegments(segments, {
      samples,
      signal: terminal.signal,
      ...(seed === undefined ? {} : { noise: { seed } }),
    })
    const seconds = secondsSince(began)
    const channels = Array.from({ length: codec.channels }, (_, c) => data.subarray(c * samples, (c + 1) * samples))
    await replaceFile(out, path => writeFile(path, encodeWav(channels, codec.sampleRate)))
    const report = {
      out,
      ...describeCodec(opened),
      samples,
      durationSeconds: samples / codec.sampleRate,
      decodeSeconds: seconds,
      realTimeFactor: (seconds * codec.sampleRate) / samples,
    }
    return tell(args, terminal, report, [`${out}: ${report.durationSeconds.toFixed(2)} s at ${codec.sampleRate} Hz`])
  },
}

interface OpenedCodec extends AsyncDisposable {
  readonly codec: AudioCodec
  readonly device: string
  readonly loadSeconds: number
}

async function openCodec(args: Arguments): Promise<OpenedCodec> {
  const checkpoint = args.required('checkpoint', 'the codec as it was published')
  const options = args.runtimeOptions()
  const began = performance.now()
  const runtime = await createRuntime(options)
  try {
    const codec = await loadCodec(checkpoint, { runtime, ...defined({ config: args.text('config') }) })
    return { codec, device: runtime.device, loadSeconds: secondsSince(began), [Symbol.asyncDispose]: () => runtime.dispose() }
  } catch (error) {
    await runtime.dispose()
    throw error
  }
}

/** A recording at a codec's rate and channel count: float32 [C, S]. */
async function readFor({ sampleRate, channels }: AudioCodec, path: string, signal: AbortSignal): Promise<Tensor<'float32'>> {
  using audio = await openAudio(path)
  const kept = audio.channels === channels ? channels : 1 // the codec copies mono to all of its channels
  const resamplers = Array.from({ length: kept }, () => createResampler(audio.sampleRate, sampleRate))
  const parts: Float32Array[][] = resamplers.map(() => [])
  for await (const piece of audio.pieces()) {
    signal.throwIfAborted()
    const mixed = kept === piece.length ? piece : [toMono({ channels: piece })]
    for (const [c, samples] of mixed.entries()) parts[c]!.push(resamplers[c]!.push(samples))
  }
  const whole = resamplers.map((resampler, c) => joinPieces([...parts[c]!, resampler.finish()]))
  return float32Tensor(joinPieces(whole), [kept, whole[0]!.length])
}

function describeCodec({ codec, device, loadSeconds }: OpenedCodec) {
  return { architecture: codec.name, device, sampleRate: codec.sampleRate, channels: codec.channels, loadSeconds }
}

type Report = ReturnType<typeof describeCodec> & { readonly realTimeFactor: number }

async function tell(args: Arguments, { stdout, stderr }: Terminal, report: Report, lines: readonly string[]): Promise<boolean> {
  const { architecture, device, loadSeconds, realTimeFactor } = report
  const how = `${architecture}, on ${device}, loaded in ${loadSeconds.toFixed(2)} s: real-time factor ${realTimeFactor.toFixed(3)}`
  if (args.flag('json')) await writeJson(stdout, report)
  else await writeLines(stderr, [...lines, how])
  return true
}

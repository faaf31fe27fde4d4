import { open, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { decodeAudio, durationSeconds, maxAudioBytes, measureLevel, toMono } from '@mynah/audio'
import { bundleParts, checkFile, type DescribedCheckpoint, describeCheckpoint, openBundle, Voice } from '@mynah/core'
import { AudioFormatError, type Checkpoint, CheckpointError, InertObject, readCheckpoint, TensorRef } from '@mynah/onnx'
import { type Command, sharedOptions, UsageError } from '../arguments.ts'
import { type Figure, toPng, toSvg } from '../drawing/figure.ts'
import { drawRecording, drawVoice } from '../drawing/speech.ts'
import { replaceFile } from '../outputs.ts'
import { toColumns, toMegabytes, writeJson, writeLines } from '../terminal.ts'
import { describeVoice, voiceReport } from '../voice-report.ts'

/** What a file turned out to be. */
interface Findings {
  readonly kind: 'audio' | 'bundle' | 'checkpoint' | 'voice'
  /** For people. */
  readonly lines: readonly string[]
  /** For programs. */
  readonly report: object
  /** What can be drawn of it. */
  readonly figure?: Figure
}

/** Enough to tell every kind apart: safetensors has its "{" at byte 8. */
const sniffBytes = 16

/** Levels of a checkpoint that are shown: published ones have up to six, a hostile one may have 65,536. */
const maxDepth = 50

/** `mynah inspect`: what is in a file, without running anything in it. */
export const inspect: Command = {
  name: 'inspect',
  operands: 'FILE',
  summary: 'Show what is in a checkpoint, bundle, voice or recording, and draw it',
  details: ['Checkpoints are .safetensors and what torch.save writes (.pt .pth .bin .ckpt); nothing in them is ever executed.'],
  options: {
    png: { value: 'OUT', help: 'draw the mel spectrogram of a recording, or alignment and codes of a voice' },
    svg: { value: 'OUT', help: 'the same with labelled axes' },
    config: sharedOptions.config,
    json: sharedOptions.json,
  },
  examples: [
    ['mynah inspect me.wav --svg me.svg', 'format, length and level of a recording, and its spectrogram'],
    ['mynah inspect me.voice.safetensors --png me.png', 'a voice, and which phoneme was heard when'],
    ['mynah inspect generator.pt', 'names, types and shapes of the tensors in a checkpoint'],
    ['mynah inspect packages/voice-en', 'a bundle: its parts, voices and whether every file is intact'],
  ],

  async run(args, { stdout, stderr }) {
    const path = args.operand('FILE')
    const outputs = (['png', 'svg'] as const).flatMap(kind => {
      const out = args.text(kind)
      return out === undefined ? [] : [{ kind, out }]
    })
    const findings = await inspectPath(path, args.text('config'))
    if (outputs.length > 0 && !findings.figure) {
      throw new UsageError(`${path} is a ${findings.kind}, which cannot be drawn; --png and --svg draw recordings and voices`)
    }
    for (const { kind, out } of outputs)
      await replaceFile(out, path => writeFile(path, kind === 'png' ? toPng(findings.figure!) : toSvg(findings.figure!)))
    if (args.flag('json')) await writeJson(stdout, { kind: findings.kind, ...findings.report })
    else await writeLines(stdout, findings.lines)
    await writeLines(
      stderr,
      outputs.map(({ out }) => `wrote ${out}`),
    )
    return true
  },
}

async function inspectPath(path: string, config: string | undefined): Promise<Findings> {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new RangeError(`${path}: there is no such file; check the path`)
  if (found.isDirectory()) return inspectBundle(path)
  if (basename(path) === 'bundle.json') return inspectBundle(dirname(path))
  if (!(await looksLikeCheckpoint(path))) return inspectAudio(path, found.size)
  using checkpoint = readCheckpoint(path)
  return checkpoint.metadata.format === 'mynah-voice' ? await inspectVoice(path) : inspectCheckpoint(checkpoint, config)
}

/** Everything else is taken for audio, whose reader explains what it is instead. */
async function looksLikeCheckpoint(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(sniffBytes), 0, sniffBytes, 0)
    const isSafetensors = bytesRead > 8 && buffer[8] === 0x7b && buffer.readUInt32LE(4) === 0
    return isSafetensors || buffer.toString('latin1', 0, 4) === 'PK\x03\x04' || buffer[0] === 0x80
  } finally {
    await file.close()
  }
}

async function inspectAudio(path: string, bytes: number): Promise<Findings> {
  if (bytes > maxAudioBytes) throw new RangeError(`${path}: ${bytes} bytes, expected at most ${maxAudioBytes}; cut it shorter`)
  const audio = await decodeAudio(await readFile(path)).catch(error => {
    if (!AudioFormatError.isInstance(error)) throw error
    throw new AudioFormatError(`${path}: ${error.message}`, { code: error.code, cause: error })
  })
  const mono = toMono(audio)
  const level = measureLevel(mono, audio.sampleRate)
  const { format, sampleRate, channels, warnings } = audio
  const seconds = durationSeconds(audio)
  return {
    kind: 'audio',
    report: { format, sampleRate, channels: channels.length, durationSeconds: seconds, level, warnings },
    lines: [
      `${path}: ${format}, ${seconds.toFixed(2)} s, ${sampleRate} Hz, ${channels.length === 1 ? 'mono' : `${channels.length} channels`}`,
      level.isSilent
        ? 'speech      none: it is silent'
        : `speech      ${level.speechSeconds.toFixed(2)} s at ${level.speechDbfs.toFixed(1)} dBFS over a background of ${level.noiseDbfs.toFixed(1)} dBFS`,
      `peak        ${level.peakDbfs.toFixed(1)} dBFS, ${(level.clippedFraction * 100).toFixed(2)} % clipped`,
      ...warnings.map(warning => `warning     ${warning}`),
    ],
    figure: drawRecording(basename(path), mono, sampleRate),
  }
}

async function inspectVoice(path: string): Promise<Findings> {
  const voice = await Voice.load(path)
  const bundle = await bundleOf(voice)
  const symbols = bundle && [...voice.phonemes].map(id => bundle.symbols[id] ?? '?')
  return {
    kind: 'voice',
    report: { ...voiceReport(voice), durations: [...voice.durations], ...(symbols ? { symbols } : {}) },
    lines: [
      ...describeVoice(path, voice),
      bundle ? `phonemes    ${symbols?.join('')}` : 'phonemes    of another bundle than the embedded one: only their ids are known',
    ],
    figure: drawVoice(`${basename(path)}: “${voice.transcript}”`, voice, bundle),
  }
}

/** Phoneme symbols and frame rate of the embedded bundle, if its codec made this voice. */
async function bundleOf(voice: Voice): Promise<{ symbols: readonly string[]; frameRate: number } | undefined> {
  const { manifest } = await openBundle()
  const { codec, frameRate } = manifest
  if (!('phonemes' in manifest) || voice.codec !== `${codec.architecture}@${codec.sha256}`) return undefined
  return { symbols: manifest.phonemes, frameRate }
}

async function inspectBundle(folder: string): Promise<Findings> {
  const bundle = await openBundle(folder)
  const { manifest } = bundle
  const { name, language, licence, sampleRate, frameRate, voices } = manifest
  const parts = Object.entries(bundleParts(manifest))
  const files = [...parts.map(([, part]) => part), ...voices]
  for (const file of files) await checkFile(bundle.folder, file)
  const phonemes = 'phonemes' in manifest ? `, ${manifest.phonemes.length} phonemes` : ''
  const unsigned = files.filter(({ sha256 }) => sha256 === undefined).length
  return {
    kind: 'bundle',
    report: { folder: bundle.folder, ...manifest },
    lines: [
      `${folder}: bundle "${name}", ${language}, ${licence}, ${sampleRate} Hz, ${frameRate} frames a second${phonemes}`,
      ...toColumns(
        parts.map(([part, { architecture, file, bytes }]) => [part, architecture, file, bytes === undefined ? '' : toMegabytes(bytes)]),
      ),
      ...toColumns(voices.map(voice => ['voice', voice.name, voice.licence, voice.description])),
      unsigned === 0
        ? 'every file has the sha256 that the manifest lists'
        : `${unsigned} files are listed without a sha256, which were not verified`,
    ],
  }
}

function inspectCheckpoint({ path, format, root, metadata, warnings }: Checkpoint, config: string | undefined): Findings {
  const model = describeModel(path, config)
  const tensors: { name: string; dtype: string; shape: readonly number[] }[] = []
  const values: { name: string; value: string }[] = []
  visit(root, '', tensors, values)
  const elements = tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0)
  return {
    kind: 'checkpoint',
    report: {
      format,
      model,
      metadata,
      elements,
      tensors,
      values: Object.fromEntries(values.map(({ name, value }) => [name, value])),
      warnings,
    },
    lines: [
      `${path}: ${format}, ${tensors.length} tensors, ${elements} elements`,
      ...linesOf(model),
      ...Object.entries(metadata).map(([key, value]) => `metadata ${key}: ${value}`),
      ...values.map(({ name, value }) => `${name} = ${value}`),
      ...toColumns(tensors.map(({ name, dtype, shape }) => [name, dtype, `[${shape.join(', ')}]`])),
      ...warnings.map(warning => `warning: ${warning}`),
    ],
  }
}

/** What Mynah takes the checkpoint for, or why it could not run it; null if it is no model that it knows. */
function describeModel(path: string, config: string | undefined): DescribedCheckpoint | { readonly problem: string } | null {
  try {
    return describeCheckpoint(path, config === undefined ? {} : { config }) ?? null
  } catch (error) {
    if (CheckpointError.isInstance(error)) return { problem: error.message }
    throw error
  }
}

const tellers = {
  config: 'told by its config',
  tensors: 'told by its tensors',
  'published model': 'told by all sizes, which are those of a published model',
  default: 'not told: the default of the reference',
} as const

function linesOf(model: ReturnType<typeof describeModel>): string[] {
  if (model === null) return []
  if ('problem' in model) return [`as a model: ${model.problem}`]
  return [
    `as a model: ${model.kind}, ${model.architecture}`,
    ...toColumns(model.facts.map(({ name, value, from }) => [`  ${name}`, `${value}`, tellers[from]])),
    ...model.warnings.map(warning => `warning: ${warning}`),
  ]
}

/** Walks what was saved. Pickles may refer to one object from many places, even from inside of itself: each is shown once. */
function visit(
  value: unknown,
  name: string,
  tensors: { name: string; dtype: string; shape: readonly number[] }[],
  values: { name: string; value: string }[],
  seen = new Set<unknown>(),
  depth = 0,
): void {
  if (value instanceof TensorRef) {
    tensors.push({ name, dtype: value.dtype, shape: value.shape })
  } else if (value instanceof InertObject) {
    values.push({ name, value: `an instance of ${value.className}, not loaded` })
  } else if (ArrayBuffer.isView(value)) {
    values.push({ name, value: `${value.byteLength} bytes` })
  } else if (typeof value === 'object' && value !== null) {
    if (seen.has(value)) return
    seen.add(value)
    if (depth === maxDepth) values.push({ name, value: '…' })
    else
      for (const [key, inner] of Object.entries(value)) visit(inner, name === '' ? key : `${name}.${key}`, tensors, values, seen, depth + 1)
  } else {
    values.push({ name, value: typeof value === 'string' ? JSON.stringify(value) : String(value) })
  }
}

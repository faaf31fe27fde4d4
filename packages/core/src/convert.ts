import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CodecLayout, exportCodec } from '@mynah/codec'
import { CheckpointError, type OnnxModel, writeOnnxFile, writeSafetensors } from '@mynah/onnx'
import { type ExportedVocoder, exportVocoder } from '@mynah/vocoder'
import { hashFile } from './hash-file.ts'
import { checkOptionNames } from './option-names.ts'
import type { MynahManifest } from './systems/mynah.ts'

/** Options of `convertCheckpoint`. */
export interface ConvertOptions {
  /** The published config as an object, or its path; looked for beside the checkpoint unless given. */
  readonly config?: unknown
  /** Path of the feature statistics of kan-bayashi's recipes; looked for beside the checkpoint unless given. */
  readonly stats?: string | undefined
}

/** A file of a conversion. */
export interface ConvertedFile {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

/** An `.onnx` file and what goes in and out: names, element types, and axes that are numbers or symbols. */
export interface ConvertedGraph extends ConvertedFile {
  readonly inputs: OnnxModel['inputs']
  readonly outputs: OnnxModel['outputs']
  /** Weights that did not fit into the `.onnx` file. */
  readonly externalData?: readonly ConvertedFile[]
}

/** A part of a bundle with its config and sums. */
type FullPart = MynahManifest['codec']

/** `manifest.json` of a conversion: a part of a bundle, and what is worth knowing to use its graphs elsewhere. */
export interface ConversionManifest extends FullPart {
  readonly format: 'mynah-part'
  readonly version: 1
  readonly kind: 'vocoder' | 'codec'
  /** Hz. */
  readonly sampleRate: number
  /** Samples from one frame to the next. */
  readonly hopLength: number
  /** The mel front-end of a vocoder; null for a codec, and for a vocoder of codewords. */
  readonly frontEnd: ExportedVocoder['description']['mel'] | null
  /** Codebooks, rates, padding and segments of a codec. */
  readonly codec?: CodecLayout
  readonly graphs: readonly ConvertedGraph[]
  readonly warnings: readonly string[]
}

const weightsFile = 'model.safetensors'

/**
 * Converts a published vocoder or codec: `model.safetensors` (weight norm folded, float32) with `config.json`, which `loadVocoder` and `loadCodec` read, `manifest.json`,
 * and plain `.onnx` for any runtime: `model.onnx` of a vocoder, `encoder.onnx` and `decoder.onnx` of a codec.
 * @param folder is created unless it is there; files of an earlier conversion are replaced
 * @throws {CheckpointError} `unknown-architecture` if it is neither, otherwise those of `loadVocoder` and `loadCodec`
 */
export async function convertCheckpoint(checkpoint: string, folder: string, options: ConvertOptions = {}): Promise<ConversionManifest> {
  checkOptionNames('convertCheckpoint', options, ['config', 'stats'])
  const { kind, name, config, tensors, models, facts } = exportAny(checkpoint, options)
  await mkdir(folder, { recursive: true })
  writeSafetensors(join(folder, weightsFile), tensors, { format: 'pt' })
  if (config !== undefined) await writeJson(join(folder, 'config.json'), config)
  const graphs: ConvertedGraph[] = []
  for (const [file, model] of Object.entries(models)) graphs.push(await writeGraph(folder, file, model))
  const manifest: ConversionManifest = {
    format: 'mynah-part',
    version: 1,
    kind,
    architecture: name,
    ...facts,
    ...(await describeFile(folder, weightsFile)),
    graphs,
    config: (config ?? {}) as Record<string, unknown>,
  }
  await writeJson(join(folder, 'manifest.json'), manifest)
  return manifest
}

type Facts = Pick<ConversionManifest, 'sampleRate' | 'hopLength' | 'frontEnd' | 'codec' | 'warnings'>

interface Exported extends Pick<ExportedVocoder, 'name' | 'config' | 'tensors'> {
  readonly kind: ConversionManifest['kind']
  readonly models: Readonly<Record<string, OnnxModel>>
  readonly facts: Facts
}

/** As a vocoder, or if it is none, as a codec. */
function exportAny(checkpoint: string, { config, stats }: ConvertOptions): Exported {
  const isUnknown = (error: unknown) => CheckpointError.isInstance(error) && error.code === 'unknown-architecture'
  try {
    return vocoderExport(
      exportVocoder(checkpoint, { ...(config === undefined ? {} : { config }), ...(stats === undefined ? {} : { stats }) }),
    )
  } catch (error) {
    if (!isUnknown(error)) throw error
    try {
      return codecExport(exportCodec(checkpoint, config === undefined ? {} : { config }))
    } catch (other) {
      if (!isUnknown(other)) throw other
      throw new CheckpointError(`${checkpoint}: is no vocoder (${(error as Error).message}) and no codec (${(other as Error).message})`, {
        code: 'unknown-architecture',
        cause: other,
      })
    }
  }
}

function vocoderExport({ name, config, tensors, model, description }: ExportedVocoder): Exported {
  const { sampleRate, hopLength, mel: frontEnd = null, warnings = [] } = description
  return { kind: 'vocoder', name, config, tensors, models: { 'model.onnx': model }, facts: { sampleRate, hopLength, frontEnd, warnings } }
}

function codecExport({ name, config, tensors, encoder, decoder, layout }: ReturnType<typeof exportCodec>): Exported {
  const { sampleRate, samplesPerFrame: hopLength } = layout
  const models = { 'encoder.onnx': encoder, 'decoder.onnx': decoder }
  return { kind: 'codec', name, config, tensors, models, facts: { sampleRate, hopLength, frontEnd: null, codec: layout, warnings: [] } }
}

async function writeGraph(folder: string, file: string, model: OnnxModel): Promise<ConvertedGraph> {
  const [, ...beside] = writeOnnxFile(join(folder, file), model)
  const external = await Promise.all(beside.map(name => describeFile(folder, name)))
  const { inputs, outputs } = model
  return { ...(await describeFile(folder, file)), inputs, outputs, ...(external.length > 0 ? { externalData: external } : {}) }
}

async function describeFile(folder: string, file: string): Promise<ConvertedFile> {
  const path = join(folder, file)
  return { file, bytes: (await stat(path)).size, sha256: await hashFile(path) }
}

/** Typed arrays (statistics) become plain lists. */
function writeJson(path: string, value: unknown): Promise<void> {
  const plain = (_: string, field: unknown) => (ArrayBuffer.isView(field) ? Array.from(field as unknown as ArrayLike<number>) : field)
  return writeFile(path, `${JSON.stringify(value, plain, 2)}\n`)
}

import { fileURLToPath } from 'node:url'
import { CheckpointError, findBandwidth, listBandwidths, type Runtime, type Tensor } from '@mynah/onnx'
import { loadVocoder, type MelVocoder } from '@mynah/vocoder'
import { z } from 'zod'
import type { Codec, Models, Vocoder } from './contracts.ts'
import { ResynthesizingVocoder } from './resynthesis.ts'

/** A published vocoder, as `createSynthesizer` loads it: what `loadVocoder` takes. */
export interface VocoderSource {
  /** Path of the checkpoint, as it was published. */
  readonly checkpoint: string | URL
  /** The published config as an object, or its path; looked for beside the checkpoint unless given. */
  readonly config?: unknown
  /** Path of the feature statistics of kan-bayashi's recipes; looked for beside the checkpoint unless given. */
  readonly stats?: string | undefined
}

const path = z.union([z.string().min(1), z.instanceof(URL)])
const loaded = z.custom<MelVocoder>(value => {
  const { decode, mel, samplesFor } = (value ?? {}) as Partial<Record<keyof MelVocoder, unknown>>
  return [decode, mel, samplesFor].every(each => typeof each === 'function')
})
const schema = z.union([
  path,
  loaded,
  z.strictObject({ checkpoint: path, config: z.unknown().optional(), stats: z.string().min(1).optional() }),
])

/** The option `vocoder` of `createSynthesizer`. */
export type VocoderOption = string | URL | VocoderSource | MelVocoder

/**
 * Replaces the vocoder of a bundle's models. Where the other one decodes the very features that they speak (Vocos for EnCodec in a bundle of EnCodec codes), it does so
 * directly; otherwise it resynthesizes what the bundle's own decoder spoke, and every speech says so.
 * @param runtime where it is loaded, and with which it is disposed of; one that is already loaded stays the caller's
 * @throws {TypeError} if the option is none of what it may be
 * @throws {CheckpointError} `feature-mismatch` if it decodes codewords of another codec than the bundle's; all of `loadVocoder`
 */
export async function withVocoder(models: Models, option: VocoderOption, runtime: Runtime): Promise<Models> {
  const vocoder = await openVocoder(option, runtime)
  const { codec } = models
  if (speaksCodewordsOf(codec, vocoder)) {
    const { warnings, ...direct } = decodeDirectly(vocoder, kbpsOf(models))
    return { ...models, ...direct, warnings: [...(models.warnings ?? []), ...warnings] }
  }
  if (!vocoder.melConfig) {
    throw new CheckpointError(
      `vocoder: this ${vocoder.name} decodes codewords of another codec than ${codec.name}, which the bundle speaks; pass a vocoder of mel spectrograms, or a bundle of its codec`,
      { code: 'feature-mismatch' },
    )
  }
  const warning = `the vocoder ${vocoder.name} resynthesized what the bundle's own decoder spoke, as it decodes mel spectrograms and not ${codec.name}'s features: the sound is no better than that`
  return {
    ...models,
    vocoder: new ResynthesizingVocoder(models.vocoder, vocoder),
    warnings: [...(models.warnings ?? []), warning, ...vocoder.warnings],
  }
}

async function openVocoder(option: VocoderOption, runtime: Runtime): Promise<MelVocoder> {
  const parsed = schema.safeParse(option)
  if (!parsed.success) {
    throw new TypeError(
      `createSynthesizer: vocoder is ${JSON.stringify(option)}, expected the path of a checkpoint, { checkpoint, config, stats }, or what loadVocoder returns`,
      { cause: parsed.error },
    )
  }
  if (isLoaded(option)) return option
  const { checkpoint, config, stats } = typeof option === 'string' || option instanceof URL ? { checkpoint: option } : option
  return loadVocoder(checkpoint instanceof URL ? fileURLToPath(checkpoint) : checkpoint, {
    runtime,
    ...(config === undefined ? {} : { config }),
    ...(stats === undefined ? {} : { stats }),
  })
}

function isLoaded(option: VocoderOption): option is MelVocoder {
  return typeof option === 'object' && 'decode' in option
}

/** Largest share by which float32 arithmetic moves a sum of codewords; those of another codec differ by their whole size. */
const codewordTolerance = 1e-3
/** Codewords of each level that are compared. */
const comparedCodes = 16

/** Whether the same codes mean the same features to both. */
function speaksCodewordsOf(codec: Codec, vocoder: MelVocoder): boolean {
  const { latentDim, codebookSize, samplesPerFrame, sampleRate } = codec
  if (vocoder.featureDim !== latentDim || vocoder.hopLength !== samplesPerFrame || vocoder.sampleRate !== sampleRate) return false
  if (vocoder.melConfig) return false
  const codes: Tensor<'int32'> = {
    dtype: 'int32',
    shape: [1, comparedCodes],
    data: Int32Array.from({ length: comparedCodes }, (_, i) => Math.floor((i * codebookSize) / comparedCodes)),
  }
  const [ours, theirs] = [codec.toFeatures(codes).data, vocoder.toFeatures(codes, { codebookSize }).data]
  const largest = ours.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return ours.every((value, i) => Math.abs(value - theirs[i]!) <= codewordTolerance * largest)
}

/** kbps of the codes that models speak. */
export function kbpsOf({ codec, spokenCodebooks }: Pick<Models, 'codec' | 'spokenCodebooks'>): number {
  return (spokenCodebooks * Math.log2(codec.codebookSize) * codec.frameRate) / 1000
}

/**
 * A vocoder of the codec's own features, told of the models' bandwidth; of the nearest where it was trained for none of theirs, with a warning. It stays the caller's to dispose of.
 */
export function decodeDirectly(vocoder: MelVocoder, kbps: number): Required<Pick<Models, 'vocoder' | 'warnings'>> {
  const { bandwidthId, warnings } = bandwidthOf(vocoder, kbps)
  const bandwidth = bandwidthId === undefined ? {} : { bandwidthId }
  const direct: Vocoder = {
    name: vocoder.name,
    sampleRate: vocoder.sampleRate,
    featureDim: vocoder.featureDim,
    samplesFor: frames => vocoder.samplesFor(frames),
    decode: (features, options) => vocoder.decode(features, { ...options, ...bandwidth }),
    open: options => vocoder.open({ ...options, ...bandwidth }),
    [Symbol.asyncDispose]: async () => undefined,
  }
  return { vocoder: direct, warnings }
}

function bandwidthOf({ name, bandwidths }: MelVocoder, kbps: number): { bandwidthId?: number; warnings: string[] } {
  if (!bandwidths) return { warnings: [] }
  const found = findBandwidth(kbps, bandwidths)
  if (found !== undefined) return { bandwidthId: found, warnings: [] }
  const distances = bandwidths.map(each => Math.abs(each - kbps))
  const bandwidthId = distances.indexOf(Math.min(...distances))
  const [known, spoken, taken] = [bandwidths, [kbps], [bandwidths[bandwidthId]!]].map(listBandwidths)
  return {
    bandwidthId,
    warnings: [`the vocoder ${name} was trained for ${known} kbps; the models speak ${spoken}, and it decodes as of ${taken}`],
  }
}

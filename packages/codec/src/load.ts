import {
  describeModel,
  type ExportedModel,
  expectAllRead,
  exportModel,
  type LoadModelOptions,
  loadModel,
  type OnnxModel,
  type OpenedModel,
  type OpenModelOptions,
} from '@mynah/onnx'
import type { CodecDescription, CodecLayout } from './architecture.ts'
import { codecArchitectures } from './architectures/index.ts'
import type { AudioCodec } from './codec.ts'
import { DescribedCodec } from './described-codec.ts'
import { wholeGraphs } from './networks.ts'
import { Sessions } from './sessions.ts'

/** Options of `loadCodec`. */
export type LoadCodecOptions = Omit<LoadModelOptions, 'stats'>

/**
 * Loads a published neural codec from its checkpoint: EnCodec, SoundStream (SEANet without LSTM), DAC, SNAC. The architecture is told by the weights' names; the config is the one that
 * is given, lies inside the checkpoint (DAC) or beside it, or that of the published model which has all of these sizes. The file stays open until the codec is disposed of.
 * @throws {CheckpointError} `unknown-architecture`, `bad-config`, `missing-config`, `config-mismatch`, `unreadable-config`, `missing-tensor`, `shape-mismatch`, `unexpected-tensor`,
 *   and all of readCheckpoint's
 * @throws {InferenceError} if ONNX Runtime cannot open the model
 */
export function loadCodec(checkpoint: string, options: LoadCodecOptions = {}): Promise<AudioCodec> {
  return loadModel(codecArchitectures, checkpoint, options, async (opened, runtime, resources) => {
    const { architecture, description, weights } = opened
    const { name } = architecture
    const sessions = resources.add(new Sessions(runtime, opened))
    const sum = description.readCodewords(weights)
    await Promise.all([sessions.open('encoder'), sessions.open('decoder')])
    expectAllRead(name, weights, description)
    return new DescribedCodec(name, description, sessions, sum, () => resources[Symbol.asyncDispose]())
  })
}

/**
 * Finds out what a checkpoint is, and which config belongs to it, without loading it.
 * @throws {CheckpointError} as `loadCodec`
 */
export function describeCodec(
  checkpoint: string,
  options: Pick<OpenModelOptions, 'config'> = {},
): Pick<OpenedModel<CodecDescription>, 'architecture' | 'description' | 'config'> {
  return describeModel(codecArchitectures, checkpoint, options)
}

/** A published codec as two plain graphs, and the tensors that they were built from: what `mynah convert` writes. */
export interface ExportedCodec extends Pick<ExportedModel<CodecDescription, never>, 'name' | 'tensors'> {
  readonly layout: CodecLayout
  /** What was read of the config, in the original's spelling. */
  readonly config: Readonly<Record<string, unknown>>
  /** waveform float32 [1, C, S] → codes int64 [K, T], the codes of strided codebooks repeated. The first rows are the codes of a lower bandwidth. */
  readonly encoder: OnnxModel
  /** codes int64 [K, T], −1 in the rows of codebooks that are left out → waveform float32 [1, C, S]. */
  readonly decoder: OnnxModel
}

/**
 * Builds the graphs of a published codec without running them.
 * @throws {CheckpointError} as `loadCodec`
 */
export function exportCodec(checkpoint: string, options: Pick<OpenModelOptions, 'config'> = {}): ExportedCodec {
  const { name, description, models, tensors } = exportModel(codecArchitectures, checkpoint, wholeGraphs, options)
  const { layout, config } = description
  return { name, layout, config, encoder: models['waveform-to-codes'], decoder: models['codes-to-waveform'], tensors }
}

import {
  describeModel,
  type ExportedModel,
  expectAllRead,
  exportModel,
  float32Tensor,
  type LoadModelOptions,
  loadGraph,
  loadModel,
  type OnnxModel,
  type OpenedModel,
  type OpenModelOptions,
  type Tensor,
  threadUrl,
} from '@mynah/onnx'
import type { VocoderDescription } from './architecture.ts'
import { architectures } from './architectures/index.ts'
import { DescribedVocoder } from './described-vocoder.ts'
import type { MelVocoder } from './vocoder.ts'

/** Options of `loadVocoder`. */
export type LoadVocoderOptions = LoadModelOptions

/**
 * Loads a vocoder: `.pt .pth .bin .pkl .ckpt .safetensors` or no ending at all, the architecture detected from tensor names and config.
 * Its file stays open until it is disposed of.
 * @throws {CheckpointError} `unknown-architecture`, `missing-config`, `bad-config`, `config-mismatch`, `unreadable-config`, `missing-tensor`, `shape-mismatch`,
 *   `unexpected-tensor`; all of readCheckpoint's and loadWeights'
 */
export function loadVocoder(checkpoint: string, options: LoadVocoderOptions = {}): Promise<MelVocoder> {
  return loadModel(architectures, checkpoint, options, async (opened, runtime, resources) => {
    const { architecture, description, weights } = opened
    const place = { runtime, builder: threadUrl('builder', import.meta.url), externalData: true }
    const model = resources.add(await loadGraph(opened, 'decoder', place, { name: architecture.name }))
    expectAllRead(architecture.name, weights, description)
    return new DescribedVocoder(architecture.name, description, model, () => resources[Symbol.asyncDispose]())
  })
}

/**
 * Finds out what a checkpoint is, and which config belongs to it, without loading it.
 * @throws {CheckpointError} as `loadVocoder`
 */
export function describeVocoder(
  checkpoint: string,
  options: OpenModelOptions = {},
): Pick<OpenedModel<VocoderDescription>, 'architecture' | 'description' | 'config'> {
  return describeModel(architectures, checkpoint, options)
}

/** A published vocoder as a plain graph, and the tensors that it was built from: what `mynah convert` writes. `mean` and `scale` of a recipe's statistics are among them. */
export interface ExportedVocoder extends Omit<ExportedModel<VocoderDescription, never>, 'models'> {
  /** `mel` float32 [1, C, T] (and `noise`, `bandwidth_id`) → `waveform` float32 [1, 1, S]. */
  readonly model: OnnxModel
}

/**
 * Builds the graph of a published vocoder without running it.
 * @throws {CheckpointError} as `loadVocoder`
 */
export function exportVocoder(checkpoint: string, options: OpenModelOptions = {}): ExportedVocoder {
  const { models, tensors, ...exported } = exportModel(architectures, checkpoint, ['decoder'], options)
  const { mean, scale } = exported.description.mel?.normalize ?? {}
  const statistics = mean && scale ? { mean: rowOf(mean), scale: rowOf(scale) } : {}
  return { ...exported, model: models.decoder, tensors: { ...tensors, ...statistics } }
}

function rowOf(values: ArrayLike<number>): Tensor<'float32'> {
  return float32Tensor(Float32Array.from(values), [values.length])
}

import { loadModel, type Runtime } from '@mynah/onnx'
import type { LanguageModelArchitecture, ToLatents, WeightType } from './architecture.ts'
import { architectures } from './architectures/index.ts'
import type { LanguageModel } from './language-model.ts'
import { builder, loadGraphs } from './load-graphs.ts'

/** Options of `loadLanguageModel`. */
export interface LoadLanguageModelOptions {
  /** For a model that speaks codes (VALL-E): what the decoder takes of them. */
  readonly toLatents?: ToLatents
  /** The config as an object, or its path; looked for inside the checkpoint and beside it unless given. */
  readonly config?: unknown
  /** `float32` by default; for architectures whose weights may be stored smaller than they are published. */
  readonly weightType?: WeightType
  /** Where to run; a shared runtime stays open. A new one on the CPU, disposed of with the model, unless given. */
  readonly runtime?: Runtime
}

/**
 * Loads a language model; the architecture is detected from tensor names and config. Its files stay open until it is disposed of.
 * @param checkpoint the path of one file, or those of several by the first step of their tensors' names: `{ ar: 'ar.safetensors', nar: … }`
 * @throws {CheckpointError} `unknown-architecture`, `missing-config`, `bad-config`, `config-mismatch`, `missing-tensor`, `shape-mismatch`, `unexpected-tensor`;
 *   all of readCheckpoint's
 */
export function loadLanguageModel(
  checkpoint: string | Readonly<Record<string, string>>,
  options: LoadLanguageModelOptions = {},
): Promise<LanguageModel> {
  return loadLanguageModelOf(architectures, builder, checkpoint, options)
}

/** `loadLanguageModel` with another list of architectures, and the module that builds their graphs. */
export function loadLanguageModelOf(
  known: readonly LanguageModelArchitecture[],
  by: URL,
  checkpoint: string | Readonly<Record<string, string>>,
  { toLatents = noLatents, weightType, ...options }: LoadLanguageModelOptions,
): Promise<LanguageModel> {
  return loadModel(known, checkpoint, options, async (opened, runtime, resources) => {
    const { architecture, description } = opened
    const models = await loadGraphs(opened, runtime, resources, weightType, by)
    return {
      name: architecture.name,
      codebooks: description.codebooks,
      codebookSize: description.codebookSize,
      symbols: description.symbols,
      generate: description.generator(models, toLatents),
      [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
    }
  })
}

const noLatents: ToLatents = () => {
  throw new TypeError('loadLanguageModel: this model speaks codes; pass toLatents')
}

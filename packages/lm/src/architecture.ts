import type { Architecture, BuildTarget, Graph, Model, ModelDescription, Tensor, Weights } from '@mynah/onnx'
import type { LanguageModel } from './language-model.ts'

/** Codes int32 [K, T] → latents float32 [L, T], as the decoder takes them. */
export type ToLatents = (codes: Tensor<'int32'>) => Tensor<'float32'>

/** How weights are stored and multiplied, where an architecture lets one choose: `int8` takes a quarter of the memory, `int4` an eighth for what runs once a frame. */
export type WeightType = 'float32' | 'int8' | 'int4'

/** What the graphs of a language model are emitted for. */
export interface LanguageModelTarget extends BuildTarget {
  readonly weightType: WeightType
  /** Whether the device multiplies signed int8 matrices without overflow. */
  readonly exactInt8: boolean
}

/** A language model as its checkpoint and config describe it, before its tensors are read. */
export interface LanguageModelDescription<GraphName extends string = string> extends ModelDescription<GraphName> {
  /** K, the codebooks of a prompt. */
  readonly codebooks: number
  /** N, the codewords of each. */
  readonly codebookSize: number
  /** Rows of its phoneme or text table. */
  readonly symbols: number
  /** Which output of a graph replaces which slot of a `State`. */
  readonly slots?: Readonly<Partial<Record<GraphName, Readonly<Record<string, string>>>>>
  /** Whether weights are handed over beside the graphs, which saves copies of large ones. */
  readonly externalData?: boolean
  /** The graphs in the order in which they are loaded, the largest first: loading it takes the most memory. */
  build(weights: Weights, target: LanguageModelTarget): Readonly<Record<GraphName, () => Graph>>
  /**
   * What `LanguageModel.generate` does on sessions of the graphs.
   * @param toLatents for a model that speaks codes
   */
  generator(models: Readonly<Record<GraphName, Model>>, toLatents: ToLatents): LanguageModel['generate']
}

/** One paper's language model: an entry of `architectures`. */
export type LanguageModelArchitecture = Architecture<LanguageModelDescription>

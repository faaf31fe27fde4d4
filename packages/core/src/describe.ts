import { describeCodec } from '@mynah/codec'
import { CheckpointError, type Fact } from '@mynah/onnx'
import { describeVocoder } from '@mynah/vocoder'

/** What a checkpoint is, as far as its names, shapes and config tell. */
export interface DescribedCheckpoint {
  readonly kind: 'vocoder' | 'codec'
  readonly architecture: string
  /** Each value that matters, and who says it. */
  readonly facts: readonly Fact[]
  readonly warnings: readonly string[]
}

/**
 * Tells what a published vocoder or codec is, without reading its tensors' data.
 * @returns undefined if it is neither
 * @throws {CheckpointError} as `loadVocoder` and `loadCodec`: `missing-config`, `bad-config`, `config-mismatch`, …
 */
export function describeCheckpoint(checkpoint: string, options: { readonly config?: unknown } = {}): DescribedCheckpoint | undefined {
  const known = unlessUnknown(() => {
    const { architecture, description } = describeVocoder(checkpoint, options)
    const { sampleRate, hopLength, featureDim, warnings = [] } = description
    const all = Object.entries({ 'sample rate': sampleRate, 'samples a frame': hopLength, 'feature channels': featureDim })
    const { facts = all.map(([name, value]): Fact => ({ name, value, from: 'config' })) } = description
    return { kind: 'vocoder' as const, architecture: architecture.name, facts, warnings }
  })
  return (
    known ??
    unlessUnknown(() => {
      const { architecture, description } = describeCodec(checkpoint, options)
      const { facts = [], warnings = [] } = description
      return { kind: 'codec' as const, architecture: architecture.name, facts, warnings }
    })
  )
}

function unlessUnknown<T>(describe: () => T): T | undefined {
  try {
    return describe()
  } catch (error) {
    if (CheckpointError.isInstance(error) && (error.code === 'unknown-architecture' || error.code === 'no-weights')) return undefined
    throw error
  }
}

import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CheckpointError, createRuntime, loadWeights, type Runtime, readCheckpoint, type Tensor, type Weights } from '@mynah/onnx'
import { type CodecArchitecture, codecArchitectures } from './architectures/index.ts'
import type { AudioCodec } from './codec.ts'
import type { CodecGraphs } from './graphs.ts'

/** Options of `loadCodec`. */
export interface LoadCodecOptions {
  /**
   * The model's config with its published field names, or the path of its JSON file. Default: `metadata.kwargs` inside the checkpoint (DAC), else `config.json` beside it,
   * else the published EnCodec of that size.
   */
  readonly config?: unknown
  /** Where to run; shared runtimes stay open. Default: one of its own on the CPU, closed with the codec. */
  readonly runtime?: Runtime
}

/** Published configs have a few kilobytes. */
const MAX_CONFIG_BYTES = 1 << 20

/**
 * Loads a published neural codec from its checkpoint: EnCodec, SoundStream (SEANet without LSTM), DAC, SNAC. The architecture is told by the weights' names.
 * @throws {CheckpointError} `unknown-architecture`, `bad-config`, `missing-config`, `config-mismatch`, `missing-tensor`, `shape-mismatch`, `unexpected-tensor`, and
 *   all of readCheckpoint's
 * @throws {InferenceError} if ONNX Runtime cannot open the model
 */
export async function loadCodec(checkpointPath: string, options: LoadCodecOptions = {}): Promise<AudioCodec> {
  const { weights, architecture, config } = openCheckpoint(checkpointPath, options.config)
  let ownRuntime: Runtime | undefined
  const close = async () => {
    weights.close()
    await ownRuntime?.dispose()
  }
  try {
    ownRuntime = options.runtime ? undefined : await createRuntime({ device: 'cpu' })
    const codec = await architecture.load(weights, config, options.runtime ?? ownRuntime!)
    return {
      ...codec,
      async [Symbol.asyncDispose]() {
        await codec[Symbol.asyncDispose]()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A published codec as two plain graphs, and the tensors that they were built from: what `mynah convert` writes. */
export interface ExportedCodec extends CodecGraphs {
  readonly name: string
  /** By the names that `loadCodec` reads, weight norm folded. */
  readonly tensors: Readonly<Record<string, Tensor<'float32'>>>
}

/**
 * Builds the graphs of a published codec without running them.
 * @throws {CheckpointError} as `loadCodec`
 */
export function exportCodec(checkpointPath: string, options: Pick<LoadCodecOptions, 'config'> = {}): ExportedCodec {
  const { weights, architecture, config } = openCheckpoint(checkpointPath, options.config)
  try {
    const graphs = architecture.build(weights, config)
    const kept = weights.names.filter(name => !graphs.trainingOnly?.test(name))
    return { ...graphs, name: architecture.name, tensors: Object.fromEntries(kept.map(name => [name, weights.get(name)])) }
  } finally {
    weights.close()
  }
}

/** The weights of a checkpoint, still open, whose they are, and their config. */
function openCheckpoint(checkpointPath: string, given: unknown): { weights: Weights; architecture: CodecArchitecture; config: unknown } {
  const checkpoint = readCheckpoint(checkpointPath)
  try {
    const weights = loadWeights(checkpoint)
    const architecture = codecArchitectures.find(({ matches }) => matches(weights))
    if (!architecture) {
      throw new CheckpointError(
        `${checkpointPath}: holds ${weights.names.slice(0, 3).join(', ')}, …; expected one of ${codecArchitectures.map(({ name }) => name).join(', ')}`,
        { code: 'unknown-architecture' },
      )
    }
    const config =
      typeof given === 'string' ? readConfig(given) : (given ?? keywordsOf(checkpoint.root) ?? readConfigBeside(checkpointPath))
    return { weights, architecture, config }
  } catch (error) {
    checkpoint.close()
    throw error
  }
}

/** descript-audio-codec keeps constructor arguments in the file. */
function keywordsOf(root: unknown): unknown {
  const metadata = (root as { metadata?: { kwargs?: unknown } } | null)?.metadata
  return metadata?.kwargs
}

function readConfigBeside(checkpointPath: string): unknown {
  const path = join(dirname(checkpointPath), 'config.json')
  return existsSync(path) ? readConfig(path) : undefined
}

function readConfig(path: string): unknown {
  try {
    const { size } = statSync(path)
    if (size <= MAX_CONFIG_BYTES) return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new CheckpointError(`${path}: is not a readable JSON file; pass config`, { code: 'bad-config', cause })
  }
  throw new CheckpointError(`${path}: has more than ${MAX_CONFIG_BYTES} bytes; is it a config? pass config`, { code: 'bad-config' })
}

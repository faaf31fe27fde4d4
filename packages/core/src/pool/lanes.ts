import { arch, availableParallelism } from 'node:os'
import { createRuntime, type Device, type Isolation, type Runtime } from '@mynah/onnx'
import { loadModels, loadNetworks } from '../bundle/load.ts'
import type { Bundle } from '../bundle/open.ts'
import type { Models } from '../contracts.ts'
import { type VocoderOption, withVocoder } from '../vocoder.ts'
import type { Lane } from './gate.ts'

/** How models are loaded, and on how many workers. */
export interface LaneOptions {
  /** What to compute on; `auto` by default. `synthesizer.device` says what it became. */
  readonly device?: Device | undefined
  /** Threads of ONNX Runtime on the CPU, for each worker. By default the workers share the cores. */
  readonly threads?: number | undefined
  /**
   * How many requests are spoken at the same time: each worker has a thread or process, and weights of its own. 1 by default; `auto` is one for each physical core, at most 8.
   * On a GPU there is no use for more than one.
   */
  readonly workers?: number | 'auto' | undefined
  /**
   * Where inference runs: in a `thread` of this process, the default, or in a child `process`, whose death by a driver or for want of memory harms nothing else. Outside of the
   * main thread always in a process.
   */
  readonly isolation?: Isolation | undefined
  /**
   * A published vocoder to speak with instead of the bundle's decoder: the path of its checkpoint, the path with its config, or one from `loadVocoder`, which stays yours
   * to dispose of. Vocos for EnCodec decodes a bundle of EnCodec codes directly; any other resynthesizes what the bundle's decoder spoke, and a warning of the speech
   * (of the first one in a stream) says so. `sampleRate` is the vocoder's.
   */
  readonly vocoder?: VocoderOption | undefined
  /** Pronunciations: word → IPA between slashes (`'/mˈaɪnə/'`) or a respelling (`'my nah'`). A lower-case entry matches every case. */
  readonly lexicon?: Readonly<Record<string, string>> | undefined
  /** Cancels the loading; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** The names of all `LaneOptions`. */
export const laneOptionNames = Object.keys({
  device: true,
  threads: true,
  workers: true,
  isolation: true,
  vocoder: true,
  lexicon: true,
  signal: true,
} satisfies Record<keyof LaneOptions, true>)

/** Weights of a worker take memory; `auto` takes no more than this. */
const mostAutomatic = 8

/** Starts the workers and loads the models on each. One front-end serves all. */
export async function openLanes(bundle: Bundle, options: LaneOptions): Promise<readonly Lane[]> {
  const workers = countWorkers(options.workers)
  const threads = options.threads ?? (workers > 1 ? Math.max(1, Math.floor(physicalCores() / workers)) : undefined)
  const lanes: Lane[] = []
  try {
    lanes.push(await openLane(options, threads, runtime => loadModels(bundle, runtime, options.lexicon)))
    const [{ models, runtime }] = lanes as [Lane]
    const share = { frontEnd: models.frontEnd, device: runtime.device === 'cpu' ? 'cpu' : options.device } as const // `auto` is measured once
    while (lanes.length < workers) {
      lanes.push(
        await openLane({ ...options, device: share.device }, threads, async runtime => ({
          ...(await loadNetworks(bundle, runtime)),
          frontEnd: share.frontEnd,
        })),
      )
    }
    return lanes
  } catch (error) {
    await closeLanes(lanes)
    throw error
  }
}

async function openLane(options: LaneOptions, threads: number | undefined, load: (runtime: Runtime) => Promise<Models>): Promise<Lane> {
  const { device, isolation, vocoder, signal } = options
  signal?.throwIfAborted()
  const runtime = await createRuntime({
    ...(device === undefined ? {} : { device }),
    ...(threads === undefined ? {} : { threads }),
    ...(isolation === undefined ? {} : { isolation }),
  })
  let models: Models | undefined
  try {
    signal?.throwIfAborted()
    models = await load(runtime)
    signal?.throwIfAborted()
    return { models: vocoder === undefined ? models : await withVocoder(models, vocoder, runtime), runtime }
  } catch (error) {
    await models?.[Symbol.asyncDispose]()
    await runtime[Symbol.asyncDispose]()
    throw error
  }
}

/** Frees models and workers. */
export async function closeLanes(lanes: readonly Lane[]): Promise<void> {
  await Promise.all(lanes.flatMap(({ models, runtime }) => [models[Symbol.asyncDispose](), runtime[Symbol.asyncDispose]()]))
}

function countWorkers(workers: number | 'auto' = 1): number {
  if (workers === 'auto') return Math.min(mostAutomatic, physicalCores())
  if (Number.isInteger(workers) && workers >= 1) return workers
  throw new RangeError(`createSynthesizer: workers is ${JSON.stringify(workers)}, expected an integer from 1, or "auto"`)
}

/** Half of the logical ones, but on ARM. */
function physicalCores(): number {
  const logical = availableParallelism()
  return arch() === 'arm64' ? logical : Math.ceil(logical / 2)
}

import type { InferenceSession as OrtSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { InferenceError } from '../errors.ts'
import { arrayTypes, type DType, type DTypeArrays, type Tensor } from '../tensor.ts'
import type { ModelBytes, Provider, SessionOptions, Tensors, ValueInfo } from './protocol.ts'

/** An open ONNX Runtime session. `run` blocks the thread it is called on: use `createRuntime`, which calls it on a worker. */
export interface Session {
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  /** Runs the graph. Feeds are read in place; results are fresh arrays. An empty `fetch` computes everything and returns nothing. */
  run(feeds: Tensors, fetch: readonly string[]): Promise<Tensors>
  release(): Promise<void>
}

/** The one severity ONNX Runtime may print: it throws its errors as well, and a library leaves stderr alone. */
const onlyFatal = 4

/**
 * In the layout that the graphs are written in. In its own, NHWC, ONNX Runtime 1.30 moves transposes past `Shape` nodes that ask for some axes only, and gets them
 * wrong: BigVGAN fails with "indices element out of data bounds".
 */
const webgpu = { name: 'webgpu', preferredLayout: 'NCHW' } as const

let loading: Promise<typeof import('onnxruntime-node')> | undefined

/** Loads onnxruntime-node on this thread, once. @throws {InferenceError} `runtime-unavailable` if its native binding does not load */
function loadOnnxRuntime(): Promise<typeof import('onnxruntime-node')> {
  loading ??= import('onnxruntime-node').then(
    ort => {
      ort.env.logLevel = 'fatal'
      return ort
    },
    cause => {
      const platform = `${process.platform}/${process.arch}, Node ${process.version}`
      throw new InferenceError(
        `onnxruntime-node does not load on ${platform}: ${messageOf(cause)}. It has binaries for Windows, Linux with glibc (x64, arm64) and macOS (arm64); reinstall it there, or use such a machine`,
        { code: 'runtime-unavailable', cause },
      )
    },
  )
  return loading
}

/** Execution providers that this build of onnxruntime-node knows. It drops any other from a request silently, so ask here first. */
export async function listBackends(): Promise<readonly string[]> {
  const { listSupportedBackends } = await loadOnnxRuntime()
  return listSupportedBackends().map(backend => backend.name)
}

/**
 * Opens a session on the calling thread.
 * @throws {InferenceError} `invalid-model` if ONNX Runtime refuses the model or an input has an element type that Mynah does not hold
 */
export async function openSession(model: ModelBytes, options: SessionOptions): Promise<Session> {
  const ort = await loadOnnxRuntime()
  let session: OrtSession
  try {
    session = await ort.InferenceSession.create(model.bytes, {
      executionProviders: [options.device === 'webgpu' ? webgpu : options.device],
      intraOpNumThreads: options.threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      executionMode: 'sequential',
      enableCpuMemArena: options.cpuMemArena,
      enableMemPattern: options.device !== 'dml', // DirectML does not support memory patterns
      logSeverityLevel: onlyFatal,
      // Idle threads sleep instead of spinning: on a busy machine 9 to 28 % less processor time for the same speed, HiFi-GAN V2 and V1 on two threads (docs/history/bench.md).
      extra: {
        session: {
          intra_op: { allow_spinning: '0' },
          ...(model.folder === undefined ? {} : { model_external_initializers_file_folder_path: model.folder }),
        },
      },
      ...(model.externalData ? { externalData: model.externalData } : {}),
    })
  } catch (cause) {
    throw new InferenceError(`ONNX Runtime refused the model: ${messageOf(cause)}`, { code: 'invalid-model', cause })
  }
  const toOrt = ({ dtype, data, shape }: Tensor) => new ort.Tensor(dtype, data, shape as number[])
  return {
    inputs: session.inputMetadata.map(toValueInfo),
    outputs: session.outputMetadata.map(toValueInfo),
    async run(feeds, fetch) {
      const ortFeeds: Record<string, OrtTensor> = {}
      for (const name in feeds) ortFeeds[name] = toOrt(feeds[name]!)
      let results: OrtSession.ReturnType
      try {
        results = fetch.length ? await session.run(ortFeeds, fetch) : await session.run(ortFeeds)
      } catch (cause) {
        throw new InferenceError(messageOf(cause), { code: 'run-failed', cause })
      }
      const fetched: Tensors = {}
      for (const name of fetch) fetched[name] = fromOrt(results[name] as OrtTensor)
      return fetched
    },
    release: () => session.release(),
  }
}

/** Doubles [1, 2, 3, 4] with `model` (input x, output y) on `device`. @throws {InferenceError} if the device cannot, or computes something else */
export async function probeSession(model: ModelBytes, device: Provider): Promise<void> {
  const session = await openSession(model, { device, threads: 1, cpuMemArena: false })
  try {
    const { y } = await session.run({ x: { dtype: 'float32', shape: [4], data: Float32Array.of(1, 2, 3, 4) } }, ['y'])
    const sum = Array.from(y!.data as Float32Array).join()
    if (sum !== '2,4,6,8') throw new InferenceError(`[1,2,3,4] + [1,2,3,4] gave [${sum}]`, { code: 'run-failed' })
  } finally {
    await session.release()
  }
}

function fromOrt({ type, dims, data }: OrtTensor): Tensor {
  const dtype = type as DType
  const array = data as DTypeArrays[DType]
  // Where JavaScript has a Float16Array, float16 comes as one; Mynah holds the raw bits.
  const held = dtype === 'float16' ? new Uint16Array(array.buffer, array.byteOffset, array.length) : array
  return { dtype, shape: dims, data: held }
}

function toValueInfo(value: OrtSession.ValueMetadata): ValueInfo {
  const type = value.isTensor ? value.type : 'no tensor'
  if (!value.isTensor || !Object.hasOwn(arrayTypes, type)) {
    throw new InferenceError(`"${value.name}" is ${type}, expected a tensor of ${Object.keys(arrayTypes).join(', ')}`, {
      code: 'invalid-model',
    })
  }
  return { name: value.name, dtype: type as DType, shape: value.shape }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim()
}

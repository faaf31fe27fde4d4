/** The thread that owns ONNX Runtime sessions: `run()` of onnxruntime-node blocks its thread for the whole inference, so that thread must not be the caller's. */
import { parentPort } from 'node:worker_threads'
import * as ort from 'onnxruntime-node'
import type { OnnxModel } from '../graph/model.ts'
import type { DType, Tensor } from '../tensor.ts'
import type { Request, Response } from './protocol.ts'

interface Loaded {
  readonly session: ort.InferenceSession
  /** Input → output that replaces it in a state after every run. */
  readonly feedback: Readonly<Record<string, string>>
}

const port = parentPort!
const models = new Map<number, Loaded>()
const states = new Map<number, Record<string, ort.Tensor>>()

const toOrt = (tensor: Tensor) => new ort.Tensor(tensor.dtype as 'float32', tensor.data as Float32Array, tensor.shape)

/** A tensor whose memory this thread may give away: ONNX Runtime's own buffers cannot be transferred, so they are copied once. */
function fromOrt(tensor: ort.Tensor): Tensor {
  const data = tensor.data as Float32Array
  return { dtype: tensor.type as DType, shape: tensor.dims, data: data.slice() } as Tensor
}

async function open(onnx: OnnxModel, provider: string, threads: number): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(onnx.bytes, {
    executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    ...(onnx.externalData ? { externalData: onnx.externalData.map(({ path, data }) => ({ path, data })) } : {}),
  })
}

function modelOf(number: number): Loaded {
  const model = models.get(number)
  if (!model) throw new Error(`model ${number} is not loaded`)
  return model
}

async function answer(request: Request): Promise<Extract<Response, { ok: true }>['result']> {
  switch (request.type) {
    case 'load': {
      const session = await open(request.onnx, request.provider, request.threads)
      models.set(request.model, { session, feedback: request.feedback })
      return { inputs: session.inputNames, outputs: session.outputNames }
    }
    case 'probe': {
      const session = await open(request.onnx, request.provider, 1)
      await session.run({ x: new ort.Tensor('float32', Float32Array.of(1), [1]) })
      await session.release()
      return undefined
    }
    case 'run': {
      const { session, feedback } = modelOf(request.model)
      const feeds: Record<string, ort.Tensor> = {}
      for (const [name, tensor] of Object.entries(request.feeds)) feeds[name] = toOrt(tensor)
      const state = request.state === undefined ? undefined : states.get(request.state)
      if (request.state !== undefined && !state) throw new Error(`state ${request.state} does not exist; it was disposed of`)
      Object.assign(feeds, state)
      const fetch = request.fetch ?? session.outputNames
      const outputs = await session.run(feeds, state ? [...new Set([...fetch, ...Object.values(feedback)])] : [...fetch])
      if (state) for (const [input, output] of Object.entries(feedback)) state[input] = outputs[output] as ort.Tensor
      return Object.fromEntries(fetch.map(name => [name, fromOrt(outputs[name] as ort.Tensor)]))
    }
    case 'createState':
      modelOf(request.model)
      states.set(request.state, Object.fromEntries(Object.entries(request.initial).map(([name, tensor]) => [name, toOrt(tensor)])))
      return undefined
    case 'disposeState':
      states.delete(request.state)
      return undefined
    case 'disposeModel': {
      const model = models.get(request.model)
      models.delete(request.model)
      await model?.session.release()
      return undefined
    }
    case 'crash':
      process.exit(86)
  }
}

// One request after the other: ONNX Runtime uses all its threads for each, and states must change in order.
let queue = Promise.resolve()
port.on('message', (request: Request) => {
  queue = queue.then(async () => {
    try {
      const result = await answer(request)
      const buffers = request.type === 'run' ? Object.values(result as Record<string, Tensor>).map(tensor => tensor.data.buffer as ArrayBuffer) : []
      port.postMessage({ id: request.id, ok: true, result } satisfies Response, buffers)
    } catch (error) {
      port.postMessage({ id: request.id, ok: false, message: error instanceof Error ? error.message : String(error) } satisfies Response)
    }
  })
})

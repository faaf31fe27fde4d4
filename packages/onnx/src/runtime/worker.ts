import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { MynahError } from '../errors.ts'
import { release } from '../memory.ts'
import { measureDevice } from './measure.ts'
import type { BuiltModel, ModelBuilder } from './order.ts'
import {
  type Answers,
  type Message,
  type ModelBytes,
  type OrderedModel,
  type ProbeReply,
  type Provider,
  packTensors,
  type Reply,
  type Request,
  type SessionOptions,
  type StateRequest,
  type Tensors,
} from './protocol.ts'
import { listBackends, openSession, probeSession, type Session } from './session.ts'
import { deleteWeightFiles, writeWeightFiles } from './weight-files.ts'

/**
 * Entry file of what must not disturb the main thread: the thread or process that owns all sessions of a runtime, and, as a process of its own, one probe of a
 * device whose driver may print or crash.
 */
if (parentPort) serveThread(parentPort, (workerData as { busy: Int32Array }).busy)
else if (process.argv[2] === 'serve') serveProcess()
else if (process.argv[2] === 'probe') await probeAsProcess()

function serveThread(port: MessagePort, busy: Int32Array): void {
  const setIdle = () => {
    Atomics.store(busy, 0, 0)
    Atomics.notify(busy, 0)
  }
  process.on('exit', setIdle) // of this thread
  const serve = createServer()
  port.on('message', async (message: Message) => {
    const { reply, moved } = await serve(message)
    setIdle() // first: after the reply, the main thread marks the next request
    port.postMessage(reply, [...moved])
  })
}

function serveProcess(): void {
  const serve = createServer()
  process.on('disconnect', () => process.exit()) // the process or thread that it works for has ended
  process.on('message', async (message: Message) => {
    const { reply } = await serve(message)
    process.send!(reply)
  })
}

/** Answers one request after the other; the main thread sends the next only after the reply. */
function createServer(): (message: Message) => Promise<{ readonly reply: Reply; readonly moved: Set<ArrayBuffer> }> {
  const sessions = new Map<number, Session>()
  const states = new Map<number, Tensors>()
  return async ({ before, request }) => {
    for (const each of before) changeState(each, states)
    const moved = new Set<ArrayBuffer>()
    try {
      return { reply: { ok: true, value: await answer(request, sessions, states, moved) }, moved }
    } catch (error) {
      return { reply: failure(error), moved }
    }
  }
}

async function answer(
  request: Request,
  sessions: Map<number, Session>,
  states: Map<number, Tensors>,
  moved: Set<ArrayBuffer>,
): Promise<Answers[Request['kind']]> {
  switch (request.kind) {
    case 'backends':
      return listBackends()
    case 'probe':
      return probeSession(request.source, request.device) as Promise<undefined>
    case 'load': {
      const { model, told } = 'module' in request.source ? await build(request.source) : { model: request.source, told: undefined }
      const session = await openMoved(model, request.options)
      if (request.warmUp) await session.run(request.warmUp, [])
      sessions.set(request.model, session)
      return { inputs: session.inputs, outputs: session.outputs, told }
    }
    case 'run':
      return run(request, sessions.get(request.model)!, states, moved)
    case 'releaseModel':
      await sessions.get(request.model)?.release()
      sessions.delete(request.model)
      return
    case 'nothing':
      return
    case 'crash': // for tests
      process.exit(1)
  }
}

function changeState(request: StateRequest, states: Map<number, Tensors>): void {
  if (request.kind === 'createState') states.set(request.state, request.tensors)
  else if (request.kind === 'forkState')
    states.set(request.state, { ...states.get(request.from)! }) // a run replaces tensors, and changes none
  else states.delete(request.state)
}

/** @throws {BuildFailure} */
async function build({ module, order }: OrderedModel): Promise<BuiltModel> {
  try {
    const { build }: ModelBuilder = await import(module)
    return await build(order)
  } catch (error) {
    throw new BuildFailure(error)
  }
}

/** What went wrong before ONNX Runtime saw a model: it goes on as it is. */
class BuildFailure extends Error {
  constructor(cause: unknown) {
    super(undefined, { cause })
  }
}

/** Opens a session, and gives the memory of its model's bytes back: as garbage it would stay for long, since this thread's heap hardly grows. */
async function openMoved(source: ModelBytes, options: SessionOptions): Promise<Session> {
  const inFolder = writeWeightFiles(source)
  try {
    return await openSession(inFolder ?? source, options)
  } finally {
    if (inFolder) deleteWeightFiles(inFolder.folder)
    for (const { buffer } of [source.bytes, ...(source.externalData ?? []).map(({ data }) => data)]) release(buffer)
  }
}

async function run(
  { feeds, fetch, state }: Extract<Request, { kind: 'run' }>,
  session: Session,
  states: Map<number, Tensors>,
  moved: Set<ArrayBuffer>,
): Promise<Tensors> {
  if (!state) return packTensors(await session.run(feeds, fetch), () => true, moved)
  const held = states.get(state.id)!
  const allFeeds: Tensors = {}
  for (const { name } of session.inputs) {
    const tensor = feeds[name] ?? held[name]
    if (tensor) allFeeds[name] = tensor
  }
  const kept = Object.values(state.slots)
  const results = await session.run(allFeeds, [...new Set([...fetch, ...kept])])
  for (const slot in state.slots) held[slot] = results[state.slots[slot]!]!
  const fetched: Tensors = {}
  for (const name of fetch) fetched[name] = results[name]!
  return packTensors(fetched, name => !kept.includes(name), moved)
}

function failure(error: unknown): Extract<Reply, { ok: false }> {
  if (error instanceof BuildFailure && error.cause instanceof Error) return { ...failure(error.cause), type: error.cause.name }
  const message = error instanceof Error ? error.message : String(error)
  return { ok: false, code: MynahError.isInstance(error) ? error.code : 'run-failed', message }
}

/** argv: `probe`, device, probe model in base64, and the CPU's threads if speed is asked for. Sends a ProbeReply once it works and one with its speed; the parent then ends this process. */
async function probeAsProcess(): Promise<void> {
  const [device, model, threads] = process.argv.slice(3) as [Provider, string, string | undefined]
  const send = (reply: ProbeReply) => process.send!(reply)
  try {
    await probeSession({ bytes: Uint8Array.from(Buffer.from(model, 'base64')) }, device)
    send({ ok: true })
    if (threads) send({ ok: true, speed: await measureDevice(device, Number(threads)) })
  } catch (error) {
    send({ ok: false, message: failure(error).message })
  }
}

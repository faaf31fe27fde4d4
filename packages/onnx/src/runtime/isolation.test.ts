import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { float32Tensor } from '../tensor.ts'
import { doubling, growing, identity, powers, reshaping, vector } from './graphs.fixture.ts'
import { Host } from './host.ts'
import { createRuntime, createRuntimeOn, type Runtime } from './runtime.ts'
import { processFlags } from './thread.ts'

const numbers = (tensor: { data: ArrayLike<number | bigint> } | undefined) => Array.from(tensor!.data, Number)
const coded = (code: string) => expect.objectContaining({ name: 'InferenceError', code })

describe('in a process of its own', () => {
  let runtime: Runtime
  beforeAll(async () => {
    runtime = await createRuntime({ device: 'cpu', threads: 1, isolation: 'process' })
  })
  afterAll(() => runtime.dispose())

  it('a runtime computes the same, keeps states and passes every element type', async () => {
    expect(runtime.isolation).toBe('process')
    await using model = await runtime.load(growing(), { state: { past: 'present' } })
    await using state = await model.createState({ past: vector(100) })
    await using branch = await state.fork()
    for (let i = 1; i <= 3; i++) {
      const { total, last } = await model.run({ x: vector(i) }, { state })
      expect(total!.data[0]).toBe(100 + (i * (i + 1)) / 2)
      expect(last).toEqual({ dtype: 'float32', shape: [1], data: Float32Array.of(i) })
    }
    expect(numbers((await model.run({ x: vector(9) }, { state: branch, fetch: ['present'] })).present)).toEqual([100, 9])
    await using shaped = await runtime.load(reshaping())
    const shape = { dtype: 'int64' as const, shape: [2], data: BigInt64Array.of(2n, 1n) }
    expect((await shaped.run({ x: vector(1, 2), shape })).y?.shape).toEqual([2, 1])
    shape.data.set([5n, 5n])
    await expect(shaped.run({ x: vector(1, 2), shape })).rejects.toEqual(coded('run-failed'))
  })

  it('takes feeds as they were at the call, and loads weights from external data', async () => {
    await using model = await runtime.load(doubling())
    const kept = float32Tensor([1, 2], [2])
    const running = model.run({ x: kept })
    ;(kept.data as Float32Array).set([9, 9])
    expect(numbers((await running).y)).toEqual([2, 4])
    const { GraphBuilder } = await import('../graph/graph.ts')
    const graph = new GraphBuilder('external')
    const weight = Float32Array.from({ length: 1 << 19 }, (_, i) => i)
    const x = graph.input('x', 'float32', [weight.length])
    graph.output('y', graph.add(x, graph.initializer('w', { dtype: 'float32', shape: [weight.length], data: weight })))
    await using large = await runtime.load(graph.build({ externalData: true }))
    const { y } = await large.run({ x: { dtype: 'float32', shape: [weight.length], data: new Float32Array(weight.length) } })
    expect(y!.data[weight.length - 1]).toBe(weight.length - 1)
  })

  it('a killed process rejects what is pending, and the next call starts another', async () => {
    const host = new Host('process')
    await using crashing = await createRuntimeOn(host, { device: 'cpu' })
    await using model = await crashing.load(growing(), { name: 'growing', state: { past: 'present' } })
    await using state = await model.createState({ past: vector(1) })
    host.crash()
    await expect(model.run({ x: vector(1) }, { state })).rejects.toThrow(/model "growing": the inference process died \(exit code 1\)/)
    expect(crashing.restarts).toBe(1)
    expect(numbers((await model.run({ past: vector(4), x: vector(1) })).total)).toEqual([5])
    await expect(model.run({ x: vector(1) }, { state })).rejects.toEqual(coded('state-lost'))
  })

  it('disposal does not wait for a run in native code', async () => {
    const short = await createRuntime({ device: 'cpu', isolation: 'process' })
    const model = await short.load(powers(4000))
    const pending = expect(model.run({ x: identity(1000) })).rejects.toEqual(coded('disposed'))
    await delay(50)
    await short.dispose() // the run would take minutes
    await pending
  })

  it('refuses an isolation that it does not know', async () => {
    await expect(createRuntime({ isolation: 'vm' as never })).rejects.toThrow(/isolation is "vm", expected "thread" or "process"/)
  })
})

describe("ending a user's own thread during a run", () => {
  const program = (isolation: string) => `
    import { Worker } from 'node:worker_threads'
    const code = ${JSON.stringify(`
      const { parentPort } = require('node:worker_threads')
      import(${JSON.stringify(import.meta.resolve('tsx/esm/api'))}).then(async tsx => {
        tsx.register()
        const { createRuntime } = await import(${JSON.stringify(new URL('./runtime.ts', import.meta.url).href)})
        const { powers, identity } = await import(${JSON.stringify(new URL('./graphs.fixture.ts', import.meta.url).href)})
        const runtime = await createRuntime({ device: 'cpu', isolation: '${isolation}' })
        const model = await runtime.load(powers(40))
        model.run({ x: identity(700) }).catch(() => undefined)
        setTimeout(() => parentPort.postMessage(runtime.isolation), 30)
      })`)}
    const worker = new Worker(code, { eval: true, execArgv: ['--conditions=@mynah/source'] })
    const isolation = await new Promise((resolve, reject) => { worker.on('message', resolve); worker.on('error', reject) })
    await worker.terminate()
    process.stdout.write('alive ' + isolation)`
  for (const isolation of ['thread', 'process']) {
    it(`never aborts the process, asked for isolation: '${isolation}'`, async () => {
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        [...processFlags, '--input-type=module', '-e', program(isolation)],
        {
          timeout: 50_000,
        },
      )
      expect({ stdout, stderr }).toEqual({ stdout: 'alive process', stderr: '' })
    })
  }
})

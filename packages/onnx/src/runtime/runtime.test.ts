import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InferenceError } from '../errors.ts'
import { float32Tensor } from '../tensor.ts'
import { doubling, growing, identity, powers, reshaping, vector } from './graphs.fixture.ts'
import { Host } from './host.ts'
import { createRuntime, createRuntimeOn, type Runtime } from './runtime.ts'
import type { State } from './state.ts'
import { processFlags } from './thread.ts'

const numbers = (tensor: { data: ArrayLike<number | bigint> } | undefined) => Array.from(tensor!.data, Number)
const coded = (code: string) => expect.objectContaining({ name: 'InferenceError', code })

let runtime: Runtime
beforeAll(async () => {
  runtime = await createRuntime({ device: 'cpu', threads: 1 })
})
afterAll(() => runtime.dispose())

describe('runs', () => {
  it('gives what the graph computes, and says the device and the names', async () => {
    await using model = await runtime.load(doubling(), { name: 'doubling' })
    expect(runtime).toMatchObject({ device: 'cpu', threads: 1, attempts: [{ device: 'cpu', ok: true }] })
    expect(model).toMatchObject({ name: 'doubling', inputs: ['x'], outputs: ['y'] })
    const { y } = await model.run({ x: vector(1, 2, 3) })
    expect(y).toEqual({ dtype: 'float32', shape: [3], data: Float32Array.of(2, 4, 6) })
    expect(numbers((await model.run({ x: vector() })).y)).toEqual([])
  })

  it('leaves the event loop free', async () => {
    await using model = await runtime.load(powers(24))
    let ticks = 0
    let longest = 0
    let last = performance.now()
    const timer = setInterval(() => {
      ticks++
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 5)
    const start = performance.now()
    await model.run({ x: identity(700) })
    const duration = performance.now() - start
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(10)
    expect(longest).toBeLessThan(duration / 2)
  })

  it('answers concurrent runs each with its own result', async () => {
    await using one = await runtime.load(doubling())
    await using two = await runtime.load(growing())
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        i % 2 ? one.run({ x: vector(i) }) : two.run({ past: vector(i), x: vector(1) }, { fetch: ['total'] }),
      ),
    )
    expect(results.map(({ y, total }, i) => (i % 2 ? y : total)?.data[0])).toEqual(results.map((_, i) => (i % 2 ? 2 * i : i + 1)))
  })

  it('copies feeds at the time of the call, or takes them with `transfer`', async () => {
    await using model = await runtime.load(doubling())
    const kept = float32Tensor([1, 2], [2])
    const running = model.run({ x: kept })
    kept.data.set([9, 9])
    expect(numbers((await running).y)).toEqual([2, 4])
    const given = vector(3, 4)
    expect(numbers((await model.run({ x: given }, { transfer: true })).y)).toEqual([6, 8])
    expect(given.data.length).toBe(0)
    await expect(model.run({ x: given })).rejects.toThrow(/holds 0 elements, expected 2 .*transfer/)
  })

  it('takes views, shared memory and Node buffers, and leaves what surrounds a view alone', async () => {
    await using model = await runtime.load(doubling())
    const whole = Float32Array.of(1, 2, 3, 4)
    const view = { dtype: 'float32' as const, shape: [2], data: whole.subarray(1, 3) }
    expect(numbers((await model.run({ x: view }, { transfer: true })).y)).toEqual([4, 6])
    expect(Array.from(whole)).toEqual([1, 2, 3, 4])
    const shared = new Float32Array(new SharedArrayBuffer(8))
    shared.set([5, 6])
    expect(numbers((await model.run({ x: { ...view, data: shared } }, { transfer: true })).y)).toEqual([10, 12])
    const { bytes, ...rest } = doubling()
    await using fromBuffer = await runtime.load({ ...rest, bytes: Buffer.from(bytes) })
    expect(numbers((await fromBuffer.run({ x: vector(7) })).y)).toEqual([14])
  })

  it('refuses wrong names, types and shapes, naming model and input', async () => {
    await using model = await runtime.load(powers(1), { name: 'powers' })
    const x = identity(2)
    const cases: [Record<string, unknown>, typeof TypeError, RegExp][] = [
      [{ x, z: x }, TypeError, /model "powers": there is no input "z", expected x/],
      [{}, TypeError, /model "powers": no tensor for input x/],
      [{ x: { ...x, dtype: 'int64', data: new BigInt64Array(4) } }, TypeError, /input "x" is int64 \[2, 2\], expected float32 \[N, N\]/],
      [{ x: { ...x, dtype: 'bfloat16' } }, TypeError, /dtype bfloat16, expected one of float32/],
      [{ x: { ...x, data: new Float64Array(4) } }, TypeError, /is float32 in a Float64Array, expected a Float32Array/],
      [{ x: { ...x, shape: [4] } }, RangeError, /is float32 \[4\], expected float32 \[N, N\]/],
      [{ x: { ...x, shape: [2, 3] } }, RangeError, /holds 4 elements, expected 6/],
    ]
    for (const [feeds, type, message] of cases) {
      const error = await model.run(feeds as never).catch(error => error)
      expect(error).toBeInstanceOf(type)
      expect(error.message).toMatch(message)
    }
    await expect(model.run({ x }, { fetch: ['z'] })).rejects.toThrow(/no output "z", expected y/)
  })

  it('turns a failure inside ONNX Runtime into `run-failed`, prints nothing, and goes on', async () => {
    await using model = await runtime.load(reshaping(), { name: 'reshaping' })
    const shape = (...sizes: number[]) => ({ dtype: 'int64' as const, shape: [2], data: BigInt64Array.from(sizes, BigInt) })
    const failed = await model.run({ x: vector(1, 2, 3), shape: shape(2, 2) }).catch(error => error)
    expect(InferenceError.isInstance(failed) && failed.code).toBe('run-failed')
    expect(failed.message).toMatch(/^model "reshaping": .*Reshape/s)
    expect((await model.run({ x: vector(1, 2), shape: shape(2, 1) })).y?.shape).toEqual([2, 1])
  })

  it('loads weights from external data, and leaves them to their owner unless told otherwise', async () => {
    const { GraphBuilder } = await import('../graph/graph.ts')
    const graph = new GraphBuilder('external')
    const weight = Float32Array.from({ length: 1000 }, (_, i) => i)
    const x = graph.input('x', 'float32', [1000])
    graph.output('y', graph.add(x, graph.initializer('w', { dtype: 'float32', shape: [1000], data: weight })))
    const built = graph.build({ externalData: true })
    expect(built.externalData).toHaveLength(1)
    await using model = await runtime.load(built)
    const { y } = await model.run({ x: { dtype: 'float32', shape: [1000], data: new Float32Array(1000) } })
    expect(y?.data).toEqual(weight)
    expect(weight[999]).toBe(999)
    await using moved = await runtime.load(() => built, { transfer: true })
    expect((await moved.run({ x: { dtype: 'float32', shape: [1000], data: new Float32Array(1000) } })).y?.data[999]).toBe(999)
    expect(weight.length).toBe(0)
  })
})

describe('loading', () => {
  it('refuses what is no model with `invalid-model`', async () => {
    const broken = { ...doubling(), bytes: Uint8Array.of(1, 2, 3) }
    await expect(runtime.load(broken, { name: 'broken' })).rejects.toEqual(coded('invalid-model'))
    await expect(runtime.load(broken, { name: 'broken' })).rejects.toThrow(/model "broken": ONNX Runtime refused the model/)
  })

  it('moves the bytes that a factory makes, and copies those of a model', async () => {
    const kept = doubling()
    await using fromModel = await runtime.load(kept)
    expect(kept.bytes.length).toBeGreaterThan(0)
    const made: ReturnType<typeof doubling>[] = []
    await using fromFactory = await runtime.load(() => {
      made.push(doubling())
      return made[0]!
    })
    expect(made.map(({ bytes }) => bytes.length)).toEqual([0])
    await expect(runtime.load(() => made[0]!, { name: 'stale' })).rejects.toThrow(/model "stale": its bytes are empty/)
    for (const model of [fromModel, fromFactory]) expect(numbers((await model.run({ x: vector(1) })).y)).toEqual([2])
  })

  it('rejects with what the factory throws', async () => {
    const failing = runtime.load(() => {
      throw new RangeError('no such checkpoint')
    })
    await expect(failing).rejects.toThrow('no such checkpoint')
  })

  it('makes the warm-up run before it resolves, and fails if that fails', async () => {
    await using model = await runtime.load(doubling(), { warmUp: { x: vector(1) }, cpuMemArena: false })
    expect(numbers((await model.run({ x: vector(2) })).y)).toEqual([4])
    const shape = { dtype: 'int64' as const, shape: [2], data: BigInt64Array.of(5n, 5n) }
    await expect(runtime.load(reshaping(), { warmUp: { x: vector(1), shape } })).rejects.toEqual(coded('run-failed'))
  })

  it('refuses a state mapping to an output that is not there', async () => {
    await expect(runtime.load(growing(), { state: { past: 'presnt' } })).rejects.toThrow(
      /state.past is the output "presnt", expected one of present, total, last/,
    )
  })

  it('refuses a thread count that is no positive integer', async () => {
    await expect(createRuntime({ threads: 0 })).rejects.toThrow(RangeError)
    await expect(createRuntime({ threads: 1.5 })).rejects.toThrow(/threads is 1.5/)
  })
})

describe('states', () => {
  it('carry outputs into the next run, and return only what is fetched', async () => {
    await using model = await runtime.load(growing(), { state: { past: 'present' } })
    await using state = await model.createState({ past: vector(100) })
    for (let i = 1; i <= 5; i++) {
      const results = await model.run({ x: vector(i) }, { state })
      expect(Object.keys(results)).toEqual(['total', 'last'])
      expect(results.total!.data[0]).toBe(100 + (i * (i + 1)) / 2)
    }
    const { present } = await model.run({ x: vector(6) }, { state, fetch: ['present'] })
    expect(numbers(present)).toEqual([100, 1, 2, 3, 4, 5, 6])
    expect(await model.run({ x: vector(7) }, { state, fetch: [] })).toEqual({})
    expect(numbers((await model.run({ x: vector(8) }, { state, fetch: ['total'] })).total)).toEqual([136])
  })

  it('are independent of each other and of the order of awaiting', async () => {
    await using model = await runtime.load(growing(), { state: { past: 'present' } })
    await using one = await model.createState({ past: vector() })
    await using two = await model.createState({ past: vector(1000) })
    const runs = Array.from({ length: 6 }, (_, i) => model.run({ x: vector(i) }, { state: i % 2 ? one : two, fetch: ['total'] }))
    expect((await Promise.all(runs)).map(({ total }) => total!.data[0])).toEqual([1000, 1, 1002, 4, 1006, 9])
  })

  it('can be filled by a first run, hold constants, and serve several models', async () => {
    await using step = await runtime.load(growing(), { state: { past: 'present' } })
    await using prefill = await runtime.load(doubling(), { state: { past: 'y' } })
    await using state = await step.createState()
    await expect(step.run({ x: vector(1) }, { state })).rejects.toThrow(/no tensor for input past/)
    expect(await prefill.run({ x: vector(1, 2) }, { state })).toEqual({})
    expect(numbers((await step.run({ x: vector(1) }, { state })).total)).toEqual([7])
    await using constant = await step.createState({ past: vector(1), x: vector(5) })
    expect(numbers((await step.run({}, { state: constant })).total)).toEqual([6])
    expect(numbers((await step.run({}, { state: constant })).total)).toEqual([11])
  })

  it('fork, and then differ', async () => {
    await using model = await runtime.load(growing(), { state: { past: 'present' } })
    await using trunk = await model.createState({ past: vector(100) })
    const before = model.run({ x: vector(1) }, { state: trunk })
    await using branch = await trunk.fork()
    await before
    const present = async (state: State, x: number) => numbers((await model.run({ x: vector(x) }, { state, fetch: ['present'] })).present)
    expect(await present(trunk, 2)).toEqual([100, 1, 2])
    expect(await present(branch, 3)).toEqual([100, 1, 3])
    await trunk.dispose()
    expect(await present(branch, 4)).toEqual([100, 1, 3, 4])
    await expect(trunk.fork()).rejects.toEqual(coded('disposed'))
  })

  it('do not change when a run fails', async () => {
    await using model = await runtime.load(reshaping(), { state: { x: 'y' } })
    await using state = await model.createState({ x: vector(1, 2) })
    const shape = { dtype: 'int64' as const, shape: [2], data: BigInt64Array.of(3n, 3n) }
    await expect(model.run({ shape }, { state })).rejects.toEqual(coded('run-failed'))
    shape.data.set([1n, 2n])
    expect((await model.run({ shape }, { state, fetch: ['y'] })).y?.shape).toEqual([1, 2])
  })

  it('refuse unknown names, other runtimes and use after disposal', async () => {
    await using model = await runtime.load(growing(), { state: { past: 'present' } })
    await expect(model.createState({ pst: vector(1) })).rejects.toThrow(/was given "pst", expected state slots or inputs: past, x/)
    const state = await model.createState({ past: vector() })
    await state.dispose()
    await state.dispose()
    await expect(model.run({ x: vector(1) }, { state })).rejects.toEqual(coded('disposed'))
    await using other = await createRuntime({ device: 'cpu' })
    await using foreign = await other.load(growing(), { state: { past: 'present' } })
    await using foreignState = await foreign.createState({ past: vector() })
    await expect(model.run({ x: vector(1) }, { state: foreignState })).rejects.toThrow(/made by another runtime/)
  })
})

describe('abort', () => {
  it('rejects at once before the start, in the queue and during a run, and later runs are right', async () => {
    await using slow = await runtime.load(powers(24))
    await using quick = await runtime.load(doubling())
    await expect(quick.run({ x: vector(1) }, { signal: AbortSignal.abort('early') })).rejects.toBe('early')

    const running = new AbortController()
    const queued = new AbortController()
    const first = slow.run({ x: identity(700) }, { signal: running.signal })
    const second = slow.run({ x: identity(700) }, { signal: queued.signal })
    const third = quick.run({ x: vector(3) })
    let thirdDone = false
    const watched = third.finally(() => {
      thirdDone = true
    })
    await delay(20)
    queued.abort(new Error('queued'))
    await expect(second).rejects.toThrow('queued')
    running.abort(new Error('running'))
    await expect(first).rejects.toThrow('running')
    expect(thirdDone).toBe(false)
    expect(numbers((await watched).y)).toEqual([6])
  })

  it('leaves no listener on the signal', async () => {
    await using model = await runtime.load(doubling())
    const { signal } = new AbortController()
    let listeners = 0
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++
      addEventListener.apply(signal, args)
    }
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--
      removeEventListener.apply(signal, args)
    }
    await Promise.all(Array.from({ length: 20 }, () => model.run({ x: vector(1) }, { signal })))
    expect(listeners).toBe(0)
  })
})

describe('a crash of the worker', () => {
  it('rejects what is pending; then models come back, states do not', async () => {
    const host = new Host()
    await using crashing = await createRuntimeOn(host, { device: 'cpu' })
    let made = 0
    await using slow = await crashing.load(() => {
      made++
      return powers(24)
    })
    await using model = await crashing.load(growing(), { name: 'growing', state: { past: 'present' } })
    await using state = await model.createState({ past: vector(1) })
    host.crash()
    const sent = slow.run({ x: identity(2) })
    const queued = model.run({ x: vector(1) }, { state })
    for (const result of await Promise.allSettled([sent, queued]))
      expect(result).toMatchObject({ status: 'rejected', reason: coded('worker-crashed') })
    await expect(queued).rejects.toThrow(/model "growing": the inference thread died \(exit code 1\)/)

    const again = await Promise.all([1, 2].map(i => model.run({ past: vector(i), x: vector(1) })))
    expect(again.map(({ total }) => total!.data[0])).toEqual([2, 3])
    expect((await slow.run({ x: identity(2) })).y?.data).toEqual(identity(2).data)
    expect(made).toBe(2)
    await expect(model.run({ x: vector(1) }, { state })).rejects.toEqual(coded('state-lost'))
    await using fresh = await model.createState({ past: vector(5) })
    expect(numbers((await model.run({ x: vector(1) }, { state: fresh })).total)).toEqual([6])
  })

  it('while idle is healed unseen, and disposal after it is quiet', async () => {
    const host = new Host()
    const crashing = await createRuntimeOn(host, { device: 'cpu' })
    const model = await crashing.load(doubling())
    const unused = await crashing.load(doubling())
    const state = await model.createState({ x: vector(1) })
    host.crash()
    await delay(200)
    await unused.dispose()
    await state.dispose()
    expect(numbers((await model.run({ x: vector(4) })).y)).toEqual([8])
    await model.dispose()
    await crashing.dispose()
  })
})

describe('disposal', () => {
  it('of a model lets queued runs end, is idempotent, and refuses later use', async () => {
    const model = await runtime.load(doubling(), { name: 'gone' })
    const queued = model.run({ x: vector(1) })
    await Promise.all([model.dispose(), model.dispose()])
    expect(numbers((await queued).y)).toEqual([2])
    await expect(model.run({ x: vector(1) })).rejects.toThrow(/model "gone" was disposed of/)
    await expect(model.createState()).rejects.toEqual(coded('disposed'))
  })

  it('of a runtime rejects what is pending, is idempotent, and refuses later use', async () => {
    const short = await createRuntime({ device: 'cpu' })
    const model = await short.load(powers(8))
    const state = await model.createState({ x: identity(2) })
    const pending = expect(model.run({ x: identity(500) })).rejects.toEqual(coded('disposed'))
    await Promise.all([short.dispose(), short.dispose()])
    await pending
    await expect(model.run({ x: identity(2) })).rejects.toEqual(coded('disposed'))
    await expect(short.load(doubling())).rejects.toEqual(coded('disposed'))
    await model.dispose()
    await state.dispose()
    await short[Symbol.asyncDispose]()
  })

  it('is not needed for the process to end, and nothing is printed', async () => {
    const program = `
      import { createRuntime } from ${JSON.stringify(new URL('./runtime.ts', import.meta.url).href)}
      import { doubling, vector } from ${JSON.stringify(new URL('./graphs.fixture.ts', import.meta.url).href)}
      const before = process.listenerCount('exit')
      const runtime = await createRuntime()
      const model = await runtime.load(doubling())
      const { y } = await model.run({ x: vector(21) })
      process.stdout.write(String(y.data[0]) + ' ' + (process.listenerCount('exit') - before))`
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [...processFlags, '--conditions=@mynah/source', '--input-type=module', '-e', program],
      { timeout: 30_000 },
    )
    expect({ stdout, stderr }).toEqual({ stdout: '42 0', stderr: '' })
  })
})

describe('the end of the process during a run', () => {
  const endings = {
    'process.exit()': ['process.exit(7)', 7],
    'an uncaught exception': ['throw new Error("end")', 1],
    'the last line': ['', 0],
  } as const
  for (const [name, [code, exitCode]] of Object.entries(endings)) {
    it(`by ${name} keeps its exit code`, async () => {
      const program = `
        import { createRuntime } from ${JSON.stringify(new URL('./runtime.ts', import.meta.url).href)}
        import { powers, identity } from ${JSON.stringify(new URL('./graphs.fixture.ts', import.meta.url).href)}
        const runtime = await createRuntime()
        const model = await runtime.load(powers(12))
        const abort = new AbortController()
        model.run({ x: identity(500) }, { signal: abort.signal }).catch(() => {})
        await new Promise(resolve => setTimeout(resolve, 20))
        abort.abort()
        ${code}`
      const args = [...processFlags, '--conditions=@mynah/source', '--input-type=module', '-e', program]
      const { code: found = 0 } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 }).catch(error => error)
      expect(found).toBe(exitCode)
    })
  }
})

import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MynahError } from '../errors.ts'
import { AskedThread } from './asked-thread.ts'

const script = `
const { parentPort } = require('node:worker_threads')
const told = []
parentPort.on('message', async ({ id, request }) => {
  if (request === 'die') process.exit(3)
  if (id === undefined) return told.push(request)
  if (request === 'later') await new Promise(resolve => setTimeout(resolve, 20))
  parentPort.postMessage(request === 'wrong' ? { id, error: 'it is wrong' } : { id, answer: [request, ...told] })
})
`
const failure = (problem: string, cause?: unknown) => new MynahError(`test: ${problem}`, { code: 'test-failed', cause })
const create = () => {
  let starts = 0
  const start = () => {
    starts++
    return new Worker(script, { eval: true })
  }
  const thread = new AskedThread<string, string[]>({ start, failed: failure, disposed: () => failure('was disposed of') })
  return { thread, starts: () => starts }
}

describe('AskedThread', () => {
  let shared: ReturnType<typeof create>
  beforeAll(() => {
    shared = create()
  })
  afterAll(() => shared.thread[Symbol.asyncDispose]())

  it('starts with the first request, and gives each its own answer, whichever comes first', async () => {
    expect(shared.starts()).toBe(0)
    const [later, soon] = [shared.thread.ask('later'), shared.thread.ask('soon')]
    expect(await Promise.race([later, soon])).toEqual(['soon'])
    expect(await later).toEqual(['later'])
    expect(shared.starts()).toBe(1)
  })

  it('tells without an answer, and hands on what the thread says is wrong', async () => {
    shared.thread.tell('a')
    expect(await shared.thread.ask('b')).toEqual(['b', 'a'])
    await expect(shared.thread.ask('wrong')).rejects.toMatchObject({ code: 'test-failed', message: 'test: it is wrong' })
  })

  it('fails all that waits when the thread ends, and starts another at the next request', async () => {
    const { thread, starts } = create()
    const waiting = [thread.ask('later'), thread.ask('die')]
    for (const each of waiting) await expect(each).rejects.toThrow('test: its thread ended with code 3; call again to restart it')
    expect(await thread.ask('again')).toEqual(['again'])
    expect(starts()).toBe(2)
    await thread[Symbol.asyncDispose]()
  })

  it('fails what waits and what is asked after disposal, and starts nothing any more', async () => {
    const { thread, starts } = create()
    const waiting = thread.ask('later')
    const disposal = thread[Symbol.asyncDispose]()
    await expect(waiting).rejects.toThrow('was disposed of')
    await disposal
    await expect(thread.ask('x')).rejects.toThrow('was disposed of')
    expect(starts()).toBe(1)
  })
})

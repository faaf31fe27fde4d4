import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { followSignals, lookAhead, untilAborted } from './streaming.ts'

describe('lookAhead', () => {
  async function* count(log: string[], last = 5): AsyncGenerator<number, void, undefined> {
    try {
      for (let i = 0; i < last; i++) {
        log.push(`made ${i}`)
        yield i
      }
    } finally {
      log.push('left')
    }
  }

  it('passes every value on in order', async () => {
    const seen: number[] = []
    for await (const value of lookAhead(count([]))) seen.push(value)
    expect(seen).toEqual([0, 1, 2, 3, 4])
  })

  it('starts with the first request, and then works on one value ahead, never two', async () => {
    const log: string[] = []
    const ahead = lookAhead(count(log))
    await wait(5)
    expect(log).toEqual([])
    await ahead.next()
    await wait(5)
    expect(log).toEqual(['made 0', 'made 1'])
    await ahead.next()
    await wait(5)
    expect(log).toEqual(['made 0', 'made 1', 'made 2'])
    await ahead.return()
    await wait(5)
    expect(log.at(-1)).toBe('left')
  })

  it('throws an error of the source in its turn, after the values before it', async () => {
    async function* broken() {
      yield 1
      throw new Error('late')
    }
    const ahead = lookAhead(broken())
    expect((await ahead.next()).value).toBe(1)
    await wait(5)
    await expect(ahead.next()).rejects.toThrow('late')
    expect((await ahead.next()).done).toBe(true)
  })

  it('can be left while the source is still working', async () => {
    async function* endless(): AsyncGenerator<number, void, undefined> {
      yield 1
      await new Promise(() => undefined)
    }
    for await (const value of lookAhead(endless())) {
      expect(value).toBe(1)
      break
    }
  })
})

describe('untilAborted', () => {
  it('throws the reason even while the source keeps us waiting, and returns the source', async () => {
    const controller = new AbortController()
    let returned = false
    const source: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: async () => {
          returned = true
          return { done: true, value: undefined }
        },
      }),
    }
    const next = untilAborted(source, controller.signal).next()
    controller.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
    expect(returned).toBe(true)
  })

  it('asks nothing of the source if the signal has already aborted', async () => {
    const source = (async function* () {
      yield 'never'
    })()
    await expect(untilAborted(source, AbortSignal.abort(new Error('before'))).next()).rejects.toThrow('before')
  })
})

describe('followSignals', () => {
  it('aborts with the reason of the first signal that does', () => {
    const [a, b] = [new AbortController(), new AbortController()]
    const both = followSignals([a.signal, undefined, b.signal])
    b.abort('b')
    a.abort('a')
    expect(both.signal.reason).toBe('b')
    expect(followSignals([AbortSignal.abort('early')]).signal.reason).toBe('early')
  })

  it('lets go of the signals when disposed', () => {
    const source = new AbortController()
    const follower = followSignals([source.signal])
    follower[Symbol.dispose]()
    source.abort('later')
    expect(follower.signal.aborted).toBe(false)
  })
})

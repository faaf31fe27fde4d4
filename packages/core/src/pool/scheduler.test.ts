import { setMaxListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { type Job, Scheduler } from './scheduler.ts'

const never = new AbortController().signal
setMaxListeners(0, never)
const job = (due: number, options: Partial<Job> = {}): Job => ({ priority: 0, heard: false, due, ...options })
/** A few turns of the event loop. */
const settle = async () => {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve))
}

/** Takes `steps` turns of a lane and says so. */
async function work(scheduler: Scheduler<string>, log: string[], name: string, its: Job, steps: number, lane?: string): Promise<void> {
  for (let step = 0; step < steps; step++) {
    const hold = await scheduler.enter(its, never, lane)
    log.push(`${name}${step}@${hold.lane}`)
    await settle() // others come meanwhile
    hold.leave()
    its.heard = true
  }
  log.push(`${name} done`)
}

describe('Scheduler', () => {
  it('finishes equal jobs in the order in which they came, and lets the next one begin early', async () => {
    const scheduler = new Scheduler(['a'])
    const log: string[] = []
    await Promise.all(['1', '2', '3'].map((name, i) => work(scheduler, log, name, job(i), 3)))
    expect(log.filter(line => line.endsWith('done'))).toEqual(['1 done', '2 done', '3 done'])
    expect(log.indexOf('20@a')).toBeLessThan(log.indexOf('1 done'))
    expect(log.indexOf('30@a')).toBeGreaterThan(log.indexOf('1 done'))
  })

  it('runs as many at once as there are lanes, never two on one', async () => {
    const scheduler = new Scheduler(['a', 'b'])
    const log: string[] = []
    const busy = new Set<string>()
    let most = 0
    await Promise.all(
      Array.from({ length: 6 }, async (_, i) => {
        for (let step = 0; step < 3; step++) {
          const hold = await scheduler.enter(job(i), never)
          expect(busy.has(hold.lane)).toBe(false)
          busy.add(hold.lane)
          most = Math.max(most, busy.size)
          await settle()
          busy.delete(hold.lane)
          hold.leave()
        }
        log.push(`${i}`)
      }),
    )
    expect(most).toBe(2)
    expect(log).toEqual(['0', '1', '2', '3', '4', '5'])
  })

  it('lets a short job overtake a long one that came before, at its next step', async () => {
    const scheduler = new Scheduler(['a'])
    const log: string[] = []
    const long = work(scheduler, log, 'long', job(100), 5)
    await settle()
    const short = work(scheduler, log, 'short', job(2), 2)
    await Promise.all([long, short])
    expect(log.indexOf('short done')).toBeLessThan(log.indexOf('long3@a'))
  })

  it('does not starve a long job: later ones are due later, and wait', async () => {
    const scheduler = new Scheduler(['a'])
    const log: string[] = []
    const all = [work(scheduler, log, 'long', job(10), 4)]
    for (let i = 0; i < 30; i++) all.push(work(scheduler, log, `short${i}`, job(i + 1), 1))
    await Promise.all(all)
    expect(log.indexOf('long done')).toBeLessThan(log.indexOf('short15 done'))
  })

  it('puts priority before everything else', async () => {
    const scheduler = new Scheduler(['a'])
    const log: string[] = []
    const all = [work(scheduler, log, 'first', job(0), 3), work(scheduler, log, 'second', job(1), 1)]
    await settle()
    all.push(work(scheduler, log, 'urgent', job(99, { priority: 1 }), 2))
    await Promise.all(all)
    expect(log.indexOf('urgent done')).toBeLessThan(log.indexOf('first1@a'))
  })

  it('gives back a lane in the middle of a step only if somebody comes first', async () => {
    const scheduler = new Scheduler(['a'])
    const [low, high] = [job(5), job(1)]
    const hold = await scheduler.enter(low, never)
    await hold.turn()
    const log: string[] = []
    const other = scheduler.enter(high, never).then(async granted => {
      log.push('high')
      await settle()
      granted.leave()
    })
    const behind = scheduler.enter(job(9, { heard: true }), never).then(granted => {
      log.push('behind')
      granted.leave()
    })
    await hold.turn()
    log.push('low again')
    expect(hold.leave()).toBeGreaterThan(0)
    await Promise.all([other, behind])
    expect(log).toEqual(['high', 'low again', 'behind'])
  })

  it('keeps to a lane that is asked for', async () => {
    const scheduler = new Scheduler(['a', 'b'])
    const log: string[] = []
    await Promise.all([work(scheduler, log, '1', job(1), 2, 'b'), work(scheduler, log, '2', job(2), 2, 'b')])
    expect(log.filter(line => line.endsWith('@b'))).toHaveLength(4)
  })

  it('forgets who waits when the signal aborts', async () => {
    const scheduler = new Scheduler(['a'])
    const hold = await scheduler.enter(job(0), never)
    const controller = new AbortController()
    const [waiting, next] = [scheduler.enter(job(1), controller.signal), scheduler.enter(job(2), never)]
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    hold.leave()
    expect((await next).lane).toBe('a')
    await expect(scheduler.enter(job(1), controller.signal)).rejects.toThrow('enough')
  })
})

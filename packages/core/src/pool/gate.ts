import type { Runtime } from '@mynah/onnx'
import type { Generated, LanguageModel, Models, Vocoder } from '../contracts.ts'
import type { Hold, Job, Scheduler } from './scheduler.ts'

/** A worker and the models that run on it. */
export interface Lane {
  readonly models: Models
  readonly runtime: Pick<Runtime, 'device' | 'restarts'> & AsyncDisposable
}

/** What a request has to do with lanes. */
export interface Gated {
  readonly models: Models
  /** Seconds for which it had a lane. */
  workSeconds(): number
}

/**
 * Models for one request that take turns with other requests: each utterance is spoken on the lane that is free, and each step of it, a chunk of latents or of samples, has to be
 * let in.
 * @param lanes the first one's models stand for all
 * @param only the one lane to use
 */
export function gateModels(lanes: readonly Lane[], scheduler: Scheduler<Lane>, job: Job, signal: AbortSignal, only?: Lane): Gated {
  const [{ models }] = lanes as readonly [Lane]
  let workSeconds = 0
  let current = only

  async function step<T>(lane: Lane | undefined, work: (hold: Hold<Lane>) => Promise<T>): Promise<T> {
    const hold = await scheduler.enter(job, signal, lane)
    try {
      return await work(hold)
    } finally {
      workSeconds += hold.leave()
    }
  }

  const generate: LanguageModel['generate'] = async function* (phonemes, options) {
    let inner: AsyncGenerator<Generated, void, undefined> | undefined
    let hold: Hold<Lane> | undefined
    let lane = only
    const turn = () => hold?.turn() ?? Promise.resolve()
    const next = (given: Hold<Lane>) => {
      hold = given
      lane = given.lane
      current = lane
      inner ??= lane.models.lm.generate(phonemes, { ...options, turn })
      return inner.next()
    }
    try {
      while (true) {
        const { done, value } = await step(lane, next)
        if (done) return
        yield value
      }
    } finally {
      await inner?.return()
    }
  }

  const decode: Vocoder['decode'] = (features, options) => step(current, ({ lane }) => lane.models.vocoder.decode(features, options))
  const open: Vocoder['open'] = options => {
    let stream: ReturnType<Vocoder['open']> | undefined // opened on the lane that speaks the utterance
    let own: Lane | undefined
    return {
      push: (features, last) =>
        step(own ?? current, ({ lane }) => {
          own = lane
          stream ??= lane.models.vocoder.open(options)
          return stream.push(features, last)
        }),
      async [Symbol.asyncDispose]() {
        await stream?.[Symbol.asyncDispose]()
      },
    }
  }
  return {
    models: { ...models, lm: replace(models.lm, { generate }), vocoder: replace(models.vocoder, { decode, open }) },
    workSeconds: () => workSeconds,
  }
}

/** An object that is as another one but for some members. */
function replace<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(members, name)) return members[name as keyof T]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

import { setMaxListeners } from 'node:events'

/**
 * Passes values on, always working on the next one while the consumer is busy with the last: one ahead, never more.
 * An error of the source arrives in its turn, after the values before it. Leaving early returns the source, without waiting for it.
 */
export async function* lookAhead<T>(source: AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
  let next = source.next()
  try {
    while (true) {
      const { done, value } = await next
      if (done) return
      next = source.next()
      next.catch(() => undefined) // thrown when it is asked for
      yield value
    }
  } finally {
    source.return().catch(() => undefined)
  }
}

/**
 * Passes values on until `signal` aborts, even while the source keeps us waiting.
 * @throws the signal's reason
 */
export async function* untilAborted<T>(source: AsyncIterable<T> | Iterable<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  using abort = listenForAbort(signal)
  try {
    signal.throwIfAborted()
    while (true) {
      const { done, value } = await Promise.race([iterator.next(), abort.aborted])
      if (done) return
      yield value
    }
  } finally {
    Promise.resolve(iterator.return?.()).catch(() => undefined)
  }
}

/**
 * A controller that aborts when any of `signals` does, with its reason. Dispose of it when the work is done: it then lets go of them.
 * (`AbortSignal.any` came with Node 20.3, and keeps what it made alive as long as the longest-lived signal.)
 */
export function followSignals(signals: readonly (AbortSignal | undefined)[]): AbortController & Disposable {
  const controller = new AbortController()
  for (const signal of [controller.signal, ...signals]) if (signal) setMaxListeners(0, signal) // many requests may share one; each removes its listener
  const follow = (event: Event) => controller.abort((event.target as AbortSignal).reason)
  for (const signal of signals) {
    if (signal?.aborted) controller.abort(signal.reason)
    signal?.addEventListener('abort', follow)
  }
  return Object.assign(controller, {
    [Symbol.dispose]() {
      for (const signal of signals) signal?.removeEventListener('abort', follow)
    },
  })
}

/** A web stream as something to iterate over: they iterate in Node, but not everywhere where they come from, and not past a pending read. Leaving early cancels it. */
export function iterateStream<T>(stream: ReadableStream<T>): AsyncIterable<T> {
  const reader = stream.getReader()
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => reader.read() as Promise<IteratorResult<T>>,
      async return() {
        await reader.cancel()
        return { done: true, value: undefined }
      },
    }),
  }
}

/** Whether something is a web stream, of whatever realm. */
export function isWebStream(value: object): value is ReadableStream<never> {
  return 'getReader' in value && typeof value.getReader === 'function'
}

/**
 * What a promise gives, unless `signal` aborts before: the work then goes on unseen.
 * @param discard frees what comes too late
 * @throws the signal's reason
 */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  discard: (late: T) => Promise<void> = async () => undefined,
): Promise<T> {
  using abort = listenForAbort(signal)
  try {
    return await Promise.race([work, abort.aborted])
  } catch (error) {
    if (signal.aborted) work.then(discard).catch(() => undefined)
    throw signal.aborted ? signal.reason : error // whatever it made the work throw
  }
}

/** A promise that rejects with the signal's reason as soon as it aborts, until it is disposed of. */
function listenForAbort(signal: AbortSignal): Disposable & { readonly aborted: Promise<never> } {
  let stop: () => void = () => undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
  })
  aborted.catch(() => undefined) // nobody may be waiting
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  return { aborted, [Symbol.dispose]: () => signal.removeEventListener('abort', stop) }
}

/**
 * Passes on what `work` gives until any of `signals` aborts, and ends the work when nobody listens any more.
 * @param work is given a signal that tells it to stop
 * @throws the reason of the signal that aborted, whatever that made the work throw
 */
export async function* untilAnyAborts<T>(
  signals: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  using controller = followSignals(signals)
  try {
    yield* work(controller.signal)
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error
  } finally {
    controller.abort()
  }
}

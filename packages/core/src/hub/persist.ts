import { setTimeout as sleep } from 'node:timers/promises'
import { HubError } from '../errors.ts'
import { followSignals } from '../streaming.ts'
import type { HubSettings } from './settings.ts'

/** Errors that may be gone at the next try. */
const transientCodes: readonly string[] = ['network', 'timeout', 'unavailable', 'rate-limited']
/** A longer wait is the caller's decision, seconds. */
const maxRetryAfterSeconds = 60

/** How often, and after which pauses, something is tried again. */
export interface Patience {
  /** Attempts in a row that may fail. */
  readonly attempts: number
  /** The pause after the first failure; each further one is twice as long, up to 20 s. */
  readonly firstPauseSeconds: number
}
/** About 15 s of pauses in all. */
export const defaultPatience: Patience = { attempts: 6, firstPauseSeconds: 0.5 }
/** A longer pause looks like a hang, seconds. */
const maxPauseSeconds = 20

/**
 * Calls `attempt` until it succeeds, fails for good, or fails too often in a row without progress.
 * @param attempt is given a signal that also aborts when `alive` is not called for `timeoutSeconds`; calls `advance` for progress that is kept
 */
export async function persist<T>(
  where: string,
  settings: HubSettings,
  patience: Patience,
  attempt: (signal: AbortSignal, alive: () => void, advance: () => void) => Promise<T>,
): Promise<T> {
  let failures = 0
  while (true) {
    settings.signal?.throwIfAborted()
    const advance = () => {
      failures = 0
    }
    try {
      return await withTimeout(where, settings, (signal, alive) => attempt(signal, alive, advance))
    } catch (error) {
      settings.signal?.throwIfAborted()
      if (!HubError.isInstance(error) || !transientCodes.includes(error.code)) throw error
      failures++
      const asked = (error as HubError).retryAfterSeconds ?? 0
      if (failures >= patience.attempts || asked > maxRetryAfterSeconds) throw error
      const pause = Math.min(patience.firstPauseSeconds * 2 ** (failures - 1), maxPauseSeconds) * (0.75 + Math.random() / 2)
      await sleepUntilAborted(Math.max(pause, asked) * 1000, settings.signal)
    }
  }
}

async function withTimeout<T>(
  where: string,
  { timeoutSeconds, signal }: HubSettings,
  work: (signal: AbortSignal, alive: () => void) => Promise<T>,
): Promise<T> {
  using controller = followSignals([signal])
  const stop = () =>
    controller.abort(
      new HubError(`${where}: nothing came for ${timeoutSeconds} s; check the network and try again: what has arrived is kept`, {
        code: 'timeout',
      }),
    )
  let timer = setTimeout(stop, timeoutSeconds * 1000)
  const alive = () => {
    clearTimeout(timer)
    timer = setTimeout(stop, timeoutSeconds * 1000)
  }
  try {
    return await work(controller.signal, alive)
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error
  } finally {
    clearTimeout(timer)
    controller.abort() // frees the connection, whatever is left of it
  }
}

/** @throws the signal's reason */
export async function sleepUntilAborted(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal ? { signal } : {})
  } catch (error) {
    throw signal?.aborted ? signal.reason : error
  }
}

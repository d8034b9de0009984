// What may be asked again without thinking when a connection is lost? Reads, watches, and changes
// that are the same when made twice.

import { type Coordinator, isTransient, whyNot } from '../coordinator.ts'

/** Asks again while connections are lost; for what changes nothing. */
export async function persevere<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (thrown) {
      // No rest in between: the next question waits for the next connection by itself.
      if (!isTransient(thrown)) throw thrown
    }
  }
}

/** Makes a persistent node, and all above it, unless they are there. */
export async function ensure(
  coordinator: Coordinator,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      await coordinator.write([{ kind: 'create', path }], signal)
      return
    } catch (thrown) {
      const why = whyNot(thrown)
      if (why === 'exists') return
      if (why === 'missing' && path !== '/') {
        await ensure(coordinator, path.slice(0, path.lastIndexOf('/')) || '/', signal)
      } else if (why !== 'not-done' && why !== 'unknown') throw thrown
    }
  }
}

/**
 * Deletes a node that is ours alone. Returns when it is surely gone, also if that is because the
 * session it lived with is over.
 */
export async function forget(coordinator: Coordinator, path: string): Promise<void> {
  for (;;) {
    try {
      await coordinator.write([{ kind: 'delete', path }])
      return
    } catch (thrown) {
      const why = whyNot(thrown)
      if (why === 'missing' || why === 'over') return
      if (why !== 'not-done' && why !== 'unknown') throw thrown
    }
  }
}

/** Resolves when `signal` is aborted, or `wake` was called; see `waker`. */
export interface Waker {
  /** Ends the wait there is, or the next one. */
  wake(): void
  /** Waits for `wake`; rejects with the signal's reason. */
  wait(signal: AbortSignal): Promise<void>
}

/** A bell: rung while nobody waits, it is heard by whoever waits next. */
export function waker(): Waker {
  let rung = false
  let ring: (() => void) | undefined
  return {
    wake() {
      rung = true
      ring?.()
    },
    wait(signal) {
      return new Promise((resolve, reject) => {
        const end = (then: () => void): void => {
          ring = undefined
          signal.removeEventListener('abort', abort)
          then()
        }
        const abort = (): void => end(() => reject(signal.reason))
        const hear = (): void => {
          rung = false
          end(resolve)
        }
        if (signal.aborted) return reject(signal.reason)
        if (rung) return hear()
        ring = hear
        signal.addEventListener('abort', abort)
      })
    },
  }
}

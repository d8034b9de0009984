// Several things that go on side by side: when one of them ends, all do.

/**
 * Runs all tasks until one ends, then aborts the others, waits for them, and ends as that one did.
 */
export async function together(
  signal: AbortSignal,
  tasks: readonly ((signal: AbortSignal) => Promise<unknown>)[],
): Promise<void> {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const running = tasks.map((task) => task(either))
  try {
    await Promise.race(running)
  } finally {
    stop.abort(new Error('another task has ended'))
    await Promise.allSettled(running)
  }
}

/** A task that does nothing: rejects with the signal's reason. */
export const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })

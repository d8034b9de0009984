// Several things that go on side by side: when one of them ends, all do.

import type { Beside } from './member-parts.ts'

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

/** Several things beside a session, as one. */
export const besides = (parts: readonly Beside[]): Beside => ({
  attend: (coordinator, signal) =>
    allOf(
      signal,
      parts.map((part) => (at) => part.attend(coordinator, at)),
    ),
  lead: (role, coordinator, signal) =>
    allOf(
      signal,
      parts.map((part) => (at) => part.lead(role, coordinator, at)),
    ),
})

async function allOf(...what: Parameters<typeof together>): Promise<never> {
  await together(...what)
  throw new Error('broken invariant: what goes on beside a session ends by throwing')
}
